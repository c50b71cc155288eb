/* Messages that are urgent, or have a deadline. */
#include "actors/parcel.h"

#include <criterion/criterion.h>
#include <string.h>
#include <troupe/observe.h>
#include <troupe/shutdown.h>

#include "base/os.h"
#include "test/support/everywhere.h"
#include "test/support/exhaust.h"
#include "test/support/family.h"
#include "test/support/stage.h"

TestSuite(parcel, .timeout = 120);

enum { MS = 30000 };

static const player p = {.id = "p"};
static const troupe_delivery urgent = {.urgent = true}, soon = {.within_ms = 10};

static struct {
    unsigned count[TROUPE_DEAD_KINDS];
    unsigned others; /* that are no cues */
} seen;

static void see(void *ctx, const troupe_dead_letter *letter, troupe_msg **msg) {
    (void)ctx;
    seen.count[letter->reason]++;
    seen.others += strcmp(letter->type, "cue") != 0 || !troupe_as(*msg, &cue_type);
}

static troupe_ref root; /* its supervisor */

static troupe_ref open_with(unsigned workers, troupe_behaviour what, troupe_child child) {
    static troupe_behaviour kept;
    memset(&seen, 0, sizeof seen);
    (void)stage_open_as((troupe_config){.workers = workers, .dead_letter = see});
    kept = what;
    child.id = child.name = "p";
    child.what = &kept;
    child.arg = &p;
    root = family(&child, 1, TROUPE_UNLIMITED, 0);
    return stage_find("p");
}

static troupe_behaviour taker(uint32_t limit) {
    troupe_behaviour what = player_behaviour;
    what.mailbox_limit = limit;
    what.takes_urgent = true;
    return what;
}

static troupe_ref open_taker(unsigned workers, uint32_t limit) {
    return open_with(workers, taker(limit), (troupe_child){.restart = TROUPE_PERMANENT});
}

static troupe_err post(troupe_ref to, uint32_t act, uint32_t n, const troupe_delivery *how) {
    troupe_msg *msg = cue_make(act, n, TROUPE_NOBODY);
    troupe_err err = troupe_post_with(stage_rt(), to, &msg, how);
    cr_assert_eq(err == TROUPE_OK, msg == NULL);
    if (err) cr_assert_eq(cue_n(msg), n);
    troupe_drop(&msg);
    return err;
}

static void put(troupe_ref to, uint32_t n, const troupe_delivery *how) {
    cr_assert_eq(post(to, CUE_SAY, n, how), TROUPE_OK);
}

static void balances(uint64_t queued) {
    troupe_account account;
    troupe_account_all(stage_rt(), &account);
    if (!stage_is_stepped()) return;
    cr_assert_eq(troupe_account_missing(&account), 0);
    cr_assert_eq(account.queued, queued);
}

/* --- What is urgent --------------------------------------------------------------------------- */

Everywhere(parcel, what_is_urgent_goes_first_and_in_order) {
    troupe_ref who = open_taker(workers, 8);
    stage_expect("start(p)");
    stage_hold(who);
    put(who, 1, NULL);
    put(who, 2, &(troupe_delivery){.urgent = false});
    put(who, 3, &urgent);
    put(who, 4, NULL);
    put(who, 5, &urgent);
    if (stage_is_stepped()) stage_expect(""); /* who is held is not moved by that either */
    balances(5);
    stage_let_go(who);
    stage_expect("p:3 p:5 p:1 p:2 p:4");
    balances(0);
    stage_close();
}

Everywhere(parcel, to_who_does_not_consent_it_is_any_message) {
    troupe_behaviour what = taker(8);
    what.takes_urgent = false;
    troupe_ref who = open_with(workers, what, (troupe_child){.restart = TROUPE_PERMANENT});
    stage_expect("start(p)");
    stage_hold(who);
    put(who, 1, NULL);
    put(who, 2, &urgent);
    stage_let_go(who);
    stage_expect("p:1 p:2");
    stage_close();
}

