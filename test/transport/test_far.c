/* The book that a node keeps of its children on other nodes. */
#include "transport/far.h"

#include "test/transport/node_scene.h"
#include "transport/node.h"

TestSuite(far, .timeout = 60, .fini = scene_say_seed);

static const troupe_ref there = {7, 1}, elsewhere = {8, 1};

/* One node, no peer: so one kind is enough, and it is quick in a simulation. */
SIMULATED(far, a_child_has_one_keeper_at_a_time, 4) {
    (void)tcp;
    party p;
    party_open(&p, "p");
    tr_far_home *home, *other;
    cr_assert_eq(tr_far_home_take(p.node, "one", &home), TROUPE_OK);
    cr_assert_eq(tr_far_home_take(p.node, "one", &other), TROUPE_TAKEN);
    cr_assert_eq(tr_far_home_take(p.node, "two", &other), TROUPE_OK);
    tr_far_home_leave(p.node, home);
    cr_assert_eq(tr_far_home_take(p.node, "one", &home), TROUPE_OK);
    party_close(&p);
}

SIMULATED(far, its_tokens_go_up_over_all_its_keepers, 4) {
    (void)tcp;
    party p;
    party_open(&p, "p");
    uint64_t last = 0;
    for (int i = 0; i < 10; i++) {
        tr_far_home *home;
        cr_assert_eq(tr_far_home_take(p.node, "one", &home), TROUPE_OK);
        for (int k = 0; k < 3; k++) {
            tr_far_home_enter(p.node, home, there);
            cr_assert_gt(home->token, last);
            last = home->token;
        }
        tr_far_home_clear(p.node, home);
        tr_far_home_leave(p.node, home);
    }
    party_close(&p);
}

SIMULATED(far, where_a_life_may_be_is_known_until_there_can_be_none, 4) {
    (void)tcp;
    party p;
    party_open(&p, "p");
    tr_far_home *home;
    cr_assert_eq(tr_far_home_take(p.node, "one", &home), TROUPE_OK);
    tr_far_home_enter(p.node, home, there);
    tr_far_home_leave(p.node, home);
    cr_assert_eq(tr_far_home_take(p.node, "one", &home), TROUPE_OK);
    cr_assert(home->maybe && troupe_same(home->host, there), "its keeper ended, it did not");
    home->clear_at = tr_after_ms(scene_clock(), 100);
    tr_far_home_leave(p.node, home);
    cr_assert(!tr_list_empty(&p.node->far.homes));
    troupe_sim_run(scene_sim, 101);
    cr_assert_eq(tr_far_home_take(p.node, "two", &home), TROUPE_OK);
    tr_far_home_leave(p.node, home);
    cr_assert(tr_list_empty(&p.node->far.homes), "neither is needed any more");
    party_close(&p);
}

SIMULATED(far, the_children_of_a_node_are_counted, 4) {
    (void)tcp;
    party p;
    party_open(&p, "p");
    tr_far_home *one, *two, *three;
    cr_assert_eq(tr_far_home_take(p.node, "one", &one), TROUPE_OK);
    cr_assert_eq(tr_far_home_take(p.node, "two", &two), TROUPE_OK);
    cr_assert_eq(tr_far_home_take(p.node, "three", &three), TROUPE_OK);
    tr_far_home_enter(p.node, one, there);
    tr_far_home_enter(p.node, two, there);
    tr_far_home_enter(p.node, three, elsewhere);
    cr_assert_eq(tr_far_home_count(p.node, there.node, NULL), 2u);
    cr_assert_eq(tr_far_home_count(p.node, there.node, one), 1u);
    cr_assert_eq(tr_far_home_count(p.node, elsewhere.node, one), 1u);
    tr_far_home_clear(p.node, two);
    cr_assert_eq(tr_far_home_count(p.node, there.node, NULL), 1u);
    party_close(&p);
}
