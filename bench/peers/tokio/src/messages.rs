use crate::{arg, rate, result, run, Random};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::mpsc::{channel, Receiver, Sender};

fn channels<T>(count: usize, bound: usize) -> (Arc<Vec<Sender<T>>>, Vec<Receiver<T>>) {
    let (to, from): (Vec<_>, Vec<_>) = (0..count).map(|_| channel(bound)).unzip();
    (Arc::new(to), from)
}

async fn wait(mut done: Receiver<()>, times: usize) {
    for _ in 0..times {
        done.recv().await.unwrap();
    }
}

pub fn ring() {
    let (actors, hops) = (arg(1, 1000), arg(2, 2_000_000));
    let took = run(async move {
        let (to, from) = channels(actors, 1);
        let (done, finish) = channel(1);
        for (i, mut from) in from.into_iter().enumerate() {
            let (to, done) = (to[(i + 1) % actors].clone(), done.clone());
            tokio::spawn(async move {
                while let Some(left) = from.recv().await {
                    if left == 0 {
                        done.send(()).await.unwrap();
                        break;
                    }
                    to.send(left - 1).await.unwrap();
                }
            });
        }
        let began = Instant::now();
        to[0].send(hops).await.unwrap();
        wait(finish, 1).await;
        began.elapsed()
    });
    rate(if actors == 2 { "pingpong" } else { "ring" }, hops, took);
}

pub fn fanin() {
    let (senders, bound) = (arg(1, 8), arg(2, 1024));
    let each = arg(3, 4_000_000) / senders;
    let took = run(async move {
        let (to, mut from) = channel(bound);
        let (done, finish) = channel(1);
        tokio::spawn(async move {
            for _ in 0..senders * each {
                from.recv().await.unwrap();
            }
            done.send(()).await.unwrap();
        });
        let began = Instant::now();
        for _ in 0..senders {
            let to = to.clone();
            tokio::spawn(async move {
                for number in 0..each {
                    to.send(number).await.unwrap();
                }
            });
        }
        wait(finish, 1).await;
        began.elapsed()
    });
    let name = match senders {
        1 => "count",
        100 => "fanin100",
        _ => "fanin",
    };
    rate(name, senders * each, took);
}

async fn one_more(replies: &Sender<()>) {
    let (to, mut from) = channel::<Sender<()>>(4);
    tokio::spawn(async move {
        let sender = from.recv().await.unwrap();
        sender.send(()).await.unwrap();
    });
    to.send(replies.clone()).await.unwrap();
}

pub fn spawn() {
    let actors = arg(1, 1_000_000);
    let took = run(async move {
        let (replies, mut ended) = channel(2000);
        let began = Instant::now();
        for _ in 0..actors.min(1000) {
            one_more(&replies).await;
        }
        for i in 0..actors {
            ended.recv().await.unwrap();
            if i + 1000 < actors {
                one_more(&replies).await;
            }
        }
        began.elapsed()
    });
    let ns = took.as_nanos() as f64 / actors as f64;
    result("spawn", "time", ns, "ns/actor");
    result("spawn", "rate", 1e3 / ns, "M/s");
}

fn resident() -> usize {
    let text = std::fs::read_to_string("/proc/self/statm").unwrap();
    text.split(' ').nth(1).unwrap().parse::<usize>().unwrap() * 4096
}