/* The bound is exact, and who is refused has its message; a mailbox of one has no front. */
Everywhere(parcel, it_holds_a_place) {
    troupe_ref who = open_taker(workers, 2);
    stage_expect("start(p)");
    stage_hold(who);
    uint32_t waiting, limit, n = 1;
    while (!troupe_mailbox(stage_rt(), who, &waiting, &limit) && waiting < limit)
        put(who, n++, &urgent);
    cr_assert_eq(post(who, CUE_SAY, 9, &urgent), TROUPE_FULL);
    cr_assert_eq(post(who, CUE_SAY, 9, &soon), TROUPE_FULL);
    cr_assert_eq(post(who, CUE_SAY, 9, NULL), TROUPE_FULL);
    balances(2);
    stage_let_go(who);
    stage_expect(n == 2 ? "p:1" : "p:1 p:2");
    stage_close();
    who = open_taker(workers, 1);
    put(who, 1, &urgent);
    stage_expect("start(p) p:1");
    stage_close();
}

Simulated(parcel, an_overflow_policy_drops_what_is_not_urgent) {
    troupe_behaviour what = taker(2);
    what.overflow = TROUPE_DROP_OLDEST;
    troupe_ref who = open_with(STAGE_SIMULATED, what, (troupe_child){.restart = TROUPE_PERMANENT});
    stage_expect("start(p)");
    stage_hold(who);
    put(who, 1, &urgent);
    put(who, 2, NULL);
    put(who, 3, NULL);    /* in the place of 2 */
    put(who, 4, &urgent); /* in that of 3 */
    put(who, 5, NULL);    /* nothing else is left to drop */
    cr_assert_eq(seen.count[TROUPE_DEAD_DROPPED], 3);
    balances(2);
    stage_let_go(who);
    stage_expect("p:1 p:4");
    stage_close();
}

Simulated(parcel, a_mailbox_that_drops_its_newest_drops_it) {
    troupe_behaviour what = taker(1);
    what.overflow = TROUPE_DROP_NEWEST;
    troupe_ref who = open_with(STAGE_SIMULATED, what, (troupe_child){.restart = TROUPE_PERMANENT});
    stage_expect("start(p)");
    stage_hold(who);
    put(who, 1, NULL);
    put(who, 2, &urgent);
    put(who, 3, &soon);
    cr_assert_eq(seen.count[TROUPE_DEAD_DROPPED], 2);
    cr_assert_eq(seen.others, 0, "a letter is what was sent");
    stage_let_go(who);
    stage_expect("p:1");
    balances(0);
    stage_close();
}

/* --- By actors -------------------------------------------------------------------------------- */

static troupe_err relay(troupe_self *self, void *state, troupe_msg **msg) {
    const struct cue *cue = troupe_as(*msg, &cue_type);
    (void)state;
    if (cue->n == 100) {
        stage_say("from(%s)", troupe_same(troupe_sender(self), cue->who) ? "it" : "?");
        return troupe_answer(self, &cue_type, &(struct cue){.n = 101});
    }
    if (cue->n == 101) {
        stage_say("answered");
        return TROUPE_OK;
    }
    troupe_msg *none = NULL;
    troupe_msg *out = cue_make(CUE_SAY, 100, troupe_me(self));
    cr_assert_eq(troupe_send_with(self, cue->who, &none, &urgent), TROUPE_INVALID);
    cr_assert_eq(troupe_send_with(self, TROUPE_NOBODY, &out, &urgent), TROUPE_GONE);
    cr_assert_not_null(out);
    const troupe_delivery how = {.urgent = cue->n & 1, .within_ms = cue->n & 2 ? MS : 0};
    return troupe_send_with(self, cue->who, &out, &how);
}

/* At home and from afar, with each kind of envelope; its sender is who has sent it. */
Everywhere(parcel, an_actor_sends_so_too) {
    static const troupe_behaviour relayer = {
        .name = "relayer", .takes_urgent = true, .receive = relay};
    troupe_ref one, other;
    (void)stage_open(workers);
    cr_assert_eq(troupe_spawn(stage_rt(), &relayer, NULL, &one), TROUPE_OK);
    cr_assert_eq(troupe_spawn(stage_rt(), &relayer, NULL, &other), TROUPE_OK);
    for (uint32_t n = 0; n < 4; n++) {
        cue_about(one, CUE_SAY, n, other);
        stage_expect("from(it) answered");
    }
    cue_about(one, CUE_SAY, 3, one);
    stage_expect("from(it) answered");
    balances(0);
    stage_close();
}

