#include "actors/group_watch.h"

#include <criterion/criterion.h>

#include "actors/runtime.h"
#include "test/support/everywhere.h"
#include "test/support/exhaust.h"
#include "test/support/family.h"
#include "test/support/player.h"
#include "test/support/stage.h"

TestSuite(group_watch, .timeout = 60);

static const player ann = {.id = "ann"}, bob = {.id = "bob"};

static void join(troupe_ref who, const char *group) {
    cr_assert_eq(troupe_join_group(stage_rt(), who, group), TROUPE_OK);
}

static void leave(troupe_ref who, const char *group) {
    cr_assert_eq(troupe_leave_group(stage_rt(), who, group), TROUPE_OK);
}

/* Who watches, and says what it is told: +joined-left=members. Cue SAY n: says n; EXIT: unwatches;
 * FAIL: fails; COUNT: watches once more. */
typedef struct watcher {
    uint64_t watch, had;
    troupe_msg *kept;
} watcher;

static enum { LEAVE_IT, KEEP_IT, SHARE_IT, SEND_IT_ON, FAIL_ON_IT } with_news;
static troupe_ref confidant;

/* What was kept of a message still says the same: somebody has joined, or left, alone. */
static void check_kept(watcher *it) {
    const struct troupe_group_changed *kept = troupe_as(it->kept, &troupe_group_changed_type);
    cr_assert_eq(kept->joined + kept->left, 1);
    cr_assert_eq(kept->members, it->had);
    troupe_drop(&it->kept);
}

static troupe_err do_with_news(troupe_self *self, watcher *it, troupe_msg **msg) {
    switch (with_news) {
    case KEEP_IT:
        troupe_drop(&it->kept);
        it->kept = *msg;
        *msg = NULL;
        return TROUPE_OK;
    case SHARE_IT:
        if (it->kept) check_kept(it);
        return troupe_share(troupe_runtime(self), msg, &it->kept);
    case SEND_IT_ON:
        return troupe_send(self, confidant, msg);
    case FAIL_ON_IT:
        return TROUPE_USER;
    default:
        return TROUPE_OK;
    }
}

static troupe_err start_watcher(troupe_self *self, void *state, const void *arg) {
    watcher *it = state;
    troupe_ref who[2];
    size_t members = 0;
    (void)arg;
    troupe_err err = troupe_watch_group(self, "crew", who, 2, &members, &it->watch);
    stage_say("watch=%zu", members);
    return err;
}

static void stop_watcher(troupe_self *self, void *state, troupe_err why) {
    (void)self, (void)why;
    troupe_drop(&((watcher *)state)->kept);
}

static troupe_err hear(troupe_self *self, void *state, troupe_msg **msg) {
    watcher *it = state;
    const struct cue *cue = troupe_as(*msg, &cue_type);
    const struct troupe_group_changed *news = troupe_as(*msg, &troupe_group_changed_type);
    if (news) {
        cr_assert(troupe_same(troupe_sender(self), TROUPE_NOBODY));
        stage_say("+%d-%d=%d%s", (int)news->joined, (int)news->left, (int)news->members,
                  news->watch == it->watch ? "" : "?");
        const uint64_t members = news->members;
        troupe_err err = do_with_news(self, it, msg);
        it->had = members;
        return err;
    }
    if (cue->act == CUE_EXIT) return troupe_unwatch_group(self, it->watch);
    if (cue->act == CUE_COUNT) return troupe_watch_group(self, "crew", NULL, 0, NULL, NULL);
    if (cue->act == CUE_FAIL) return TROUPE_USER;
    stage_say("%d", (int)cue->n);
    return TROUPE_OK;
}

static const troupe_behaviour watching = {.name = "watcher",
                                          .state_size = sizeof(watcher),
                                          .mailbox_limit = 1,
                                          .start = start_watcher,
                                          .receive = hear,
                                          .stop = stop_watcher};

static troupe_ref watch(void) {
    troupe_ref who = TROUPE_NOBODY;
    cr_assert_eq(troupe_spawn(stage_rt(), &watching, NULL, &who), TROUPE_OK);
    return who;
}

