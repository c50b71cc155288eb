/* What callbacks send to other nodes goes out when they end, or before, if that takes long. */
#include "test/transport/node_hands.h"
#include "transport/node.h"

TestSuite(outbox, .timeout = 60, .fini = scene_say_seed);

enum { SOME = 10 }; /* for which there is credit at once */

/* What a callback is to do: to send `SOME` counts to each of these in turn, and then to wait until
 * all have come; NULL: not to wait. */
typedef struct sending {
    troupe_ref to[2];
    notes *all;
} sending;

static void send_some(troupe_self *self, void *ctx) {
    const sending *it = ctx;
    for (uint64_t n = 0; n < SOME; n++)
        for (uint64_t i = 0; i < 2; i++)
            cr_assert_eq(troupe_tell(self, it->to[i], &count_type, &(struct count){i, n}),
                         TROUPE_OK);
    if (it->all) notes_await(it->all, 2 * (size_t)SOME);
}

/* Nothing else is said that could take along what waits: no sign of life either. */
static const troupe_node_config silent = {.heartbeat_ms = 1000000, .lost_ms = 3000000};

static void send_to_two(bool tcp, bool wait) {
    party pair[2];
    party_open_as(&pair[0], "left", silent);
    party_open_as(&pair[1], "right", silent);
    party_listen(&pair[1], tcp);
    party_meet(&pair[0], &pair[1]);
    notes *none = notes_open(), *all = notes_open();
    troupe_ref sender = hand_of(&pair[0], 16, none);
    sending what = {.all = wait ? all : NULL};
    for (int i = 0; i < 2; i++) what.to[i] = hand_of(&pair[1], 64, all);
    act_as(&pair[0], sender, send_some, &what);
    notes_await(all, 2 * (size_t)SOME);
    for (uint64_t i = 0; i < 2; i++) cr_assert_eq(notes_in_order(all, i, 0), (size_t)SOME);
    pair_close(pair);
    notes_close(none);
    notes_close(all);
}

ANYWHERE(outbox, what_a_callback_has_sent_goes_out_when_it_ends, 20) {
    send_to_two(tcp, false);
}

/* It would wait in vain if nobody else saw to it. Not in a simulation, where no callback waits. */
BOTH(outbox, a_callback_that_does_not_end_does_not_hold_back_what_it_has_sent) {
    send_to_two(tcp, true);
}

static void send_to_both(troupe_self *self, void *ctx) {
    const troupe_ref *to = ctx;
    for (uint64_t n = 0; n < SOME; n++)
        for (int i = 0; i < 2; i++)
            cr_assert_eq(troupe_tell(self, to[i], &count_type, &(struct count){1, n}), TROUPE_OK);
}

ANYWHERE(outbox, a_callback_sends_to_two_nodes_by_turns, 20) {
    party trio[3];
    notes *none, *all[2];
    party_open(&trio[0], "middle");
    party_open(&trio[1], "left");
    party_open(&trio[2], "right");
    party_listen(&trio[0], tcp);
    none = notes_open();
    troupe_ref sender = hand_of(&trio[0], 16, none), to[2];
    for (int i = 0; i < 2; i++) {
        party_meet(&trio[i + 1], &trio[0]);
        all[i] = notes_open();
        to[i] = hand_of(&trio[i + 1], 64, all[i]);
    }
    act_as(&trio[0], sender, send_to_both, to);
    for (int i = 0; i < 2; i++) {
        notes_await(all[i], SOME);
        cr_assert_eq(notes_in_order(all[i], 1, 0), (size_t)SOME);
    }
    for (int i = 2; i >= 0; i--) party_close(&trio[i]);
    notes_close(none);
    for (int i = 0; i < 2; i++) notes_close(all[i]);
}
