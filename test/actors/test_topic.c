#include "actors/topic.h"

#include <criterion/criterion.h>

#include "actors/runtime.h"
#include "test/support/everywhere.h"
#include "test/support/family.h"
#include "test/support/player.h"
#include "test/support/stage.h"

TestSuite(topic, .timeout = 60);

/* What a subscriber is told to do; for each message of a topic it says ID:N, and for a call that is
 * not OK its error. */
enum { SUBSCRIBE, UNSUBSCRIBE, MISSED, FAIL, HEAR };

struct order {
    uint32_t what, lag, depth;
    const char *topic;
};
static const troupe_type order_type =
    TROUPE_TYPE(order, TROUPE_FIELD(order, what), TROUPE_FIELD(order, lag),
                TROUPE_FIELD(order, depth), TROUPE_FIELD(order, topic));

struct subscriber {
    char id;
};

static troupe_err start(troupe_self *self, void *state, const void *arg) {
    (void)self;
    ((struct subscriber *)state)->id = *(const char *)arg;
    return TROUPE_OK;
}

static const struct cue *heard; /* the body that was heard last */

static troupe_err obey(troupe_self *self, char id, const struct order *order) {
    uint64_t missed = 0;
    switch (order->what) {
    case SUBSCRIBE:
        return troupe_subscribe(self, order->topic, (troupe_lag)order->lag, order->depth);
    case UNSUBSCRIBE:
        return troupe_unsubscribe(self, order->topic);
    case MISSED: {
        troupe_err err = troupe_missed(self, order->topic, &missed);
        if (!err) stage_say("%c-%u", id, (unsigned)missed);
        return err;
    }
    default:
        stage_say("%c!", id);
        return TROUPE_OK;
    }
}

static troupe_err receive(troupe_self *self, void *state, troupe_msg **msg) {
    const char id = ((struct subscriber *)state)->id;
    const struct order *order = troupe_as(*msg, &order_type);
    const struct cue *cue = troupe_as(*msg, &cue_type);
    if (cue) {
        heard = cue;
        cr_assert(troupe_same(troupe_sender(self), TROUPE_NOBODY));
        stage_say("%c:%u", id, cue->n);
        return TROUPE_OK;
    }
    if (order->what == FAIL) return TROUPE_USER;
    troupe_err err = obey(self, id, order);
    if (err) stage_say("%s", troupe_errname(err));
    return TROUPE_OK;
}

static const troupe_behaviour subscriber = {.name = "subscriber",
                                            .state_size = sizeof(struct subscriber),
                                            .start = start,
                                            .receive = receive};

static troupe_ref enter(const char *id) {
    troupe_ref who = TROUPE_NOBODY;
    cr_assert_eq(troupe_spawn(stage_rt(), &subscriber, id, &who), TROUPE_OK);
    return who;
}

static void tell(troupe_ref who, struct order order) {
    troupe_msg *msg = NULL;
    cr_assert_eq(troupe_make(stage_rt(), &order_type, &order, &msg), TROUPE_OK);
    cr_assert_eq(troupe_post(stage_rt(), who, &msg), TROUPE_OK);
}

#define TELL(who, ...) tell(who, (struct order){.what = __VA_ARGS__})

static troupe_ref listen(const char *id, const char *topic, troupe_lag lag, uint32_t depth) {
    troupe_ref who = enter(id);
    TELL(who, SUBSCRIBE, (uint32_t)lag, depth, topic);
    TELL(who, HEAR);
    return who;
}

static troupe_reach publish(const char *topic, uint32_t n) {
    troupe_reach reach = {99, 99};
    troupe_msg *msg = cue_make(CUE_SAY, n, TROUPE_NOBODY);
    cr_assert_eq(troupe_publish(stage_rt(), topic, &msg, &reach), TROUPE_OK);
    cr_assert_null(msg);
    return reach;
}

static void set_value(const char *topic, uint32_t n) {
    troupe_msg *msg = cue_make(CUE_SAY, n, TROUPE_NOBODY);
    cr_assert_eq(troupe_set_value(stage_rt(), topic, &msg, NULL), TROUPE_OK);
    cr_assert_null(msg);
}

