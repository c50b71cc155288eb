/* State machines: states of their own, what is set aside in one comes again in the next. */
#include <criterion/criterion.h>
#include <string.h>
#include <troupe/machine.h>
#include <troupe/observe.h>

#include "test/support/everywhere.h"
#include "test/support/exhaust.h"
#include "test/support/family.h"
#include "test/support/nothing.h"
#include "test/support/stage.h"

TestSuite(machine, .timeout = 120);

/* A connection: what is sent while it is not open is put off. */
enum {
    OPEN = 1,
    SHUT,
    TIME_OUT, /* the state's */
    AGAIN,    /* to the state that it is in */
    BOTH,     /* is put off, and then opens it */
    SEND = 100,
    FAIL = 200
};

static const troupe_state shut, open;
static bool fails_to_enter;

static troupe_err to_open(troupe_self *self, void *state) {
    uint32_t *times = state;
    troupe_msg *msg = cue_make(CUE_SAY, TIME_OUT, TROUPE_NOBODY);
    stage_say("open%u", ++*times);
    cr_assert_eq(troupe_state_of(self), &open);
    cr_assert_eq(troupe_transition(self, &shut), TROUPE_INVALID, "not in an enter");
    if (fails_to_enter) {
        troupe_drop(&msg);
        return troupe_fail(self, TROUPE_USER, "as told");
    }
    return troupe_state_timeout(self, 10, &msg);
}

static troupe_err in_open(troupe_self *self, void *state, troupe_msg **msg) {
    (void)state;
    uint32_t n = cue_n(*msg);
    switch (n) {
    case OPEN:
        stage_say("is(%s)", troupe_state_of(self)->name);
        return TROUPE_OK;
    case SHUT:
        return troupe_transition(self, &shut);
    case TIME_OUT:
        stage_say("idle");
        return troupe_transition(self, &shut);
    case AGAIN:
        stage_say("stays(%u)", troupe_stashed(self));
        return troupe_transition(self, &open);
    case FAIL:
        return TROUPE_USER;
    default:
        stage_say("sent(%u)", n);
        return TROUPE_OK;
    }
}

static troupe_err in_shut(troupe_self *self, void *state, troupe_msg **msg) {
    (void)state;
    switch (cue_n(*msg)) {
    case OPEN:
        return troupe_transition(self, &open);
    case SHUT:
        return TROUPE_OK;
    case TIME_OUT:
        stage_say("late");
        return TROUPE_OK;
    case BOTH:
        cr_assert_eq(troupe_stash(self, msg), TROUPE_OK);
        return troupe_transition(self, &open);
    case FAIL:
        return TROUPE_USER;
    default:
        return troupe_stash(self, msg);
    }
}

static const troupe_state shut = {"shut", .receive = in_shut};
static const troupe_state open = {"open", .enter = to_open, .receive = in_open};

static troupe_err start(troupe_self *self, void *state, const void *arg) {
    (void)state, (void)arg;
    troupe_msg *msg = cue_make(CUE_SAY, TIME_OUT, TROUPE_NOBODY);
    static const troupe_state none = {.name = "none"};
    cr_assert_null(troupe_state_of(self));
    cr_assert_eq(troupe_state_timeout(self, 1, &msg), TROUPE_INVALID);
    cr_assert_eq(troupe_end_state_timeout(self), TROUPE_NOTFOUND);
    cr_assert_not_null(msg);
    troupe_drop(&msg);
    cr_assert_eq(troupe_transition(self, NULL), TROUPE_INVALID);
    cr_assert_eq(troupe_transition(self, &none), TROUPE_INVALID);
    stage_say("start");
    return troupe_transition(self, &shut);
}

static troupe_err never(troupe_self *self, void *state, troupe_msg **msg) {
    (void)self, (void)state, (void)msg;
    cr_assert(false, "it is in a state from its start on");
    return TROUPE_OK;
}

static const troupe_behaviour connection = {.name = "connection",
                                            .state_size = sizeof(uint32_t),
                                            .mailbox_limit = 8,
                                            .start = start,
                                            .receive = never};

