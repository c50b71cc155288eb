// The benchmarks in Go: bench NAME [COUNT...]. An actor is a goroutine with a channel, which is its
// bounded mailbox; a sender that meets a full one waits. GOMAXPROCS sets the cores, GOGC the
// collector's pace.
package main

import (
	"fmt"
	"os"
	"sort"
	"strconv"
	"time"
)

var benches = map[string]func(){
	"ring": ring, "fanin": fanin, "spawn": spawn, "idle": idle, "big": big, "forkjoin": forkjoin,
	"chameneos": chameneos, "bank": bank, "uneven": uneven, "latency": latency, "wakeup": wakeup,
}

func main() {
	if len(os.Args) < 2 || benches[os.Args[1]] == nil {
		fmt.Fprintln(os.Stderr, "usage: bench NAME [COUNT...]")
		os.Exit(2)
	}
	benches[os.Args[1]]()
}

// arg is number i of the counts, or a default.
func arg(i, otherwise int) int {
	if len(os.Args) > i+1 {
		n, err := strconv.Atoi(os.Args[i+1])
		if err != nil {
			panic(err)
		}
		return n
	}
	return otherwise
}

func result(bench, metric string, value float64, unit string) {
	fmt.Printf("%s go %s %.4g %s\n", bench, metric, value, unit)
}

func rate(bench string, messages int, took time.Duration) {
	ns := float64(took.Nanoseconds()) / float64(messages)
	result(bench, "time", ns, "ns/message")
	result(bench, "rate", 1e3/ns, "M/s")
}

func percentiles(bench string, ns []int64, p999 bool) {
	sort.Slice(ns, func(i, j int) bool { return ns[i] < ns[j] })
	result(bench, "p50", float64(ns[len(ns)/2])/1e3, "us")
	result(bench, "p99", float64(ns[len(ns)*99/100])/1e3, "us")
	if p999 {
		result(bench, "p99.9", float64(ns[len(ns)*999/1000])/1e3, "us")
	}
}

// work keeps a core busy: each round waits for the one before, and none touches memory.
//
//go:noinline
func work(rounds int) uint64 {
	x := uint64(rounds)
	for i := 0; i < rounds; i++ {
		x = x*6364136223846793005 + 1442695040888963407
	}
	return x
}

// roundsOf tells how many rounds make that many ns, by the fastest of many tries.
func roundsOf(ns int) int {
	best := time.Hour
	for i := 0; i < 50; i++ {
		began := time.Now()
		work(100000)
		if took := time.Since(began); took < best {
			best = took
		}
	}
	return ns*100000/int(best.Nanoseconds()) + 1
}

// random is xorshift64*, the same row as the C programs draw.
type random uint64

func (r *random) next(below int) int {
	x := uint64(*r)
	x ^= x >> 12
	x ^= x << 25
	x ^= x >> 27
	*r = random(x)
	return int((x * 2685821657736338717 >> 16) % uint64(below))
}
