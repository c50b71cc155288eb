#include <criterion/criterion.h>
#include <semaphore.h>
#include <troupe/shutdown.h>

#include "actors/straggler.h"

#include "actors/runtime.h"
#include "test/support/everywhere.h"
#include "test/support/family.h"
#include "test/support/stage.h"

TestSuite(straggler, .timeout = 60);

static const player ann = {.id = "ann"}, ben = {.id = "ben"};

static uint32_t name(tr_lag lag) {
    return tr_stragglers_name(stage_rt(), lag, 0);
}

/* One that has mail is named by its path, with the type of the oldest message; in a stepped
 * runtime nobody has handled it yet. */
Test(straggler, who_has_mail_is_named_by_path_and_message) {
    (void)stage_open(STAGE_SIMULATED);
    const troupe_child kids[] = {kid(&ann, 0), kid(&ben, 0)};
    (void)family(kids, 2, 0, 0);
    stage_expect("start(ann) start(ben)");
    cr_assert_eq(name(TR_LAG_MAIL), 0);
    cue_named("ben", CUE_SAY, 1);
    cue_named("ben", CUE_SAY, 2);
    *stage_clock() = 7 * TR_MS;
    cr_assert_eq(name(TR_LAG_MAIL), 1);
    cr_assert_eq(stage_logged("drain: supervisor/ben, before cue, has 2 messages after 7 ms"), 1);
    cr_assert_eq(name(TR_LAG_STOP), 0);
    cr_assert_eq(name(TR_LAG_CALL), 0);
    stage_expect("ben:1 ben:2");
    cr_assert_eq(name(TR_LAG_MAIL), 0);
    stage_close();
}

/* Between two lives its supervisor may free what the path is made of, so it is named by what it
 * has itself: its name, or else its behaviour's. */
Everywhere(straggler, who_is_between_two_lives_is_named_by_its_name) {
    static const player never = {.id = "never", .fail_from = 2, .fail_past = 99};
    uint32_t starts = 0;
    player as = never;
    as.starts = &starts;
    (void)stage_open(workers);
    troupe_child child = kid(&as, 0);
    child.hold = true;
    child.max_restarts = 1;
    child.within_ms = 60000;
    (void)family(&child, 1, 9, 60000);
    stage_expect("start(never)");
    troupe_ref who = stage_find("never");
    cue(who, CUE_FAIL, TROUPE_USER);
    stage_expect("stop(never,USER) startfail(never)");
    cue(who, CUE_SAY, 1);
    cr_assert_eq(troupe_drain(stage_rt(), stage_is_stepped() ? 100 : 10, NULL), TROUPE_TIMEOUT);
    cr_assert_eq(stage_logged("drain: never, before cue, has 1 messages"), 1);
    stage_close();
}

/* A supervisor waits for its children: it is them who are named. And who said LATER is named until
 * it ends, whatever it does meanwhile, but not in its next life. */
Everywhere(straggler, who_said_later_is_named_until_it_ends) {
    static const player later = {.id = "later", .stopping = TROUPE_LATER};
    troupe *rt = stage_open(workers);
    troupe_child child = kid(&later, TROUPE_TRANSIENT);
    child.shutdown_ms = TROUPE_FOREVER;
    (void)family(&child, 1, 5, 1000);
    stage_expect("start(later)");
    troupe_ref who = stage_find("later");
    cr_assert_eq(name(TR_LAG_STOP), 0);
    cr_assert_eq(troupe_stop(rt, who), TROUPE_OK);
    stage_expect("stopping(later)");
    cue(who, CUE_SAY, 1);
    stage_expect("later:1");
    cr_assert_eq(name(TR_LAG_STOP), 1);
    cr_assert_eq(stage_logged("close: supervisor/later, "), 1);
    cue(who, CUE_EXIT, TROUPE_USER);
    stage_expect("stop(later,USER) start(later)");
    cue(who, CUE_SAY, 1);
    stage_expect("later:1");
    cr_assert_eq(name(TR_LAG_STOP), 0);
    cue(who, CUE_EXIT, TROUPE_OK);
    stage_expect("stop(later,OK)");
    stage_close();
}

/* --- Callbacks that do not return ------------------------------------------------------------- */

static sem_t gate, inside;

static troupe_err hang(troupe_self *self, void *state, troupe_msg **msg) {
    (void)self;
    (void)state;
    (void)msg;
    sem_post(&inside);
    sem_wait(&gate);
    return TROUPE_OK;
}

/* A child hangs; also after its supervisor has given it up it is known by its path. */
static void hang_as(bool blocking) {
    troupe *rt = stage_open(2);
    const troupe_behaviour what = {.name = "hanger", .blocking = blocking, .receive = hang};
    const troupe_child child = {
        .id = "kid", .what = &what, .name = "kid", .restart = TROUPE_TEMPORARY, .shutdown_ms = 1};
    troupe_ref root = family(&child, 1, 0, 0), who = stage_find("kid");
    sem_init(&gate, 0, 0);
    sem_init(&inside, 0, 0);
    cue(who, CUE_SAY, 1);
    sem_wait(&inside);
    cr_assert_geq(name(TR_LAG_CALL), 1); /* its supervisor may be at something, too */
    cr_assert_eq(stage_logged("close: supervisor/kid in cue does not return"), 1);
    cr_assert_eq(troupe_terminate_child(rt, root, "kid", 60000), TROUPE_OK);
    cr_assert_eq(name(TR_LAG_STOP), 0);
    cr_assert_geq(name(TR_LAG_CALL), 1); /* its supervisor may be at something, too */
    cr_assert_eq(stage_logged("close: supervisor/kid in cue does not return"), 2);
    sem_post(&gate);
    stage_await_log("supervisor/kid, which was abandoned, has returned");
    stage_close();
}

Test(straggler, who_was_abandoned_is_named_by_its_path) {
    hang_as(false);
    hang_as(true);
}