static void tell(troupe_ref to, uint32_t n) {
    cue(to, CUE_SAY, n);
}

static troupe_ref open_connection(unsigned workers) {
    troupe_child child = {.id = "c", .name = "c", .what = &connection};
    fails_to_enter = false;
    (void)stage_open(workers);
    (void)family(&child, 1, TROUPE_UNLIMITED, 0);
    return stage_find("c");
}

Everywhere(machine, what_is_put_off_comes_in_the_next_state_in_order) {
    troupe_ref who = open_connection(workers);
    for (uint32_t i = 1; i <= 3; i++) tell(who, SEND + i);
    tell(who, OPEN);
    tell(who, SEND + 4);
    stage_expect("start open1 sent(101) sent(102) sent(103) sent(104)");
    tell(who, OPEN);
    stage_expect("is(open)");
    stage_close();
}

/* Postponed, and then a transition in the same callback: it comes in the new state. */
Everywhere(machine, a_message_that_is_put_off_may_make_a_transition) {
    troupe_ref who = open_connection(workers);
    tell(who, SEND + 1);
    tell(who, BOTH);
    stage_expect("start open1 sent(101) sent(5)");
    stage_close();
}

Simulated(machine, the_state_that_it_is_in_is_not_entered_again) {
    troupe_ref who = open_connection(STAGE_SIMULATED);
    tell(who, OPEN);
    stage_expect("start open1");
    stage_advance(8);
    tell(who, AGAIN);
    stage_expect("stays(0)");
    stage_advance(3); /* its time-out was not set anew */
    stage_expect("idle");
    stage_close();
}

Simulated(machine, a_time_out_ends_with_its_state) {
    troupe_ref who = open_connection(STAGE_SIMULATED);
    tell(who, OPEN);
    tell(who, SHUT);
    stage_expect("start open1");
    stage_advance(20);
    tell(who, OPEN);
    stage_expect("open2");
    stage_advance(9);
    stage_expect("");
    stage_advance(2);
    stage_expect("idle");
    stage_close();
}

/* It has fired, and waits behind what leaves the state. */
Test(machine, also_when_it_is_in_the_mailbox_already) {
    troupe_ref who;
    fails_to_enter = false;
    (void)stage_open(TROUPE_STEPPED);
    cr_assert_eq(troupe_spawn(stage_rt(), &connection, NULL, &who), TROUPE_OK);
    tell(who, OPEN);
    stage_expect("start open1");
    tell(who, SHUT);
    tell(who, SEND + 1);
    *stage_clock() += 50 * UINT64_C(1000000);
    stage_expect("");
    tell(who, OPEN);
    stage_expect("open2 sent(101)");
    stage_close();
}

Everywhere(machine, a_restart_begins_anew_and_has_what_was_put_off) {
    troupe_ref who = open_connection(workers);
    tell(who, OPEN);
    tell(who, SHUT);
    tell(who, SEND + 1);
    tell(who, FAIL);
    stage_expect("start open1 start");
    tell(who, OPEN);
    stage_expect("open1 sent(101)");
    stage_close();
}

/* The life is over; what was put off is there in the next one. */
Simulated(machine, an_enter_that_fails_fails_the_actor) {
    troupe_ref who = open_connection(STAGE_SIMULATED);
    tell(who, SEND + 1);
    stage_expect("start");
    fails_to_enter = true;
    tell(who, OPEN);
    stage_expect("open1 start");
    fails_to_enter = false;
    tell(who, OPEN);
    stage_expect("open1 sent(101)");
    cr_assert_eq(stage_dead_letters(), 1);
    stage_close();
}

/* --- Time-outs ------------------------------------------------------------------------------- */

static troupe_err in_lobby(troupe_self *self, void *state, troupe_msg **msg) {
    (void)state;
    troupe_msg *out = cue_make(CUE_SAY, TIME_OUT, TROUPE_NOBODY), *none = NULL;
    uint32_t n = cue_n(*msg);
    if (n == TIME_OUT) {
        stage_say("out(%s)", troupe_errname(troupe_end_state_timeout(self)));
    } else if (n == SHUT) {
        stage_say("%s", troupe_errname(troupe_end_state_timeout(self)));
        stage_say("%s", troupe_errname(troupe_end_state_timeout(self)));
    } else {
        cr_assert_eq(troupe_state_timeout(self, n, &none), TROUPE_INVALID);
        cr_assert_eq(troupe_state_timeout(self, n, &out), TROUPE_OK);
    }
    troupe_drop(&out);
    return TROUPE_OK;
}

