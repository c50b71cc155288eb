package main

import (
	"math"
	"runtime"
	"sync"
	"time"
)

const itemNs = 10000

func uneven() {
	workers, items := arg(1, 1000), arg(2, 50000)
	rounds, cores := roundsOf(itemNs), runtime.GOMAXPROCS(0)

	var threads sync.WaitGroup
	began := time.Now()
	for i := 0; i < cores; i++ {
		threads.Add(1)
		go func(items int) {
			for n := 0; n < items; n++ {
				work(rounds)
			}
			threads.Done()
		}((items + i) / cores)
	}
	threads.Wait()
	perfect := time.Since(began)

	all, done := make([]chan int, workers), make(chan bool, workers)
	for i := range all {
		// Room as for Troupe would be 2 MB a channel: enough for what the hot ones get.
		all[i] = make(chan int, 16+items/workers)
		if i%100 == 0 {
			all[i] = make(chan int, items)
		}
		go func(in chan int) {
			for rounds := range in {
				work(rounds)
			}
			done <- true
		}(all[i])
	}
	began = time.Now()
	go func() {
		r, hot := random(1), (workers+99)/100
		for i := 0; i < items; i++ {
			if r.next(10) == 0 {
				all[r.next(workers)] <- rounds
			} else {
				all[r.next(hot)*100] <- rounds
			}
		}
		for _, to := range all {
			close(to)
		}
	}()
	for range all {
		<-done
	}
	result("uneven", "makespan", float64(time.Since(began))/float64(perfect), "ideal")
}

type item struct {
	number int
	due    time.Duration
}

func latency() {
	servers, messages := arg(1, 100), arg(2, 200000)
	rounds, delay := roundsOf(itemNs), make([]int64, messages)
	all, done := make([]chan item, servers), make(chan bool, servers)
	zero := time.Now()
	for i := range all {
		all[i] = make(chan item, 1024)
		go func(in chan item) {
			for m := range in {
				delay[m.number] = int64(time.Since(zero) - m.due)
				work(rounds)
			}
			done <- true
		}(all[i])
	}
	go func() {
		r := random(1)
		gap := itemNs / 0.7 / float64(runtime.GOMAXPROCS(0))
		due := float64(time.Since(zero))
		for sent := 0; sent < messages; runtime.Gosched() {
			for sent < messages && due <= float64(time.Since(zero)) {
				all[r.next(servers)] <- item{sent, time.Duration(due)}
				sent++
				due -= gap * math.Log(float64(r.next(1000000)+1)/1e6)
			}
		}
		for _, to := range all {
			close(to)
		}
	}()
	for range all {
		<-done
	}
	percentiles("latency", delay, true)
}

// The sender has a thread of its own; the receiver's has to be woken, unless there is one P only.
func wakeup() {
	messages, pause := arg(1, 1000), time.Duration(arg(2, 2000))*time.Microsecond
	delay, in, done := make([]int64, messages), make(chan item, messages), make(chan bool)
	zero := time.Now()
	go func() {
		for i := 0; i < messages; i++ {
			m := <-in
			delay[m.number] = int64(time.Since(zero) - m.due)
		}
		done <- true
	}()
	runtime.LockOSThread()
	for i := 0; i < messages; i++ {
		time.Sleep(pause)
		in <- item{i, time.Since(zero)}
	}
	<-done
	percentiles("wakeup", delay, false)
}
