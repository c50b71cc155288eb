//! The benchmarks in Tokio: bench NAME [COUNT...]. An actor is a task with a bounded mpsc channel,
//! which is its mailbox; a sender that meets a full one waits. BENCH_WORKERS=1 takes the
//! current-thread runtime, which is the faster one on one core.

mod messages;
mod times;

use std::future::Future;
use std::time::{Duration, Instant};
use tokio::runtime::{Builder, Runtime};

pub fn arg(index: usize, otherwise: usize) -> usize {
    match std::env::args().nth(index + 1) {
        Some(text) => text.parse().expect("a count"),
        None => otherwise,
    }
}

pub fn workers() -> usize {
    match std::env::var("BENCH_WORKERS") {
        Ok(text) => text.parse().expect("a number of workers"),
        Err(_) => std::thread::available_parallelism().unwrap().get(),
    }
}

pub fn runtime() -> Runtime {
    match workers() {
        1 => Builder::new_current_thread().enable_time().build(),
        n => Builder::new_multi_thread().worker_threads(n).enable_time().build(),
    }
    .unwrap()
}

/// Runs it as a task, so that it is on a worker and not on the thread that waits for it.
pub fn run<F>(future: F) -> F::Output
where
    F: Future + Send + 'static,
    F::Output: Send,
{
    let rt = runtime();
    rt.block_on(async { tokio::spawn(future).await.unwrap() })
}

pub fn result(bench: &str, metric: &str, value: f64, unit: &str) {
    println!("{bench} tokio {metric} {value:.3} {unit}");
}

pub fn rate(bench: &str, messages: usize, took: Duration) {
    let ns = took.as_nanos() as f64 / messages as f64;
    result(bench, "time", ns, "ns/message");
    result(bench, "rate", 1e3 / ns, "M/s");
}

pub fn percentiles(bench: &str, mut ns: Vec<u64>, p999: bool) {
    ns.sort_unstable();
    result(bench, "p50", ns[ns.len() / 2] as f64 / 1e3, "us");
    result(bench, "p99", ns[ns.len() * 99 / 100] as f64 / 1e3, "us");
    if p999 {
        result(bench, "p99.9", ns[ns.len() * 999 / 1000] as f64 / 1e3, "us");
    }
}

/// Keeps a core busy: each round waits for the one before, and none touches memory.
#[inline(never)]
pub fn work(rounds: u64) {
    let mut x = rounds;
    for _ in 0..rounds {
        x = x.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
    }
    unsafe { std::ptr::read_volatile(&x) };
}

/// How many rounds make that many ns, by the fastest of many tries.
pub fn rounds_of(ns: u64) -> u64 {
    let best = (0..50)
        .map(|_| {
            let began = Instant::now();
            work(100_000);
            began.elapsed().as_nanos() as u64
        })
        .min()
        .unwrap();
    ns * 100_000 / best + 1
}

/// xorshift64*, the same row as the C programs draw.
pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self, below: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        ((self.0.wrapping_mul(2685821657736338717) >> 16) % below as u64) as usize
    }
}

fn main() {
    match std::env::args().nth(1).as_deref() {
        Some("ring") => messages::ring(),
        Some("fanin") => messages::fanin(),
        Some("spawn") => messages::spawn(),
        Some("idle") => messages::idle(),
        Some("big") => messages::big(),
        Some("forkjoin") => messages::forkjoin(),
        Some("chameneos") => messages::chameneos(),
        Some("bank") => messages::bank(),
        Some("uneven") => times::uneven(),
        Some("latency") => times::latency(),
        Some("wakeup") => times::wakeup(),
        _ => {
            eprintln!("usage: bench NAME [COUNT...]");
            std::process::exit(2);
        }
    }
}
