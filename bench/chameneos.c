/* chameneos [CREATURES] [MEETINGS]: creatures ask a mall for somebody to meet; it sends the first
 * of two to meet the second, and both change colour (Savina's `chameneos`). Four messages a
 * meeting. No mailbox can be full: each creature has one message under way at most. */
#include "bench.h"

struct meet {
    troupe_ref other;
    uint32_t colour;
};
static const troupe_type meet_type =
    TROUPE_TYPE(meet, TROUPE_FIELD(meet, other), TROUPE_FIELD(meet, colour));

struct change {
    uint32_t colour;
};
static const troupe_type change_type = TROUPE_TYPE(change, TROUPE_FIELD(change, colour));

struct count {
    uint64_t meetings;
};
static const troupe_type count_type = TROUPE_TYPE(count, TROUPE_FIELD(count, meetings));
static const troupe_type go_type = TROUPE_SIGNAL_TYPE("go");
static const troupe_type closed_type = TROUPE_SIGNAL_TYPE("closed");

/* Two of one colour keep it; of two colours both take the third. */
static uint32_t complement(uint32_t a, uint32_t b) {
    return a == b ? a : 3 - a - b;
}

/* --- The creatures ---------------------------------------------------------------------------- */

struct creature {
    troupe_ref mall;
    uint64_t meetings;
    uint32_t colour;
};

BENCH_START(creature_start, struct creature)

static troupe_err creature_receive(troupe_self *self, void *state, troupe_msg **msg) {
    struct creature *creature = state;
    const struct meet *meet = troupe_as(*msg, &meet_type);
    const struct change *change = meet ? NULL : troupe_as(*msg, &change_type);
    if (meet) {
        creature->colour = complement(creature->colour, meet->colour);
        creature->meetings++;
        struct change both = {creature->colour};
        troupe_err err = troupe_tell(self, meet->other, &change_type, &both);
        if (err) return err;
    } else if (change) {
        creature->colour = change->colour;
        creature->meetings++;
    } else if (troupe_as(*msg, &closed_type)) {
        return troupe_tell(self, creature->mall, &count_type, &(struct count){creature->meetings});
    }
    struct meet ready = {troupe_me(self), creature->colour};
    return troupe_tell(self, creature->mall, &meet_type, &ready);
}

static const troupe_behaviour creature = {.name = "creature",
                                          .state_size = sizeof(struct creature),
                                          .start = creature_start,
                                          .receive = creature_receive};

/* --- The mall --------------------------------------------------------------------------------- */

struct mall {
    uint64_t left, creatures, sum, expected; /* both of a meeting count it */
    troupe_ref waiting, finish;
};

BENCH_START(mall_start, struct mall)

static troupe_err mall_receive(troupe_self *self, void *state, troupe_msg **msg) {
    struct mall *mall = state;
    const struct meet *meet = troupe_as(*msg, &meet_type);
    if (!meet) {
        mall->sum += ((const struct count *)troupe_as(*msg, &count_type))->meetings;
        if (--mall->creatures) return TROUPE_OK;
        if (mall->sum != mall->expected) abort();
        return troupe_tell(self, mall->finish, &bench_done_type, NULL);
    }
    if (!mall->left) return troupe_tell(self, meet->other, &closed_type, NULL);
    if (troupe_same(mall->waiting, TROUPE_NOBODY)) {
        mall->waiting = meet->other;
        return TROUPE_OK;
    }
    troupe_ref first = mall->waiting;
    mall->waiting = TROUPE_NOBODY;
    mall->left--;
    return troupe_send(self, first, msg);
}

int main(int argc, char **argv) {
    uint64_t creatures = bench_arg(argc, argv, 1, 100), meetings = bench_arg(argc, argv, 2, 500000);
    const troupe_behaviour what = {.name = "mall",
                                   .state_size = sizeof(struct mall),
                                   .mailbox_limit = (uint32_t)creatures,
                                   .start = mall_start,
                                   .receive = mall_receive};
    troupe *rt = bench_open();
    troupe_ref finish = bench_finish_line(rt, 1), mall;
    struct mall open = {meetings, creatures, 0, 2 * meetings, TROUPE_NOBODY, finish};
    MUST(troupe_spawn(rt, &what, &open, &mall));
    uint64_t began = troupe_now(rt);
    for (uint64_t i = 0; i < creatures; i++) {
        troupe_ref ref;
        MUST(troupe_spawn(rt, &creature, &(struct creature){mall, 0, (uint32_t)(i % 3)}, &ref));
        bench_post(rt, ref, &go_type);
    }
    bench_wait(rt, finish);
    bench_rate("chameneos", 4 * meetings, troupe_now(rt) - began);
    troupe_close(&rt);
}
