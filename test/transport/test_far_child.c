/* Keepers: children that are actors of other nodes. */
#include "test/transport/far_scene.h"

TestSuite(far_child, .timeout = 120, .fini = scene_say_seed);

enum { SEEDS = 100 };
static const struct count zero = {0, 0}, bad = {13, 0};

/* A node that has children elsewhere, and one that hosts them. */
static void two_open(party pair[2], bool tcp) {
    world_open();
    far_open(&pair[0], "left", tcp);
    far_open_host(&pair[1], "right", tcp);
}

/* No child has ever been there twice, and none outlives its nodes. */
static void two_close(party pair[2]) {
    cr_assert_eq(world.twice, 0u);
    pair_close(pair);
    for (size_t i = 0; i < FAR_KIDS; i++) cr_assert_eq(world_alive(i), 0u, "kid %zu", i);
    world_close();
}

/* The same with another that hosts them. */
static void three_open(party node[3]) {
    two_open(node, false);
    far_open_host(&node[2], "other", false);
}

static void three_close(party node[3]) {
    party_close(&node[2]);
    two_close(node);
}

ANYWHERE(far_child, one_is_started_with_its_argument_asked_through_its_keeper_and_stopped, SEEDS) {
    party pair[2];
    two_open(pair, tcp);
    party_meet(&pair[0], &pair[1]);
    const troupe_far what = far_kid(&zero, "right");
    troupe_ref top = far_supervise(&pair[0], &what, 3);
    uint64_t n = 5;
    cr_assert_eq(ask_by(&pair[0], far_keeper(&pair[0]), ORDER_ANSWER, &n), TROUPE_OK);
    cr_assert_eq(n, 6u);
    troupe_far_place place;
    cr_assert_eq(troupe_far_child_at(pair[0].rt, far_keeper(&pair[0]), PATIENCE_MS, &place),
                 TROUPE_OK);
    cr_assert_str_eq(place.node, "right");
    cr_assert_eq(place.who.node, pair[1].node->me.node);
    cr_assert_eq(place.token, world.token[0]);
    cr_assert_eq(troupe_terminate_child(pair[0].rt, top, "kid", PATIENCE_MS), TROUPE_OK);
    cr_assert_eq(world_alive(0), 0u);
    cr_assert_eq(world.orders, 1u, "its stop was called");
    SCENE_AWAIT(pair[1].node->far.guest_count == 0);
    two_close(pair);
}

ANYWHERE(far_child, one_that_fails_is_started_again_behind_the_same_ref, SEEDS) {
    party pair[2];
    two_open(pair, tcp);
    party_meet(&pair[0], &pair[1]);
    const troupe_far what = far_kid(&zero, "right");
    (void)far_supervise(&pair[0], &what, 10);
    troupe_ref keeper = far_keeper(&pair[0]);
    for (uint64_t i = 0; i < 3; i++) {
        cr_assert_eq(order_to(&pair[0], keeper, ORDER_FAIL, TROUPE_USER + i), TROUPE_OK);
        cr_assert_eq(count_to(&pair[0], keeper, i), TROUPE_OK); /* for this life, or the next */
        SCENE_AWAIT(world_starts(0) == i + 2);
        SCENE_AWAIT(far_answers(&pair[0]));
    }
    cr_assert(troupe_same(keeper, far_keeper(&pair[0])));
    cr_assert_eq(world_alive(0), 1u);
    cr_assert_geq(party_logged(&pair[0], "kid on node right ended"), 3u, "%s", pair[0].log);
    two_close(pair);
}

ANYWHERE(far_child, its_mail_is_in_order_and_bounded_also_while_it_does_not_keep_up, 20) {
    party pair[2];
    two_open(pair, tcp);
    party_meet(&pair[0], &pair[1]);
    const troupe_far what = far_kid(&zero, "right");
    (void)far_supervise(&pair[0], &what, 3);
    troupe_ref keeper = far_keeper(&pair[0]);
    troupe_far_place place;
    cr_assert_eq(troupe_far_child_at(pair[0].rt, keeper, PATIENCE_MS, &place), TROUPE_OK);
    world.notes->writer[world.notes->writers++] = place.who;
    notes_shut(world.notes, true);
    uint64_t n = 0, full = 0;
    for (uint64_t until = patience(); full < 200; scene_go_on(until)) {
        troupe_err err = count_to(&pair[0], keeper, n);
        if (!err) n++, full = 0;
        if (err) {
            cr_assert_eq(err, TROUPE_FULL);
            full++;
        }
    }
    /* 256 in the keeper; there, and on the way: its mailbox, its line, and what it has in hand. */
    cr_assert_geq(n, (uint64_t)TROUPE_MAILBOX_DEFAULT);
    cr_assert_leq(n, (uint64_t)TROUPE_MAILBOX_DEFAULT + 8 + 16 + 1, "%u", (unsigned)n);
    notes_shut(world.notes, false);
    for (uint64_t until = patience(); n < 1000; scene_go_on(until))
        if (!count_to(&pair[0], keeper, n)) n++;
    notes_await(world.notes, 1000);
    cr_assert_eq(notes_in_order(world.notes, 0, 0), 1000u);
    two_close(pair);
}

