#include "bench.hpp"

#include <unistd.h>

using namespace caf;

struct member_state {
    actor next;
};

static behavior member(stateful_actor<member_state> *self, actor finish) {
    return {[=](actor next) { self->state.next = next; },
            [=](uint64_t left) {
                if (left)
                    self->send(self->state.next, left - 1);
                else
                    self->send(finish, done_atom::value);
            }};
}

void ring(actor_system &sys, const counts &n) {
    scoped_actor self{sys};
    std::vector<actor> all;
    for (uint64_t i = 0; i < n[0]; i++) all.push_back(sys.spawn(member, actor{self}));
    for (uint64_t i = 0; i < n[0]; i++) self->send(all[i], all[(i + 1) % n[0]]);
    uint64_t began = now_ns();
    self->send(all[0], n[1]);
    wait(self, 1);
    rate(n[0] == 2 ? "pingpong" : "ring", n[1], now_ns() - began);
}

struct left_state {
    uint64_t left = 0;
};

// Tells `finish` when it has got `all` items.
static behavior sink(stateful_actor<left_state> *self, uint64_t all, actor finish) {
    self->state.left = all;
    return {[=](uint64_t) {
        if (!--self->state.left) self->send(finish, done_atom::value);
    }};
}

static behavior source(stateful_actor<left_state> *self, actor to, uint64_t all) {
    self->state.left = all;
    return {[=](go_atom) {
        for (int i = 0; i < turn && self->state.left; i++) self->send(to, self->state.left--);
        if (self->state.left) self->send(self, go_atom::value);
    }};
}

void fanin(actor_system &sys, const counts &n) {
    scoped_actor self{sys};
    uint64_t senders = n[0], each = n[2] / senders;
    actor to = sys.spawn(sink, senders * each, actor{self});
    uint64_t began = now_ns();
    for (uint64_t i = 0; i < senders; i++) self->send(sys.spawn(source, to, each), go_atom::value);
    wait(self, 1);
    const char *name = senders == 1 ? "count" : senders == 100 ? "fanin100" : "fanin";
    rate(name, senders * each, now_ns() - began);
}

static behavior child(event_based_actor *self) {
    return {[=](go_atom) {
        self->quit();
        return done_atom::value;
    }};
}

struct parent_state {
    uint64_t to_start = 0, to_end = 0;
};

static behavior parent(stateful_actor<parent_state> *self, uint64_t actors, actor finish) {
    self->state = parent_state{actors, actors};
    auto one_more = [=] {
        if (!self->state.to_start) return;
        self->state.to_start--;
        self->send(self->spawn<lazy_init>(child), go_atom::value);
    };
    return {[=](go_atom) {
                for (int i = 0; i < turn; i++) one_more();
            },
            [=](done_atom) {
                if (--self->state.to_end)
                    one_more();
                else
                    self->send(finish, done_atom::value);
            }};
}

void spawn_all(actor_system &sys, const counts &n) {
    scoped_actor self{sys};
    uint64_t began = now_ns();
    self->send(sys.spawn(parent, n[0], actor{self}), go_atom::value);
    wait(self, 1);
    double ns = double(now_ns() - began) / double(n[0]);
    report("spawn", "time", ns, "ns/actor");
    report("spawn", "rate", 1e3 / ns, "M/s");
}

static uint64_t resident() {
    unsigned long size = 0, pages = 0;
    FILE *file = std::fopen("/proc/self/statm", "r");
    if (!file || std::fscanf(file, "%lu %lu", &size, &pages) != 2) std::abort();
    std::fclose(file);
    return pages * uint64_t(sysconf(_SC_PAGESIZE));
}

static behavior idler(event_based_actor *) {
    return {[](go_atom) {}};
}

void idle(actor_system &sys, const counts &n) {
    std::vector<actor> all(n[0]);
    uint64_t before = resident();
    for (auto &one : all) one = sys.spawn<lazy_init>(idler);
    usleep(200000);
    report("idle", "memory", double(resident() - before) / double(n[0]), "bytes/actor");
}

using ping_atom = atom_constant<atom("ping")>;
using pong_atom = atom_constant<atom("pong")>;

struct player_state {
    std::vector<actor> *all = nullptr;
    uint64_t me = 0, left = 0;
    random_row random{1};
};

static behavior player(stateful_actor<player_state> *self, std::vector<actor> *all, uint64_t me,
                       uint64_t pings, actor finish) {
    self->state = player_state{all, me, pings, {me + 1}};
    return {[](ping_atom) { return pong_atom::value; },
            [=](pong_atom) {
                auto &state = self->state;
                if (!state.left) return self->send(finish, done_atom::value);
                state.left--;
                uint64_t to = state.random.next(state.all->size() - 1);
                self->send((*state.all)[to + (to >= state.me)], ping_atom::value);
            }};
}

void big(actor_system &sys, const counts &n) {
    scoped_actor self{sys};
    std::vector<actor> all;
    for (uint64_t i = 0; i < n[0]; i++)
        all.push_back(sys.spawn(player, &all, i, n[1], actor{self}));
    uint64_t began = now_ns();
    for (auto &one : all) self->send(one, pong_atom::value);
    wait(self, n[0]);
    rate("big", 2 * n[0] * n[1], now_ns() - began);
}

