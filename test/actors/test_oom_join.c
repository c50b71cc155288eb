/* Memory that runs out when somebody waits for an end, or an actor leaves something: then the call
 * says so, nothing is kept, and the same call works afterwards. An end needs no memory to be told.
 */
#include <criterion/criterion.h>
#include <troupe/join.h>

#include "actors/runtime.h"
#include "test/support/exhaust.h"
#include "test/support/player.h"
#include "test/support/stage.h"

static const player ann = {.id = "ann"};

/* Nothing is waited for. */
static void check_nothing_kept(void) {
    tr_joins *joins = &stage_rt()->joins;
    cr_assert_eq(joins->by_id.count, 0);
    cr_assert_eq(tr_load32_seq(&joins->keepers), 0);
    cr_assert_eq(stage_rt()->ties.all.count, 0);
}

static troupe_err spawn_handle(void *ctx) {
    troupe_handle *handle = ctx;
    *handle = (troupe_handle){{7, 7}, {7, 7}};
    troupe_err err = troupe_spawn_handle(stage_rt(), &player_behaviour, &ann, handle);
    if (err) {
        cr_assert_eq(handle->who.id, 7);
        check_nothing_kept();
    }
    stage_forget();
    return err;
}

static void end_both(void *ctx) {
    troupe_handle *handle = ctx;
    cr_assert_eq(troupe_kill(stage_rt(), handle->who), TROUPE_OK);
    troupe_drop_handle(stage_rt(), handle);
    (void)stage_run();
    check_nothing_kept();
}

Test(oom, troupe_spawn_handle) {
    troupe_handle handle;
    (void)stage_open(TROUPE_STEPPED);
    exhaust_call(stage_heap(), spawn_handle, end_both, &handle);
    stage_close();
}

static troupe_err join(bool by_handle, troupe_ref who, troupe_handle *handle, troupe_err *why) {
    return by_handle ? troupe_join_handle(stage_rt(), handle, 20000, why, NULL)
                     : troupe_join(stage_rt(), who, 20000, why, NULL);
}

/* An actor that is about to end; who joins it then is told, or refused and may do so again. */
static void join_refused(bool by_handle) {
    for (exhaust x = {0}; exhaust_next(&x);) {
        troupe *rt = stage_open(TROUPE_STEPPED);
        troupe_handle handle;
        troupe_err why = TROUPE_OK, err;
        cr_assert_eq(troupe_spawn_handle(rt, &player_behaviour, &ann, &handle), TROUPE_OK);
        troupe_ref who = handle.who;
        if (!by_handle) troupe_drop_handle(rt, &handle);
        (void)stage_run();
        cue(who, CUE_EXIT, TROUPE_USER);
        exhaust_from(&x, stage_heap());
        err = join(by_handle, who, &handle, &why);
        bool refused = exhaust_to(&x);
        if (err) {
            cr_assert(refused);
            cr_assert_eq(err, TROUPE_NOMEM);
            err = join(by_handle, who, &handle, &why);
        }
        cr_assert_eq(err, TROUPE_OK);
        cr_assert_eq(why, TROUPE_USER);
        (void)stage_run();
        check_nothing_kept();
        stage_close();
    }
}

Test(oom, troupe_join) {
    join_refused(false);
}

Test(oom, troupe_join_handle) {
    join_refused(true);
}

static exhaust *round_now;

static troupe_err leave(troupe_self *self, void *state, troupe_msg **msg) {
    (void)state;
    exhaust_from(round_now, stage_heap());
    troupe_err err = troupe_exit_with(self, msg);
    bool refused = exhaust_to(round_now);
    cr_assert_eq(err, refused ? TROUPE_NOMEM : TROUPE_OK);
    cr_assert_eq(*msg == NULL, !refused);
    if (err) err = troupe_exit_with(self, msg);
    return err;
}

Test(oom, troupe_exit_with) {
    static const troupe_behaviour leaver = {.name = "leaver", .receive = leave};
    for (exhaust x = {0}; exhaust_next(&x);) {
        troupe *rt = stage_open(TROUPE_STEPPED);
        troupe_handle handle;
        troupe_msg *result = NULL;
        round_now = &x;
        cr_assert_eq(troupe_spawn_handle(rt, &leaver, NULL, &handle), TROUPE_OK);
        cue(handle.who, CUE_SAY, 5);
        cr_assert_eq(troupe_join_handle(rt, &handle, 20000, NULL, &result), TROUPE_OK);
        cr_assert_eq(cue_n(result), 5);
        troupe_drop(&result);
        stage_close();
    }
}