/* The value of a topic, or what is said instead. */
static void expect_value(const char *topic, troupe_err expected, uint32_t n) {
    troupe_msg *msg;
    cr_assert_eq(troupe_value(stage_rt(), topic, &msg), expected);
    if (!expected) cr_assert_eq(cue_n(msg), n);
    cr_assert_eq(msg == NULL, expected != TROUPE_OK);
    troupe_drop(&msg);
}

static uint32_t waiting(troupe_ref who) {
    uint32_t n;
    cr_assert_eq(troupe_mailbox(stage_rt(), who, &n, NULL), TROUPE_OK);
    return n;
}

/* --- Publishing ------------------------------------------------------------------------------- */

Everywhere(topic, comes_to_all_who_have_subscribed_in_one_order) {
    (void)stage_open(workers);
    (void)listen("a", "news", TROUPE_LAG_MISS, 0);
    stage_expect("a!");
    (void)listen("b", "other", TROUPE_LAG_MISS, 0);
    stage_expect("b!");
    for (uint32_t i = 0; i < 20; i++) cr_assert_eq(publish("news", i).reached, 1);
    stage_expect("a:0 a:1 a:2 a:3 a:4 a:5 a:6 a:7 a:8 a:9 a:10 a:11 a:12 a:13 a:14 a:15 a:16 a:17 "
                 "a:18 a:19");
    cr_assert_eq(publish("other", 5).reached, 1);
    stage_expect("b:5");
    cr_assert_eq(publish("nothing", 5).members, 0);
    cr_assert_eq(stage_dead_letters(), 0);
    stage_close();
}

Test(topic, all_share_one_body) {
    troupe *rt = stage_open(TROUPE_STEPPED);
    (void)listen("a", "news", TROUPE_LAG_MISS, 0);
    (void)listen("b", "news", TROUPE_LAG_MISS, 0);
    stage_expect_all("a! b!");
    troupe_msg *msg = cue_make(CUE_SAY, 3, TROUPE_NOBODY);
    const struct cue *body = troupe_as(msg, &cue_type);
    cr_assert_eq(troupe_publish(rt, "news", &msg, NULL), TROUPE_OK);
    cr_assert_eq(troupe_step(rt, 1), 1);
    cr_assert_eq(heard, body);
    heard = NULL;
    (void)stage_run();
    cr_assert_eq(heard, body);
    stage_expect_all("a:3 b:3");
    stage_close();
}

/* However much is published, a subscriber's mailbox holds one mark, which takes no place. */
Test(topic, fills_no_mailbox) {
    troupe *rt = stage_open(TROUPE_STEPPED);
    troupe_behaviour narrow = subscriber;
    narrow.mailbox_limit = 1;
    troupe_ref who;
    cr_assert_eq(troupe_spawn(rt, &narrow, "a", &who), TROUPE_OK);
    TELL(who, SUBSCRIBE, TROUPE_LAG_MISS, 3, "news");
    (void)stage_run();
    TELL(who, HEAR);
    for (uint32_t i = 0; i < 3; i++) cr_assert_eq(publish("news", i).reached, 1);
    cr_assert_eq(waiting(who), 1);
    stage_expect("a! a:0 a:1 a:2");
    stage_close();
}

/* Other mail comes in between. */
Test(topic, takes_turns_with_the_other_mail) {
    (void)stage_open(TROUPE_STEPPED);
    troupe_ref who = listen("a", "news", TROUPE_LAG_MISS, 0);
    stage_expect("a!");
    for (uint32_t i = 0; i < 3; i++) (void)publish("news", i);
    for (uint32_t i = 0; i < 2; i++) TELL(who, HEAR);
    stage_expect("a:0 a! a! a:1 a:2");
    stage_close();
}

/* --- Who lags --------------------------------------------------------------------------------- */

static void lag(troupe_lag how, uint32_t depth, size_t reached, uint64_t dead, const char *words) {
    (void)stage_open(TROUPE_STEPPED);
    troupe_ref who = listen("a", "news", how, depth);
    (void)listen("b", "news", TROUPE_LAG_MISS, 0);
    stage_expect_all("a! b!");
    size_t sum = 0;
    for (uint32_t i = 0; i < 5; i++) {
        troupe_reach reach = publish("news", i);
        cr_assert_eq(reach.members, 2);
        sum += reach.reached;
    }
    cr_assert_eq(sum, reached + 5, "b misses nothing");
    cr_assert_eq(stage_dead_letters(), dead);
    (void)stage_run();
    stage_expect_all(words);
    TELL(who, MISSED, .topic = "news");
    TELL(who, MISSED, .topic = "news");
    stage_expect(how == TROUPE_LAG_LATEST ? "a-0 a-0" : "a-3 a-0");
    stage_close();
}

