/* Memory that runs out when a pool is opened, resized or asked. */
#include <criterion/criterion.h>
#include <troupe/pool.h>

#include "test/support/exhaust.h"
#include "test/support/player.h"
#include "test/support/stage.h"

enum { LONG = 20000 };

static const player member = {.id = "m"};
static const troupe_pool_plan plan = {
    .name = "crew", .member = {.what = &player_with_4, .arg = &member}, .min = 2, .max = 2};
static troupe_pool *pool;

static void open_pool(void) {
    cr_assert_eq(troupe_pool_open(stage_rt(), &plan, LONG, &pool), TROUPE_OK);
    (void)stage_run();
    stage_forget();
}

Test(oom, troupe_pool_open) {
    for (exhaust x = {0}; exhaust_next(&x);) {
        (void)stage_open(STAGE_SIMULATED);
        exhaust_from(&x, stage_heap());
        troupe_err err = troupe_pool_open(stage_rt(), &plan, LONG, &pool);
        bool refused = exhaust_to(&x);
        cr_assert(!err || refused);
        troupe_msg *msg = cue_make(CUE_SAY, 1, TROUPE_NOBODY);
        if (!err) cr_assert_eq(troupe_pool_post(pool, &msg), TROUPE_OK);
        troupe_drop(&msg);
        (void)stage_run();
        stage_forget();
        stage_close();
    }
}

static troupe_err resize_it(void *ctx) {
    (void)ctx;
    return troupe_pool_resize(pool, 2);
}

static void run(void *ctx) {
    (void)ctx;
    (void)stage_run();
}

static void call_without(troupe_err (*call)(void *ctx)) {
    (void)stage_open(STAGE_SIMULATED);
    open_pool();
    exhaust_call(stage_heap(), call, run, NULL);
    stage_close();
}

Test(oom, troupe_pool_resize) {
    call_without(resize_it);
}

Test(oom, troupe_pool_ask) {
    for (exhaust x = {0}; exhaust_next(&x);) {
        (void)stage_open(STAGE_SIMULATED);
        open_pool();
        troupe_msg *msg = cue_make(CUE_ANSWER, 4, TROUPE_NOBODY);
        exhaust_from(&x, stage_heap());
        troupe_err err = troupe_pool_ask(pool, &msg, LONG);
        bool refused = exhaust_to(&x);
        cr_assert(!err || refused);
        troupe_drop(&msg);
        (void)stage_run();
        stage_close();
    }
}

static troupe_msg *to_send;

static void use_it(void *ctx) {
    (void)ctx;
    troupe_pool_stats stats;
    troupe_pool_look(pool, &stats);
    cr_assert_eq(stats.members, 2);
    cr_assert(troupe_same(troupe_pool_ref(pool), stage_find("crew")));
    cr_assert_eq(troupe_pool_runtime(pool), stage_rt());
    cr_assert_eq(troupe_pool_post(pool, &to_send), TROUPE_OK);
}

static void use_without(void) {
    (void)stage_open(STAGE_SIMULATED);
    open_pool();
    to_send = cue_make(CUE_SAY, 4, TROUPE_NOBODY);
    exhaust_nothing(stage_heap(), use_it, NULL);
    (void)stage_run();
    stage_forget();
    stage_close();
}

Test(takes_nothing, troupe_pool_ref) {
    use_without();
}

Test(takes_nothing, troupe_pool_runtime) {
    use_without();
}

Test(takes_nothing, troupe_pool_look) {
    use_without();
}

Test(takes_nothing, troupe_pool_post) {
    use_without();
}

static troupe_err sent;

static troupe_err send_on(troupe_self *self, void *state, troupe_msg **msg) {
    (void)state;
    sent = troupe_pool_send(self, pool, msg);
    return TROUPE_OK;
}

Test(takes_nothing, troupe_pool_send) {
    static const troupe_behaviour sender = {.receive = send_on};
    (void)stage_open(STAGE_SIMULATED);
    open_pool();
    troupe_ref who;
    cr_assert_eq(troupe_spawn(stage_rt(), &sender, NULL, &who), TROUPE_OK);
    cue(who, CUE_SAY, 1);
    sent = TROUPE_LATER;
    exhaust_nothing(stage_heap(), run, NULL);
    cr_assert_eq(sent, TROUPE_OK);
    stage_expect("m:1");
    stage_close();
}

static troupe_msg *question;

static troupe_err request_it(troupe_self *self, void *state, troupe_msg **msg) {
    (void)state;
    if (cue_n(*msg) != 1) return TROUPE_OK; /* what came of it */
    for (exhaust x = {0}; exhaust_next(&x);) {
        if (!question) question = cue_make(CUE_ANSWER, 4, TROUPE_NOBODY);
        exhaust_from(&x, stage_heap());
        troupe_err err = troupe_pool_request(self, pool, &question, LONG, 7);
        bool refused = exhaust_to(&x);
        cr_assert_eq(err, refused ? TROUPE_NOMEM : TROUPE_OK);
        cr_assert_eq(question == NULL, !err);
    }
    return TROUPE_OK;
}

Test(oom, troupe_pool_request) {
    static const troupe_behaviour asker = {.receive = request_it};
    (void)stage_open(TROUPE_STEPPED);
    open_pool();
    troupe_ref who;
    cr_assert_eq(troupe_spawn(stage_rt(), &asker, NULL, &who), TROUPE_OK);
    cue(who, CUE_SAY, 1);
    (void)stage_run();
    troupe_drop(&question);
    stage_close();
}