/* --- What can't be ---------------------------------------------------------------------------- */

static troupe_err try(party *p, const troupe_far *what) {
    const troupe_child child = {.id = "kid", .what = &troupe_far_child, .arg = what};
    const troupe_supervision all = {.child = &child, .children = 1};
    troupe_ref top;
    troupe_err err = troupe_supervise(p->rt, &all, PATIENCE_MS, &top);
    if (!err) cr_assert_eq(troupe_stop(p->rt, top), TROUPE_OK);
    return err;
}

ANYWHERE(far_child, what_can_not_be_started_fails_and_says_where, 50) {
    party pair[3];
    two_open(pair, tcp);
    far_open(&pair[2], "other", tcp);
    party_meet(&pair[0], &pair[1]);
    party_meet(&pair[0], &pair[2]);
    troupe_far what = far_kid(&bad, "right");
    cr_assert_eq(try(&pair[0], &what), TROUPE_START_FAILED);
    party_await_log(&pair[0], "kid on node right could not start", 1);
    what = far_kid(&zero, "right");
    what.type = NULL;
    cr_assert_eq(try(&pair[0], &what), TROUPE_START_FAILED);
    party_await_log(&pair[0], troupe_strerror(TROUPE_BADTYPE), 1);
    what.what = "nobody";
    cr_assert_eq(try(&pair[0], &what), TROUPE_START_FAILED);
    party_await_log(&pair[0], "nobody on node right could not start", 1);
    what = far_kid(&zero, "other");
    cr_assert_eq(try(&pair[0], &what), TROUPE_START_FAILED);
    party_await_log(&pair[0], "node other hosts no children", 1);
    what = far_kid(&zero, "nowhere");
    what.wait_ms = 100;
    cr_assert_eq(try(&pair[0], &what), TROUPE_START_FAILED);
    party_await_log(&pair[0], "kid on node nowhere could not start", 1);
    what.lease_ms = 1;
    cr_assert_eq(try(&pair[0], &what), TROUPE_START_FAILED);
    party_await_log(&pair[0], "no sound description", 1);
    what = far_kid(&zero, "right");
    (void)far_supervise(&pair[0], &what, 3);
    cr_assert_eq(try(&pair[0], &what), TROUPE_START_FAILED);
    party_await_log(&pair[0], troupe_strerror(TROUPE_TAKEN), 1);
    cr_assert_eq(world_alive(0), 1u);
    party_close(&pair[2]);
    two_close(pair);
}

/* --- Nodes that are lost ---------------------------------------------------------------------- */

static void cut(const party *a, const party *b, bool there, bool back) {
    troupe_sim_cut(scene_sim, a->rt, b->rt, there);
    troupe_sim_cut(scene_sim, b->rt, a->rt, back);
}

/* Simulated only: no real network splits on demand. */
SIMULATED(far_child, case_16_after_a_split_there_is_one_and_it_is_never_there_twice, SEEDS) {
    (void)tcp;
    party pair[2];
    two_open(pair, false);
    troupe_far what = far_kid(&zero, "right");
    what.url = pair[1].url;
    what.wait_ms = 20000;
    (void)far_supervise(&pair[0], &what, 10);
    for (size_t i = 0; i < 3; i++) {
        uint32_t how = 1 + troupe_sim_choose(scene_sim, 3);
        cut(&pair[0], &pair[1], how & 1, how & 2);
        troupe_sim_run(scene_sim, 500 + troupe_sim_choose(scene_sim, 8000));
        cut(&pair[0], &pair[1], false, false);
        SCENE_AWAIT(far_answers(&pair[0]));
        cr_assert_eq(world_alive(0), 1u);
    }
    two_close(pair);
}

SIMULATED(far_child, case_16_it_moves_to_another_node_only_once_it_has_ended_on_the_first, SEEDS) {
    (void)tcp;
    party node[3];
    three_open(node);
    for (size_t i = 1; i < 3; i++)
        cr_assert_eq(troupe_keep_connected(node[0].node, node[i].url), TROUPE_OK);
    troupe_far what = far_kid(&zero, NULL);
    what.wait_ms = 20000;
    (void)far_supervise(&node[0], &what, 10);
    troupe_far_place place;
    for (size_t i = 0; i < 3; i++) {
        SCENE_AWAIT(!troupe_far_child_at(node[0].rt, far_keeper(&node[0]), 100, &place) &&
                    place.who.id);
        party *there = &node[strcmp(place.node, "right") ? 2 : 1];
        uint32_t how = 1 + troupe_sim_choose(scene_sim, 3);
        cut(&node[0], there, how & 1, how & 2);
        size_t starts = world_starts(0);
        SCENE_AWAIT(world_starts(0) > starts);
        SCENE_AWAIT(far_answers(&node[0]));
        cr_assert_eq(world_alive(0), 1u);
        cut(&node[0], there, false, false);
        troupe_sim_run(scene_sim, 3000);
    }
    three_close(node);
}

