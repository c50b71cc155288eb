/* Pools that actors ask. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <troupe/pool.h>

#include "actors/runtime.h"
#include "test/support/player.h"
#include "test/support/stage.h"

TestSuite(pool_request, .timeout = 60);

enum { LONG = 20000 };

static const player member = {.id = "m"};
static troupe_pool *pool;

static void open_pool(const troupe_behaviour *what, uint32_t members, troupe_pick pick) {
    const troupe_pool_plan plan = {.name = "crew",
                                   .member = {.what = what, .arg = &member},
                                   .min = members,
                                   .pick = pick};
    cr_assert_eq(troupe_pool_open(stage_rt(), &plan, LONG, &pool), TROUPE_OK);
    (void)stage_run();
    stage_forget();
}

/* An actor that asks the pool, and says what comes of it. */
static troupe_err ask_and_say(troupe_self *self, void *state, troupe_msg **msg) {
    uint64_t tag = 0;
    (void)state;
    if (!troupe_answered(self, &tag)) {
        troupe_err err = troupe_pool_request(self, pool, msg, 50, cue_n(*msg) + UINT64_C(10));
        if (err) stage_say("%s", troupe_errname(err));
        return TROUPE_OK;
    }
    const struct troupe_unanswered *none = troupe_as(*msg, &troupe_unanswered_type);
    if (none)
        stage_say("%u:%s:%d", (unsigned)tag, troupe_errname((troupe_err)none->why),
                  none->who.id != 0);
    else
        stage_say("%u=%u", (unsigned)tag, (unsigned)cue_n(*msg));
    return TROUPE_OK;
}

static const troupe_behaviour asking = {.name = "asking", .receive = ask_and_say};

static troupe_ref enter_asking(void) {
    troupe_ref who = TROUPE_NOBODY;
    cr_assert_eq(troupe_spawn(stage_rt(), &asking, NULL, &who), TROUPE_OK);
    return who;
}

Test(pool_request, is_asked_by_an_actor) {
    for (int pick = 0; pick <= TROUPE_PICK_TWO; pick++) {
        if (pick == TROUPE_PICK_KEY) continue;
        (void)stage_open(STAGE_SIMULATED);
        open_pool(&player_with_4, 2, (troupe_pick)pick);
        troupe_ref who = enter_asking();
        cue(who, CUE_ANSWER, 5);
        stage_expect("15=5");
        cue(who, CUE_FAIL, TROUPE_USER);
        (void)stage_run();
        char words[64];
        (void)snprintf(words, sizeof words, "stop(m,USER) start(m) %u:FAILED:1",
                       TROUPE_USER + 10U);
        stage_expect_all(words);
        cue(who, CUE_SAY, 3); /* does not answer */
        (void)stage_run();
        stage_expect_all("m:3 13:BROKEN:1");
        troupe_pool_stats stats;
        troupe_pool_look(pool, &stats);
        cr_assert_eq(stats.sent, 3);
        stage_close();
    }
}

Test(pool_request, an_actor_hears_that_it_is_full) {
    (void)stage_open(TROUPE_STEPPED);
    troupe_behaviour small = player_behaviour;
    small.mailbox_limit = 1;
    open_pool(&small, 1, TROUPE_PICK_LEAST);
    troupe_ref who = enter_asking();
    cue(who, CUE_ANSWER, 5);
    cue(who, CUE_ANSWER, 6);
    stage_expect("FULL 15=5");
    stage_close();
    (void)stage_open(TROUPE_STEPPED);
    open_pool(&player_with_4, 1, TROUPE_PICK_ALL);
    cue(enter_asking(), CUE_ANSWER, 5);
    stage_expect("INVALID");
    stage_close();
}
