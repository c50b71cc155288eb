/* What is urgent goes first also at another node, in order, by the bound and the credit of all. */
#include "test/transport/delivery_scene.h"

TestSuite(node_urgent, .timeout = 120, .fini = scene_say_seed);

/* Lets all others go on, also by priorities. */
static void let_go_on(void) {
    if (scene_sim)
        troupe_sim_run(scene_sim, 1);
    else
        tr_thread_yield();
}

ANYWHERE(node_urgent, what_is_urgent_goes_first_and_in_order, 50) {
    world *w = world_open(tcp, 64, true);
    notes_shut(w->all, true);
    put(w, 0, urgent); /* in hand, or the first */
    put(w, 1, plain);
    put(w, 2, plain);
    put(w, 3, urgent);
    put(w, 4, plain);
    put(w, 5, (troupe_delivery){.urgent = true, .within_ms = FOR_EVER});
    put(w, 6, (troupe_delivery){.urgent = true, .promise = TROUPE_ACKNOWLEDGED});
    arrive(w);
    notes_shut(w->all, false);
    EXPECT(w, 0, 3, 5, 6, 1, 2, 4);
    balance(w, 7, 0);
    world_close(w);
}

ANYWHERE(node_urgent, to_who_does_not_consent_it_is_any_message, 50) {
    world *w = world_open(tcp, 2, false); /* most wait for room */
    notes_shut(w->all, true);
    for (uint64_t n = 0; n < 8; n++) put(w, n, n % 2 ? urgent : plain);
    arrive(w);
    notes_shut(w->all, false);
    EXPECT(w, 0, 1, 2, 3, 4, 5, 6, 7);
    balance(w, 8, 0);
    world_close(w);
}

/* What waits for room at the other node waits in two lines, too. */
ANYWHERE(node_urgent, what_is_urgent_does_not_wait_for_room_behind_what_is_not, 50) {
    enum { ALL = 12 };
    world *w = world_open(tcp, 2, true);
    notes_shut(w->all, true);
    for (uint64_t n = 0; n < ALL; n++) put(w, n, n == 0 || n >= 9 ? urgent : plain);
    arrive(w);
    notes_shut(w->all, false);
    notes_await(w->all, ALL);
    for (uint64_t n = 1; n < ALL - 1; n++)
        if (n != 8) cr_assert_lt(place_of(w, n), place_of(w, n + 1), "%d", (int)n);
    cr_assert_lt(place_of(w, 11), place_of(w, 4), "before all that was not in the mailbox");
    cr_assert_eq(notes_count(w->all), (size_t)ALL);
    balance(w, ALL, 0);
    world_close(w);
}

/* Credit is neither lost nor made, the bound holds, and each is handled once. */
ANYWHERE(node_urgent, the_bound_and_the_credit_hold, 50) {
    enum { ALL = 300, BOUND = 4 };
    world *w = world_open(tcp, BOUND, true);
    uint32_t waiting = 0;
    for (uint64_t n = 0, until = patience(); n < ALL;) {
        cr_assert_lt(scene_clock(), until);
        if (n % 100 == 50) notes_shut(w->all, true);
        const troupe_err err = try_to_send(w, n, n % 3 ? plain : urgent);
        cr_assert(!err || err == TROUPE_FULL);
        n += !err;
        if (err) notes_shut(w->all, false);
        if (err) let_go_on();
        cr_assert_eq(troupe_mailbox(w->pair[1].rt, w->to, &waiting, NULL), TROUPE_OK);
        cr_assert_leq(waiting, (uint32_t)BOUND);
    }
    notes_shut(w->all, false);
    notes_await(w->all, ALL);
    uint64_t next[2] = {0, 1}; /* urgent, and not */
    for (size_t i = 0; i < ALL; i++) {
        const uint64_t n = w->all->note[i].n;
        uint64_t *of = &next[n % 3 != 0];
        cr_assert_eq(n, *of, "in order, and once");
        *of += n % 3 == 1 ? 1 : n % 3 == 2 ? 2 : 3;
    }
    arrive(w);
    cr_assert_eq(notes_count(w->all), (size_t)ALL);
    balance(w, ALL, 0);
    world_close(w);
}

