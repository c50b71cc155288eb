/* Dead letters: who sees them, and how the log tells of them. */
#include <criterion/criterion.h>

#include "actors/dead.h"
#include "actors/runtime.h"
#include "test/support/player.h"
#include "test/support/stage.h"

TestSuite(dead, .timeout = 60);

static const player ann = {.id = "ann"}, ben = {.id = "ben"};

/* --- Who wants to see them -------------------------------------------------------------------- */

static struct {
    troupe_dead_letter letter[16];
    troupe_msg *kept[16];
    unsigned n;
    bool keep;
} seen;

static void see(void *ctx, const troupe_dead_letter *letter, troupe_msg **msg) {
    cr_assert_eq(ctx, &seen);
    cr_assert_lt(seen.n, 16);
    seen.letter[seen.n] = *letter;
    if (seen.keep) {
        seen.kept[seen.n] = *msg;
        *msg = NULL;
    }
    seen.n++;
}

static troupe *open_seen(void) {
    return stage_open_as(
        (troupe_config){.workers = TROUPE_STEPPED, .dead_letter = see, .dead_letter_ctx = &seen});
}

Test(dead, each_is_shown_with_sender_target_type_and_reason) {
    troupe *rt = open_seen();
    troupe_ref a = stage_enter(&ann), b = stage_enter(&ben);
    cue_about(a, CUE_PASS, 1, b);
    cue(b, CUE_FAIL, TROUPE_USER);
    (void)stage_run();
    cr_assert_eq(seen.n, 2);
    cr_assert(troupe_same(seen.letter[0].sender, TROUPE_NOBODY));
    cr_assert(troupe_same(seen.letter[0].target, b));
    cr_assert_str_eq(seen.letter[0].type, "cue");
    cr_assert_eq(seen.letter[0].reason, TROUPE_DEAD_FAILED);
    cr_assert(troupe_same(seen.letter[1].sender, a));
    cr_assert_eq(seen.letter[1].reason, TROUPE_DEAD_STOPPED);
    cr_assert_eq(rt, stage_rt());
    stage_close();
}

Test(dead, who_sees_one_may_take_it) {
    troupe *rt = open_seen();
    seen.keep = true;
    troupe_ref a = stage_enter(&ann), b = stage_enter(&ben);
    for (uint32_t i = 5; i < 8; i++) cue(b, CUE_SAY, i);
    cr_assert_eq(troupe_kill(rt, b), TROUPE_OK);
    stage_expect("start(ann) start(ben)");
    cr_assert_eq(seen.n, 3);
    for (unsigned i = 0; i < 3; i++) cr_assert_eq(troupe_post(rt, a, &seen.kept[i]), TROUPE_OK);
    stage_expect("ann:5 ann:6 ann:7");
    stage_close();
}

Test(dead, an_asker_is_told_before_its_message_is_shown_and_only_once) {
    troupe *rt = open_seen();
    seen.keep = true;
    troupe_ref a = stage_enter(&ann), b = stage_enter(&ben);
    cue(a, CUE_EXIT, TROUPE_OK);
    troupe_msg *msg = cue_make(CUE_ANSWER, 1, TROUPE_NOBODY);
    cr_assert_eq(troupe_ask(rt, a, &msg, 1000), TROUPE_STOPPED);
    cr_assert_eq(seen.n, 1);
    cr_assert_eq(troupe_post(rt, b, &seen.kept[0]), TROUPE_OK);
    (void)stage_run();
    cr_assert_eq(stage_dead_letters(), 2, "and its answer to nobody");
    troupe_drop(&seen.kept[1]);
    stage_close();
}

/* --- The log ---------------------------------------------------------------------------------- */

static void die(troupe *rt, const player *who, uint32_t n) {
    troupe_ref ref = stage_enter(who);
    for (uint32_t i = 0; i < n; i++) cue(ref, CUE_SAY, i);
    cr_assert_eq(troupe_kill(rt, ref), TROUPE_OK);
    (void)stage_run();
}

Test(dead, the_log_folds_repeats) {
    troupe *rt = stage_open(STAGE_SIMULATED);
    die(rt, &ann, 50);
    cr_assert_eq(stage_logged("dead letter"), 1);
    die(rt, &ben, 1);
    cr_assert_eq(stage_logged("dead letters: the last one 49 times more"), 1);
    cr_assert_eq(stage_logged("dead letter: cue from outside to "), 2);
    stage_close();
    cr_assert_eq(stage_logged("dead letter"), 3);
}

Test(dead, the_log_has_at_most_ten_lines_a_second) {
    troupe *rt = stage_open(STAGE_SIMULATED);
    for (int i = 0; i < 100; i++) die(rt, &ann, 1);
    cr_assert_eq(stage_logged("dead letter"), 10);
    stage_advance(1000);
    die(rt, &ann, 1);
    cr_assert_eq(stage_logged("dead letters: 90 others"), 1);
    cr_assert_eq(stage_logged("dead letter"), 12);
    for (int i = 0; i < 100; i++) die(rt, &ann, 2);
    stage_close();
    cr_assert_eq(stage_logged("times more, and 182 others"), 1);
}

Test(dead, a_quiet_log_is_not_told) {
    troupe *rt = stage_open_as((troupe_config){.workers = STAGE_SIMULATED, .quiet = TROUPE_INFO});
    die(rt, &ann, 3);
    cr_assert_eq(stage_dead_letters(), 3);
    stage_close();
    cr_assert_eq(stage_logged(""), 0);
}

Test(dead, each_reason_has_its_words) {
    for (int i = 0; i < TROUPE_DEAD_KINDS; i++)
        for (int j = 0; j <= i; j++)
            cr_assert_eq(
                !strcmp(troupe_dead_text((troupe_dead)i), troupe_dead_text((troupe_dead)j)),
                i == j);
    cr_assert_str_eq(troupe_dead_text(TROUPE_DEAD_KINDS), "unknown reason");
    const troupe_ref somebody = {1, 1}, asker = {1, TR_PLACE_ASKS};
    cr_assert_eq(tr_dead_reason(somebody, TROUPE_GONE), TROUPE_DEAD_GONE);
    cr_assert_eq(tr_dead_reason(asker, TROUPE_GONE), TROUPE_DEAD_EXPIRED);
    cr_assert_eq(tr_dead_reason(somebody, TROUPE_FULL), TROUPE_DEAD_FULL);
    cr_assert_eq(tr_dead_reason(somebody, TROUPE_NOCONNECTION), TROUPE_DEAD_NODE_LOST);
    cr_assert_eq(tr_dead_reason(somebody, TROUPE_NOMEM), TROUPE_DEAD_NOMEM);
    cr_assert_eq(tr_dead_reason(somebody, TROUPE_UNKNOWN_TYPE), TROUPE_DEAD_UNDECODABLE);
}
