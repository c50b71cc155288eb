/* Memory that runs out: each public function that takes memory is called again and again, and each
 * time the next of its allocations is refused. Then it says so, and nothing has happened: not a
 * byte is missing, the message is still the caller's, and the same call works afterwards. */
#include <criterion/criterion.h>

#include "actors/runtime.h"
#include "test/support/exhaust.h"
#include "test/support/stage.h"
#include "test/support/player.h"

TestSuite(oom, .timeout = 100);

static const player ann = {.id = "ann"};

/* Does `act`, which refuses what it wants to, on a stage of its own in each round. */
static void on_stages(void (*act)(troupe *rt, exhaust *x)) {
    for (exhaust x = {0}; exhaust_next(&x);) {
        act(stage_open(STAGE_SIMULATED), &x);
        (void)stage_run();
        stage_close();
    }
}

/* Makes a call on a stage that stays. */
static void on_one_stage(troupe_err (*call)(void *ctx), void (*undo)(void *ctx), void *ctx) {
    exhaust_call(stage_heap(), call, undo, ctx);
}

static void open_refused(unsigned workers) {
    for (exhaust x = {0}; exhaust_next(&x);) {
        troupe_config config = stage_prepare(workers);
        troupe *rt = NULL;
        exhaust_from(&x, stage_heap());
        troupe_err err = troupe_open(&config, &rt);
        bool refused = exhaust_to(&x);
        cr_assert_eq(err, refused ? TROUPE_NOMEM : TROUPE_OK);
        cr_assert_eq(rt == NULL, refused);
        troupe_close(&rt);
        stage_close();
    }
}

Test(oom, troupe_open) {
    open_refused(TROUPE_STEPPED);
    open_refused(3);
}

/* --- Actors and names ------------------------------------------------------------------------- */

static troupe_err spawn_ann(void *ctx) {
    troupe_ref *who = ctx;
    *who = (troupe_ref){7, 7};
    troupe_err err = troupe_spawn(stage_rt(), &player_behaviour, &ann, who);
    cr_assert_eq(who->id == 7, err != TROUPE_OK);
    cr_assert_eq(tr_table_live(&stage_rt()->table), err ? 0 : 1);
    stage_expect(err ? "" : "start(ann)");
    return err;
}

static void kill_it(void *ctx) {
    cr_assert_eq(troupe_kill(stage_rt(), *(troupe_ref *)ctx), TROUPE_OK);
    (void)stage_run();
}

static void spawn_on_a_new_stage(troupe *rt, exhaust *x) {
    troupe_ref who;
    exhaust_from(x, stage_heap());
    cr_assert_eq(troupe_spawn(rt, &player_behaviour, &ann, &who),
                 exhaust_to(x) ? TROUPE_NOMEM : TROUPE_OK);
}

Test(oom, troupe_spawn) {
    troupe_ref who;
    on_stages(spawn_on_a_new_stage);
    (void)stage_open(STAGE_SIMULATED);
    on_one_stage(spawn_ann, kill_it, &who);
    stage_close();
}

static troupe_err take_all(troupe_self *self, void *state, const void *arg) {
    (void)state;
    (void)arg;
    uint64_t monitor;
    troupe_msg *msg = NULL;
    troupe_err err = troupe_register(troupe_runtime(self), troupe_me(self), "busy");
    if (!err) err = troupe_monitor(self, troupe_me(self), &monitor);
    if (!err) err = troupe_make(troupe_runtime(self), &cue_type, &(struct cue){0}, &msg);
    if (!err) err = troupe_send_after(self, 5, troupe_me(self), &msg, NULL);
    troupe_drop(&msg);
    if (!err) err = troupe_tell(self, troupe_me(self), &cue_type, &(struct cue){0});
    return err;
}

static troupe_err ignore(troupe_self *self, void *state, troupe_msg **msg) {
    (void)self;
    (void)state;
    (void)msg;
    return TROUPE_OK;
}

static troupe_err spawn_busy(void *ctx) {
    static const troupe_behaviour busy = {.start = take_all, .receive = ignore, .state_size = 8};
    troupe_err err = troupe_spawn(stage_rt(), &busy, NULL, ctx);
    cr_assert_eq(tr_table_live(&stage_rt()->table), err ? 0 : 1);
    cr_assert_eq(troupe_same(stage_find("busy"), TROUPE_NOBODY), err != TROUPE_OK);
    return err;
}

