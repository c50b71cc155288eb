/* Memory that runs out when links and monitors are made, or an exit signal is sent: then the call
 * says so, and neither side keeps anything. What is made once never needs memory again. */
#include <criterion/criterion.h>

#include "actors/actor.h"
#include "test/support/exhaust.h"
#include "test/support/player.h"
#include "test/support/stage.h"

static const player ann = {.id = "ann"};

static void (*scene)(troupe_self *self);
static unsigned downs, exits;
static troupe_ref other;
static uint64_t number;

/* Plays the scene at the first message, and counts what comes then. */
static troupe_err play(troupe_self *self, void *state, troupe_msg **msg) {
    bool *played = state;
    downs += troupe_as(*msg, &troupe_down_type) != NULL;
    exits += troupe_as(*msg, &troupe_exit_type) != NULL;
    if (!*played) {
        troupe_trap_exits(self, true);
        scene(self);
    }
    *played = true;
    return TROUPE_OK;
}

/* Has an actor on a new stage play a scene about `other`; the stage is the caller's to close. */
static void as_actor(void (*what)(troupe_self *self)) {
    static const troupe_behaviour actor = {.receive = play, .state_size = sizeof(bool)};
    troupe_ref who;
    scene = what;
    downs = exits = 0;
    troupe *rt = stage_open(STAGE_SIMULATED);
    other = stage_enter(&ann);
    cr_assert_eq(troupe_spawn(rt, &actor, NULL, &who), TROUPE_OK);
    cue(who, CUE_SAY, 0);
    (void)stage_run();
}

static size_t ties(void) {
    return stage_rt()->ties.all.count;
}

static void kill_other(void) {
    cr_assert_eq(troupe_kill(stage_rt(), other), TROUPE_OK);
    (void)stage_run();
    cr_assert_eq(ties(), 0);
}

static troupe_err link_other(void *self) {
    const size_t before = ties();
    troupe_err err = troupe_link(self, other);
    cr_assert_eq(ties(), err ? before : 2);
    return err;
}

static void unlink_other(void *self) {
    cr_assert_eq(troupe_unlink(self, other), TROUPE_OK);
    cr_assert_eq(ties(), 0);
}

static void try_to_link(troupe_self *self) {
    exhaust_call(stage_heap(), link_other, unlink_other, self);
    cr_assert_eq(troupe_link(self, other), TROUPE_OK);
}

Test(oom, troupe_link) {
    as_actor(try_to_link);
    kill_other();
    cr_assert_eq(exits, 1);
    stage_close();
}

static troupe_err spawn_linked(void *self) {
    other = (troupe_ref){7, 7};
    troupe_err err = troupe_spawn_link(self, &player_behaviour, &ann, &other);
    cr_assert_eq(other.id == 7, err != TROUPE_OK);
    cr_assert_eq(ties(), err ? 0 : 2);
    return err;
}

static void kill_unlinked(void *self) {
    unlink_other(self);
    cr_assert_eq(troupe_kill(stage_rt(), other), TROUPE_OK);
}

static void try_to_spawn_linked(troupe_self *self) {
    troupe_err err = spawn_linked(self);
    cr_assert_eq(err, TROUPE_OK);
    kill_unlinked(self);
    exhaust_call(stage_heap(), spawn_linked, kill_unlinked, self);
}

Test(oom, troupe_spawn_link) {
    as_actor(try_to_spawn_linked);
    cr_assert_eq(exits, 0);
    stage_close();
}

static troupe_err spawn_watched(void *self) {
    number = 77;
    troupe_err err = troupe_spawn_monitor(self, &player_behaviour, &ann, &other, &number);
    cr_assert_eq(number == 77, err != TROUPE_OK);
    cr_assert_eq(ties(), !err);
    return err;
}

static void kill_unwatched(void *self) {
    cr_assert_eq(troupe_demonitor(self, number), TROUPE_OK);
    cr_assert_eq(troupe_kill(stage_rt(), other), TROUPE_OK);
}

static void try_to_spawn_watched(troupe_self *self) {
    exhaust_call(stage_heap(), spawn_watched, kill_unwatched, self);
}

Test(oom, troupe_spawn_monitor) {
    as_actor(try_to_spawn_watched);
    cr_assert_eq(downs, 0);
    stage_close();
}

static troupe_err monitor_name(void *self) {
    number = 77;
    troupe_err err = troupe_monitor_name(self, "nobody", &number);
    cr_assert_eq(number == 77, err != TROUPE_OK);
    return err;
}

static void try_to_monitor_name(troupe_self *self) {
    exhaust_call(stage_heap(), monitor_name, NULL, self);
}

Test(oom, troupe_monitor_name) {
    as_actor(try_to_monitor_name);
    cr_assert_eq(downs, EXHAUST_SWEEPS, "one for each that was made, none for the others");
    stage_close();
}

static troupe_err send_exit(void *self) {
    return troupe_exit_signal(self, troupe_me(self), (troupe_err)TROUPE_USER);
}

static void try_to_send_exit(troupe_self *self) {
    exhaust_call(stage_heap(), send_exit, NULL, self);
}

Test(oom, troupe_exit_signal) {
    as_actor(try_to_send_exit);
    cr_assert_eq(exits, EXHAUST_SWEEPS);
    stage_close();
}