Everywhere(parcel, who_asks_so_is_answered) {
    troupe_ref who = open_taker(workers, 4);
    const troupe_delivery both = {.urgent = true, .within_ms = MS};
    troupe_msg *msg = cue_make(CUE_ANSWER, 7, TROUPE_NOBODY);
    cr_assert_eq(troupe_ask_with(stage_rt(), who, &msg, &both, MS), TROUPE_OK);
    cr_assert_eq(cue_n(msg), 7);
    troupe_drop(&msg);
    stage_expect("start(p)");
    stage_close();
}

Everywhere(parcel, a_promise_is_broken_as_by_any_question) {
    troupe_ref who = open_taker(workers, 4);
    const troupe_delivery both = {.urgent = true, .within_ms = MS};
    troupe_msg *msg = cue_make(CUE_SAY, 7, TROUPE_NOBODY);
    cr_assert_eq(troupe_ask_with(stage_rt(), who, &msg, &both, MS), TROUPE_BROKEN);
    cr_assert_null(msg);
    stage_expect("start(p) p:7");
    stage_close();
}

/* --- Lives ------------------------------------------------------------------------------------ */

Test(parcel, what_comes_between_two_lives_is_urgent_in_the_next) {
    troupe_ref who = open_taker(TROUPE_STEPPED, 8);
    (void)stage_run();
    cue(who, CUE_FAIL, TROUPE_USER);
    cr_assert_eq(troupe_step(stage_rt(), 1), 1); /* it has failed, and is not started again yet */
    put(who, 1, NULL);
    put(who, 2, &urgent);
    stage_expect("start(p) stop(p,USER) start(p) p:2 p:1");
    stage_close();
}

/* It has used up the request by then. */
Test(parcel, also_if_it_waits_for_that_for_a_while) {
    const troupe_child child = {.max_restarts = 1, .hold = true};
    troupe_ref who = open_with(TROUPE_STEPPED, taker(8), child);
    cue(who, CUE_FAIL, TROUPE_USER);
    cue(who, CUE_FAIL, TROUPE_USER);
    stage_expect("start(p) stop(p,USER) start(p) stop(p,USER)");
    put(who, 1, NULL);
    put(who, 2, &urgent);
    stage_expect("");
    cr_assert_eq(troupe_restart_child(stage_rt(), root, "p", MS, &who), TROUPE_OK);
    stage_expect("start(p) p:2 p:1");
    stage_close();
}

/* So that its failures are counted, and it is quarantined. */
Test(parcel, a_message_that_is_tried_again_is_first_all_the_same) {
    troupe_ref who = open_with(TROUPE_STEPPED, taker(8), (troupe_child){.poison_after = 2});
    (void)stage_run();
    cue(who, CUE_FAIL, TROUPE_USER);
    cr_assert_eq(troupe_step(stage_rt(), 1), 1);
    put(who, 1, NULL);
    put(who, 2, &urgent);
    stage_expect("start(p) stop(p,USER) start(p) stop(p,USER) start(p) p:2 p:1");
    cr_assert_eq(seen.count[TROUPE_DEAD_QUARANTINED], 1);
    stage_close();
}

Everywhere(parcel, the_next_life_has_them) {
    troupe_ref who = open_taker(workers, 8);
    stage_expect("start(p)");
    stage_hold(who);
    put(who, 1, &urgent);
    put(who, 2, &(troupe_delivery){.within_ms = MS});
    cr_assert_eq(troupe_kill(stage_rt(), who), TROUPE_OK);
    stage_let_go(who);
    stage_expect("start(p) p:1 p:2");
    cr_assert_eq(seen.count[TROUPE_DEAD_STOPPED], 0);
    stage_close();
}

