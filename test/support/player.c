#include "test/support/player.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <troupe/link.h>
#include <troupe/simulation.h>

#include "actors/runtime.h"
#include "serial/envelope.h"
#include "test/support/gate.h"
#include "test/support/stage.h"

const troupe_type cue_type = TROUPE_TYPE(cue, TROUPE_FIELD(cue, act), TROUPE_FIELD(cue, n),
                                         TROUPE_FIELD(cue, who));

enum { MONITORS = 16 }; /* of which a player knows the numbers: the last ones */

/* A player's state. */
struct memory {
    const player *as;
    uint32_t count;
    troupe_ref kept;
    uint64_t monitor[MONITORS];
    uint32_t watched[MONITORS];
    unsigned monitors;
};

static troupe_err start(troupe_self *self, void *state, const void *arg) {
    struct memory *memory = state;
    static const player nobody = {.id = "?"};
    cr_assert(memory->count == 0 && memory->as == NULL, "the state is not zero");
    memory->as = arg ? arg : &nobody;
    const player *as = memory->as;
    uint32_t nth = as->starts ? ++*as->starts : 1;
    if (nth >= as->fail_from && nth < as->fail_past) {
        stage_say("startfail(%s)", as->id);
        return troupe_fail(self, (troupe_err)TROUPE_USER, "start %u fails", nth);
    }
    stage_say("start(%s)", as->id);
    if (as->at_start) as->at_start(self);
    return as->start;
}

static void say_down(struct memory *memory, const struct troupe_down *down) {
    unsigned i = 0;
    while (i < MONITORS && memory->monitor[i] != down->monitor) i++;
    cr_assert_lt(i, MONITORS, "a down of an unknown monitor");
    stage_say("down(%s,%u,%s)", memory->as->id, memory->watched[i],
              troupe_errname((troupe_err)down->why));
}

static troupe_err play(troupe_self *self, struct memory *memory, const struct cue *cue) {
    const struct cue out = {.act = CUE_SAY, .n = cue->n};
    unsigned i;
    switch (cue->act) {
    case CUE_SAY: stage_say("%s:%u", memory->as->id, cue->n); return TROUPE_OK;
    case CUE_EXIT: troupe_exit(self, (troupe_err)cue->n); return TROUPE_OK;
    case CUE_RETURN: return (troupe_err)cue->n;
    case CUE_FAIL: return troupe_fail(self, (troupe_err)cue->n, "as told");
    case CUE_READY: troupe_ready(self); return TROUPE_OK;
    case CUE_PASS: return troupe_tell(self, cue->who, &cue_type, &out);
    case CUE_WATCH:
        i = memory->monitors++ % MONITORS;
        memory->watched[i] = cue->n;
        return troupe_monitor(self, cue->who, &memory->monitor[i]);
    case CUE_COUNT: stage_say("%s=%u", memory->as->id, ++memory->count); return TROUPE_OK;
    case CUE_ANSWER: return troupe_answer(self, &cue_type, &out);
    case CUE_KEEP: memory->kept = troupe_sender(self); return TROUPE_OK;
    case CUE_LATE:
        stage_say("late(%s)", troupe_errname(troupe_tell(self, memory->kept, &cue_type, &out)));
        return TROUPE_OK;
    case CUE_LINK: return troupe_link(self, cue->who);
    case CUE_UNLINK:
        stage_say("unlink(%s,%s)", memory->as->id, troupe_errname(troupe_unlink(self, cue->who)));
        return TROUPE_OK;
    case CUE_TRAP: troupe_trap_exits(self, cue->n); return TROUPE_OK;
    case CUE_SIGNAL: return troupe_exit_signal(self, cue->who, (troupe_err)cue->n);
    case CUE_WAIT: gate_wait(); return TROUPE_OK;
    default: return TROUPE_INVALID;
    }
}