/* A start that fails for want of memory gives back what it has taken until then. */
Test(oom, a_start_that_takes_memory) {
    troupe_ref who;
    (void)stage_open(STAGE_SIMULATED);
    on_one_stage(spawn_busy, kill_it, &who);
    stage_close();
}

static troupe_err register_ann(void *ctx) {
    troupe_ref *who = ctx;
    troupe_err err = troupe_register(stage_rt(), *who, "ann");
    cr_assert_eq(troupe_same(stage_find("ann"), err ? TROUPE_NOBODY : *who), true);
    return err;
}

static void another_ann(void *ctx) {
    kill_it(ctx);
    *(troupe_ref *)ctx = stage_enter(&ann);
}

Test(oom, troupe_register) {
    (void)stage_open(STAGE_SIMULATED);
    troupe_ref who = stage_enter(&ann), other = stage_enter(&ann);
    on_one_stage(register_ann, another_ann, &who);
    cr_assert_eq(troupe_register(stage_rt(), other, "ann"), TROUPE_OK);
    stage_close();
}

/* --- Messages --------------------------------------------------------------------------------- */

struct note {
    const char *text;
    troupe_bytes bytes;
};
static const troupe_type note_type =
    TROUPE_TYPE(note, TROUPE_FIELD(note, text), TROUPE_FIELD(note, bytes));

static troupe_err make_note(void *ctx) {
    static char large[100000];
    const struct note body = {"text", {large, *(size_t *)ctx}};
    troupe_msg *msg = (troupe_msg *)1;
    troupe_err err = troupe_make(stage_rt(), &note_type, &body, &msg);
    cr_assert_eq(msg == NULL, err != TROUPE_OK);
    if (!err) cr_assert_str_eq(((const struct note *)troupe_as(msg, &note_type))->text, "text");
    troupe_drop(&msg);
    return err;
}

static troupe_err make_cue(void *ctx) {
    (void)ctx;
    troupe_msg *msg = (troupe_msg *)1;
    troupe_err err = troupe_make(stage_rt(), &cue_type, &(struct cue){.n = 1}, &msg);
    cr_assert_eq(msg == NULL, err != TROUPE_OK);
    troupe_drop(&msg);
    return err;
}

Test(oom, troupe_make) {
    size_t sizes[] = {0, 100, 100000};
    (void)stage_open(STAGE_SIMULATED);
    on_one_stage(make_cue, NULL, NULL);
    for (size_t i = 0; i < 3; i++) on_one_stage(make_note, NULL, &sizes[i]);
    stage_close();
}

static void register_type(troupe *rt, exhaust *x) {
    exhaust_from(x, stage_heap());
    troupe_err err = troupe_register_type(rt, &note_type);
    cr_assert_eq(err, exhaust_to(x) ? TROUPE_NOMEM : TROUPE_OK);
    const troupe_type *known = tr_types_find(&rt->types, tr_type_hash(&note_type));
    cr_assert_eq(known == NULL, err != TROUPE_OK);
    /* The name is not taken by what was refused. */
    static const troupe_type other = {"note", sizeof(struct cue), NULL, 0, 0};
    troupe_type rival = other;
    rival.field = cue_type.field;
    rival.fields = cue_type.fields;
    cr_assert_eq(troupe_register_type(rt, &rival), err ? TROUPE_OK : TROUPE_TAKEN);
    cr_assert_eq(troupe_register_type(rt, &note_type), err ? TROUPE_TAKEN : TROUPE_OK);
}

Test(oom, troupe_register_type) {
    on_stages(register_type);
}

/* --- As an actor ------------------------------------------------------------------------------ */

static void (*scene)(troupe_self *self);
static unsigned heard, downs;

/* Plays the scene at the first message, and counts what comes then. */
static troupe_err play(troupe_self *self, void *state, troupe_msg **msg) {
    bool *played = state;
    heard += *played && troupe_as(*msg, &cue_type);
    downs += troupe_as(*msg, &troupe_down_type) != NULL;
    if (!*played) scene(self);
    *played = true;
    return TROUPE_OK;
}

static const troupe_behaviour actor = {.receive = play, .state_size = sizeof(bool)};

/* Has an actor on a new stage play a scene; the stage is the caller's to close. */
static troupe_ref as_actor(void (*what)(troupe_self *self)) {
    troupe_ref who;
    scene = what;
    heard = downs = 0;
    troupe *rt = stage_open(STAGE_SIMULATED);
    cr_assert_eq(troupe_spawn(rt, &actor, NULL, &who), TROUPE_OK);
    cue(who, CUE_SAY, 0);
    (void)stage_run();
    return who;
}

