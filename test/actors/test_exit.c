/* Exit signals. `case_N` is a numbered case of the conformance list for links and monitors. */
#include <criterion/criterion.h>
#include <string.h>

#include "actors/actor.h"
#include "base/heap.h"
#include "test/support/family.h"
#include "test/support/orders.h"
#include "test/support/player.h"

TestSuite(exit, .timeout = 200);

static const player ann = {.id = "ann"}, ben = {.id = "ben"};

/* Two players; the diary is empty then. */
static void two(unsigned workers, troupe_ref *a, troupe_ref *b) {
    (void)stage_open(workers);
    *a = stage_enter(&ann);
    *b = stage_enter(&ben);
    stage_expect("start(ann) start(ben)");
}

static void normal(unsigned workers) {
    troupe_ref a, b;
    two(workers, &a, &b);
    cue_done(a, "ann", CUE_SIGNAL, TROUPE_OK, b);
    cue_about(a, CUE_PASS, 3, b);
    stage_expect("ben:3");
    cr_assert(stage_there(b));
    stage_close();
}

Test(exit, case_1_a_normal_exit_signal_of_another_does_nothing) {
    in_all_orders(normal);
}

static void kill_a_trapper(unsigned workers) {
    troupe_ref a, b;
    two(workers, &a, &b);
    cue_done(b, "ben", CUE_TRAP, 1, TROUPE_NOBODY);
    cue_done(a, "ann", CUE_WATCH, 1, b);
    cue_about(a, CUE_SIGNAL, TROUPE_KILL, b);
    cue_about(a, CUE_PASS, 3, a);
    cue_about(a, CUE_PASS, 4, a);
    stage_await_gone(b);
    stage_expect_all("down(ann,1,KILLED) ann:3 ann:4");
    stage_close();
}

Test(exit, case_2_a_kill_is_not_trapped_and_is_told_as_killed) {
    in_all_orders(kill_a_trapper);
}

/* Who ends by the kill of a linked one ends like by any other reason: with its `stop`. */
static void killed_is_no_kill(unsigned workers) {
    troupe_ref a, b;
    two(workers, &a, &b);
    cue_done(b, "ben", CUE_TRAP, 1, TROUPE_NOBODY);
    cue_about(a, CUE_SIGNAL, TROUPE_KILLED, b);
    stage_expect("signal(ben,KILLED)");
    cue_done(b, "ben", CUE_TRAP, 0, TROUPE_NOBODY);
    cue_done(b, "ben", CUE_LINK, 0, a);
    cr_assert_eq(troupe_kill(stage_rt(), a), TROUPE_OK);
    stage_expect("stop(ben,KILLED)");
    a = stage_enter(&ann);
    b = stage_enter(&ben);
    stage_expect("start(ann) start(ben)");
    cue_done(b, "ben", CUE_TRAP, 1, TROUPE_NOBODY);
    cue_done(b, "ben", CUE_LINK, 0, a);
    cue(a, CUE_EXIT, TROUPE_KILL);
    stage_expect("stop(ann,KILL) exit(ben,KILL)");
    stage_close();
}

Test(exit, case_2_the_reason_killed_is_one_like_others) {
    in_all_orders(killed_is_no_kill);
}

/* --- A chain ---------------------------------------------------------------------------------- */

enum { CHAIN_MOST = 10 };

/* What the links of a chain ended for, and how many have. */
static struct { tr_atomic32 why[CHAIN_MOST + 1], ended; } chain;

static troupe_err start_link(troupe_self *self, void *state, const void *arg) {
    (void)self;
    *(uint32_t *)state = *(const uint32_t *)arg;
    return TROUPE_OK;
}

static troupe_err receive_link(troupe_self *self, void *state, troupe_msg **msg) {
    const struct cue *cue = troupe_as(*msg, &cue_type);
    (void)state;
    if (!cue) return TROUPE_BADTYPE;
    if (cue->act == CUE_LINK) return troupe_link(self, cue->who);
    return cue->act == CUE_FAIL ? (troupe_err)cue->n : troupe_answer(self, &cue_type, cue);
}

