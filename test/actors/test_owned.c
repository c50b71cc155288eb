/* Messages that own an object: it is destroyed once, wherever the message ends, or given to who
 * takes it out. */
#include <criterion/criterion.h>
#include <troupe/group.h>
#include <troupe/join.h>
#include <troupe/observe.h>
#include <troupe/owned.h>
#include <troupe/supervisor.h>
#include <troupe/topic.h>

#include "base/atomic.h"
#include "test/support/everywhere.h"
#include "test/support/exhaust.h"
#include "test/support/family.h"
#include "test/support/nothing.h"
#include "test/support/stage.h"

TestSuite(owned, .timeout = 60);

enum { THINGS = 8, MS = 10000 };

/* How often each was destroyed. */
static tr_atomic32 thing[THINGS];
static const troupe_type thing_type = TROUPE_OWNED_TYPE("thing");

static void destroy(void *object) {
    (void)tr_add32_relaxed((tr_atomic32 *)object, 1);
}

/* What an actor does with one. */
typedef enum doing { DROPS, TAKES, FAILS, ANSWERS, LEAVES, KEEPS } doing;

typedef struct hand {
    doing what;
    tr_atomic32 *taken;
    troupe_msg *kept;
} hand;

static troupe_err start(troupe_self *self, void *state, const void *arg) {
    (void)self;
    ((hand *)state)->what = *(const doing *)arg;
    return TROUPE_OK;
}

static troupe_err receive(troupe_self *self, void *state, troupe_msg **msg) {
    hand *it = state;
    cr_assert_not_null(troupe_object(*msg, &thing_type));
    switch (it->what) {
    case DROPS:
        return TROUPE_OK;
    case TAKES:
        it->taken = troupe_take_object(msg, &thing_type);
        cr_assert_null(*msg);
        return TROUPE_OK;
    case FAILS:
        return TROUPE_USER;
    case ANSWERS:
        return troupe_reply(self, msg);
    case LEAVES:
        return troupe_exit_with(self, msg);
    case KEEPS:
        it->kept = *msg;
        *msg = NULL;
        return TROUPE_OK;
    }
    return TROUPE_BADTYPE;
}

static void stop(troupe_self *self, void *state, troupe_err why) {
    hand *it = state;
    (void)self, (void)why;
    if (it->taken) cr_assert_eq(tr_add32_relaxed(it->taken, 1), 0, "nobody else has destroyed it");
    troupe_drop(&it->kept);
}

static const troupe_behaviour behaviour = {.name = "hand",
                                           .state_size = sizeof(hand),
                                           .mailbox_limit = 2,
                                           .start = start,
                                           .receive = receive,
                                           .stop = stop};

static troupe_ref enter(doing what) {
    troupe_ref who;
    cr_assert_eq(troupe_spawn(stage_rt(), &behaviour, &what, &who), TROUPE_OK);
    return who;
}

static troupe_msg *make(unsigned n) {
    troupe_msg *msg = NULL;
    troupe_err err = troupe_make_owned(stage_rt(), &thing_type, &thing[n], destroy, &msg);
    cr_assert_eq(err, TROUPE_OK);
    return msg;
}

static troupe_err post(troupe_ref to, unsigned n) {
    troupe_msg *msg = make(n);
    troupe_err err = troupe_post(stage_rt(), to, &msg);
    cr_assert_eq(msg == NULL, !err);
    troupe_drop(&msg);
    return err;
}

/* Each of the first `n` things was destroyed, once. */
static void expect_destroyed(unsigned n) {
    for (unsigned i = 0; i < THINGS; i++) {
        cr_assert_eq(tr_load32_relaxed(&thing[i]), i < n, "thing %u: %u times", i,
                     tr_load32_relaxed(&thing[i]));
        tr_store32_relaxed(&thing[i], 0);
    }
}

Everywhere(owned, it_goes_with_the_message_that_was_handled_or_with_the_state) {
    (void)stage_open(workers);
    troupe_msg *msg;
    troupe_ref who[] = {enter(DROPS), enter(TAKES), enter(KEEPS), enter(FAILS)};
    for (unsigned i = 0; i < 4; i++) cr_assert_eq(post(who[i], i), TROUPE_OK);
    msg = make(4);
    cr_assert_eq(troupe_ask(stage_rt(), enter(ANSWERS), &msg, MS), TROUPE_OK);
    cr_assert_eq(tr_load32_relaxed(&thing[4]), 0);
    cr_assert_eq(troupe_take_object(&msg, &thing_type), &thing[4], "it has come back");
    destroy(&thing[4]);
    stage_close();
    expect_destroyed(5);
}