/* --- What is told ----------------------------------------------------------------------------- */

Everywhere(group_watch, joins_leaves_and_ends_are_told) {
    troupe *rt = stage_open(workers);
    troupe_ref a = stage_enter(&ann), b = stage_enter(&bob);
    stage_forget();
    (void)watch();
    stage_expect("watch=0");
    join(a, "crew");
    stage_expect("+1-0=1");
    join(a, "crew"); /* it is one already */
    join(a, "others");
    join(b, "crew");
    stage_expect("+1-0=2");
    leave(b, "crew");
    stage_expect("+0-1=1");
    cr_assert_eq(troupe_kill(rt, a), TROUPE_OK);
    stage_expect("+0-1=0");
    stage_close();
}

Test(group_watch, what_was_there_is_listed_and_what_comes_is_told) {
    (void)stage_open(STAGE_SIMULATED);
    join(stage_enter(&ann), "crew");
    troupe_ref b = stage_enter(&bob);
    join(b, "crew");
    stage_forget();
    (void)watch();
    leave(b, "crew");
    stage_expect("watch=2 +0-1=1");
    stage_close();
}

Test(group_watch, many_changes_are_one_message) {
    (void)stage_open(TROUPE_STEPPED);
    troupe_ref b = stage_enter(&bob);
    join(stage_enter(&ann), "crew");
    stage_forget();
    (void)watch();
    for (int i = 0; i < 100; i++) {
        join(b, "crew");
        leave(b, "crew");
    }
    join(b, "crew");
    stage_expect("watch=1 +101-100=2");
    stage_close();
}

/* It holds no place: here one message fills the mailbox. */
Test(group_watch, a_full_mailbox_hears_too) {
    (void)stage_open(TROUPE_STEPPED);
    troupe_ref a = stage_enter(&ann), who = watch();
    stage_forget();
    cue(who, CUE_SAY, 1);
    troupe_msg *msg = cue_make(CUE_SAY, 2, TROUPE_NOBODY);
    cr_assert_eq(troupe_post(stage_rt(), who, &msg), TROUPE_FULL);
    join(a, "crew");
    cr_assert_eq(troupe_post(stage_rt(), who, &msg), TROUPE_FULL);
    stage_expect("1 +1-0=1");
    cr_assert_eq(troupe_post(stage_rt(), who, &msg), TROUPE_OK);
    leave(a, "crew");
    stage_expect("2 +0-1=0");
    stage_close();
}

Test(group_watch, each_watch_is_told) {
    (void)stage_open(STAGE_SIMULATED);
    troupe_ref a = stage_enter(&ann), who = watch();
    (void)watch();
    cue(who, CUE_COUNT, 0);
    (void)stage_run();
    stage_forget();
    join(a, "crew");
    stage_expect_all("+1-0=1 +1-0=1? +1-0=1");
    stage_close();
}

/* --- What becomes of a message ---------------------------------------------------------------- */

static troupe_err drop_it(troupe_self *self, void *state, troupe_msg **msg) {
    (void)self, (void)state, (void)msg;
    return TROUPE_OK;
}

/* Whatever is done with one, the next says what is new then. */
static void whatever(int what) {
    troupe *rt = stage_open(STAGE_SIMULATED);
    static const troupe_behaviour dropper = {.receive = drop_it};
    troupe_ref a = stage_enter(&ann);
    cr_assert_eq(troupe_spawn(rt, &dropper, NULL, &confidant), TROUPE_OK);
    (void)watch();
    (void)stage_run();
    stage_forget();
    with_news = what;
    for (int i = 0; i < 3; i++) {
        join(a, "crew");
        stage_expect("+1-0=1");
        leave(a, "crew");
        stage_expect("+0-1=0");
    }
    stage_close();
}

Test(group_watch, a_message_may_be_kept) {
    whatever(KEEP_IT);
}

Test(group_watch, a_message_may_be_shared) {
    whatever(SHARE_IT);
}

Test(group_watch, a_message_may_be_sent_on) {
    whatever(SEND_IT_ON);
}

/* --- Ends ------------------------------------------------------------------------------------- */

