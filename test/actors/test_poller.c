#include "actors/poller.h"

#include <criterion/criterion.h>

#include "actors/runtime.h"
#include "base/place.h"
#include "test/support/stage.h"

TestSuite(poller, .timeout = 60);

/* Something outside that says what it is told to say. */
typedef struct source {
    tr_polled polled;
    tr_looked says;
    unsigned looks, waits;
} source;

static tr_looked look(tr_polled *it) {
    source *from = TR_OWNER(it, source, polled);
    from->looks++;
    return from->says;
}

static void await(tr_polled *it) {
    TR_OWNER(it, source, polled)->waits++;
}

static source source_that(tr_looked says) {
    return (source){.polled = {.look = look, .wait = await}, .says = says};
}

static tr_poller poller;

static void leave(source *from) {
    tr_list_init(&from->polled.of_poller);
    cr_assert(tr_poller_put(&poller, &from->polled));
}

static void open_poller(void) {
    tr_poller_init(&poller);
    tr_poller_open(&poller);
}

Test(poller, nothing_can_be_left_before_somebody_looks) {
    source from = source_that(TR_LOOKED_NOTHING);
    tr_list_init(&from.polled.of_poller);
    tr_poller_init(&poller);
    cr_expect_not(tr_poller_put(&poller, &from.polled));
    tr_poller_open(&poller);
    cr_expect_not(tr_poller_has(&poller));
    cr_expect(tr_poller_put(&poller, &from.polled));
    cr_expect(tr_poller_has(&poller));
    tr_poller_close(&poller);
    cr_expect_not(tr_poller_has(&poller));
    cr_expect_eq(from.waits, 1);
    cr_expect_not(tr_poller_put(&poller, &from.polled));
    tr_poller_fini(&poller);
}

Test(poller, each_is_looked_at_once_and_stays_until_it_has_said_its_last) {
    source nothing = source_that(TR_LOOKED_NOTHING), found = source_that(TR_LOOKED_FOUND);
    source last = source_that(TR_LOOKED_LAST);
    open_poller();
    cr_expect_not(tr_poller_look(&poller));
    leave(&nothing);
    cr_expect_not(tr_poller_look(&poller));
    leave(&last);
    cr_expect(tr_poller_look(&poller), "what has ended may have brought something before");
    leave(&found);
    cr_expect(tr_poller_look(&poller));
    cr_expect_eq(nothing.looks, 3);
    cr_expect_eq(last.looks, 1);
    cr_expect_eq(found.looks, 1);
    tr_poller_close(&poller);
    cr_expect_eq(nothing.waits + found.waits, 2);
    cr_expect_eq(last.waits, 0, "it is its owner's");
    tr_poller_fini(&poller);
}

Test(poller, who_is_quiet_is_given_back_and_who_is_not_stays) {
    source quiet = source_that(TR_LOOKED_NOTHING), busy = source_that(TR_LOOKED_FOUND);
    open_poller();
    leave(&quiet);
    leave(&busy);
    for (int i = 0; i < 1000; i++) cr_expect(tr_poller_look(&poller));
    cr_expect_eq(quiet.waits, 1);
    cr_expect_lt(quiet.looks, 100);
    cr_expect_eq(busy.looks, 1000);
    cr_expect_eq(busy.waits, 0);
    quiet.looks = 0;
    leave(&quiet); /* it has no looks in vain to its name again */
    cr_expect(tr_poller_look(&poller));
    cr_expect_eq(quiet.waits, 1);
    tr_poller_close(&poller);
    cr_expect_eq(quiet.waits, 2);
    tr_poller_fini(&poller);
}

Test(poller, there_is_room_for_a_few) {
    source from[9];
    open_poller();
    for (int i = 0; i < 9; i++) {
        from[i] = source_that(TR_LOOKED_NOTHING);
        tr_list_init(&from[i].polled.of_poller);
        cr_expect_eq(tr_poller_put(&poller, &from[i].polled), i < 8);
    }
    tr_poller_close(&poller);
    for (int i = 0; i < 9; i++) cr_expect_eq(from[i].waits, i < 8);
    tr_poller_fini(&poller);
}

Test(poller, if_nobody_looks_all_is_given_back_and_nothing_can_be_left) {
    source from = source_that(TR_LOOKED_NOTHING);
    open_poller();
    leave(&from);
    (void)tr_poller_look(&poller);
    tr_poller_watch(&poller);
    cr_expect_eq(from.waits, 0, "somebody has looked since the last time");
    tr_poller_watch(&poller);
    cr_expect_eq(from.waits, 1);
    cr_expect_not(tr_poller_put(&poller, &from.polled));
    tr_poller_open(&poller);
    cr_expect(tr_poller_put(&poller, &from.polled));
    tr_poller_close(&poller);
    tr_poller_fini(&poller);
}

/* Closes the poller while it is looked at. */
static tr_looked close_in_a_look(tr_polled *it) {
    tr_poller_close(&poller);
    return look(it);
}

Test(poller, a_look_that_outlasts_the_closing_gives_back_what_it_has_in_hand) {
    source from = source_that(TR_LOOKED_FOUND), other = source_that(TR_LOOKED_NOTHING);
    from.polled.look = close_in_a_look;
    open_poller();
    leave(&from);
    leave(&other);
    cr_expect(tr_poller_look(&poller));
    cr_expect_eq(from.waits, 1);
    cr_expect_eq(other.waits, 1);
    cr_expect_not(tr_poller_put(&poller, &from.polled));
    tr_poller_fini(&poller);
}