SIMULATED(far_child, case_11_a_node_that_died_and_came_back_has_it_again_once, SEEDS) {
    (void)tcp;
    party pair[2];
    two_open(pair, false);
    troupe_far what = far_kid(&zero, "right");
    what.url = "ipc:///right";
    what.wait_ms = 20000;
    (void)far_supervise(&pair[0], &what, 10);
    for (size_t i = 0; i < 2; i++) {
        uint64_t incarnation = pair[1].node->me.node;
        troupe_sim_run(scene_sim, troupe_sim_choose(scene_sim, 2000));
        troupe_sim_crash(scene_sim, &pair[1].rt);
        party_close(&pair[1]);
        world_dies(incarnation);
        troupe_sim_run(scene_sim, troupe_sim_choose(scene_sim, 2000));
        far_open_host(&pair[1], "right", false);
        SCENE_AWAIT(far_answers(&pair[0]));
        cr_assert_eq(world_alive(0), 1u);
    }
    two_close(pair);
}

SIMULATED(far_child, of_a_keeper_whose_process_died_it_is_ended_before_the_next_ones_begins,
          SEEDS) {
    (void)tcp;
    party pair[2];
    two_open(pair, false);
    party_meet(&pair[0], &pair[1]);
    const troupe_far what = far_kid(&zero, "right");
    (void)far_supervise(&pair[0], &what, 10);
    bool silent = troupe_sim_choose(scene_sim, 2);
    if (silent) cut(&pair[0], &pair[1], true, true); /* the host does not hear of the end */
    troupe_sim_crash(scene_sim, &pair[0].rt);
    party_close(&pair[0]);
    troupe_sim_run(scene_sim, troupe_sim_choose(scene_sim, 4000));
    far_open(&pair[0], "left", false);
    uint64_t until = patience();
    while (troupe_connect(pair[0].node, pair[1].url, 1000)) scene_go_on(until);
    (void)far_supervise(&pair[0], &what, 10);
    cr_assert_eq(world_alive(0), 1u);
    cr_assert_eq(world_starts(0), 2u);
    two_close(pair);
}

SIMULATED(far_child, a_new_process_of_its_home_does_not_start_it_elsewhere_too_soon, SEEDS) {
    (void)tcp;
    party node[3];
    world_open();
    far_open_host(&node[1], "right", false);
    far_open_host(&node[2], "other", false);
    far_open(&node[0], "left", false);
    const troupe_far what = far_kid(&zero, NULL);
    party_meet(&node[0], &node[1]);
    (void)far_supervise(&node[0], &what, 10);
    cut(&node[0], &node[1], true, true); /* it does not hear of the end of its home */
    troupe_sim_crash(scene_sim, &node[0].rt);
    party_close(&node[0]);
    troupe_sim_run(scene_sim, troupe_sim_choose(scene_sim, 500));
    far_open(&node[0], "left", false);
    party_meet(&node[0], &node[2]);
    (void)far_supervise(&node[0], &what, 10);
    cr_assert_eq(world_starts(0), 2u);
    cr_assert_eq(world_alive(0), 1u);
    three_close(node);
}

SIMULATED(far_child, a_keeper_that_is_killed_takes_it_along_and_the_next_life_comes_after, SEEDS) {
    (void)tcp;
    party pair[2];
    two_open(pair, false);
    party_meet(&pair[0], &pair[1]);
    const troupe_far what = far_kid(&zero, "right");
    (void)far_supervise(&pair[0], &what, 10);
    for (size_t i = 0; i < 5; i++) {
        for (uint32_t n = troupe_sim_choose(scene_sim, 200); n; n--)
            (void)tr_sim_advance(scene_sim, patience());
        cr_assert_eq(troupe_kill(pair[0].rt, far_keeper(&pair[0])), TROUPE_OK);
    }
    troupe_sim_run(scene_sim, 2000);
    SCENE_AWAIT(far_answers(&pair[0]));
    cr_assert_eq(world_alive(0), 1u);
    two_close(pair);
}