static troupe_err to_lobby(troupe_self *self, void *state, const void *arg) {
    static const troupe_state lobby = {"lobby", .receive = in_lobby};
    (void)state, (void)arg;
    return troupe_transition(self, &lobby);
}

Simulated(machine, a_state_has_one_time_out) {
    static const troupe_behaviour visitor = {
        .name = "visitor", .start = to_lobby, .receive = never};
    troupe_ref who;
    (void)stage_open(STAGE_SIMULATED);
    cr_assert_eq(troupe_spawn(stage_rt(), &visitor, NULL, &who), TROUPE_OK);
    tell(who, 10);
    tell(who, 20); /* in its place */
    stage_expect("");
    stage_advance(15);
    stage_expect("");
    stage_advance(6);
    stage_expect("out(NOTFOUND)");
    tell(who, 10);
    tell(who, SHUT);
    stage_expect("OK NOTFOUND");
    stage_advance(20);
    stage_expect("");
    stage_close();
}

/* --- Memory ----------------------------------------------------------------------------------- */

static troupe_err sweep(troupe_self *self, bool (*act)(troupe_self *self)) {
    bool refused = false;
    for (exhaust x = {0}; exhaust_next(&x);) {
        if (!nothing.msg) nothing.msg = cue_make(CUE_SAY, 1, TROUPE_NOBODY);
        exhaust_from(&x, stage_heap());
        bool ok = act(self);
        refused |= exhaust_to(&x);
        cr_assert(ok);
    }
    return refused ? TROUPE_OK : TROUPE_INVALID;
}

static bool enter(troupe_self *self) {
    const troupe_state *before = troupe_state_of(self);
    troupe_err err = troupe_transition(self, &shut);
    cr_assert_eq(troupe_state_of(self), err ? before : &shut);
    return err == TROUPE_OK || err == TROUPE_NOMEM;
}

static bool time_out(troupe_self *self) {
    troupe_msg *msg = nothing.msg;
    troupe_err err = troupe_state_timeout(self, 10, &msg);
    cr_assert_eq(err == TROUPE_OK, msg == NULL);
    nothing.msg = msg;
    return err == TROUPE_OK || err == TROUPE_NOMEM;
}

static troupe_err memory(troupe_self *self, void *state, troupe_msg **msg) {
    (void)state;
    bool waits = cue_n(*msg) == 2;
    nothing.msg = NULL;
    if (waits) cr_assert_eq(troupe_transition(self, &shut), TROUPE_OK);
    troupe_err err = sweep(self, waits ? time_out : enter);
    troupe_drop(&nothing.msg);
    return err;
}

static void play_without_memory(uint32_t n) {
    static const troupe_behaviour actor = {.name = "actor", .receive = memory};
    troupe_ref who;
    (void)stage_open(STAGE_SIMULATED);
    cr_assert_eq(troupe_spawn(stage_rt(), &actor, NULL, &who), TROUPE_OK);
    tell(who, n);
    (void)stage_run();
    cr_assert(stage_there(who));
    stage_close();
}

Test(oom, troupe_transition) {
    play_without_memory(1);
}

Test(oom, troupe_state_timeout) {
    play_without_memory(2);
}

static void look(void *ctx) {
    (void)ctx;
    cr_assert_null(troupe_state_of(nothing.self));
}

Test(takes_nothing, troupe_state_of) {
    (void)nothing_inside(look);
}

static void end_time_out(void *ctx) {
    (void)ctx;
    cr_assert_eq(troupe_end_state_timeout(nothing.self), TROUPE_NOTFOUND);
}

Test(takes_nothing, troupe_end_state_timeout) {
    (void)nothing_inside(end_time_out);
}