Everywhere(owned, it_goes_with_what_an_actor_leaves) {
    (void)stage_open(workers);
    troupe_handle handle[2];
    const doing leaves = LEAVES;
    for (unsigned i = 0; i < 2; i++) {
        cr_assert_eq(troupe_spawn_handle(stage_rt(), &behaviour, &leaves, &handle[i]), TROUPE_OK);
        cr_assert_eq(post(handle[i].who, i), TROUPE_OK);
    }
    troupe_msg *result;
    cr_assert_eq(troupe_join_handle(stage_rt(), &handle[0], MS, NULL, &result), TROUPE_OK);
    cr_assert_eq(troupe_object(result, &thing_type), &thing[0]);
    troupe_drop(&result);
    troupe_drop_handle(stage_rt(), &handle[1]);
    stage_close();
    expect_destroyed(2);
}

/* --- Messages that nobody handles ------------------------------------------------------------- */

static troupe_msg *seen;

static void see(void *ctx, const troupe_dead_letter *letter, troupe_msg **msg) {
    (void)ctx;
    cr_assert_str_eq(letter->type, "thing");
    cr_assert_null(letter->bytes, "there are none of it");
    if (letter->reason != TROUPE_DEAD_FAILED || seen) return;
    seen = *msg;
    *msg = NULL;
}

Test(owned, who_is_refused_has_it_still) {
    troupe *rt = stage_open(STAGE_SIMULATED);
    troupe_ref who = enter(DROPS);
    for (unsigned i = 0; i < 2; i++) cr_assert_eq(post(who, i), TROUPE_OK);
    troupe_msg *msg = make(2);
    cr_assert_eq(troupe_post(rt, who, &msg), TROUPE_FULL);
    cr_assert_eq(tr_load32_relaxed(&thing[2]), 0);
    (void)stage_run();
    cr_assert_eq(troupe_kill(rt, who), TROUPE_OK);
    (void)stage_run();
    cr_assert_eq(troupe_post(rt, who, &msg), TROUPE_GONE);
    cr_assert_eq(troupe_object(msg, &thing_type), &thing[2]);
    troupe_drop(&msg);
    expect_destroyed(3);
    stage_close();
}

Test(owned, it_goes_with_a_dead_letter_unless_that_is_taken) {
    troupe *rt = stage_open_as((troupe_config){.workers = STAGE_SIMULATED, .dead_letter = see});
    troupe_ref fails = enter(FAILS), again = enter(FAILS), stopped = enter(DROPS);
    cr_assert_eq(post(fails, 0), TROUPE_OK);
    (void)stage_run();
    cr_assert_not_null(seen);
    cr_assert_eq(post(again, 1), TROUPE_OK);
    cr_assert_eq(post(stopped, 2), TROUPE_OK);
    cr_assert_eq(troupe_stop(rt, stopped), TROUPE_OK);
    (void)stage_run();
    cr_assert_eq(tr_load32_relaxed(&thing[0]), 0, "somebody has taken it");
    troupe_drop(&seen);
    expect_destroyed(3);
    stage_close();
}

Test(owned, it_goes_with_what_is_dropped_and_with_what_is_left_at_the_close) {
    (void)stage_open(STAGE_SIMULATED);
    const doing drops = DROPS;
    troupe_behaviour lossy = behaviour;
    lossy.overflow = TROUPE_DROP_OLDEST;
    lossy.mailbox_limit = 1;
    troupe_ref who;
    cr_assert_eq(troupe_spawn(stage_rt(), &lossy, &drops, &who), TROUPE_OK);
    for (unsigned i = 0; i < 4; i++) cr_assert_eq(post(who, i), TROUPE_OK);
    for (unsigned i = 0; i < 4; i++)
        cr_assert_eq(tr_load32_relaxed(&thing[i]), i < 3, "the last one waits");
    stage_close();
    expect_destroyed(4);
}