static uint32_t waiting(troupe_ref who) {
    uint32_t n;
    cr_assert_eq(troupe_mailbox(stage_rt(), who, &n, NULL), TROUPE_OK);
    return n;
}

static troupe_err tell_myself(void *self) {
    uint32_t before = waiting(troupe_me(self));
    troupe_err err = troupe_tell(self, troupe_me(self), &cue_type, &(struct cue){.n = 1});
    cr_assert_eq(waiting(troupe_me(self)), before + !err);
    return err;
}

static void try_to_tell(troupe_self *self) {
    exhaust_call(stage_heap(), tell_myself, NULL, self);
}

Test(oom, troupe_tell) {
    (void)as_actor(try_to_tell);
    cr_assert_eq(heard, EXHAUST_SWEEPS);
    stage_close();
}

static troupe_err answer(void *self) {
    return troupe_answer(self, &cue_type, &(struct cue){.n = 3});
}

/* A player that can't make its answer fails; before that its asker still waits. */
static void try_to_answer(troupe_self *self) {
    exhaust_call(stage_heap(), answer, NULL, self);
}

Test(oom, troupe_answer) {
    scene = try_to_answer;
    troupe_ref who;
    troupe *rt = stage_open(STAGE_SIMULATED);
    troupe_msg *msg = cue_make(CUE_SAY, 0, TROUPE_NOBODY);
    cr_assert_eq(troupe_spawn(rt, &actor, NULL, &who), TROUPE_OK);
    cr_assert_eq(troupe_ask(rt, who, &msg, 10000), TROUPE_OK);
    cr_assert_eq(cue_n(msg), 3);
    cr_assert_eq(stage_dead_letters(), EXHAUST_SWEEPS - 1, "the others come too late");
    troupe_drop(&msg);
    stage_close();
}

static troupe_ref watched;

static troupe_err monitor(void *self) {
    uint64_t number = 77;
    troupe_err err = troupe_monitor(self, watched, &number);
    cr_assert_eq(number == 77, err != TROUPE_OK);
    return err;
}

static troupe_err monitor_and_back(void *self) {
    uint64_t number;
    troupe_err err = troupe_monitor(self, watched, &number);
    if (!err) cr_assert_eq(troupe_demonitor(self, number), TROUPE_OK);
    return err;
}

static void try_to_monitor(troupe_self *self) {
    watched = stage_enter(&ann);
    exhaust_call(stage_heap(), monitor, NULL, self);
    exhaust_call(stage_heap(), monitor_and_back, NULL, self);
    /* And one that was never there, whose `down` comes at once. */
    const troupe_ref living = watched;
    watched = (troupe_ref){troupe_me(self).node, 1u << 20};
    exhaust_call(stage_heap(), monitor, NULL, self);
    watched = living;
}

Test(oom, troupe_monitor) {
    (void)as_actor(try_to_monitor);
    cr_assert_eq(downs, EXHAUST_SWEEPS);
    kill_it(&watched);
    cr_assert_eq(downs, 2 * EXHAUST_SWEEPS, "one for each that was made, none for the others");
    stage_close();
}

/* A message that is sent later, and what the call is given for it. */
struct later {
    troupe_self *self;
    troupe_msg *msg;
};

static void make_later(void *ctx) {
    ((struct later *)ctx)->msg = cue_make(CUE_SAY, 3, TROUPE_NOBODY);
}

static troupe_err send_later(void *ctx) {
    struct later *later = ctx;
    troupe_timer timer = {77};
    const troupe_msg *before = later->msg;
    troupe_err err = troupe_send_after(later->self, 5, troupe_me(later->self), &later->msg, &timer);
    cr_assert_eq(timer.id == 77, err != TROUPE_OK);
    cr_assert_eq(later->msg, err ? before : NULL);
    if (err) cr_assert_eq(cue_n(later->msg), 3);
    return err;
}

static void try_to_send_later(troupe_self *self) {
    struct later later = {.self = self};
    make_later(&later);
    exhaust_call(stage_heap(), send_later, make_later, &later);
    troupe_drop(&later.msg);
}

Test(oom, troupe_send_after) {
    (void)as_actor(try_to_send_later);
    stage_advance(6);
    cr_assert_eq(heard, EXHAUST_SWEEPS);
    stage_close();
}