/* --- By workers ------------------------------------------------------------------------------- */

static tr_atomic32 accepted, looked, in_a_callback, waited;

static tr_looked look_for_real(tr_polled *it) {
    (void)it;
    if (tr_place_now().runtime) tr_store32_seq(&in_a_callback, 1);
    tr_store32_seq(&looked, 1);
    return TR_LOOKED_LAST;
}

static void await_for_real(tr_polled *it) {
    (void)it;
    tr_store32_seq(&waited, 1);
}

static tr_polled real;

static void make_real(void) {
    real = (tr_polled){.look = look_for_real, .wait = await_for_real};
    tr_list_init(&real.of_poller);
}

static troupe_err nothing(troupe_self *self, void *state, troupe_msg **msg) {
    (void)self;
    (void)state;
    (void)msg;
    return TROUPE_OK;
}

static const troupe_behaviour idle = {.name = "idle", .receive = nothing};

static const troupe_type nudge_type = TROUPE_SIGNAL_TYPE("nudge");

/* Has a worker be awake; if the mailbox is full one is. */
static void nudge(troupe *rt, troupe_ref who) {
    troupe_msg *msg;
    cr_assert_eq(troupe_make(rt, &nudge_type, NULL, &msg), TROUPE_OK);
    troupe_err err = troupe_post(rt, who, &msg);
    cr_assert(err == TROUPE_OK || err == TROUPE_FULL);
    troupe_drop(&msg);
}

Test(poller, workers_about_to_sleep_look_as_if_in_plain_code) {
    if (tr_cores() < 2) cr_skip_test("there is no core to look on");
    troupe *rt = stage_open(2);
    troupe_ref who;
    cr_assert_eq(troupe_spawn(rt, &idle, NULL, &who), TROUPE_OK);
    make_real();
    for (unsigned n = 0; n < 100; n++) {
        tr_store32_seq(&looked, 0);
        tr_store32_seq(&waited, 0);
        do nudge(rt, who);
        while (!tr_port_poll(rt, &real));
        while (!tr_load32_seq(&looked) && !tr_load32_seq(&waited)) sched_yield();
    }
    cr_expect_not(tr_load32_seq(&in_a_callback));
    stage_close();
}

/* Leaves it to the workers, of which this one is the only one that is awake, and goes on until it
 * is waited for. */
static troupe_err leave_and_go_on(troupe_self *self, void *state, troupe_msg **msg) {
    (void)state;
    (void)msg;
    if (!tr_port_poll(troupe_runtime(self), &real)) return TROUPE_OK; /* then once more */
    tr_store32_seq(&accepted, 1);
    while (!tr_load32_seq(&waited)) sched_yield();
    return TROUPE_OK;
}

Test(poller, it_is_waited_for_if_the_workers_have_other_things_to_do) {
    if (tr_cores() < 2) cr_skip_test("there is no core to look on");
    troupe *rt = stage_open(1);
    const troupe_behaviour busy = {.name = "busy", .receive = leave_and_go_on};
    troupe_ref who;
    cr_assert_eq(troupe_spawn(rt, &busy, NULL, &who), TROUPE_OK);
    make_real();
    while (!tr_load32_seq(&accepted)) { /* now and then it lingers, and something may be left */
        nudge(rt, who);
        sched_yield();
    }
    while (!tr_load32_seq(&waited)) sched_yield();
    cr_expect_not(tr_load32_seq(&looked));
    stage_close();
}

/* Does not return before somebody has run. */
static tr_atomic32 in_a_look, ran;

static tr_looked look_until_somebody_ran(tr_polled *it) {
    (void)it;
    tr_store32_seq(&in_a_look, 1);
    while (!tr_load32_seq(&ran)) sched_yield();
    return TR_LOOKED_LAST;
}

static troupe_err run(troupe_self *self, void *state, troupe_msg **msg) {
    (void)self;
    (void)state;
    (void)msg;
    tr_store32_seq(&ran, 1);
    return TROUPE_OK;
}

Test(poller, a_look_that_does_not_return_holds_nobody_up) {
    if (tr_cores() < 2) cr_skip_test("there is no core to look on");
    const troupe_behaviour runner = {.name = "runner", .receive = run};
    for (int round = 0; round < 10; round++) {
        troupe *rt = stage_open(1); /* so what runs has its home where somebody looks */
        troupe_ref who, other;
        cr_assert_eq(troupe_spawn(rt, &idle, NULL, &who), TROUPE_OK);
        cr_assert_eq(troupe_spawn(rt, &runner, NULL, &other), TROUPE_OK);
        make_real();
        real.look = look_until_somebody_ran;
        tr_store32_seq(&in_a_look, 0);
        tr_store32_seq(&ran, 0);
        while (!tr_load32_seq(&in_a_look)) {
            tr_store32_seq(&waited, 0);
            nudge(rt, who);
            if (!tr_port_poll(rt, &real)) continue;
            while (!tr_load32_seq(&in_a_look) && !tr_load32_seq(&waited)) sched_yield();
        }
        nudge(rt, other);
        while (!tr_load32_seq(&ran)) sched_yield();
        stage_close();
    }
}

Test(poller, where_nobody_looks_nothing_can_be_left) {
    troupe *rt = stage_open(TROUPE_STEPPED);
    make_real();
    cr_expect_not(tr_port_poll(rt, &real));
    stage_close();
}