pub fn idle() {
    let actors = arg(1, 1_000_000);
    let bytes = run(async move {
        let mut all: Vec<Sender<u64>> = Vec::with_capacity(actors);
        let before = resident();
        for _ in 0..actors {
            let (to, mut from) = channel(256);
            all.push(to);
            tokio::spawn(async move { while from.recv().await.is_some() {} });
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
        resident() - before
    });
    result("idle", "memory", bytes as f64 / actors as f64, "bytes/actor");
}

enum Big {
    Ping(usize),
    Pong,
}

async fn player(
    me: usize,
    pings: usize,
    all: Arc<Vec<Sender<Big>>>,
    mut from: Receiver<Big>,
    done: Sender<()>,
) {
    let (mut left, mut random) = (pings, Random(me as u64 + 1));
    while let Some(message) = from.recv().await {
        if let Big::Ping(who) = message {
            all[who].send(Big::Pong).await.ok().unwrap();
        } else if left == 0 {
            done.send(()).await.unwrap();
        } else {
            left -= 1;
            let mut to = random.next(all.len() - 1);
            to += (to >= me) as usize;
            all[to].send(Big::Ping(me)).await.ok().unwrap();
        }
    }
}

pub fn big() {
    let (actors, pings) = (arg(1, 120), arg(2, 20_000));
    let took = run(async move {
        let (all, from) = channels(actors, actors + 1);
        let (done, finish) = channel(actors);
        let began = Instant::now();
        for (me, from) in from.into_iter().enumerate() {
            tokio::spawn(player(me, pings, all.clone(), from, done.clone()));
            all[me].send(Big::Pong).await.ok().unwrap();
        }
        wait(finish, actors).await;
        began.elapsed()
    });
    rate("big", 2 * actors * pings, took);
}

pub fn forkjoin() {
    let (workers, each) = (arg(1, 60), arg(2, 50_000));
    let took = run(async move {
        let (all, from) = channels(workers, 1024);
        let (done, finish) = channel(workers);
        for mut from in from {
            let done = done.clone();
            tokio::spawn(async move {
                for _ in 0..each {
                    from.recv().await.unwrap();
                }
                done.send(()).await.unwrap();
            });
        }
        let began = Instant::now();
        tokio::spawn(async move {
            for _ in 0..each {
                for to in all.iter() {
                    to.send(()).await.unwrap();
                }
            }
        });
        wait(finish, workers).await;
        began.elapsed()
    });
    rate("forkjoin", workers * each, took);
}

enum Creature {
    Meet(usize, u8),
    Change(u8),
    Closed,
}

fn complement(a: u8, b: u8) -> u8 {
    if a == b {
        a
    } else {
        3 - a - b
    }
}

async fn creature(
    me: usize,
    all: Arc<Vec<Sender<Creature>>>,
    mut from: Receiver<Creature>,
    mall: Sender<(usize, u8)>,
    counts: Sender<usize>,
) {
    let (mut colour, mut met) = (me as u8 % 3, 0);
    mall.send((me, colour)).await.unwrap();
    while let Some(message) = from.recv().await {
        match message {
            Creature::Meet(other, theirs) => {
                colour = complement(colour, theirs);
                all[other].send(Creature::Change(colour)).await.ok().unwrap();
            }
            Creature::Change(new) => colour = new,
            Creature::Closed => return counts.send(met).await.unwrap(),
        }
        met += 1;
        mall.send((me, colour)).await.unwrap();
    }
}

pub fn chameneos() {
    let (creatures, meetings) = (arg(1, 100), arg(2, 500_000));
    let took = run(async move {
        let (all, from) = channels(creatures, 4);
        let (mall, mut guests) = channel(creatures);
        let (counts, mut count) = channel(creatures);
        let began = Instant::now();
        for (me, from) in from.into_iter().enumerate() {
            tokio::spawn(creature(me, all.clone(), from, mall.clone(), counts.clone()));
        }
        tokio::spawn(async move {
            let (mut left, mut gone, mut waiting) = (meetings, 0, None);
            while gone < creatures {
                let (who, colour) = guests.recv().await.unwrap();
                if left == 0 {
                    gone += 1;
                    all[who].send(Creature::Closed).await.ok().unwrap();
                } else if let Some(first) = waiting.take() {
                    left -= 1;
                    let to: &Sender<Creature> = &all[first];
                    to.send(Creature::Meet(who, colour)).await.ok().unwrap();
                } else {
                    waiting = Some(who);
                }
            }
        });
        let mut sum = 0;
        for _ in 0..creatures {
            sum += count.recv().await.unwrap();
        }
        assert_eq!(sum, 2 * meetings);
        began.elapsed()
    });
    rate("chameneos", 4 * meetings, took);
}

enum Order {
    Transfer(usize, u64),
    Credit(usize, u64),
    Credited,
}

async fn account(
    me: usize,
    all: Arc<Vec<Sender<Order>>>,
    mut from: Receiver<Order>,
    teller: Sender<()>,
) {
    let mut balance = 1_000_000u64;
    while let Some(order) = from.recv().await {
        match order {
            Order::Transfer(to, amount) => {
                balance = balance.wrapping_sub(amount);
                all[to].send(Order::Credit(me, amount)).await.ok().unwrap();
            }
            Order::Credit(from, amount) => {
                balance = balance.wrapping_add(amount);
                all[from].send(Order::Credited).await.ok().unwrap();
            }
            Order::Credited => teller.send(()).await.unwrap(),
        }
    }
}

pub fn bank() {
    let (accounts, transfers) = (arg(1, 1000), arg(2, 500_000));
    let took = run(async move {
        let (all, from) = channels(accounts, 256);
        let (teller, mut ended) = channel(256);
        for (me, from) in from.into_iter().enumerate() {
            tokio::spawn(account(me, all.clone(), from, teller.clone()));
        }
        let began = Instant::now();
        let (mut random, mut started, mut done) = (Random(1), 0, 0);
        while done < transfers {
            if started < transfers && started < done + 250 {
                started += 1;
                let from = random.next(accounts);
                let to = (from + 1 + random.next(accounts - 1)) % accounts;
                all[from].send(Order::Transfer(to, to as u64 % 100)).await.ok().unwrap();
            } else {
                ended.recv().await.unwrap();
                done += 1;
            }
        }
        began.elapsed()
    });
    rate("bank", 4 * transfers, took);
}