static void stop_link(troupe_self *self, void *state, troupe_err why) {
    (void)self;
    tr_store32_relaxed(&chain.why[*(uint32_t *)state], (uint32_t)why);
    (void)tr_add32_seq(&chain.ended, 1);
}

static const troupe_behaviour chained = {.name = "chained",
                                         .state_size = 4,
                                         .start = start_link,
                                         .receive = receive_link,
                                         .stop = stop_link};

static void ask(troupe_ref who) {
    troupe_msg *msg = cue_make(CUE_ANSWER, 0, TROUPE_NOBODY);
    cr_assert_eq(troupe_ask(stage_rt(), who, &msg, 10000), TROUPE_OK);
    troupe_drop(&msg);
}

/* The first of a chain of `length` links fails for `why`; all must. */
static void fail_chain(uint32_t length, uint32_t why) {
    troupe_ref who[CHAIN_MOST + 1];
    tr_store32_relaxed(&chain.ended, 0);
    for (uint32_t i = 0; i <= length; i++) {
        cr_assert_eq(troupe_spawn(stage_rt(), &chained, &i, &who[i]), TROUPE_OK);
        tr_store32_relaxed(&chain.why[i], 0);
        if (i) cue_about(who[i], CUE_LINK, 0, who[i - 1]);
        ask(who[i]);
    }
    cue(who[0], CUE_FAIL, why);
    for (uint32_t i = 0; i <= length; i++) stage_await_gone(who[i]);
    cr_assert_eq(tr_load32_seq(&chain.ended), length + 1);
    for (uint32_t i = 0; i <= length; i++)
        cr_assert_eq(tr_load32_relaxed(&chain.why[i]), why, "%u of %u", i, length);
    cr_assert_eq(stage_rt()->ties.all.count, 0);
}

static void chains(unsigned workers) {
    const uint32_t length[] = {1, 2, 9, 10};
    (void)stage_open(workers);
    for (uint32_t i = 0; i < 4; i++) fail_chain(length[i], TROUPE_USER + 7 + i);
    stage_close();
}

Test(exit, case_4_a_reason_goes_along_a_chain_of_links_unchanged) {
    in_all_orders(chains);
}

/* A reason is a number: its largest is as good as any. */
static void large_reasons(unsigned workers) {
    size_t blocks = 0;
    (void)stage_open(workers);
    for (uint32_t i = 0; i < 100; i++) {
        fail_chain(2, INT32_MAX - i);
        if (i == 50) blocks = counting_heap_look(stage_heap()).blocks;
    }
    if (stage_is_stepped())
        cr_assert_eq(counting_heap_look(stage_heap()).blocks, blocks, "it grows");
    stage_close();
}

Test(exit, case_11_a_reason_arrives_whole_and_leaves_nothing_behind) {
    large_reasons(STAGE_SIMULATED);
    large_reasons(1);
    large_reasons(4);
}

enum { LARGE = 128 << 10 };

static troupe_err fail_with_much_to_say(troupe_self *self, void *state, troupe_msg **msg) {
    static char text[LARGE + 1];
    (void)state;
    (void)msg;
    memset(text, 'x', LARGE);
    return troupe_fail(self, (troupe_err)TROUPE_USER, "%s", text);
}

Test(exit, case_11_the_text_of_a_failure_is_cut_and_marked) {
    const troupe_behaviour what = {.name = "talker", .receive = fail_with_much_to_say};
    (void)stage_open(STAGE_SIMULATED);
    for (int i = 0; i < 100; i++) {
        troupe_ref who;
        cr_assert_eq(troupe_spawn(stage_rt(), &what, NULL, &who), TROUPE_OK);
        cue(who, CUE_SAY, 0);
        stage_await_gone(who);
    }
    cr_assert_eq(stage_logged("xxx...\""), 100);
    cr_assert_eq(stage_logged("xxxx\""), 0);
    stage_close();
}

