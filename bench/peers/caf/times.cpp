#include "bench.hpp"

#include <algorithm>
#include <cmath>
#include <thread>

using namespace caf;

using last_atom = atom_constant<atom("last")>;

constexpr uint64_t item_ns = 10000;

// Keeps a core busy: each round waits for the one before, and none touches memory.
static void work(uint64_t rounds) {
    uint64_t x = rounds;
    for (uint64_t i = 0; i < rounds; i++) x = x * 6364136223846793005u + 1442695040888963407u;
    __asm__ volatile("" : : "r"(x));
}

// How many rounds make that many ns, by the fastest of many tries.
static uint64_t rounds_of(uint64_t ns) {
    uint64_t best = UINT64_MAX;
    for (int i = 0; i < 50; i++) {
        uint64_t began = now_ns();
        work(100000);
        best = std::min(best, now_ns() - began);
    }
    return ns * 100000 / best + 1;
}

static void percentiles(const char *bench, std::vector<uint64_t> ns, bool p999) {
    std::sort(ns.begin(), ns.end());
    report(bench, "p50", double(ns[ns.size() / 2]) / 1e3, "us");
    report(bench, "p99", double(ns[ns.size() * 99 / 100]) / 1e3, "us");
    if (p999) report(bench, "p99.9", double(ns[ns.size() * 999 / 1000]) / 1e3, "us");
}

static behavior worker(event_based_actor *self, actor finish) {
    return {[](uint64_t rounds) { work(rounds); },
            [=](last_atom) { self->send(finish, done_atom::value); }};
}

struct feeder_state {
    uint64_t left = 0;
    random_row random{1};
};

static behavior feeder(stateful_actor<feeder_state> *self, std::vector<actor> *all, uint64_t items,
                       uint64_t rounds) {
    self->state.left = items;
    uint64_t hot = (all->size() + 99) / 100;
    return {[=](go_atom) {
        auto &state = self->state;
        for (int i = 0; i < turn && state.left; i++, state.left--) {
            bool cold = state.random.next(10) == 0;
            uint64_t to = cold ? state.random.next(all->size()) : state.random.next(hot) * 100;
            self->send((*all)[to], rounds);
        }
        if (state.left) return self->send(self, go_atom::value);
        for (auto &one : *all) self->send(one, last_atom::value);
    }};
}

void uneven(actor_system &sys, const counts &n) {
    uint64_t rounds = rounds_of(item_ns), cores = workers();
    std::vector<std::thread> threads;
    uint64_t began = now_ns();
    for (uint64_t i = 0; i < cores; i++)
        threads.emplace_back([=] {
            for (uint64_t items = (n[1] + i) / cores; items; items--) work(rounds);
        });
    for (auto &thread : threads) thread.join();
    uint64_t perfect = now_ns() - began;
    scoped_actor self{sys};
    std::vector<actor> all;
    for (uint64_t i = 0; i < n[0]; i++) all.push_back(sys.spawn(worker, actor{self}));
    began = now_ns();
    self->send(sys.spawn(feeder, &all, n[1], rounds), go_atom::value);
    wait(self, n[0]);
    report("uneven", "makespan", double(now_ns() - began) / double(perfect), "ideal");
}

static behavior server(event_based_actor *self, std::vector<uint64_t> *delay, uint64_t rounds,
                       actor finish) {
    return {[=](uint64_t number, uint64_t due) {
                (*delay)[number] = now_ns() - due;
                work(rounds);
            },
            [=](last_atom) { self->send(finish, done_atom::value); }};
}

struct source_state {
    uint64_t sent = 0;
    double due = 0;
    random_row random{1};
};

// Sends what is due, then gives way and looks again. The times count from when a message was due.
static behavior source(stateful_actor<source_state> *self, std::vector<actor> *all,
                       uint64_t messages) {
    double gap = double(item_ns) / 0.7 / workers();
    return {[=](go_atom) {
        auto &state = self->state;
        if (state.due <= 0) state.due = double(now_ns());
        while (state.sent < messages && state.due <= double(now_ns())) {
            uint64_t to = state.random.next(all->size());
            self->send((*all)[to], state.sent++, uint64_t(state.due));
            state.due -= gap * std::log(double(state.random.next(1000000) + 1) / 1e6);
        }
        if (state.sent < messages) return self->send(self, go_atom::value);
        for (auto &one : *all) self->send(one, last_atom::value);
    }};
}

void latency(actor_system &sys, const counts &n) {
    uint64_t rounds = rounds_of(item_ns);
    std::vector<uint64_t> delay(n[1]);
    std::vector<actor> all;
    scoped_actor self{sys};
    for (uint64_t i = 0; i < n[0]; i++)
        all.push_back(sys.spawn(server, &delay, rounds, actor{self}));
    self->send(sys.spawn(source, &all, n[1]), go_atom::value);
    wait(self, n[0]);
    percentiles("latency", delay, true);
}

static behavior sleeper(event_based_actor *self, std::vector<uint64_t> *delay, actor finish) {
    return {[=](uint64_t number, uint64_t sent) {
        (*delay)[number] = now_ns() - sent;
        if (number + 1 == delay->size()) self->send(finish, done_atom::value);
    }};
}

void wakeup(actor_system &sys, const counts &n) {
    std::vector<uint64_t> delay(n[0]);
    scoped_actor self{sys};
    actor to = sys.spawn(sleeper, &delay, actor{self});
    for (uint64_t i = 0; i < n[0]; i++) {
        std::this_thread::sleep_for(std::chrono::microseconds(n[1]));
        self->send(to, i, now_ns());
    }
    wait(self, 1);
    percentiles("wakeup", delay, false);
}
