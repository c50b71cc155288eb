/* big [ACTORS] [PINGS]: each actor sends a ping to another one drawn at random, waits for its pong,
 * and does so again (Savina's `big`). */
#include "bench.h"

static const troupe_type ping_type = TROUPE_SIGNAL_TYPE("ping");
static const troupe_type pong_type = TROUPE_SIGNAL_TYPE("pong");

struct player {
    const troupe_ref *all;
    uint64_t actors, me, left, random;
    troupe_ref finish;
};

BENCH_START(start, struct player)

static troupe_err next_ping(troupe_self *self, struct player *player) {
    if (!player->left) return troupe_tell(self, player->finish, &bench_done_type, NULL);
    player->left--;
    uint64_t to = bench_random(&player->random) % (player->actors - 1);
    if (to >= player->me) to++;
    return troupe_tell(self, player->all[to], &ping_type, NULL);
}

/* No mailbox can be full: it holds one ping of each other actor and one pong at most. */
static troupe_err receive(troupe_self *self, void *state, troupe_msg **msg) {
    if (troupe_as(*msg, &ping_type)) return troupe_answer(self, &pong_type, NULL);
    return next_ping(self, state);
}

int main(int argc, char **argv) {
    uint64_t actors = bench_arg(argc, argv, 1, 120), pings = bench_arg(argc, argv, 2, 20000);
    const troupe_behaviour what = {.name = "player",
                                   .state_size = sizeof(struct player),
                                   .mailbox_limit = (uint32_t)actors + 1,
                                   .start = start,
                                   .receive = receive};
    troupe *rt = bench_open();
    troupe_ref *all = bench_alloc(actors, sizeof *all), finish = bench_finish_line(rt, actors);
    for (uint64_t i = 0; i < actors; i++) {
        struct player player = {all, actors, i, pings, i + 1, finish};
        MUST(troupe_spawn(rt, &what, &player, &all[i]));
    }
    uint64_t began = troupe_now(rt);
    for (uint64_t i = 0; i < actors; i++) bench_post(rt, all[i], &pong_type);
    bench_wait(rt, finish);
    bench_rate("big", 2 * actors * pings, troupe_now(rt) - began);
    troupe_close(&rt);
    free(all);
}
