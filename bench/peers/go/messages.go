package main

import (
	"bufio"
	"fmt"
	"os"
	"time"
)

func ring() {
	actors, hops := arg(1, 1000), arg(2, 2000000)
	in := make([]chan int, actors)
	for i := range in {
		in[i] = make(chan int, 1)
	}
	done := make(chan bool)
	for i := range in {
		go func(from, to chan int) {
			for left := range from {
				if left == 0 {
					done <- true
					return
				}
				to <- left - 1
			}
		}(in[i], in[(i+1)%actors])
	}
	began := time.Now()
	in[0] <- hops
	<-done
	name := "ring"
	if actors == 2 {
		name = "pingpong"
	}
	rate(name, hops, time.Since(began))
}

func fanin() {
	senders, bound := arg(1, 8), arg(2, 1024)
	each := arg(3, 4000000) / senders
	in, done := make(chan int, bound), make(chan bool)
	go func() {
		for i := 0; i < senders*each; i++ {
			<-in
		}
		done <- true
	}()
	began := time.Now()
	for i := 0; i < senders; i++ {
		go func() {
			for n := each; n > 0; n-- {
				in <- n
			}
		}()
	}
	<-done
	name := map[int]string{1: "count", 100: "fanin100"}[senders]
	if name == "" {
		name = "fanin"
	}
	rate(name, senders*each, time.Since(began))
}

func spawn() {
	actors := arg(1, 1000000)
	replies := make(chan bool, 2000)
	one := func() {
		in := make(chan chan bool, 4)
		go func() { from := <-in; from <- true }()
		in <- replies
	}
	began := time.Now()
	started := 0
	for ; started < 1000 && started < actors; started++ {
		one()
	}
	for ended := 0; ended < actors; ended++ {
		<-replies
		if started < actors {
			one()
			started++
		}
	}
	took := time.Since(began)
	ns := float64(took.Nanoseconds()) / float64(actors)
	result("spawn", "time", ns, "ns/actor")
	result("spawn", "rate", 1e3/ns, "M/s")
}

func resident() int {
	var size, pages int
	file, err := os.Open("/proc/self/statm")
	if err != nil {
		panic(err)
	}
	defer file.Close()
	fmt.Fscan(bufio.NewReader(file), &size, &pages)
	return pages * os.Getpagesize()
}

func idle() {
	actors := arg(1, 1000000)
	all := make([]chan int, actors)
	before := resident()
	for i := range all {
		in := make(chan int, 1) // the smallest mailbox, since a channel's room is taken at once
		all[i] = in
		go func() {
			for range in {
			}
		}()
	}
	time.Sleep(100 * time.Millisecond)
	result("idle", "memory", float64(resident()-before)/float64(actors), "bytes/actor")
}

type ping struct {
	from chan ping // nil: a pong
}

func big() {
	actors, pings := arg(1, 120), arg(2, 20000)
	all, done := make([]chan ping, actors), make(chan bool, actors)
	for i := range all {
		all[i] = make(chan ping, actors+1)
	}
	began := time.Now()
	for i := range all {
		go func(me int) {
			in, r, left := all[me], random(me+1), pings
			for m := range in {
				if m.from != nil {
					m.from <- ping{}
					continue
				}
				if left == 0 {
					done <- true
					continue
				}
				left--
				to := r.next(actors - 1)
				if to >= me {
					to++
				}
				all[to] <- ping{in}
			}
		}(i)
		all[i] <- ping{}
	}
	for range all {
		<-done
	}
	rate("big", 2*actors*pings, time.Since(began))
}

func forkjoin() {
	workers, each := arg(1, 60), arg(2, 50000)
	all, done := make([]chan struct{}, workers), make(chan bool, workers)
	for i := range all {
		all[i] = make(chan struct{}, 1024)
		go func(in chan struct{}) {
			for n := each; n > 0; n-- {
				<-in
			}
			done <- true
		}(all[i])
	}
	began := time.Now()
	go func() {
		for i := 0; i < each; i++ {
			for _, to := range all {
				to <- struct{}{}
			}
		}
	}()
	for range all {
		<-done
	}
	rate("forkjoin", workers*each, time.Since(began))
}

const (
	meet = iota
	change
	closed
)

type encounter struct {
	kind, colour int
	other        chan encounter
}

func complement(a, b int) int {
	if a == b {
		return a
	}
	return 3 - a - b
}

func creature(in, mall chan encounter, colour int, counts chan int) {
	met := 0
	mall <- encounter{meet, colour, in}
	for m := range in {
		switch m.kind {
		case meet:
			colour = complement(colour, m.colour)
			m.other <- encounter{kind: change, colour: colour}
		case change:
			colour = m.colour
		case closed:
			counts <- met
			return
		}
		met++
		mall <- encounter{meet, colour, in}
	}
}

func chameneos() {
	creatures, meetings := arg(1, 100), arg(2, 500000)
	mall, counts := make(chan encounter, creatures), make(chan int, creatures)
	began := time.Now()
	go func() {
		var waiting chan encounter
		for left, gone := meetings, 0; gone < creatures; {
			m := <-mall
			if left == 0 {
				m.other <- encounter{kind: closed}
				gone++
			} else if waiting == nil {
				waiting = m.other
			} else {
				waiting <- m
				waiting = nil
				left--
			}
		}
	}()
	for i := 0; i < creatures; i++ {
		go creature(make(chan encounter, 4), mall, i%3, counts)
	}
	sum := 0
	for i := 0; i < creatures; i++ {
		sum += <-counts
	}
	if sum != 2*meetings {
		panic("meetings were lost")
	}
	rate("chameneos", 4*meetings, time.Since(began))
}

const (
	transfer = iota
	credit
	credited
)

type order struct {
	kind, amount int
	other        chan order
}

func account(in chan order, teller chan bool) {
	balance := 1000000
	for m := range in {
		switch m.kind {
		case transfer:
			balance -= m.amount
			m.other <- order{credit, m.amount, in}
		case credit:
			balance += m.amount
			m.other <- order{kind: credited}
		case credited:
			teller <- true
		}
	}
}

func bank() {
	accounts, transfers := arg(1, 1000), arg(2, 500000)
	all, teller, done := make([]chan order, accounts), make(chan bool, 256), make(chan bool)
	for i := range all {
		all[i] = make(chan order, 256)
		go account(all[i], teller)
	}
	r, left := random(1), transfers
	one := func() {
		if left > 0 {
			left--
			from := r.next(accounts)
			to := (from + 1 + r.next(accounts-1)) % accounts
			all[from] <- order{transfer, to % 100, all[to]}
		}
	}
	began := time.Now()
	go func() {
		for i := 0; i < 250; i++ {
			one()
		}
		for i := 0; i < transfers; i++ {
			<-teller
			one()
		}
		done <- true
	}()
	<-done
	rate("bank", 4*transfers, time.Since(began))
}