Test(group_watch, unwatched_is_silent) {
    (void)stage_open(TROUPE_STEPPED);
    troupe *rt = stage_rt();
    troupe_ref a = stage_enter(&ann), who = watch();
    stage_forget();
    cue(who, CUE_EXIT, 0);
    join(a, "crew"); /* it waits behind that */
    cr_assert_eq(stage_run() > 0, 1);
    stage_expect("");
    leave(a, "crew");
    stage_expect("");
    cue(who, CUE_EXIT, 0); /* NOTFOUND: it fails */
    stage_await_gone(who);
    cr_assert_eq(rt->groups.by_hash.count, 0, "nothing needs it");
    stage_close();
}

Test(group_watch, ends_with_the_life) {
    troupe *rt = stage_open(TROUPE_STEPPED);
    const troupe_child child = {.id = "w", .what = &watching, .name = "w", .poison_after = 3};
    const troupe_supervision tree = {.child = &child, .children = 1, .max_restarts = 9};
    troupe_ref root, a = stage_enter(&ann);
    cr_assert_eq(troupe_supervise(rt, &tree, 1000, &root), TROUPE_OK);
    stage_forget();
    cue(stage_find("w"), CUE_FAIL, 0); /* it is tried again, and again */
    join(a, "crew");                   /* waits behind that, for the life that ends */
    stage_expect("watch=1 watch=1 watch=1");
    leave(a, "crew");
    stage_expect("+0-1=0");
    with_news = FAIL_ON_IT; /* which is nothing to try again in another life */
    join(a, "crew");
    stage_expect("+1-0=1 watch=1");
    with_news = LEAVE_IT;
    leave(a, "crew");
    stage_expect("+0-1=0");
    cr_assert_eq(troupe_stop(rt, root), TROUPE_OK);
    stage_await_gone(root);
    cr_assert_eq(rt->groups.by_hash.count, 0);
    stage_close();
}

Test(group_watch, who_ends_with_news_in_its_mail) {
    troupe *rt = stage_open(TROUPE_STEPPED);
    troupe_ref a = stage_enter(&ann), who = watch();
    (void)stage_run();
    stage_forget();
    join(a, "crew");
    cr_assert_eq(troupe_kill(rt, who), TROUPE_OK);
    stage_await_gone(who);
    leave(a, "crew");
    cr_assert_eq(rt->groups.by_hash.count, 0);
    stage_expect("");
    stage_close();
}

/* Members come and go on all workers while watchers do: what each has counted is what is there. */
typedef struct counter {
    int64_t members;
} counter;

static troupe_err start_counter(troupe_self *self, void *state, const void *arg) {
    size_t members = 0;
    (void)arg;
    troupe_err err = troupe_watch_group(self, "crew", NULL, 0, &members, NULL);
    ((counter *)state)->members = (int64_t)members;
    return err;
}

static troupe_err count_news(troupe_self *self, void *state, troupe_msg **msg) {
    counter *it = state;
    const struct troupe_group_changed *news = troupe_as(*msg, &troupe_group_changed_type);
    if (!news) {
        stage_say("%d", (int)it->members);
        return troupe_fail(self, TROUPE_USER, "asked to");
    }
    it->members += (int64_t)news->joined - (int64_t)news->left;
    cr_assert_eq(it->members, (int64_t)news->members);
    return TROUPE_OK;
}

Test(group_watch, adds_up_on_workers) {
    troupe *rt = stage_open(3);
    static const troupe_behaviour what = {
        .state_size = sizeof(counter), .start = start_counter, .receive = count_news};
    for (int round = 0; round < 50; round++) {
        troupe_ref who[4], counting;
        for (int i = 0; i < 2; i++) join(who[i] = stage_enter(&ann), "crew");
        cr_assert_eq(troupe_spawn(rt, &what, NULL, &counting), TROUPE_OK);
        for (int i = 2; i < 4; i++) join(who[i] = stage_enter(&ann), "crew");
        for (int i = 0; i < 3; i++) cr_assert_eq(troupe_kill(rt, who[i]), TROUPE_OK);
        for (int i = 0; i < 3; i++) stage_await_gone(who[i]);
        stage_forget();
        cue(counting, CUE_SAY, 0); /* behind what this thread has seen told */
        stage_expect("1");
        cr_assert_eq(troupe_kill(rt, who[3]), TROUPE_OK);
        stage_await_gone(who[3]);
        stage_await_gone(counting);
        stage_forget();
    }
    stage_close();
}