static behavior dealer(stateful_actor<left_state> *self, std::vector<actor> all, uint64_t items) {
    self->state.left = items;
    return {[=](go_atom) {
        auto &left = self->state.left;
        for (int i = 0; i < turn && left; i++, left--) self->send(all[left % all.size()], left);
        if (left) self->send(self, go_atom::value);
    }};
}

void forkjoin(actor_system &sys, const counts &n) {
    scoped_actor self{sys};
    std::vector<actor> all;
    for (uint64_t i = 0; i < n[0]; i++) all.push_back(sys.spawn(sink, n[1], actor{self}));
    uint64_t began = now_ns();
    self->send(sys.spawn(dealer, all, n[0] * n[1]), go_atom::value);
    wait(self, n[0]);
    rate("forkjoin", n[0] * n[1], now_ns() - began);
}

using meet_atom = atom_constant<atom("meet")>;
using change_atom = atom_constant<atom("change")>;
using closed_atom = atom_constant<atom("closed")>;
using count_atom = atom_constant<atom("count")>;

struct creature_state {
    int colour = 0;
    uint64_t met = 0;
};

static behavior creature(stateful_actor<creature_state> *self, actor mall, int colour) {
    self->state.colour = colour;
    auto ready = [=] { self->send(mall, meet_atom::value, actor{self}, self->state.colour); };
    return {[=](go_atom) { ready(); },
            [=](meet_atom, const actor &other, int theirs) {
                int &mine = self->state.colour;
                mine = mine == theirs ? mine : 3 - mine - theirs;
                self->state.met++;
                self->send(other, change_atom::value, mine);
                ready();
            },
            [=](change_atom, int colour) {
                self->state.colour = colour;
                self->state.met++;
                ready();
            },
            [=](closed_atom) { self->send(mall, count_atom::value, self->state.met); }};
}

struct mall_state {
    uint64_t left = 0, creatures = 0, sum = 0;
    actor waiting;
};

static behavior mall(stateful_actor<mall_state> *self, uint64_t meetings, uint64_t creatures,
                     actor finish) {
    self->state.left = meetings;
    self->state.creatures = creatures;
    return {[=](meet_atom, const actor &who, int colour) {
                auto &state = self->state;
                if (!state.left) {
                    self->send(who, closed_atom::value);
                } else if (!state.waiting) {
                    state.waiting = who;
                } else {
                    self->send(state.waiting, meet_atom::value, who, colour);
                    state.waiting = nullptr;
                    state.left--;
                }
            },
            [=](count_atom, uint64_t met) {
                self->state.sum += met;
                if (--self->state.creatures) return;
                if (self->state.sum != 2 * meetings) std::abort();
                self->send(finish, done_atom::value);
            }};
}

void chameneos(actor_system &sys, const counts &n) {
    scoped_actor self{sys};
    uint64_t began = now_ns();
    actor place = sys.spawn(mall, n[1], n[0], actor{self});
    for (uint64_t i = 0; i < n[0]; i++)
        self->send(sys.spawn(creature, place, int(i % 3)), go_atom::value);
    wait(self, 1);
    rate("chameneos", 4 * n[1], now_ns() - began);
}

using transfer_atom = atom_constant<atom("transfer")>;
using credit_atom = atom_constant<atom("credit")>;
using credited_atom = atom_constant<atom("credited")>;

static behavior account(stateful_actor<left_state> *self, actor *teller) {
    self->state.left = 1000000;
    return {[=](transfer_atom, const actor &to, uint64_t amount) {
                self->state.left -= amount;
                self->send(to, credit_atom::value, amount);
            },
            [=](credit_atom, uint64_t amount) {
                self->state.left += amount;
                return credited_atom::value;
            },
            [=](credited_atom) { self->send(*teller, credited_atom::value); }};
}

struct teller_state {
    uint64_t to_start = 0, to_end = 0;
    random_row random{1};
};

static behavior teller(stateful_actor<teller_state> *self, std::vector<actor> *all,
                       uint64_t transfers, actor finish) {
    self->state = teller_state{transfers, transfers, {1}};
    auto one_more = [=] {
        auto &state = self->state;
        if (!state.to_start) return;
        state.to_start--;
        uint64_t from = state.random.next(all->size());
        uint64_t to = (from + 1 + state.random.next(all->size() - 1)) % all->size();
        self->send((*all)[from], transfer_atom::value, (*all)[to], to % 100);
    };
    return {[=](go_atom) {
                for (int i = 0; i < 250; i++) one_more();
            },
            [=](credited_atom) {
                if (--self->state.to_end)
                    one_more();
                else
                    self->send(finish, done_atom::value);
            }};
}

void bank(actor_system &sys, const counts &n) {
    scoped_actor self{sys};
    std::vector<actor> all;
    actor head;
    for (uint64_t i = 0; i < n[0]; i++) all.push_back(sys.spawn(account, &head));
    head = sys.spawn(teller, &all, n[1], actor{self});
    uint64_t began = now_ns();
    self->send(head, go_atom::value);
    wait(self, 1);
    rate("bank", 4 * n[1], now_ns() - began);
}
