/* Memory that runs out when somebody joins a group, or sends to one. */
#include <criterion/criterion.h>

#include "actors/runtime.h"
#include "test/support/exhaust.h"
#include "test/support/player.h"
#include "test/support/stage.h"

static const player ann = {.id = "ann"}, bob = {.id = "bob"};

static void join(troupe_ref who, const char *group) {
    cr_assert_eq(troupe_join_group(stage_rt(), who, group), TROUPE_OK);
}

static size_t count(const char *group) {
    return troupe_members(stage_rt(), group, NULL, 0);
}

static troupe_ref joining;

static troupe_err join_it(void *ctx) {
    (void)ctx;
    troupe_err err = troupe_join_group(stage_rt(), joining, "crew");
    cr_assert_eq(count("crew"), err ? 0 : 1);
    return err;
}

static void leave_it(void *ctx) {
    (void)ctx;
    cr_assert_eq(troupe_leave_group(stage_rt(), joining, "crew"), TROUPE_OK);
}

Test(oom, troupe_join_group) {
    (void)stage_open(STAGE_SIMULATED);
    joining = stage_enter(&ann);
    exhaust_call(stage_heap(), join_it, leave_it, NULL);
    stage_close();
}

/* Of two members some are reached, or nobody, and then the message is still there. */
static void to_two(troupe_err (*send)(troupe_msg **msg, troupe_reach *reach)) {
    for (exhaust x = {0}; exhaust_next(&x);) {
        (void)stage_open(STAGE_SIMULATED);
        join(stage_enter(&ann), "crew");
        join(stage_enter(&bob), "crew");
        stage_forget();
        troupe_msg *msg = cue_make(CUE_SAY, 5, TROUPE_NOBODY);
        troupe_reach reach = {2, 0};
        exhaust_from(&x, stage_heap());
        troupe_err err = send(&msg, &reach);
        bool refused = exhaust_to(&x);
        cr_assert(err == TROUPE_OK || (refused && err == TROUPE_NOMEM));
        cr_assert_eq(msg == NULL, !err);
        if (msg) cr_assert_eq(cue_n(msg), 5);
        cr_assert(refused ? reach.reached < 2 : reach.reached == 2);
        troupe_drop(&msg);
        stage_await(reach.reached);
        stage_forget();
        stage_close();
    }
}

static troupe_err post_it(troupe_msg **msg, troupe_reach *reach) {
    return troupe_post_group(stage_rt(), "crew", msg, reach);
}

Test(oom, troupe_post_group) {
    to_two(post_it);
}

static struct {
    troupe_msg **msg;
    troupe_reach *reach;
    troupe_err err;
} asked;

static troupe_err send_as_asked(troupe_self *self, void *state, troupe_msg **msg) {
    (void)state;
    (void)msg;
    asked.err = troupe_send_group(self, "crew", asked.msg, asked.reach);
    return TROUPE_OK;
}

/* By an actor that is made where nothing is refused. */
static troupe_err send_it(troupe_msg **msg, troupe_reach *reach) {
    static const troupe_behaviour sender = {.receive = send_as_asked};
    troupe_ref who;
    asked.msg = msg;
    asked.reach = reach;
    asked.err = TROUPE_NOMEM;
    troupe_msg *go = NULL;
    if (troupe_spawn(stage_rt(), &sender, NULL, &who)) return TROUPE_NOMEM;
    if (troupe_make(stage_rt(), &cue_type, &(struct cue){0}, &go)) return TROUPE_NOMEM;
    if (troupe_post(stage_rt(), who, &go)) return TROUPE_NOMEM;
    (void)stage_run();
    return asked.err;
}

Test(oom, troupe_send_group) {
    to_two(send_it);
}

static void leave_and_look(void *ctx) {
    (void)ctx;
    troupe_ref who;
    cr_assert_eq(troupe_members(stage_rt(), "crew", &who, 1), 1);
    cr_assert_eq(troupe_leave_group(stage_rt(), joining, "crew"), TROUPE_OK);
    cr_assert_eq(troupe_leave_group(stage_rt(), joining, "crew"), TROUPE_NOTFOUND);
}

static void takes_nothing(void (*act)(void *ctx)) {
    (void)stage_open(TROUPE_STEPPED);
    joining = stage_enter(&ann);
    join(joining, "crew");
    troupe_msg *msg = cue_make(CUE_SAY, 1, TROUPE_NOBODY);
    asked.msg = &msg;
    exhaust_nothing(stage_heap(), act, NULL);
    troupe_drop(&msg);
    (void)stage_run();
    stage_close();
}

Test(takes_nothing, troupe_leave_group) {
    takes_nothing(leave_and_look);
}

Test(takes_nothing, troupe_members) {
    takes_nothing(leave_and_look);
}

static void post_any(void *ctx) {
    (void)ctx;
    cr_assert_eq(troupe_post_any(stage_rt(), "crew", asked.msg), TROUPE_OK);
}

static void post_least(void *ctx) {
    (void)ctx;
    cr_assert_eq(troupe_post_least(stage_rt(), "crew", asked.msg), TROUPE_OK);
}

Test(takes_nothing, troupe_post_least) {
    takes_nothing(post_least);
}

static void post_keyed(void *ctx) {
    (void)ctx;
    cr_assert_eq(troupe_post_keyed(stage_rt(), "crew", 5, asked.msg), TROUPE_OK);
}

Test(takes_nothing, troupe_post_keyed) {
    takes_nothing(post_keyed);
}

Test(takes_nothing, troupe_post_any) {
    takes_nothing(post_any);
}

static troupe_err (*sending)(troupe_self *self, troupe_msg **msg);

static troupe_err send_on(troupe_self *self, void *state, troupe_msg **msg) {
    (void)state;
    asked.err = sending(self, msg);
    return TROUPE_OK;
}

static void run(void *ctx) {
    (void)ctx;
    (void)stage_run();
}

static void actor_takes_nothing(troupe_err (*send)(troupe_self *self, troupe_msg **msg)) {
    (void)stage_open(TROUPE_STEPPED);
    static const troupe_behaviour sender = {.receive = send_on};
    troupe_ref who;
    sending = send;
    cr_assert_eq(troupe_spawn(stage_rt(), &sender, NULL, &who), TROUPE_OK);
    join(stage_enter(&ann), "crew");
    stage_forget();
    cue(who, CUE_SAY, 1);
    exhaust_nothing(stage_heap(), run, NULL);
    cr_assert_eq(asked.err, TROUPE_OK);
    stage_expect("ann:1");
    stage_close();
}

static troupe_err send_any(troupe_self *self, troupe_msg **msg) {
    return troupe_send_any(self, "crew", msg);
}

Test(takes_nothing, troupe_send_any) {
    actor_takes_nothing(send_any);
}

static troupe_err send_least(troupe_self *self, troupe_msg **msg) {
    return troupe_send_least(self, "crew", msg);
}

Test(takes_nothing, troupe_send_least) {
    actor_takes_nothing(send_least);
}

static troupe_err send_keyed(troupe_self *self, troupe_msg **msg) {
    return troupe_send_keyed(self, "crew", 5, msg);
}

Test(takes_nothing, troupe_send_keyed) {
    actor_takes_nothing(send_keyed);
}