Test(topic, who_lags_misses_what_comes) {
    lag(TROUPE_LAG_MISS, 2, 2, 0, "a:0 a:1 b:0 b:1 b:2 b:3 b:4");
}

Test(topic, who_lags_has_the_newest_dropped) {
    lag(TROUPE_LAG_DROP_NEWEST, 2, 5, 3, "a:0 a:1 b:0 b:1 b:2 b:3 b:4");
}

Test(topic, who_lags_has_the_oldest_dropped) {
    lag(TROUPE_LAG_DROP_OLDEST, 2, 5, 3, "a:3 a:4 b:0 b:1 b:2 b:3 b:4");
}

Test(topic, who_lags_has_the_latest) {
    lag(TROUPE_LAG_LATEST, 7, 5, 0, "a:4 b:0 b:1 b:2 b:3 b:4");
}

Test(topic, the_default_depth) {
    (void)stage_open(TROUPE_STEPPED);
    (void)listen("a", "news", TROUPE_LAG_MISS, 0);
    stage_expect("a!");
    for (uint32_t i = 0; i < TROUPE_SUBSCRIPTION_DEFAULT; i++)
        cr_assert_eq(publish("news", i).reached, 1);
    cr_assert_eq(publish("news", 0).reached, 0);
    (void)stage_run();
    stage_forget();
    stage_close();
}

Test(topic, to_subscribe_again_changes_how) {
    troupe *rt = stage_open(TROUPE_STEPPED);
    troupe_ref who = listen("a", "news", TROUPE_LAG_MISS, 3);
    stage_expect("a!");
    TELL(who, SUBSCRIBE, TROUPE_LAG_DROP_OLDEST, 1, "news");
    for (uint32_t i = 0; i < 3; i++) (void)publish("news", i); /* behind it: three places yet */
    cr_assert_eq(troupe_step(rt, 1), 1);
    cr_assert_eq(publish("news", 3).members, 1);
    stage_expect("a:0 a:3");
    cr_assert_eq(stage_dead_letters(), 2);
    stage_close();
}

/* --- Ends ------------------------------------------------------------------------------------- */

Test(topic, nothing_comes_once_one_has_unsubscribed) {
    troupe *rt = stage_open(TROUPE_STEPPED);
    troupe_ref who = listen("a", "news", TROUPE_LAG_MISS, 0);
    stage_expect("a!");
    TELL(who, UNSUBSCRIBE, .topic = "news");
    TELL(who, UNSUBSCRIBE, .topic = "news");
    TELL(who, MISSED, .topic = "news");
    (void)publish("news", 1); /* it waits behind */
    (void)publish("news", 2);
    stage_expect("NOTFOUND NOTFOUND");
    cr_assert_eq(publish("news", 3).members, 0);
    cr_assert_eq(rt->topics.by_hash.count, 0);
    cr_assert(tr_list_empty(&rt->topics.voids));
    cr_assert_eq(stage_dead_letters(), 0);
    stage_close();
}

/* And who subscribes anew while the old mark is in its mailbox gets what is new, once. */
Test(topic, a_new_subscription_is_not_the_old_one) {
    (void)stage_open(TROUPE_STEPPED);
    troupe_ref who = listen("a", "news", TROUPE_LAG_MISS, 0);
    stage_expect("a!");
    TELL(who, UNSUBSCRIBE, .topic = "news");
    TELL(who, SUBSCRIBE, .topic = "news");
    (void)publish("news", 1);
    cr_assert_eq(troupe_step(stage_rt(), 1), 1);
    (void)publish("news", 2);
    stage_expect("a:2");
    stage_close();
}