/* One in parts that is urgent keeps its place among those. */
SIMULATED(node_urgent, what_is_urgent_and_large_is_not_passed_by_what_is_urgent, 100) {
    enum { ALL = 10 };
    (void)tcp;
    world *w = world_open(false, 2, true);
    notes_shut(w->all, true);
    for (uint64_t n = 0; n < ALL; n++) {
        if (n == 6) put_large(w, n, urgent);
        if (n != 6) put(w, n, n == 8 ? urgent : plain);
    }
    arrive(w);
    if (scene_seed % 2) troupe_sim_run(scene_sim, 1000); /* all of it is there */
    notes_shut(w->all, false);
    notes_await(w->all, ALL);
    cr_assert_lt(place_of(w, 6), place_of(w, 8));
    cr_assert_lt(place_of(w, 6), place_of(w, 7));
    if (scene_seed % 2) cr_assert_lt(place_of(w, 8), place_of(w, 4));
    balance(w, ALL, 0);
    world_close(w);
}

/* What is told to be in the mailbox is, though others were there before it. */
SIMULATED(node_urgent, what_is_acknowledged_is_in_the_mailbox, 200) {
    enum { ALL = 12 };
    (void)tcp;
    world *w = world_open(false, 2, true);
    notes_shut(w->all, true);
    for (uint64_t n = 0; n < ALL; n++)
        put(w, n, n % 4 == 3 ? urgent : (troupe_delivery){.promise = TROUPE_ACKNOWLEDGED});
    arrive(w);
    notes_shut(w->all, false);
    for (uint64_t steps = scene_seed; steps > 0; steps--) (void)troupe_sim_step(scene_sim);
    troupe_sim_disconnect(scene_sim, w->pair[0].rt, w->pair[1].rt);
    SCENE_AWAIT(told.count == ALL - ALL / 4);
    troupe_sim_run(scene_sim, 1000);
    for (uint64_t n = 0; n < ALL; n++) {
        cr_assert_eq(told.times[n], n % 4 == 3 ? 0u : 1u);
        if (told.times[n] && told.why[n] == TROUPE_OK) (void)place_of(w, n);
    }
    world_close(w);
}

/* What is told to have come too late for its receiver was not handled. */
SIMULATED(node_urgent, what_is_told_gone_was_not_handled, 200) {
    enum { ALL = 12 };
    (void)tcp;
    world *w = world_open(false, 2, true);
    notes_shut(w->all, true);
    for (uint64_t n = 0; n < ALL; n++)
        put(w, n, (troupe_delivery){.urgent = n % 2, .promise = TROUPE_ACKNOWLEDGED});
    arrive(w);
    notes_shut(w->all, false);
    for (uint64_t steps = scene_seed; steps > 0; steps--) (void)troupe_sim_step(scene_sim);
    cr_assert_eq(troupe_kill(w->pair[1].rt, w->to), TROUPE_OK);
    SCENE_AWAIT(told.count == ALL);
    for (size_t i = 0; i < w->all->used; i++)
        cr_assert_eq(told.why[w->all->note[i].n], TROUPE_OK, "%d", (int)w->all->note[i].n);
    world_close(w);
}

static void try_to_connect(world *w) {
    troupe_err err = troupe_connect(w->pair[0].node, w->pair[1].url, 500);
    cr_assert(!err || err == TROUPE_TIMEOUT || err == TROUPE_REFUSED, "%s", troupe_errname(err));
}

/* Its number has to go up: so it does not go past others before it is in the mailbox. */
SIMULATED(node_urgent, what_is_urgent_and_redelivered_is_there_once, 200) {
    enum { ALL = 60 };
    (void)tcp;
    world *w = world_open(false, 2, true);
    for (uint64_t n = 0; n < ALL;) {
        const troupe_promise promise = n % 3 ? TROUPE_REDELIVERED : TROUPE_AT_MOST_ONCE;
        const uint64_t chance = troupe_sim_choose(scene_sim, 20);
        if (chance < 2) notes_shut(w->all, chance == 0);
        const troupe_err err = try_to_send(w, n, (troupe_delivery){n % 2, 0, promise, 0});
        n += !err;
        if (err) notes_shut(w->all, false);
        if (chance == 2) troupe_sim_disconnect(scene_sim, w->pair[0].rt, w->pair[1].rt);
        if (err == TROUPE_NOCONNECTION) try_to_connect(w);
        if (err || chance > 10) let_go_on();
    }
    notes_shut(w->all, false);
    party_meet(&w->pair[0], &w->pair[1]);
    SCENE_AWAIT(told.count == ALL - ALL / 3);
    troupe_sim_run(scene_sim, 1000);
    size_t times[ALL] = {0};
    for (size_t i = 0; i < w->all->used; i++) times[w->all->note[i].n]++;
    for (uint64_t n = 0; n < ALL; n++) {
        cr_assert_leq(times[n], 1u, "%d came twice", (int)n);
        if (n % 3) cr_assert(times[n] == 1 && told.why[n] == TROUPE_OK, "%d is lost", (int)n);
    }
    world_close(w);
}