/* --- Without memory --------------------------------------------------------------------------- */

static troupe_self *acting;
static void (*scene)(void);
static uint64_t number;

static troupe_err act(troupe_self *self, void *state, troupe_msg **msg) {
    (void)state;
    (void)msg;
    acting = self;
    scene();
    return TROUPE_OK;
}

static void as_actor(void (*what)(void)) {
    static const troupe_behaviour actor = {.receive = act};
    troupe_ref who;
    scene = what;
    cr_assert_eq(troupe_spawn(stage_open(TROUPE_STEPPED), &actor, NULL, &who), TROUPE_OK);
    cue(who, CUE_SAY, 0);
    (void)stage_run();
    stage_close();
}

static troupe_err watch_named(const char *name) {
    return troupe_watch_group(acting, name, NULL, 0, NULL, NULL);
}

static void try_bad_names(void) {
    char name[TROUPE_NAME_MAX + 2];
    memset(name, 'x', sizeof name);
    name[sizeof name - 1] = '\0';
    cr_assert_eq(watch_named(name), TROUPE_INVALID);
    cr_assert_eq(watch_named(""), TROUPE_INVALID);
    cr_assert_eq(watch_named(NULL), TROUPE_INVALID);
    name[TROUPE_NAME_MAX] = '\0';
    cr_assert_eq(watch_named(name), TROUPE_OK);
}

Test(group_watch, arguments_are_checked) {
    as_actor(try_bad_names);
}

static troupe_err watch_it(void *ctx) {
    (void)ctx;
    troupe_err err = troupe_watch_group(acting, "crew", NULL, 0, NULL, &number);
    cr_assert_eq(stage_rt()->groups.by_hash.count, err ? 0 : 1);
    return err;
}

static void unwatch_it(void *ctx) {
    (void)ctx;
    cr_assert_eq(troupe_unwatch_group(acting, number), TROUPE_OK);
    cr_assert_eq(troupe_unwatch_group(acting, number), TROUPE_NOTFOUND);
    cr_assert_eq(troupe_unwatch_group(acting, 0), TROUPE_NOTFOUND);
}

static void try_to_watch(void) {
    exhaust_call(stage_heap(), watch_it, unwatch_it, NULL);
}

static void try_to_unwatch(void) {
    cr_assert_eq(watch_it(NULL), TROUPE_OK);
    exhaust_nothing(stage_heap(), unwatch_it, NULL);
}

Test(oom, troupe_watch_group) {
    as_actor(try_to_watch);
}

Test(takes_nothing, troupe_unwatch_group) {
    as_actor(try_to_unwatch);
}

static troupe_ref member;

static void come_and_go(void *ctx) {
    (void)ctx;
    leave(member, "crew");
    (void)stage_run();
}

Test(group_watch, is_told_without_memory) {
    (void)stage_open(TROUPE_STEPPED);
    join(member = stage_enter(&ann), "crew");
    (void)watch();
    (void)stage_run();
    stage_forget();
    exhaust_nothing(stage_heap(), come_and_go, NULL);
    stage_expect("+0-1=0");
    stage_close();
}

/* It says so, rather than to hear no more. */
Test(group_watch, who_keeps_one_without_memory_fails) {
    for (exhaust x = {0}; exhaust_next(&x);) {
        (void)stage_open(TROUPE_STEPPED);
        troupe_ref a = stage_enter(&ann), who = watch();
        (void)stage_run();
        stage_forget();
        with_news = KEEP_IT;
        join(a, "crew");
        exhaust_from(&x, stage_heap());
        (void)stage_run();
        bool refused = exhaust_to(&x);
        if (!refused) {
            leave(a, "crew");
            stage_expect("+1-0=1 +0-1=0");
        }
        cr_assert_eq(stage_there(who), !refused);
        stage_forget();
        stage_close();
    }
}
