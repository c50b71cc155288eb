/* Room: who was told FULL hears when to try again. The mailboxes are of 1 and of 4. */
#include "actors/room.h"

#include <criterion/criterion.h>
#include <pthread.h>

#include "actors/runtime.h"
#include "test/support/everywhere.h"
#include "test/support/exhaust.h"
#include "test/support/family.h"
#include "test/support/player.h"
#include "test/support/stage.h"

TestSuite(room, .timeout = 120);

enum { LONG_MS = 30000 };

/* Wishes to hear of room at whom a cue is about, if it is CUE_WATCH; and says what it hears. */
static troupe_err wish(troupe_self *self, void *state, troupe_msg **msg) {
    (void)state;
    const struct troupe_room *room = troupe_as(*msg, &troupe_room_type);
    if (room) {
        cr_assert(troupe_same(room->who, troupe_sender(self)));
        stage_say("room(%s)", troupe_errname((troupe_err)room->why));
        return TROUPE_OK;
    }
    const struct cue *cue = troupe_as(*msg, &cue_type);
    if (cue->act != CUE_WATCH) return (troupe_err)cue->n;
    troupe_err err = troupe_notify_room(self, cue->who);
    if (err) stage_say("%s", troupe_errname(err));
    return TROUPE_OK;
}

static const troupe_behaviour wishes = {.name = "wishes", .mailbox_limit = 1, .receive = wish},
                              one = {.name = "one",
                                     .mailbox_limit = 1,
                                     .state_size = 0,
                                     .receive = wish};
static const player ann = {.id = "ann"};
static troupe_ref waits, full;

/* Opens a stage with one who is held with a full mailbox of 4, and one who may wish. */
static troupe *open_full(unsigned workers) {
    troupe *rt = stage_open(workers);
    cr_assert_eq(troupe_spawn(rt, &wishes, NULL, &waits), TROUPE_OK);
    cr_assert_eq(troupe_spawn(rt, &player_with_4, &ann, &full), TROUPE_OK);
    stage_expect("start(ann)");
    stage_hold(full);
    troupe_msg *msg = cue_make(CUE_SAY, 1, TROUPE_NOBODY);
    while (!troupe_post(rt, full, &msg)) msg = cue_make(CUE_SAY, 1, TROUPE_NOBODY);
    troupe_drop(&msg);
    return rt;
}

/* Has it wish, once its mailbox of 1 is free. */
static void wish_for(troupe_ref who) {
    troupe_msg *msg = cue_make(CUE_WATCH, 0, who);
    while (troupe_post(stage_rt(), waits, &msg) == TROUPE_FULL) (void)stage_run();
    cr_assert_null(msg);
}

static void nothing_is_kept(void) {
    cr_assert_eq(stage_rt()->rooms.by_target.count, 0);
    cr_assert_eq(stage_rt()->rooms.by_actor.count, 0);
}

Test(room, it_comes_once_half_of_the_mailbox_is_empty) {
    (void)open_full(STAGE_SIMULATED);
    for (int i = 0; i < 3; i++) {
        wish_for(full);
        (void)stage_run();
    }
    stage_expect("");
    stage_let_go(full);
    stage_expect_all("ann:1 ann:1 ann:1 ann:1 room(OK)");
    nothing_is_kept();
    stage_close();
}

static uint32_t bound, seen;

/* Whether the wish has been told is looked at with each message: the one in hand holds a place, so
 * while there are `n` the mailbox holds `n`. */
static troupe_err look_at_wish(troupe_self *self, void *state, troupe_msg **msg) {
    (void)state, (void)msg;
    tr_rooms *rooms = &troupe_runtime(self)->rooms;
    uint32_t n = 0;
    cr_assert_eq(troupe_mailbox(troupe_runtime(self), troupe_me(self), &n, NULL), TROUPE_OK);
    cr_assert_eq(n, bound - seen++);
    tr_lock(&rooms->lock);
    const bool told = !rooms->by_target.count;
    tr_unlock(&rooms->lock);
    cr_assert_eq(told, n <= bound / 2, "%u of %u", n, bound);
    return TROUPE_OK;
}

static void at_half(uint32_t limit) {
    const troupe_behaviour looks = {
        .name = "looks", .mailbox_limit = limit, .receive = look_at_wish};
    troupe *rt = stage_open(STAGE_SIMULATED);
    cr_assert_eq(troupe_spawn(rt, &wishes, NULL, &waits), TROUPE_OK);
    cr_assert_eq(troupe_spawn(rt, &looks, NULL, &full), TROUPE_OK);
    bound = limit;
    seen = 0;
    stage_hold(full);
    for (uint32_t i = 0; i < limit; i++) cue(full, CUE_SAY, i);
    wish_for(full);
    (void)stage_run();
    stage_expect("");
    stage_let_go(full);
    stage_expect("room(OK)");
    (void)stage_run();
    cr_assert_eq(seen, limit);
    nothing_is_kept();
    stage_close();
}