Simulated(parcel, a_flush_ends_them) {
    troupe_ref who = open_with(STAGE_SIMULATED, taker(8), (troupe_child){.flush = true});
    stage_expect("start(p)");
    stage_hold(who);
    put(who, 1, &urgent);
    put(who, 2, &soon);
    cr_assert_eq(troupe_kill(stage_rt(), who), TROUPE_OK);
    stage_expect("start(p)");
    cr_assert_eq(seen.count[TROUPE_DEAD_FLUSHED], 2);
    cr_assert_eq(seen.others, 0);
    balances(0);
    stage_let_go(who);
    stage_close();
}

Simulated(parcel, a_burial_ends_them) {
    troupe_ref who =
        open_with(STAGE_SIMULATED, taker(8), (troupe_child){.restart = TROUPE_TEMPORARY});
    stage_expect("start(p)");
    stage_hold(who);
    put(who, 1, &urgent);
    put(who, 2, &soon);
    cr_assert_eq(troupe_kill(stage_rt(), who), TROUPE_OK);
    stage_await_gone(who);
    cr_assert_eq(seen.count[TROUPE_DEAD_STOPPED], 2);
    cr_assert_eq(seen.others, 0);
    balances(0);
    stage_close();
}

Simulated(parcel, a_drain_names_what_is_inside) {
    troupe_ref who = open_taker(STAGE_SIMULATED, 4);
    uint32_t busy;
    stage_expect("start(p)");
    stage_hold(who);
    put(who, 1, &urgent);
    cr_assert_eq(troupe_drain(stage_rt(), 5, &busy), TROUPE_TIMEOUT);
    cr_assert_eq(stage_logged("before cue"), 1);
    cr_assert_eq(post(who, CUE_SAY, 2, &urgent), TROUPE_QUIESCED);
    stage_let_go(who);
    stage_close();
}

/* --- Deadlines -------------------------------------------------------------------------------- */

Everywhere(parcel, what_is_late_is_not_handled) {
    troupe_ref who = open_taker(workers, 8);
    stage_expect("start(p)");
    stage_hold(who);
    const uint64_t begun = troupe_now(stage_rt());
    put(who, 1, &soon);
    put(who, 2, &(troupe_delivery){.within_ms = MS});
    put(who, 3, &(troupe_delivery){.urgent = true, .within_ms = 10});
    if (stage_is_stepped())
        stage_advance(11);
    else
        while (troupe_now(stage_rt()) < begun + 12 * TR_MS) tr_thread_yield();
    balances(3);
    stage_let_go(who);
    stage_expect("p:2");
    cr_assert_eq(seen.count[TROUPE_DEAD_OVERDUE], 2);
    cr_assert_eq(seen.others, 0);
    uint32_t waiting;
    while (!troupe_mailbox(stage_rt(), who, &waiting, NULL) && waiting) tr_thread_yield();
    for (uint32_t i = 1; i <= 8; i++) put(who, i, NULL); /* all places are there again */
    stage_expect("p:1 p:2 p:3 p:4 p:5 p:6 p:7 p:8");
    balances(0);
    stage_close();
}

Simulated(parcel, at_its_deadline_it_is_in_time) {
    troupe_ref who = open_taker(STAGE_SIMULATED, 8);
    stage_expect("start(p)");
    stage_hold(who);
    put(who, 1, &soon);
    *stage_clock() += 10 * TR_MS;
    stage_let_go(who);
    stage_expect("p:1");
    cr_assert_eq(seen.count[TROUPE_DEAD_OVERDUE], 0);
    stage_close();
}

/* What it is behind takes a while. */
static troupe_err dawdle(troupe_self *self, void *state, troupe_msg **msg) {
    (void)state;
    if (cue_n(*msg) == 1)
        *stage_clock() += 100 * TR_MS;
    else
        stage_say("did(%u)", cue_n(*msg));
    return troupe_answer(self, &cue_type, &(struct cue){.n = cue_n(*msg)});
}

