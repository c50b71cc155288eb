// What the benchmarks in CAF share. An actor is an event-based one on the shared scheduler; its
// messages are dynamically typed. Mailboxes have no bound, so no sender ever waits or is refused;
// one that sends very many gives way after a thousand, which keeps what is under way in the caches.
#pragma once

#include <caf/all.hpp>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <string>
#include <vector>

using done_atom = caf::atom_constant<caf::atom("done")>;
using go_atom = caf::atom_constant<caf::atom("go")>;

constexpr int turn = 1000;

inline uint64_t now_ns() {
    return uint64_t(std::chrono::duration_cast<std::chrono::nanoseconds>(
                        std::chrono::steady_clock::now().time_since_epoch())
                        .count());
}

inline void report(const char *bench, const char *metric, double value, const char *unit) {
    std::printf("%s caf %s %.4g %s\n", bench, metric, value, unit);
}

inline void rate(const char *bench, uint64_t messages, uint64_t ns) {
    report(bench, "time", double(ns) / double(messages), "ns/message");
    report(bench, "rate", double(messages) * 1e3 / double(ns), "M/s");
}

// xorshift64*, the same row as the C programs draw.
struct random_row {
    uint64_t state;
    uint64_t next(uint64_t below) {
        state ^= state >> 12;
        state ^= state << 25;
        state ^= state >> 27;
        return (state * 2685821657736338717u >> 16) % below;
    }
};

// Waits until `times` actors have said that they are done.
inline void wait(caf::scoped_actor &self, uint64_t times) {
    for (uint64_t i = 0; i < times; i++) self->receive([](done_atom) {});
}

using counts = std::vector<uint64_t>;
void ring(caf::actor_system &sys, const counts &n);
void fanin(caf::actor_system &sys, const counts &n);
void spawn_all(caf::actor_system &sys, const counts &n);
void idle(caf::actor_system &sys, const counts &n);
void big(caf::actor_system &sys, const counts &n);
void forkjoin(caf::actor_system &sys, const counts &n);
void chameneos(caf::actor_system &sys, const counts &n);
void bank(caf::actor_system &sys, const counts &n);
void uneven(caf::actor_system &sys, const counts &n);
void latency(caf::actor_system &sys, const counts &n);
void wakeup(caf::actor_system &sys, const counts &n);
unsigned workers();