Test(room, it_comes_at_half_the_bound_whatever_that_is) {
    static const uint32_t bounds[] = {1, 2, 3, 16, 1024};
    for (size_t i = 0; i < sizeof bounds / sizeof *bounds; i++) at_half(bounds[i]);
}

Everywhere(room, it_comes_once_for_each_wish) {
    (void)open_full(workers);
    wish_for(full);
    stage_let_go(full);
    stage_expect_all(workers == STAGE_SIMULATED ? "ann:1 ann:1 ann:1 ann:1 room(OK)"
                                                : "ann:1 ann:1 ann:1 room(OK)");
    wish_for(full); /* it is not full now */
    stage_expect("room(OK)");
    if (stage_is_stepped()) nothing_is_kept();
    stage_close();
}

Test(room, a_mailbox_of_one_is_told_when_it_is_empty) {
    troupe *rt = stage_open(STAGE_SIMULATED);
    troupe_ref to;
    cr_assert_eq(troupe_spawn(rt, &wishes, NULL, &waits), TROUPE_OK);
    cr_assert_eq(troupe_spawn(rt, &one, NULL, &to), TROUPE_OK);
    stage_hold(to);
    cue(to, CUE_SAY, 0);
    wish_for(to);
    stage_expect("");
    stage_let_go(to);
    stage_expect("room(OK)");
    /* And by its own full mailbox nobody's news is refused. */
    stage_hold(to);
    cue(to, CUE_SAY, 0);
    wish_for(to);
    (void)stage_run();
    stage_hold(waits);
    cue(waits, CUE_SAY, 0);
    stage_let_go(to);
    (void)stage_run();
    stage_let_go(waits);
    stage_expect("room(OK)");
    nothing_is_kept();
    stage_close();
}

static void ended(unsigned workers) {
    troupe *rt = open_full(workers);
    wish_for(full);
    if (workers == STAGE_SIMULATED) (void)stage_run();
    cr_assert_eq(troupe_kill(rt, full), TROUPE_OK);
    stage_let_go(full);
    stage_await_gone(full);
    stage_await(1);
    stage_forget(); /* with workers the wish may have come too late, and be GONE at once */
    wish_for(full);
    stage_expect("GONE");
    wish_for(TROUPE_NOBODY);
    stage_expect("GONE");
    wish_for((troupe_ref){full.node + 1, full.id});
    stage_expect("NOCONNECTION");
    nothing_is_kept();
    stage_close();
}

Test(room, who_ends_has_none_any_more) {
    ended(STAGE_SIMULATED);
    ended(1);
    ended(4);
    troupe *rt = open_full(STAGE_SIMULATED);
    wish_for(full);
    (void)stage_run();
    cr_assert_eq(troupe_kill(rt, full), TROUPE_OK);
    stage_let_go(full);
    stage_expect("room(GONE)");
    stage_close();
}

/* A wish ends with its life: whether it waits, or its message is in the mailbox already. */
Test(room, nothing_comes_to_the_next_life) {
    (void)open_full(STAGE_SIMULATED);
    const troupe_child child = {.id = "waits", .name = "waits", .what = &wishes, .poison_after = 3};
    troupe_ref top = family(&child, 1, 9, 1000), it = stage_find("waits");
    cue_about(it, CUE_WATCH, 0, full);
    (void)stage_run();
    cue(it, CUE_SAY, TROUPE_USER);
    (void)stage_run();
    nothing_is_kept();
    cue_about(it, CUE_WATCH, 0, full);
    (void)stage_run();
    stage_hold(it);
    cue(it, CUE_SAY, TROUPE_USER);
    stage_let_go(full);
    stage_expect("ann:1 ann:1 ann:1 ann:1");
    stage_let_go(it);
    stage_expect("");
    nothing_is_kept();
    family_stop(top);
    stage_close();
}

/* --- Threads ---------------------------------------------------------------------------------- */

static troupe_err post(troupe_ref to, unsigned ms) {
    troupe_msg *msg = cue_make(CUE_SAY, 2, TROUPE_NOBODY), *before = msg;
    troupe_err err = troupe_post_wait(stage_rt(), to, &msg, ms);
    cr_assert_eq(msg, err ? before : NULL);
    troupe_drop(&msg);
    return err;
}

Test(room, a_post_that_waits_has_its_errors) {
    troupe *rt = open_full(STAGE_SIMULATED);
    troupe_msg *none = NULL;
    cr_assert_eq(post(full, 0), TROUPE_TIMEOUT);
    cr_assert_eq(post(full, LONG_MS), TROUPE_TIMEOUT, "nobody moves a stepped runtime");
    cr_assert_eq(post(TROUPE_NOBODY, LONG_MS), TROUPE_GONE);
    cr_assert_eq(post((troupe_ref){full.node + 1, full.id}, LONG_MS), TROUPE_NOCONNECTION);
    cr_assert_eq(troupe_post_wait(rt, full, &none, 1), TROUPE_INVALID);
    nothing_is_kept();
    stage_let_go(full);
    stage_expect("ann:1 ann:1 ann:1 ann:1");
    cr_assert_eq(post(full, LONG_MS), TROUPE_OK);
    stage_expect("ann:2");
    stage_close();
}

