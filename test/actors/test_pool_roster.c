#include "actors/pool_roster.h"

#include <criterion/criterion.h>
#include <pthread.h>

#include "actors/pool_gate.h"
#include "actors/runtime.h"
#include "test/support/exhaust.h"
#include "test/support/player.h"
#include "test/support/stage.h"

TestSuite(pool_roster, .timeout = 60);

static const player ann = {.id = "ann"};

enum { ROOM = 4 };

static tr_roster roster;
static tr_mutex lock;

static void open_roster(void) {
    tr_mutex_init(&lock);
    cr_assert_eq(tr_roster_init(&roster, stage_rt(), &lock, ROOM), TROUPE_OK);
}

static void close_roster(void) {
    tr_roster_fini(&roster);
    tr_mutex_fini(&lock);
    stage_close();
}

static troupe_err send(troupe_pick pick, uint64_t key, troupe_ref *to) {
    const tr_roster_mail mail = {.pick = pick, .key = key};
    troupe_msg *msg = cue_make(CUE_KEEP, 0, TROUPE_NOBODY);
    troupe_err err = tr_roster_send(&roster, &mail, &msg, to);
    cr_assert_eq(msg == NULL, !err);
    troupe_drop(&msg);
    return err;
}

static troupe_ref enter_one(void) {
    troupe_ref who = TROUPE_NOBODY;
    cr_assert_eq(troupe_spawn(stage_rt(), &player_with_4, &ann, &who), TROUPE_OK);
    return who;
}

Test(pool_roster, has_who_has_entered) {
    (void)stage_open(TROUPE_STEPPED);
    open_roster();
    troupe_ref who[ROOM], to;
    cr_assert_eq(send(TROUPE_PICK_NEXT, 0, &to), TROUPE_GONE);
    for (int i = 0; i < ROOM; i++) {
        who[i] = enter_one();
        cr_assert(tr_roster_enter(&roster, who[i].id));
        cr_assert(tr_roster_enter(&roster, who[i].id), "it is there");
        cr_assert_eq(tr_roster_look(&roster).members, (uint32_t)i + 1);
    }
    cr_assert_not(tr_roster_enter(&roster, enter_one().id), "there is no room");
    for (int i = 0; i < 2 * ROOM; i++) {
        cr_assert_eq(send(TROUPE_PICK_NEXT, 0, &to), TROUPE_OK);
        cr_assert(troupe_same(to, who[i % ROOM]), "one after the other");
    }
    cr_assert(tr_roster_leave(&roster, who[1].id));
    cr_assert_not(tr_roster_leave(&roster, who[1].id));
    for (int i = 0; i < 6; i++) {
        cr_assert_eq(send(TROUPE_PICK_NEXT, 0, &to), TROUPE_OK);
        cr_assert_not(troupe_same(to, who[1]));
    }
    const tr_roster_load load = tr_roster_look(&roster);
    cr_assert(load.members == 3 && load.busy == 3 && load.mail == 12);
    cr_assert_eq(send(TROUPE_PICK_NEXT, 0, &to), TROUPE_FULL);
    tr_roster_clear(&roster);
    cr_assert_eq(send(TROUPE_PICK_LEAST, 0, &to), TROUPE_GONE);
    (void)stage_run();
    stage_forget();
    close_roster();
}

Test(pool_roster, who_has_ended_is_no_more) {
    for (int pick = TROUPE_PICK_NEXT; pick < TROUPE_PICK_ALL; pick++) {
        (void)stage_open(TROUPE_STEPPED);
        open_roster();
        troupe_ref who[ROOM], to;
        for (int i = 0; i < ROOM; i++)
            cr_assert(tr_roster_enter(&roster, (who[i] = enter_one()).id));
        for (int left = ROOM; left > 0; left--) {
            cr_assert_eq(troupe_kill(stage_rt(), who[left - 1]), TROUPE_OK);
            (void)stage_run();
            for (uint64_t key = 0; key < 8; key++) {
                troupe_err err = send((troupe_pick)pick, key, &to);
                cr_assert_eq(err, left > 1 ? TROUPE_OK : TROUPE_GONE);
                (void)stage_run();
            }
        }
        stage_forget();
        close_roster();
    }
}

/* Two, of which the first has ten messages; how many of eight more it gets. */
static unsigned first_gets(troupe_pick pick) {
    (void)stage_open(TROUPE_STEPPED);
    open_roster();
    troupe_ref who[2], to;
    unsigned first = 0;
    for (int i = 0; i < 2; i++)
        cr_assert(tr_roster_enter(&roster, (who[i] = stage_enter(&ann)).id));
    for (int i = 0; i < 10; i++) cue(who[0], CUE_KEEP, 0);
    for (int i = 0; i < 8; i++) {
        cr_assert_eq(send(pick, 0, &to), TROUPE_OK);
        first += troupe_same(to, who[0]);
    }
    (void)stage_run();
    stage_forget();
    close_roster();
    return first;
}

