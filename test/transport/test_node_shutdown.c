/* Nodes that shut down: who is connected already is served to the end, nobody else comes in. */
#include <troupe/shutdown.h>

#include "test/transport/node_hands.h"

TestSuite(node_shutdown, .timeout = 60, .fini = scene_say_seed);

/* Ends a party by a shutdown, with everything in order. */
static void party_shut_down(party *p) {
    troupe_farewell how;
    cr_assert_eq(troupe_shutdown(&p->rt, PATIENCE_MS, 0, &how), TROUPE_OK);
    cr_assert(how.drained && how.stopped && how.ended);
    party_close(p);
}

ANYWHERE(node_shutdown, new_connections_are_refused_and_those_that_are_there_go_on, 200) {
    party pair[2], late;
    pair_open(pair, tcp);
    notes *all = notes_open();
    troupe_ref hand = hand_of(&pair[1], 16, all);
    cr_assert_eq(troupe_register(pair[1].rt, hand, "hand"), TROUPE_OK);
    troupe_quiesce(pair[1].rt);
    party_open(&late, "late");
    party_listen(&late, tcp);
    cr_assert_eq(troupe_connect(late.node, pair[1].url, PATIENCE_MS), TROUPE_REFUSED);
    party_await_log(&pair[1], "node late: this node is shutting down", 1);
    cr_assert_eq(troupe_connect(pair[1].node, late.url, PATIENCE_MS), TROUPE_QUIESCED);
    uint64_t n = 1;
    cr_assert_eq(ask_by(&pair[0], found(&pair[0], "right", "hand"), ORDER_ANSWER, &n), TROUPE_OK);
    cr_assert_eq(n, 2u);
    cr_assert_eq(troupe_drain(pair[1].rt, PATIENCE_MS, NULL), TROUPE_OK);
    party_shut_down(&pair[1]);
    party_close(&late);
    party_close(&pair[0]);
    scene_end();
    notes_close(all);
}