Test(room, a_post_steps_a_stepped_runtime) {
    (void)open_full(STAGE_SIMULATED);
    stage_let_go(full);
    cr_assert_eq(post(full, LONG_MS), TROUPE_OK);
    stage_expect("ann:1 ann:1 ann:1 ann:1 ann:2");
    stage_close();
}

static void *kill_it(void *arg) {
    /* Once somebody waits. */
    for (size_t n = 0; !n;) {
        tr_lock(&stage_rt()->rooms.lock);
        n = stage_rt()->rooms.by_target.count;
        tr_unlock(&stage_rt()->rooms.lock);
    }
    cr_assert_eq(troupe_kill(stage_rt(), full), TROUPE_OK);
    stage_let_go(full);
    return arg;
}

Test(room, a_post_is_woken_by_the_end) {
    (void)open_full(2);
    pthread_t thread;
    cr_assert_eq(pthread_create(&thread, NULL, kill_it, NULL), 0);
    cr_assert_eq(post(full, LONG_MS), TROUPE_GONE);
    cr_assert_eq(pthread_join(thread, NULL), 0);
    stage_close();
}

static tr_atomic64 handled;
static uint32_t most;

/* Watches the bound while many wait for room. */
static troupe_err count(troupe_self *self, void *state, troupe_msg **msg) {
    (void)state, (void)msg;
    uint32_t n = 0;
    cr_assert_eq(troupe_mailbox(troupe_runtime(self), troupe_me(self), &n, NULL), TROUPE_OK);
    if (n > most) most = n;
    (void)tr_add64_relaxed(&handled, 1);
    return TROUPE_OK;
}

enum { THREADS = 4, EACH = 500 };

static void *post_many(void *arg) {
    for (int i = 0; i < EACH; i++) cr_assert_eq(post(full, LONG_MS), TROUPE_OK);
    return arg;
}

static void many_wait(uint32_t limit) {
    const troupe_behaviour counts = {.name = "counts", .mailbox_limit = limit, .receive = count};
    pthread_t thread[THREADS];
    most = 0;
    tr_store64_relaxed(&handled, 0);
    cr_assert_eq(troupe_spawn(stage_open(2), &counts, NULL, &full), TROUPE_OK);
    for (int i = 0; i < THREADS; i++)
        cr_assert_eq(pthread_create(&thread[i], NULL, post_many, NULL), 0);
    for (int i = 0; i < THREADS; i++) cr_assert_eq(pthread_join(thread[i], NULL), 0);
    nothing_is_kept();
    while (tr_load64_relaxed(&handled) < THREADS * EACH) tr_thread_yield();
    stage_close();
    cr_assert_leq(most, limit);
    cr_assert_eq(tr_load64_relaxed(&handled), THREADS * EACH);
}

Test(room, many_wait_and_none_is_forgotten) {
    many_wait(1);
    many_wait(3);
}

/* --- Memory ----------------------------------------------------------------------------------- */

static exhaust *round_now;
static troupe_err how;

static troupe_err wish_once(troupe_self *self, void *state, troupe_msg **msg) {
    (void)state;
    const struct cue *cue = troupe_as(*msg, &cue_type);
    if (!cue) stage_say("room");
    if (!cue) return TROUPE_OK;
    exhaust_from(round_now, stage_heap());
    how = troupe_notify_room(self, cue->who);
    return TROUPE_OK;
}

Test(oom, troupe_notify_room) {
    static const troupe_behaviour what = {.name = "wishes", .receive = wish_once};
    for (exhaust x = {0}; exhaust_next(&x); stage_close()) {
        (void)open_full(STAGE_SIMULATED);
        troupe_ref it;
        cr_assert_eq(troupe_spawn(stage_rt(), &what, NULL, &it), TROUPE_OK);
        round_now = &x;
        cue_about(it, CUE_WATCH, 0, full);
        (void)stage_run();
        bool refused = exhaust_to(&x);
        cr_assert_eq(how, refused ? TROUPE_NOMEM : TROUPE_OK);
        stage_let_go(full);
        stage_expect_all(refused ? "ann:1 ann:1 ann:1 ann:1" : "ann:1 ann:1 ann:1 ann:1 room");
        nothing_is_kept();
    }
}

Test(oom, troupe_post_wait) {
    for (exhaust x = {0}; exhaust_next(&x); stage_close()) {
        troupe *rt = open_full(STAGE_SIMULATED);
        troupe_msg *msg = cue_make(CUE_SAY, 2, TROUPE_NOBODY);
        exhaust_from(&x, stage_heap());
        troupe_err err = troupe_post_wait(rt, full, &msg, 10);
        cr_assert_eq(err, exhaust_to(&x) ? TROUPE_NOMEM : TROUPE_TIMEOUT);
        troupe_drop(&msg);
        nothing_is_kept();
        stage_let_go(full);
        (void)stage_run();
        stage_forget();
    }
}