Test(pool_roster, who_has_less_gets_it) {
    cr_assert_eq(first_gets(TROUPE_PICK_NEXT), 4);
    cr_assert_eq(first_gets(TROUPE_PICK_LEAST), 0);
    cr_assert_leq(first_gets(TROUPE_PICK_TWO), 3, "only when it was drawn twice");
}

/* --- On threads ------------------------------------------------------------------------------- */

enum { POSTS = 20000, SENDERS = 3 };

static tr_atomic64 posted, shed;
static tr_gate gate;

static void *keep_posting(void *arg) {
    (void)arg;
    for (int i = 0; i < POSTS; i++) {
        troupe_ref to;
        troupe_err err = send((troupe_pick)(i % TROUPE_PICK_ALL), (uint64_t)i, &to);
        (void)tr_add64_relaxed(err ? &shed : &posted, 1);
        cr_assert(!err || err == TROUPE_FULL || err == TROUPE_GONE);
    }
    return NULL;
}

/* Who has left gets nothing after that: what it has then is all it will ever have. Nothing is
 * handled but between the rounds, so that each message can be seen to be there. */
Test(pool_roster, who_leaves_gets_nothing_more) {
    troupe *rt = stage_open(TROUPE_STEPPED);
    open_roster();
    pthread_t thread[SENDERS];
    troupe_ref who[ROOM];
    for (int i = 0; i < ROOM; i++) who[i] = stage_enter(&ann);
    for (int i = 0; i < ROOM; i++) cr_assert(tr_roster_enter(&roster, who[i].id));
    for (int i = 0; i < SENDERS; i++)
        cr_assert_eq(pthread_create(&thread[i], NULL, keep_posting, NULL), 0);
    for (int round = 0; round < 2000; round++) {
        const troupe_ref one = who[round % ROOM];
        tr_lock(&lock);
        cr_assert(tr_roster_leave(&roster, one.id));
        tr_unlock(&lock);
        uint32_t first, second;
        cr_assert_eq(troupe_mailbox(rt, one, &first, NULL), TROUPE_OK);
        for (int i = 0; i < 4; i++) tr_thread_yield();
        cr_assert_eq(troupe_mailbox(rt, one, &second, NULL), TROUPE_OK);
        cr_assert_eq(second, first);
        tr_lock(&lock);
        cr_assert(tr_roster_enter(&roster, one.id));
        tr_unlock(&lock);
        (void)stage_run();
        stage_forget();
    }
    for (int i = 0; i < SENDERS; i++) cr_assert_eq(pthread_join(thread[i], NULL), 0);
    cr_assert_eq(tr_load64_relaxed(&posted) + tr_load64_relaxed(&shed), SENDERS * POSTS);
    close_roster();
}

/* --- The gate --------------------------------------------------------------------------------- */

Test(pool_roster, the_gate_lets_in_what_was_seen_to_have_room) {
    cr_assert_not(tr_gate_enter(&gate), "somebody has to look first");
    uint64_t seen = tr_gate_seen(&gate);
    cr_assert(tr_gate_open(&gate, seen, 2));
    cr_assert_not(tr_gate_open(&gate, seen, 2), "that look is over");
    cr_assert(tr_gate_enter(&gate));
    cr_assert(tr_gate_enter(&gate));
    cr_assert_not(tr_gate_enter(&gate));
    cr_assert_eq(tr_gate_inside(tr_gate_seen(&gate)), 3);
    for (int i = 0; i < 3; i++) tr_gate_leave(&gate);
    cr_assert_eq(tr_gate_seen(&gate), 0);
    cr_assert(tr_gate_open(&gate, 0, 5));
    tr_gate_shut(&gate);
    cr_assert_not(tr_gate_enter(&gate));
    cr_assert_eq(tr_gate_inside(tr_gate_seen(&gate)), 1);
}

static troupe_err make_one(void *ctx) {
    (void)ctx;
    return tr_roster_init(&roster, stage_rt(), &lock, ROOM);
}

static void end_one(void *ctx) {
    (void)ctx;
    tr_roster_fini(&roster);
}

Test(pool_roster, without_memory) {
    (void)stage_open(TROUPE_STEPPED);
    exhaust_call(stage_heap(), make_one, end_one, NULL);
    stage_close();
}