SIMULATED(far_child, one_without_a_keeper_does_not_live_on, SEEDS) {
    (void)tcp;
    party pair[2];
    two_open(pair, false);
    party_meet(&pair[0], &pair[1]);
    const troupe_far what = far_kid(&zero, "right");
    troupe_ref keeper;
    cr_assert_eq(troupe_spawn(pair[0].rt, &troupe_far_child, &what, &keeper), TROUPE_OK);
    for (uint32_t n = troupe_sim_choose(scene_sim, 200); n; n--)
        (void)tr_sim_advance(scene_sim, patience());
    cr_assert_eq(troupe_kill(pair[0].rt, keeper), TROUPE_OK);
    troupe_sim_run(scene_sim, 2 * KID_STOP_MS); /* less than its lease */
    cr_assert_eq(world_alive(0), 0u);
    cr_assert_eq(pair[1].node->far.guest_count, 0u);
    two_close(pair);
}

/* --- A tree ----------------------------------------------------------------------------------- */

static void local_stop(troupe_self *self, void *state, troupe_err why) {
    (void)self, (void)why;
    world_order(*(uint64_t *)state);
}

static troupe_err local_start(troupe_self *self, void *state, const void *arg) {
    (void)self;
    *(uint64_t *)state = *(const uint64_t *)arg;
    return TROUPE_OK;
}

static troupe_err local_receive(troupe_self *self, void *state, troupe_msg **msg) {
    (void)self, (void)state, (void)msg;
    return TROUPE_OK;
}

static const troupe_behaviour local = {.name = "local",
                                       .state_size = sizeof(uint64_t),
                                       .start = local_start,
                                       .receive = local_receive,
                                       .stop = local_stop};

ANYWHERE(far_child, a_tree_stops_its_children_in_reverse_order_wherever_they_are, SEEDS) {
    party pair[2];
    two_open(pair, tcp);
    party_meet(&pair[0], &pair[1]);
    static const struct count one = {1, 0}, three = {3, 0};
    static const uint64_t two = 2, four = 4;
    const troupe_far far[2] = {far_kid(&one, "right"), far_kid(&three, NULL)};
    const troupe_child child[] = {{.id = "1", .what = &troupe_far_child, .arg = &far[0]},
                                  {.id = "2", .what = &local, .arg = &two},
                                  {.id = "3", .what = &troupe_far_child, .arg = &far[1]},
                                  {.id = "4", .what = &local, .arg = &four}};
    const troupe_supervision all = {
        .child = child, .children = 4, .strategy = TROUPE_ONE_FOR_ALL, .max_restarts = 3};
    troupe_ref top;
    cr_assert_eq(troupe_supervise(pair[0].rt, &all, PATIENCE_MS, &top), TROUPE_OK);
    cr_assert_eq(troupe_stop(pair[0].rt, top), TROUPE_OK);
    SCENE_AWAIT(troupe_mailbox(pair[0].rt, top, NULL, NULL) == TROUPE_GONE);
    cr_assert_eq(world.orders, 4u);
    for (size_t i = 0; i < 4; i++) cr_assert_eq(world.order[i], 4 - i);
    two_close(pair);
}

/* The faults are those of simulated networks. */
SIMULATED(far_child, three_children_on_three_nodes_survive_what_happens_and_never_live_twice, 200) {
    (void)tcp;
    static const struct count number[3] = {{0, 0}, {1, 0}, {2, 0}};
    static const char *const name[3] = {"one", "two", "three"};
    party home, node[3];
    world_open();
    far_open(&home, "left", false);
    troupe_far far[3];
    troupe_child child[3];
    for (size_t i = 0; i < 3; i++) {
        far_open_host(&node[i], name[i], false);
        cr_assert_eq(troupe_keep_connected(home.node, node[i].url), TROUPE_OK);
        far[i] = far_kid(&number[i], NULL);
        far[i].wait_ms = 20000;
        child[i] = (troupe_child){
            .id = name[i], .what = &troupe_far_child, .arg = &far[i], .backoff_ms = 50};
    }
    const troupe_supervision all = {.child = child, .children = 3, .max_restarts = 1000};
    troupe_ref top;
    cr_assert_eq(troupe_supervise(home.rt, &all, PATIENCE_MS, &top), TROUPE_OK);
    scene_sim->faults.chance =
        (troupe_faults){.disconnect = 1000, .part = 300, .stall = 100, .late_ms = 100};
    troupe_sim_run(scene_sim, 20000);
    troupe_sim_calm(scene_sim);
    troupe_sim_run(scene_sim, 15000);
    for (size_t i = 0; i < 3; i++) cr_assert_eq(world_alive(i), 1u, "kid %zu", i);
    cr_assert_eq(world.twice, 0u);
    for (size_t i = 0; i < 3; i++) party_close(&node[i]);
    party_close(&home);
    for (size_t i = 0; i < 3; i++) cr_assert_eq(world_alive(i), 0u);
    world_close();
}