/* --- Trapping, and oneself -------------------------------------------------------------------- */

static void trap(unsigned workers) {
    const uint32_t why[] = {TROUPE_OK, TROUPE_SHUTDOWN, TROUPE_USER, TROUPE_GONE};
    troupe_ref a, b;
    two(workers, &a, &b);
    cue_done(b, "ben", CUE_TRAP, 1, TROUPE_NOBODY);
    for (int i = 0; i < 4; i++) {
        char words[80];
        const char *name = troupe_errname((troupe_err)why[i]);
        cue_about(a, CUE_PASS, 1, b);
        cue_about(a, CUE_SIGNAL, why[i], b);
        cue_about(a, CUE_PASS, 2, b);
        (void)snprintf(words, sizeof words, "ben:1 signal(ben,%s) ben:2", name);
        stage_expect(words);
        cue_done(a, "ann", CUE_LINK, 0, b);
        cue_about(a, CUE_PASS, 3, b);
        cue(a, CUE_EXIT, why[i]);
        (void)snprintf(words, sizeof words, "stop(ann,%s) ben:3 exit(ben,%s)", name, name);
        stage_expect_all(words);
        a = stage_enter(&ann);
        stage_expect("start(ann)");
    }
    stage_close();
}

Test(exit, case_5_for_who_traps_each_reason_is_a_message_in_line) {
    in_all_orders(trap);
}

static void normal_of_a_link(unsigned workers) {
    troupe_ref a, b;
    two(workers, &a, &b);
    cue_done(a, "ann", CUE_LINK, 0, b);
    cue(a, CUE_EXIT, TROUPE_OK);
    stage_expect("stop(ann,OK)");
    stage_await_gone(a);
    cue_done(b, "ben", CUE_TRAP, 0, TROUPE_NOBODY);
    cr_assert(stage_there(b));
    stage_close();
}

Test(exit, case_1_a_linked_ones_normal_end_does_nothing_to_who_does_not_trap) {
    in_all_orders(normal_of_a_link);
}

static void to_oneself(unsigned workers) {
    troupe_ref a, b;
    two(workers, &a, &b);
    cue_about(a, CUE_SIGNAL, TROUPE_OK, a);
    cue_about(b, CUE_SIGNAL, TROUPE_USER, b);
    stage_expect_all("stop(ann,OK) stop(ben,USER)");
    a = stage_enter(&ann);
    cue(a, CUE_TRAP, 1);
    cue_about(a, CUE_SIGNAL, TROUPE_OK, a);
    stage_expect("start(ann) signal(ann,OK)");
    cue_about(a, CUE_SIGNAL, TROUPE_KILL, a);
    stage_await_gone(a);
    stage_expect("");
    stage_close();
}

Test(exit, case_7_a_normal_exit_signal_to_oneself_ends_normally) {
    in_all_orders(to_oneself);
}

static void first_counts(unsigned workers) {
    troupe_ref a, b;
    two(workers, &a, &b);
    cue_done(a, "ann", CUE_WATCH, 1, b);
    cue_about(a, CUE_SIGNAL, TROUPE_USER, b);
    cue_about(a, CUE_SIGNAL, TROUPE_TOOBIG, b);
    stage_expect("stop(ben,USER) down(ann,1,USER)");
    stage_close();
}

Test(exit, case_8_of_two_exit_signals_the_first_is_the_reason) {
    in_all_orders(first_counts);
}

/* --- Whatever the target does meanwhile ------------------------------------------------------- */

static struct { tr_atomic32 ends, reason, messages, late; } target;