Test(parcel, who_asked_too_late_hears_at_once) {
    static const troupe_behaviour dawdler = {.name = "dawdler", .receive = dawdle};
    troupe_ref who;
    memset(&seen, 0, sizeof seen);
    (void)stage_open_as((troupe_config){.workers = TROUPE_STEPPED, .dead_letter = see});
    cr_assert_eq(troupe_spawn(stage_rt(), &dawdler, NULL, &who), TROUPE_OK);
    cue(who, CUE_SAY, 1);
    troupe_msg *msg = cue_make(CUE_SAY, 2, TROUPE_NOBODY);
    cr_assert_eq(troupe_ask_with(stage_rt(), who, &msg, &soon, MS), TROUPE_TIMEOUT);
    cr_assert_null(msg);
    cr_assert_eq(seen.count[TROUPE_DEAD_OVERDUE], 1);
    msg = cue_make(CUE_SAY, 3, TROUPE_NOBODY);
    cr_assert_eq(troupe_ask_with(stage_rt(), who, &msg, &soon, MS), TROUPE_OK);
    troupe_drop(&msg);
    stage_expect("did(3)");
    stage_close();
}

Simulated(parcel, who_asked_in_time_hears_that_it_failed) {
    troupe_ref who = open_taker(STAGE_SIMULATED, 4);
    const uint64_t begun = troupe_now(stage_rt());
    troupe_msg *msg = cue_make(CUE_FAIL, TROUPE_USER, TROUPE_NOBODY);
    cr_assert_eq(troupe_ask_with(stage_rt(), who, &msg, &soon, MS), TROUPE_FAILED);
    cr_assert_lt(troupe_now(stage_rt()) - begun, MS * TR_MS);
    stage_expect("start(p) stop(p,USER) start(p)");
    stage_close();
}

/* --- Memory ----------------------------------------------------------------------------------- */

static troupe_ref target;

static troupe_err post_out(void *ctx) {
    troupe_msg **msg = ctx;
    troupe_err err = troupe_post_with(stage_rt(), target, msg, &urgent);
    cr_assert_eq(err == TROUPE_OK, *msg == NULL);
    return err;
}

static void handle(void *ctx) {
    (void)stage_run();
    *(troupe_msg **)ctx = cue_make(CUE_SAY, 1, TROUPE_NOBODY);
}

Test(oom, troupe_post_with) {
    target = open_taker(STAGE_SIMULATED, 4);
    troupe_msg *msg = cue_make(CUE_SAY, 1, TROUPE_NOBODY);
    (void)stage_run();
    exhaust_call(stage_heap(), post_out, handle, &msg);
    troupe_drop(&msg);
    stage_close();
}

static troupe_err send_out(troupe_self *self, void *state, troupe_msg **msg) {
    (void)state;
    bool refused = false;
    for (exhaust x = {0}; exhaust_next(&x);) {
        troupe_msg *out = cue_make(CUE_SAY, 1, TROUPE_NOBODY);
        exhaust_from(&x, stage_heap());
        troupe_err err = troupe_send_with(self, target, &out, &soon);
        refused |= exhaust_to(&x);
        cr_assert_eq(err, out ? TROUPE_NOMEM : TROUPE_OK);
        troupe_drop(&out);
    }
    cr_assert(refused);
    troupe_drop(msg);
    return TROUPE_OK;
}

Test(oom, troupe_send_with) {
    static const troupe_behaviour sender = {.name = "sender", .receive = send_out};
    troupe_ref who;
    target = open_taker(STAGE_SIMULATED, 256);
    cr_assert_eq(troupe_spawn(stage_rt(), &sender, NULL, &who), TROUPE_OK);
    cue(who, CUE_SAY, 1);
    (void)stage_run();
    balances(0);
    stage_close();
}

/* The answer needs memory too: its actor fails without. */
Test(oom, troupe_ask_with) {
    target = open_taker(STAGE_SIMULATED, 4);
    (void)stage_run();
    for (exhaust x = {0}; exhaust_next(&x);) {
        troupe_msg *msg = cue_make(CUE_ANSWER, 1, TROUPE_NOBODY);
        exhaust_from(&x, stage_heap());
        troupe_err err = troupe_ask_with(stage_rt(), target, &msg, &soon, MS);
        bool refused = exhaust_to(&x);
        cr_assert(!err || (refused && (err == TROUPE_NOMEM || err == TROUPE_FAILED)));
        cr_assert_eq(msg == NULL, err == TROUPE_FAILED);
        troupe_drop(&msg);
        (void)stage_run();
    }
    balances(0);
    stage_close();
}