static troupe_err receive(troupe_self *self, void *state, troupe_msg **msg) {
    struct memory *memory = state;
    const struct troupe_down *down = troupe_as(*msg, &troupe_down_type);
    if (down) {
        say_down(memory, down);
        return TROUPE_OK;
    }
    const struct troupe_exit *ended = troupe_as(*msg, &troupe_exit_type);
    if (ended) {
        cr_assert(troupe_same(ended->who, troupe_sender(self)));
        stage_say("%s(%s,%s)", ended->link ? "exit" : "signal", memory->as->id,
                  troupe_errname((troupe_err)ended->why));
        return TROUPE_OK;
    }
    const struct cue *cue = troupe_as(*msg, &cue_type);
    return cue ? play(self, memory, cue) : TROUPE_BADTYPE;
}

static troupe_err stopping(troupe_self *self, void *state) {
    (void)self;
    struct memory *memory = state;
    stage_say("stopping(%s)", memory->as->id);
    return memory->as->stopping;
}

static void stop(troupe_self *self, void *state, troupe_err why) {
    struct memory *memory = state;
    stage_say("stop(%s,%s)", memory->as->id, troupe_errname(why));
    if (memory->as->at_stop) memory->as->at_stop(self);
}

const troupe_behaviour player_behaviour = {.name = "player", .state_size = sizeof(struct memory),
                                           .start = start, .receive = receive,
                                           .stopping = stopping, .stop = stop};

const troupe_behaviour player_with_4 = {.name = "player", .state_size = sizeof(struct memory),
                                        .mailbox_limit = 4, .start = start, .receive = receive,
                                        .stopping = stopping, .stop = stop};

troupe_msg *cue_make(uint32_t act, uint32_t n, troupe_ref who) {
    troupe_msg *msg = NULL;
    struct cue body = {.act = act, .n = n, .who = who};
    cr_assert_eq(troupe_make(stage_rt(), &cue_type, &body, &msg), TROUPE_OK);
    return msg;
}

troupe_msg *cue_arrived(uint32_t act, uint32_t n, troupe_ref who) {
    troupe_msg *msg = NULL;
    cr_assert_eq(tr_msg_take(&stage_rt()->pool, &cue_type, 0, &msg), TROUPE_OK);
    *(struct cue *)tr_msg_body(msg) = (struct cue){.act = act, .n = n, .who = who};
    return msg;
}

void cue_about(troupe_ref to, uint32_t act, uint32_t n, troupe_ref who) {
    troupe_msg *msg = cue_make(act, n, who);
    cr_assert_eq(troupe_post(stage_rt(), to, &msg), TROUPE_OK);
    cr_assert_null(msg);
}

void cue(troupe_ref to, uint32_t act, uint32_t n) {
    cue_about(to, act, n, TROUPE_NOBODY);
}

void cue_done(troupe_ref to, const char *id, uint32_t act, uint32_t n, troupe_ref who) {
    char word[32];
    (void)snprintf(word, sizeof word, "%s:77", id);
    cue_about(to, act, n, who);
    cue(to, CUE_SAY, 77);
    stage_expect(word);
}

uint32_t cue_n(const troupe_msg *msg) {
    const struct cue *cue = troupe_as(msg, &cue_type);
    cr_assert_not_null(cue);
    return cue->n;
}

troupe_ref stage_enter(const player *who) {
    troupe_ref ref = TROUPE_NOBODY;
    cr_assert_eq(troupe_spawn(stage_rt(), &player_behaviour, who, &ref), TROUPE_OK);
    return ref;
}

void stage_hold(troupe_ref who) {
    if (stage_is_stepped()) {
        cr_assert_eq(troupe_sim_hold(stage_rt()->sim, who, true), TROUPE_OK);
        return;
    }
    gate_shut();
    cue(who, CUE_WAIT, 0);
    gate_await(1);
}

void stage_let_go(troupe_ref who) {
    if (stage_is_stepped())
        cr_assert_eq(troupe_sim_hold(stage_rt()->sim, who, false), TROUPE_OK);
    else
        gate_open(1);
}
