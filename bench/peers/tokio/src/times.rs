use crate::{arg, percentiles, result, rounds_of, run, runtime, work, workers, Random};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::mpsc::channel;

const ITEM_NS: u64 = 10_000;

pub fn uneven() {
    let (actors, items) = (arg(1, 1000), arg(2, 50_000));
    let (rounds, cores) = (rounds_of(ITEM_NS), workers());
    let began = Instant::now();
    let threads: Vec<_> = (0..cores)
        .map(|i| {
            std::thread::spawn(move || (0..(items + i) / cores).for_each(|_| work(rounds)))
        })
        .collect();
    threads.into_iter().for_each(|thread| thread.join().unwrap());
    let perfect = began.elapsed();

    let took = run(async move {
        let (done, mut finish) = channel(actors);
        let mut all = Vec::new();
        for _ in 0..actors {
            let (to, mut from) = channel(262143);
            all.push(to);
            let done = done.clone();
            tokio::spawn(async move {
                while let Some(rounds) = from.recv().await {
                    work(rounds);
                }
                done.send(()).await.unwrap();
            });
        }
        let began = Instant::now();
        tokio::spawn(async move {
            let (mut random, hot) = (Random(1), (actors + 99) / 100);
            for _ in 0..items {
                let to = match random.next(10) {
                    0 => random.next(actors),
                    _ => random.next(hot) * 100,
                };
                all[to].send(rounds).await.unwrap();
            }
        });
        for _ in 0..actors {
            finish.recv().await.unwrap();
        }
        began.elapsed()
    });
    result("uneven", "makespan", took.as_secs_f64() / perfect.as_secs_f64(), "ideal");
}

fn places(count: usize) -> Arc<Vec<AtomicU64>> {
    Arc::new((0..count).map(|_| AtomicU64::new(0)).collect())
}

fn values(delay: &[AtomicU64]) -> Vec<u64> {
    delay.iter().map(|ns| ns.load(Relaxed)).collect()
}

pub fn latency() {
    let (servers, messages) = (arg(1, 100), arg(2, 200_000));
    let (rounds, delay, zero) = (rounds_of(ITEM_NS), places(messages), Instant::now());
    let written = delay.clone();
    run(async move {
        let (done, mut finish) = channel(servers);
        let mut all = Vec::new();
        for _ in 0..servers {
            let (to, mut from) = channel::<(usize, u64)>(1024);
            all.push(to);
            let (done, delay) = (done.clone(), written.clone());
            tokio::spawn(async move {
                while let Some((number, due)) = from.recv().await {
                    delay[number].store(zero.elapsed().as_nanos() as u64 - due, Relaxed);
                    work(rounds);
                }
                done.send(()).await.unwrap();
            });
        }
        tokio::spawn(async move {
            let mut random = Random(1);
            let gap = ITEM_NS as f64 / 0.7 / workers() as f64;
            let (mut due, mut sent) = (zero.elapsed().as_nanos() as f64, 0);
            while sent < messages {
                while sent < messages && due <= zero.elapsed().as_nanos() as f64 {
                    all[random.next(servers)].send((sent, due as u64)).await.unwrap();
                    sent += 1;
                    due -= gap * ((random.next(1_000_000) + 1) as f64 / 1e6).ln();
                }
                tokio::task::yield_now().await;
            }
        });
        for _ in 0..servers {
            finish.recv().await.unwrap();
        }
    });
    percentiles("latency", values(&delay), true);
}

/// A plain thread sends. With one core the runtime has a thread too: here it is the main one.
pub fn wakeup() {
    let (messages, pause) = (arg(1, 1000), Duration::from_micros(arg(2, 2000) as u64));
    let (delay, zero, rt) = (places(messages), Instant::now(), runtime());
    let (to, mut from) = channel::<(usize, u64)>(messages);
    let written = delay.clone();
    let sender = std::thread::spawn(move || {
        for number in 0..messages {
            std::thread::sleep(pause);
            to.try_send((number, zero.elapsed().as_nanos() as u64)).unwrap();
        }
    });
    rt.block_on(async {
        tokio::spawn(async move {
            while let Some((number, sent)) = from.recv().await {
                written[number].store(zero.elapsed().as_nanos() as u64 - sent, Relaxed);
            }
        })
        .await
        .unwrap()
    });
    sender.join().unwrap();
    percentiles("wakeup", values(&delay), false);
}