/* Says what becomes of it; `n` of a cue is how often it changes whether it traps. */
static troupe_err be_hit(troupe_self *self, void *state, troupe_msg **msg) {
    (void)state;
    const struct cue *cue = troupe_as(*msg, &cue_type);
    if (troupe_as(*msg, &troupe_exit_type)) {
        (void)tr_add32_seq(&target.messages, 1);
        return TROUPE_USER;
    }
    if (cue->act == CUE_SAY) (void)tr_add32_seq(&target.late, 1);
    if (cue->act == CUE_EXIT) troupe_exit(self, TROUPE_TOOBIG);
    for (uint32_t i = 0; cue->act == CUE_TRAP && i < cue->n; i++) troupe_trap_exits(self, i % 2);
    if (cue->act == CUE_COUNT) { /* is in its allocator */
        void *memory[20];
        for (int i = 0; i < 20; i++) memory[i] = tr_take(stage_rt()->heap, 100);
        for (int i = 0; i < 20; i++) tr_give(stage_rt()->heap, memory[i], 100);
    }
    return TROUPE_OK;
}

static void end_hit(troupe_self *self, void *state, troupe_err why) {
    (void)self;
    (void)state;
    tr_store32_relaxed(&target.reason, (uint32_t)why);
    (void)tr_add32_seq(&target.ends, 1);
}

static const troupe_behaviour hit = {.name = "hit", .receive = be_hit, .stop = end_hit};

static void hit_whatever(unsigned workers) {
    const uint32_t does[] = {CUE_KEEP, CUE_TRAP, CUE_EXIT, CUE_COUNT};
    troupe *rt = stage_open(workers);
    troupe_ref a = stage_enter(&ann), b;
    for (uint32_t i = 0; i < (stage_is_stepped() ? 12u : 400u); i++) {
        memset(&target, 0, sizeof target);
        cr_assert_eq(troupe_spawn(rt, &hit, NULL, &b), TROUPE_OK);
        cue_about(a, CUE_SIGNAL, TROUPE_USER, b);
        cue_about(a, CUE_PASS, 1, b);
        for (uint32_t n = 0; n < 3 && i % 5 < 4; n++) {
            troupe_msg *msg = cue_make(does[i % 5], 5 + n % 2, TROUPE_NOBODY);
            troupe_err err = troupe_post(rt, b, &msg); /* it may be over already */
            cr_assert(!err || err == TROUPE_GONE);
            troupe_drop(&msg);
        }
        stage_await_gone(b);
        if (stage_is_stepped()) (void)stage_run();
        cr_assert_eq(tr_load32_seq(&target.ends), 1);
        uint32_t why = tr_load32_relaxed(&target.reason);
        cr_assert(why == TROUPE_USER || (why == TROUPE_TOOBIG && does[i % 5] == CUE_EXIT));
        cr_assert_eq(tr_load32_seq(&target.late), 0, "it was alive after its exit signal");
        if (!stage_there(a)) a = stage_enter(&ann); /* what it passed on was refused */
    }
    stage_close();
}

Test(exit, case_10_whatever_it_does_it_ends_once_and_handles_nothing_sent_after_the_signal) {
    in_all_orders(hit_whatever);
}

/* --- Bounds and lives ------------------------------------------------------------------------- */

Test(exit, signals_that_are_sent_wait_up_to_the_bound_and_not_among_the_messages) {
    troupe_ref a, b;
    (void)stage_open(TROUPE_STEPPED);
    a = stage_enter(&ann);
    cr_assert_eq(troupe_spawn(stage_rt(), &player_with_4, &ben, &b), TROUPE_OK);
    cue(b, CUE_TRAP, 1);
    stage_expect("start(ann) start(ben)");
    for (uint32_t round = 0; round < 3; round++) {
        for (int i = 0; i < 4; i++) cue(b, CUE_SAY, 1);
        for (int i = 0; i < 5; i++) cue_about(a, CUE_SIGNAL, TROUPE_USER, b);
        /* The mail of `ann` goes first, in one turn. */
        stage_expect("ben:1 ben:1 ben:1 ben:1 "
                     "stop(ann,FULL) signal(ben,USER) signal(ben,USER) signal(ben,USER) "
                     "signal(ben,USER)");
        a = stage_enter(&ann);
        stage_expect("start(ann)");
    }
    stage_close();
}

