/* An actor that sets aside what it is told to, by the number of a cue; under a supervisor. */
#ifndef TROUPE_TEST_HOARDER_H
#define TROUPE_TEST_HOARDER_H

#include <criterion/criterion.h>
#include <string.h>
#include <troupe/link.h>
#include <troupe/observe.h>
#include <troupe/stash.h>

#include "base/os.h"
#include "test/support/family.h"
#include "test/support/stage.h"

enum {
    KEEP = 1000, /* and above: set aside, until it is let go */
    KEEP_AND_FAIL = 2000,
    KEEP_AND_GO = 3000, /* sets it aside and ends, in good order */
    KEEP_GIVE_AND_FAIL = 4000,
    ANSWER = 5000,
    GIVE_BACK = 1, /* all comes again; and from here on nothing is set aside */
    HOARD = 2,     /* from here on it is again */
    TICK = 3,      /* sets a timer for KEEP + 1 */
    FAIL = 4,
    COUNT = 5
};

static struct { unsigned count[TROUPE_DEAD_KINDS]; } seen;

static void see(void *ctx, const troupe_dead_letter *letter, troupe_msg **msg) {
    (void)ctx, (void)msg;
    seen.count[letter->reason]++;
}

static void say_full(troupe_self *self, troupe_msg **msg) {
    uint32_t n = cue_n(*msg);
    troupe_err err = troupe_stash(self, msg);
    cr_assert_eq(err == TROUPE_OK, *msg == NULL);
    if (err) stage_say("%s(%u)", troupe_errname(err), n);
}

static troupe_err keep(troupe_self *self, bool open, uint32_t n, troupe_msg **msg) {
    if (open) {
        stage_say("%u", n);
        return n >= ANSWER ? troupe_answer(self, &cue_type, &(struct cue){.n = n}) : TROUPE_OK;
    }
    say_full(self, msg);
    if (n >= KEEP_GIVE_AND_FAIL && n < ANSWER) cr_assert_gt(troupe_unstash_all(self), 0);
    if (n >= KEEP_AND_GO && n < KEEP_GIVE_AND_FAIL) troupe_exit(self, TROUPE_OK);
    bool fails = (n >= KEEP_AND_FAIL && n < KEEP_AND_GO) || (n >= KEEP_GIVE_AND_FAIL && n < ANSWER);
    return fails ? troupe_fail(self, TROUPE_USER, "as told") : TROUPE_OK;
}

static troupe_err hoard_receive(troupe_self *self, void *state, troupe_msg **msg) {
    bool *open = state; /* what would be set aside is just said */
    if (troupe_as(*msg, &troupe_down_type)) {
        if (*open) stage_say("down");
        return *open ? TROUPE_OK : troupe_stash(self, msg);
    }
    uint32_t n = cue_n(*msg);
    troupe_msg *tick = NULL;
    if (n >= KEEP) return keep(self, *open, n, msg);
    switch (n) {
    case GIVE_BACK:
        *open = true;
        stage_say("back(%u)", troupe_unstash_all(self));
        return TROUPE_OK;
    case HOARD:
        *open = false;
        return TROUPE_OK;
    case TICK:
        tick = cue_make(CUE_SAY, KEEP + 1, TROUPE_NOBODY);
        return troupe_set_timer(self, 1, 10, 0, &tick);
    case FAIL:
        return TROUPE_USER;
    case COUNT:
        stage_say("has(%u)", troupe_stashed(self));
        return TROUPE_OK;
    default:
        return TROUPE_BADTYPE;
    }
}

static troupe_err hoard_start(troupe_self *self, void *state, const void *arg) {
    (void)state, (void)arg;
    cr_assert_eq(troupe_stashed(self), 0);
    cr_assert_eq(troupe_unstash_all(self), 0);
    stage_say("start");
    return TROUPE_OK;
}

static const troupe_behaviour hoarder = {.name = "hoarder",
                                         .state_size = sizeof(bool),
                                         .mailbox_limit = 4,
                                         .start = hoard_start,
                                         .receive = hoard_receive};

static inline troupe_ref open_with(unsigned workers, const troupe_behaviour *what,
                                   troupe_child child) {
    memset(&seen, 0, sizeof seen);
    (void)stage_open_as((troupe_config){.workers = workers, .dead_letter = see});
    child.id = child.name = "h";
    child.what = what;
    (void)family(&child, 1, TROUPE_UNLIMITED, 0);
    return stage_find("h");
}

static inline troupe_ref open_hoarder(unsigned workers) {
    return open_with(workers, &hoarder, (troupe_child){.restart = TROUPE_PERMANENT});
}

/* Once there is room. */
static inline void tell(troupe_ref to, uint32_t n) {
    uint32_t count, limit;
    while (!troupe_mailbox(stage_rt(), to, &count, &limit) && count == limit)
        if (stage_is_stepped())
            cr_assert_gt(stage_run(), 0);
        else
            tr_thread_yield();
    cue(to, CUE_SAY, n);
}

static inline troupe_err try_to_tell(troupe_ref to, uint32_t n) {
    troupe_msg *msg = cue_make(CUE_SAY, n, TROUPE_NOBODY);
    troupe_err err = troupe_post(stage_rt(), to, &msg);
    troupe_drop(&msg);
    return err;
}

static inline uint32_t waiting(troupe_ref who) {
    uint32_t count;
    cr_assert_eq(troupe_mailbox(stage_rt(), who, &count, NULL), TROUPE_OK);
    return count;
}

/* Nothing is missing; and what the actor's own account says, as far as nothing runs. */
static inline void accounts(troupe_ref who, uint64_t sent, uint64_t handled, uint64_t queued) {
    troupe_account account;
    if (!stage_is_stepped()) return;
    (void)stage_run();
    troupe_account_all(stage_rt(), &account);
    cr_assert_eq(troupe_account_missing(&account), 0);
    cr_assert_eq(account.queued, queued);
    cr_assert_eq(troupe_account_of(stage_rt(), who, &account), TROUPE_OK);
    cr_assert_eq(account.sent, sent, "%d", (int)account.sent);
    cr_assert_eq(account.handled, handled, "%d", (int)account.handled);
    cr_assert_eq(account.queued, queued);
}

#endif