Test(topic, a_subscription_ends_with_the_life) {
    troupe *rt = stage_open(TROUPE_STEPPED);
    const troupe_child child = {.id = "s", .what = &subscriber, .arg = "a", .name = "s"};
    const troupe_supervision tree = {.child = &child, .children = 1, .max_restarts = 3};
    troupe_ref root;
    cr_assert_eq(troupe_supervise(rt, &tree, 1000, &root), TROUPE_OK);
    troupe_ref who = stage_find("s");
    TELL(who, SUBSCRIBE, .topic = "news");
    (void)stage_run();
    TELL(who, FAIL);
    TELL(who, HEAR);
    (void)publish("news", 1);
    (void)publish("news", 2);
    stage_expect("a!");
    cr_assert_eq(publish("news", 3).members, 0);
    cr_assert_eq(stage_dead_letters(), 1, "what it failed on");
    TELL(who, SUBSCRIBE, .topic = "news");
    (void)stage_run();
    (void)publish("news", 4);
    cr_assert_eq(troupe_kill(rt, who), TROUPE_OK);
    (void)stage_run();
    cr_assert_eq(rt->topics.by_hash.count, 0);
    stage_close();
}

Test(topic, on_workers_with_subscribers_that_end) {
    troupe *rt = stage_open(3);
    for (int round = 0; round < 100; round++) {
        troupe_ref who[3];
        for (int i = 0; i < 3; i++)
            who[i] = listen("abc" + i, "news", (troupe_lag)(1 + (round + i) % 3), 2);
        for (uint32_t n = 0; n < 20; n++) (void)publish("news", n);
        for (int i = 0; i < 3; i++) TELL(who[i], i ? FAIL : UNSUBSCRIBE, .topic = "news");
        for (uint32_t n = 0; n < 20; n++) (void)publish("news", n);
        cr_assert_eq(troupe_kill(rt, who[0]), TROUPE_OK);
        for (int i = 0; i < 3; i++) stage_await_gone(who[i]);
        stage_forget();
    }
    cr_assert_eq(rt->topics.by_hash.count, 0);
    cr_assert(tr_list_empty(&rt->topics.voids));
    stage_close();
}

/* --- Values ----------------------------------------------------------------------------------- */

Test(topic, a_value_is_kept_and_comes_first) {
    troupe *rt = stage_open(TROUPE_STEPPED);
    expect_value("rate", TROUPE_NOTFOUND, 0);
    set_value("rate", 1);
    set_value("rate", 2);
    expect_value("rate", TROUPE_OK, 2);
    expect_value("rate", TROUPE_OK, 2);
    (void)listen("a", "rate", TROUPE_LAG_LATEST, 0);
    stage_expect("a! a:2");
    set_value("rate", 3);
    set_value("rate", 4);
    stage_expect("a:4");
    (void)publish("rate", 9); /* which is no value */
    stage_expect("a:9");
    expect_value("rate", TROUPE_OK, 4);
    cr_assert_eq(troupe_clear_value(rt, "rate"), TROUPE_OK);
    cr_assert_eq(troupe_clear_value(rt, "rate"), TROUPE_NOTFOUND);
    cr_assert_eq(troupe_clear_value(rt, "other"), TROUPE_NOTFOUND);
    expect_value("rate", TROUPE_NOTFOUND, 0);
    (void)listen("b", "rate", TROUPE_LAG_LATEST, 0);
    stage_expect("b!");
    stage_close();
}

Test(topic, a_value_may_be_the_last_that_is_there) {
    (void)stage_open(TROUPE_STEPPED);
    set_value("rate", 1); /* nobody has subscribed, and nobody clears it */
    stage_close();
}

Test(topic, arguments_are_checked) {
    troupe *rt = stage_open(TROUPE_STEPPED);
    troupe_msg *none = NULL, *msg = cue_make(CUE_SAY, 1, TROUPE_NOBODY);
    cr_assert_eq(troupe_publish(rt, "news", &none, NULL), TROUPE_INVALID);
    cr_assert_eq(troupe_set_value(rt, "news", &none, NULL), TROUPE_INVALID);
    cr_assert_eq(troupe_set_value(rt, "", &msg, NULL), TROUPE_INVALID);
    cr_assert_eq(cue_n(msg), 1);
    troupe_drop(&msg);
    troupe_ref who = enter("a");
    TELL(who, SUBSCRIBE, .topic = "");
    TELL(who, SUBSCRIBE, .lag = 4, .topic = "news");
    stage_expect("INVALID INVALID");
    cr_assert_eq(rt->topics.by_hash.count, 0);
    stage_close();
}