/* In one turn, so that all of it waits at once; but for who runs on another worker. */
static troupe_err say_and_hit_twice(troupe_self *self, void *state, troupe_msg **msg) {
    const troupe_ref who = ((const struct cue *)troupe_as(*msg, &cue_type))->who;
    (void)state;
    troupe_err err = troupe_tell(self, who, &cue_type, &(struct cue){.act = CUE_SAY, .n = 1});
    if (!err) err = troupe_exit_signal(self, who, (troupe_err)TROUPE_USER);
    if (!err) err = troupe_exit_signal(self, who, TROUPE_TOOBIG);
    if (!err) err = troupe_tell(self, who, &cue_type, &(struct cue){.act = CUE_SAY, .n = 2});
    cr_assert_eq(err, TROUPE_OK);
    return TROUPE_OK;
}

static void of_one_life(unsigned workers) {
    const troupe_behaviour hitter = {.name = "hitter", .receive = say_and_hit_twice};
    const troupe_child child[] = {kid(&ben, TROUPE_PERMANENT)};
    troupe_ref a, top;
    if (workers == 4) return;
    (void)stage_open(workers);
    cr_assert_eq(troupe_spawn(stage_rt(), &hitter, NULL, &a), TROUPE_OK);
    top = family(child, 1, 9, 0);
    troupe_ref b = stage_find("ben");
    stage_expect("start(ben)");
    cue_about(a, CUE_KEEP, 0, b);
    stage_expect("ben:1 stop(ben,USER) start(ben) ben:2");
    family_expect(top, "ben:RUNNING:1");
    cue_about(a, CUE_KEEP, 0, b);
    stage_expect("ben:1 stop(ben,USER) start(ben) ben:2");
    family_expect(top, "ben:RUNNING:2");
    cr_assert_eq(stage_dead_letters(), 0);
    stage_close();
}

Test(exit, a_signal_that_waits_when_a_life_ends_does_not_reach_the_next) {
    in_all_orders(of_one_life);
}

static void traps_no_more(unsigned workers) {
    const troupe_child child[] = {kid(&ben, TROUPE_PERMANENT)};
    (void)stage_open(workers);
    troupe_ref a = stage_enter(&ann), top = family(child, 1, 9, 0), b = stage_find("ben");
    stage_expect("start(ann) start(ben)");
    cue_done(b, "ben", CUE_TRAP, 1, TROUPE_NOBODY);
    cue_about(a, CUE_SIGNAL, TROUPE_USER, b);
    stage_expect("signal(ben,USER)");
    cue(b, CUE_FAIL, TROUPE_USER);
    stage_expect("stop(ben,USER) start(ben)");
    cue_about(a, CUE_SIGNAL, TROUPE_USER, b);
    stage_expect("stop(ben,USER) start(ben)");
    family_expect(top, "ben:RUNNING:2");
    stage_close();
}

Test(exit, every_life_begins_without_trapping) {
    in_all_orders(traps_no_more);
}

static void hits_a_supervisor(unsigned workers) {
    (void)stage_open(workers);
    const troupe_child child[] = {kid(&ben, TROUPE_PERMANENT)};
    troupe_ref a = stage_enter(&ann), top = family(child, 1, 9, 0);
    stage_expect("start(ann) start(ben)");
    cue_about(a, CUE_LINK, 0, top);
    cue_about(a, CUE_SIGNAL, TROUPE_SHUTDOWN, top);
    cue_about(a, CUE_SIGNAL, TROUPE_USER, top);
    cue(a, CUE_EXIT, TROUPE_USER);
    stage_expect("stop(ann,USER)");
    family_expect(top, "ben:RUNNING:0");
    stage_close();
}

Test(exit, case_31_a_supervisor_is_not_hurt_by_strangers) {
    in_all_orders(hits_a_supervisor);
}