static void count_end(void *count) {
    ++*(unsigned *)count;
}

static unsigned ends;

static troupe_err want_end(void *self) {
    return troupe_defer(self, count_end, &ends);
}

static void try_to_want_ends(troupe_self *self) {
    exhaust_call(stage_heap(), want_end, NULL, self);
}

Test(oom, troupe_defer) {
    ends = 0;
    troupe_ref who = as_actor(try_to_want_ends);
    kill_it(&who);
    cr_assert_eq(ends, EXHAUST_SWEEPS);
    stage_close();
}

static void *blocks[2];

static troupe_err alloc(void *self) {
    blocks[0] = troupe_alloc(self, 100);
    return blocks[0] ? TROUPE_OK : TROUPE_NOMEM;
}

static void free_it(void *self) {
    troupe_free(self, blocks[0]);
}

static void try_to_alloc(troupe_self *self) {
    exhaust_call(stage_heap(), alloc, NULL, self); /* these stay until the end */
    exhaust_call(stage_heap(), alloc, free_it, self);
}

Test(oom, troupe_alloc) {
    (void)as_actor(try_to_alloc);
    stage_close();
}

static troupe_err resize(void *self) {
    blocks[1] = troupe_resize(self, blocks[0], 200);
    return blocks[1] ? TROUPE_OK : TROUPE_NOMEM;
}

static void get_a_new_one(void *self) {
    troupe_free(self, blocks[1]);
    blocks[0] = troupe_alloc(self, 100);
}

static void try_to_resize(troupe_self *self) {
    blocks[0] = troupe_alloc(self, 100);
    exhaust_call(stage_heap(), resize, get_a_new_one, self);
}

Test(oom, troupe_resize) {
    (void)as_actor(try_to_resize);
    stage_close();
}

/* An actor whose report can't be written down in full fails all the same. */
static void fail(troupe *rt, exhaust *x) {
    (void)rt;
    troupe_ref who = stage_enter(&ann);
    cue(who, CUE_FAIL, TROUPE_USER);
    exhaust_from(x, stage_heap());
    stage_expect("start(ann) stop(ann,USER)");
    bool refused = exhaust_to(x);
    cr_assert_not(stage_there(who));
    cr_assert_eq(stage_logged("actor failed: player"), 1);
    cr_assert_eq(stage_logged("\"as told\""), refused ? 0 : 1);
}

Test(oom, troupe_fail_at) {
    on_stages(fail);
}

static troupe_err require(troupe_self *self, void *state, troupe_msg **msg) {
    (void)state;
    (void)msg;
    TROUPE_REQUIRE(self, state, "it has no state");
    return TROUPE_OK;
}

static void fail_a_condition(troupe *rt, exhaust *x) {
    static const troupe_behaviour what = {.name = "needy", .receive = require};
    troupe_ref who;
    cr_assert_eq(troupe_spawn(rt, &what, NULL, &who), TROUPE_OK);
    cue(who, CUE_SAY, 0);
    exhaust_from(x, stage_heap());
    (void)stage_run();
    bool refused = exhaust_to(x);
    cr_assert_not(stage_there(who));
    cr_assert_eq(stage_logged("actor failed: needy"), 1);
    cr_assert_eq(stage_logged("\"it has no state\""), refused ? 0 : 1);
}

Test(oom, troupe_unmet_at) {
    on_stages(fail_a_condition);
}

/* --- Asking ----------------------------------------------------------------------------------- */

/* Who can't make the answer fails by the player's rules. */
static void ask(troupe *rt, exhaust *x) {
    troupe_ref who = stage_enter(&ann);
    troupe_msg *msg = cue_make(CUE_ANSWER, 3, TROUPE_NOBODY);
    exhaust_from(x, stage_heap());
    troupe_err err = troupe_ask(rt, who, &msg, 10000);
    bool refused = exhaust_to(x);
    if (err == TROUPE_NOMEM) cr_assert_eq(cue_n(msg), 3, "it is not the asker's own");
    if (err == TROUPE_FAILED) cr_assert_null(msg);
    cr_assert(refused ? err == TROUPE_NOMEM || err == TROUPE_FAILED : err == TROUPE_OK);
    cr_assert_eq(rt->asks.by_id.count, 0);
    if (err == TROUPE_NOMEM) cr_assert_eq(troupe_ask(rt, who, &msg, 10000), TROUPE_OK);
    troupe_drop(&msg);
}

Test(oom, troupe_ask) {
    on_stages(ask);
}