Test(owned, it_is_tried_again_flushed_and_quarantined_like_any_other) {
    const doing fails = FAILS;
    for (unsigned flush = 0; flush < 2; flush++) {
        troupe *rt = stage_open_as((troupe_config){.workers = STAGE_SIMULATED, .dead_letter = see});
        seen = (troupe_msg *)1; /* it takes none */
        const troupe_child child = {.id = "a",
                                    .name = "a",
                                    .what = &behaviour,
                                    .arg = &fails,
                                    .flush = flush,
                                    .poison_after = flush ? 0 : 3};
        troupe_ref root = family(&child, 1, TROUPE_UNLIMITED, 0), who = stage_find("a");
        for (unsigned i = 0; i < 2; i++) cr_assert_eq(post(who, i), TROUPE_OK);
        (void)stage_run();
        troupe_account all;
        troupe_account_all(rt, &all);
        cr_assert_eq(all.dead[TROUPE_DEAD_QUARANTINED], flush ? 0 : 2);
        cr_assert_eq(all.dead[TROUPE_DEAD_FLUSHED], flush ? 1 : 0);
        expect_destroyed(2);
        family_stop(root);
        stage_close();
    }
}

/* --- Shared ----------------------------------------------------------------------------------- */

Test(owned, it_goes_with_the_last_of_a_group_and_with_the_value_of_a_topic) {
    troupe *rt = stage_open(STAGE_SIMULATED);
    troupe_reach reach;
    for (unsigned i = 0; i < 3; i++)
        cr_assert_eq(troupe_join_group(rt, enter(DROPS), "all"), TROUPE_OK);
    troupe_msg *msg = make(0), *value;
    cr_assert_eq(troupe_post_group(rt, "all", &msg, &reach), TROUPE_OK);
    cr_assert_eq(reach.reached, 3);
    cr_assert_eq(tr_load32_relaxed(&thing[0]), 0);
    (void)stage_run();
    cr_assert_eq(tr_load32_relaxed(&thing[0]), 1);
    msg = make(1);
    cr_assert_eq(troupe_set_value(rt, "it", &msg, NULL), TROUPE_OK);
    cr_assert_eq(troupe_value(rt, "it", &value), TROUPE_OK);
    cr_assert_null(troupe_take_object(&value, &thing_type), "the topic has it too");
    cr_assert_eq(troupe_clear_value(rt, "it"), TROUPE_OK);
    cr_assert_eq(troupe_take_object(&value, &thing_type), &thing[1]);
    cr_assert_eq(tr_load32_relaxed(&thing[1]), 0);
    destroy(&thing[1]);
    stage_close();
    expect_destroyed(2);
}

/* --- Memory ----------------------------------------------------------------------------------- */

static troupe_err make_one(void *ctx) {
    troupe_msg *msg = (troupe_msg *)1;
    (void)ctx;
    troupe_err err = troupe_make_owned(stage_rt(), &thing_type, &thing[0], destroy, &msg);
    cr_assert_eq(msg == NULL, err != TROUPE_OK);
    if (err) cr_assert_eq(tr_load32_relaxed(&thing[0]), 0, "it is still the caller's");
    troupe_drop(&msg);
    if (!err) expect_destroyed(1);
    return err;
}

Test(oom, troupe_make_owned) {
    (void)stage_open(STAGE_SIMULATED);
    exhaust_call(stage_heap(), make_one, NULL, NULL);
    stage_close();
}

static troupe_msg *owned;

static void object(void *ctx) {
    (void)ctx;
    cr_assert_eq(troupe_object(owned, &thing_type), &thing[0]);
    cr_assert_null(troupe_object(nothing.msg, &thing_type));
}

static void take_object(void *ctx) {
    (void)ctx;
    cr_assert_eq(troupe_take_object(&owned, &thing_type), &thing[0]);
    cr_assert_null(owned);
}

/* It comes from a runtime that may have gone before it ends. */
static void make_elsewhere(void) {
    troupe *rt = NULL;
    cr_assert_eq(troupe_open(&(troupe_config){.workers = TROUPE_STEPPED}, &rt), TROUPE_OK);
    cr_assert_eq(troupe_make_owned(rt, &thing_type, &thing[0], destroy, &owned), TROUPE_OK);
    troupe_close(&rt);
}

Test(takes_nothing, troupe_object) {
    make_elsewhere();
    nothing_outside(object);
    troupe_drop(&owned);
    expect_destroyed(1);
}

Test(takes_nothing, troupe_take_object) {
    make_elsewhere();
    nothing_outside(take_object);
    expect_destroyed(0);
}
