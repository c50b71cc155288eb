/* Memory that runs out when somebody subscribes, publishes, or keeps a value. */
#include <criterion/criterion.h>

#include "actors/runtime.h"
#include "test/support/exhaust.h"
#include "test/support/player.h"
#include "test/support/stage.h"

static troupe_lag lag_of_next;
static unsigned heard;

static troupe_err start(troupe_self *self, void *state, const void *arg) {
    (void)state;
    (void)arg;
    return troupe_subscribe(self, "news", lag_of_next, 1);
}

static troupe_err hear(troupe_self *self, void *state, troupe_msg **msg) {
    (void)self;
    (void)state;
    heard += cue_n(*msg) > 0;
    return TROUPE_OK;
}

/* An actor that has subscribed to the news. */
static troupe_ref listen(troupe_lag lag) {
    static const troupe_behaviour listener = {.start = start, .receive = hear};
    troupe_ref who = TROUPE_NOBODY;
    lag_of_next = lag;
    cr_assert_eq(troupe_spawn(stage_rt(), &listener, NULL, &who), TROUPE_OK);
    return who;
}

static void set_value(const char *topic, uint32_t n) {
    troupe_msg *msg = cue_make(CUE_SAY, n, TROUPE_NOBODY);
    cr_assert_eq(troupe_set_value(stage_rt(), topic, &msg, NULL), TROUPE_OK);
}

static troupe_self *acting;
static void (*scene)(void);

static troupe_err act(troupe_self *self, void *state, troupe_msg **msg) {
    (void)state;
    if (cue_n(*msg)) return TROUPE_OK; /* a value */
    acting = self;
    scene();
    return TROUPE_OK;
}

/* Has an actor on a new stage play a scene; the stage is the caller's to close. */
static void as_actor(void (*what)(void)) {
    static const troupe_behaviour actor = {.receive = act};
    troupe_ref who;
    scene = what;
    cr_assert_eq(troupe_spawn(stage_open(TROUPE_STEPPED), &actor, NULL, &who), TROUPE_OK);
    cue(who, CUE_SAY, 0);
    (void)stage_run();
}

static troupe_err subscribe(void *ctx) {
    (void)ctx;
    troupe_err err = troupe_subscribe(acting, "news", TROUPE_LAG_MISS, 0);
    uint64_t missed;
    cr_assert_eq(troupe_missed(acting, "news", &missed), err ? TROUPE_NOTFOUND : TROUPE_OK);
    return err;
}

static void unsubscribe(void *ctx) {
    (void)ctx;
    cr_assert_eq(troupe_unsubscribe(acting, "news"), TROUPE_OK);
}

static void try_to_subscribe(void) {
    exhaust_call(stage_heap(), subscribe, unsubscribe, NULL);
}

/* Here the mark of each that was made is in the mailbox until the end. */
static void try_with_a_value(void) {
    set_value("news", 1);
    for (exhaust x = {0}; exhaust_next(&x);) {
        exhaust_from(&x, stage_heap());
        troupe_err err = subscribe(NULL);
        bool refused = exhaust_to(&x);
        cr_assert_eq(err, refused ? TROUPE_NOMEM : TROUPE_OK);
        if (!err) unsubscribe(NULL);
    }
}

Test(oom, troupe_subscribe) {
    as_actor(try_to_subscribe);
    stage_close();
    as_actor(try_with_a_value);
    stage_close();
}

/* Of two subscribers one or both may miss it; the publisher is told, and each goes on. */
Test(oom, troupe_publish) {
    for (exhaust x = {0}; exhaust_next(&x);) {
        troupe *rt = stage_open(TROUPE_STEPPED);
        troupe_reach reach = {0, 0};
        heard = 0;
        (void)listen(TROUPE_LAG_LATEST);
        (void)listen(TROUPE_LAG_DROP_OLDEST);
        for (uint32_t i = 1; i <= 3; i++) {
            troupe_msg *msg = cue_make(CUE_SAY, i, TROUPE_NOBODY);
            if (i == 2) exhaust_from(&x, stage_heap());
            cr_assert_eq(troupe_publish(rt, "news", &msg, &reach), TROUPE_OK);
            bool refused = i == 2 && exhaust_to(&x);
            cr_assert(refused ? reach.reached < 2 : reach.reached == 2);
            if (i == 2) (void)stage_run(); /* each has that one, or the one before */
        }
        (void)stage_run();
        cr_assert_eq(heard, 4);
        stage_close();
    }
}

static troupe_msg *kept;

static troupe_err keep_it(void *ctx) {
    (void)ctx;
    const troupe_msg *before = kept;
    troupe_err err = troupe_set_value(stage_rt(), "rate", &kept, NULL);
    cr_assert_eq(kept, err ? before : NULL);
    cr_assert_eq(stage_rt()->topics.by_hash.count, err ? 0 : 1);
    return err;
}

static void clear_it(void *ctx) {
    (void)ctx;
    cr_assert_eq(troupe_clear_value(stage_rt(), "rate"), TROUPE_OK);
    kept = cue_make(CUE_SAY, 5, TROUPE_NOBODY);
}

Test(oom, troupe_set_value) {
    (void)stage_open(TROUPE_STEPPED);
    kept = cue_make(CUE_SAY, 5, TROUPE_NOBODY);
    exhaust_call(stage_heap(), keep_it, clear_it, NULL);
    troupe_drop(&kept);
    stage_close();
}

static troupe_err read_it(void *ctx) {
    (void)ctx;
    troupe_err err = troupe_value(stage_rt(), "rate", &kept);
    cr_assert_eq(kept == NULL, err != TROUPE_OK);
    return err;
}

static void drop_it(void *ctx) {
    (void)ctx;
    troupe_drop(&kept);
}

Test(oom, troupe_value) {
    (void)stage_open(TROUPE_STEPPED);
    set_value("rate", 5);
    exhaust_call(stage_heap(), read_it, drop_it, NULL);
    stage_close();
}

static void clear(void *ctx) {
    (void)ctx;
    cr_assert_eq(troupe_clear_value(stage_rt(), "rate"), TROUPE_OK);
    cr_assert_eq(troupe_clear_value(stage_rt(), "rate"), TROUPE_NOTFOUND);
}

Test(takes_nothing, troupe_clear_value) {
    (void)stage_open(TROUPE_STEPPED);
    set_value("rate", 5);
    exhaust_nothing(stage_heap(), clear, NULL);
    stage_close();
}

static void miss_and_end(void *ctx) {
    (void)ctx;
    uint64_t missed = 7;
    cr_assert_eq(troupe_missed(acting, "news", &missed), TROUPE_OK);
    cr_assert_eq(missed, 0);
    cr_assert_eq(troupe_unsubscribe(acting, "news"), TROUPE_OK);
    cr_assert_eq(troupe_unsubscribe(acting, "news"), TROUPE_NOTFOUND);
}

static void end_it(void) {
    cr_assert_eq(troupe_subscribe(acting, "news", TROUPE_LAG_MISS, 0), TROUPE_OK);
    exhaust_nothing(stage_heap(), miss_and_end, NULL);
}

Test(takes_nothing, troupe_unsubscribe) {
    as_actor(end_it);
    stage_close();
}

Test(takes_nothing, troupe_missed) {
    as_actor(end_it);
    stage_close();
}
