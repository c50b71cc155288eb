/* Links, beyond making and ending one. `case_N` is a numbered case of the conformance list for
 * links and monitors. */
#include <criterion/criterion.h>
#include <string.h>

#include "actors/actor.h"
#include "actors/find.h"
#include "test/support/orders.h"
#include "test/support/player.h"

TestSuite(link_cases, .timeout = 200);

static const player ann = {.id = "ann"}, ben = {.id = "ben"}, cid = {.id = "cid"};

static size_t ties(void) {
    return stage_rt()->ties.all.count;
}

/* --- Case 13 ---------------------------------------------------------------------------------- */

/* How a child ends in the first thing it does. */
enum { IN_START, START_FAILS, BY_FIRST_MESSAGE, BY_ITSELF_TWICE, WAYS };

static troupe_err end_first(troupe_self *self, void *state, const void *arg) {
    const uint32_t way = *(const uint32_t *)arg;
    (void)state;
    if (way == START_FAILS) return (troupe_err)(TROUPE_USER + 5);
    if (way == IN_START) troupe_exit(self, (troupe_err)(TROUPE_USER + 5));
    if (way == BY_ITSELF_TWICE)
        return troupe_exit_signal(self, troupe_me(self), (troupe_err)(TROUPE_USER + 5));
    return troupe_tell(self, troupe_me(self), &cue_type, &(struct cue){0});
}

static troupe_err fail_first(troupe_self *self, void *state, troupe_msg **msg) {
    (void)self;
    (void)state;
    (void)msg;
    return (troupe_err)(TROUPE_USER + 5);
}

static const troupe_behaviour short_lived = {
    .name = "short", .start = end_first, .receive = fail_first};

/* Spawns a child that ends so (`n`), linked or, if `who` is given, monitored. */
struct parent {
    uint64_t monitor;
    troupe_ref child;
};

static void hear(struct parent *it, troupe_ref who, uint32_t why) {
    cr_assert(troupe_same(who, it->child));
    cr_assert_eq(why, TROUPE_USER + 5);
    stage_say("heard");
}

static troupe_err be_parent(troupe_self *self, void *state, troupe_msg **msg) {
    struct parent *it = state;
    const struct cue *cue = troupe_as(*msg, &cue_type);
    const struct troupe_exit *ended = troupe_as(*msg, &troupe_exit_type);
    const struct troupe_down *down = troupe_as(*msg, &troupe_down_type);
    if (ended) hear(it, ended->who, ended->why);
    if (down) hear(it, down->who, down->why);
    if (down) cr_assert_eq(down->monitor, it->monitor);
    if (!cue) return TROUPE_OK;
    troupe_trap_exits(self, true);
    troupe_err err =
        cue->who.id ? troupe_spawn_monitor(self, &short_lived, &cue->n, &it->child, &it->monitor)
                    : troupe_spawn_link(self, &short_lived, &cue->n, &it->child);
    cr_assert_eq(err, cue->n == START_FAILS ? (troupe_err)(TROUPE_USER + 5) : TROUPE_OK);
    if (err) stage_say("heard");
    return TROUPE_OK;
}
static const troupe_behaviour parent = {
    .name = "parent", .state_size = sizeof(struct parent), .receive = be_parent};

static void first_instruction(unsigned workers) {
    (void)stage_open(workers);
    troupe_ref a;
    cr_assert_eq(troupe_spawn(stage_rt(), &parent, NULL, &a), TROUPE_OK);
    for (uint32_t i = 0; i < (stage_is_stepped() ? 16u : 300u); i++) {
        cue_about(a, CUE_KEEP, i % WAYS, i / WAYS % 2 ? a : TROUPE_NOBODY);
        stage_expect("heard");
    }
    /* Of a start that failed not a signal more. */
    cue_about(a, CUE_KEEP, START_FAILS, TROUPE_NOBODY);
    cue_about(a, CUE_KEEP, START_FAILS, a);
    stage_expect("heard heard");
    cr_assert_eq(troupe_stop(stage_rt(), a), TROUPE_OK);
    stage_await_gone(a);
    stage_expect("");
    cr_assert_eq(ties(), 0);
    stage_close();
}

Test(link_cases, case_13_a_child_that_ends_in_its_first_instruction_is_heard_of_with_its_reason) {
    in_all_orders(first_instruction);
}

static troupe_err spawn_a_short_one(troupe_self *self, void *state, troupe_msg **msg) {
    const uint32_t way = cue_n(*msg);
    troupe_ref child;
    (void)state;
    cr_assert_eq(troupe_spawn_link(self, &short_lived, &way, &child), TROUPE_OK);
    return TROUPE_OK;
}

static void say_end(troupe_self *self, void *state, troupe_err why) {
    (void)self;
    (void)state;
    stage_say("%d", (int)why - TROUPE_USER);
}

static void parent_ends_too(unsigned workers) {
    const troupe_behaviour what = {.name = "parent", .receive = spawn_a_short_one, .stop = say_end};
    (void)stage_open(workers);
    for (uint32_t way = 0; way < WAYS; way++) {
        troupe_ref a;
        if (way == START_FAILS) continue;
        cr_assert_eq(troupe_spawn(stage_rt(), &what, NULL, &a), TROUPE_OK);
        cue(a, CUE_KEEP, way);
        stage_expect("5");
    }
    stage_close();
}

Test(link_cases, case_13_a_parent_that_does_not_trap_ends_for_the_childs_reason) {
    in_all_orders(parent_ends_too);
}

/* --- Case 16 ---------------------------------------------------------------------------------- */

static tr_atomic32 released;

static void release_it(void *ctx) {
    (void)ctx;
    tr_store32_seq(&released, 1);
}

static void hold_things(troupe_self *self) {
    troupe_msg *msg = cue_make(CUE_SAY, 0, TROUPE_NOBODY);
    cr_assert_eq(troupe_register(stage_rt(), troupe_me(self), "post"), TROUPE_OK);
    cr_assert_eq(troupe_send_after(self, 100000, troupe_me(self), &msg, NULL), TROUPE_OK);
    cr_assert_eq(troupe_defer(self, release_it, NULL), TROUPE_OK);
    tr_store32_seq(&released, 0);
}

static troupe_err look_around(troupe_self *self, void *state, troupe_msg **msg) {
    const struct cue *cue = troupe_as(*msg, &cue_type);
    const struct troupe_exit *ended = troupe_as(*msg, &troupe_exit_type);
    const struct troupe_down *down = troupe_as(*msg, &troupe_down_type);
    troupe_ref found;
    (void)state;
    if (cue) {
        troupe_trap_exits(self, true);
        cr_assert_eq(troupe_link(self, cue->who), TROUPE_OK);
        cr_assert_eq(troupe_monitor(self, cue->who, &(uint64_t){0}), TROUPE_OK);
        stage_say("tied");
        return TROUPE_OK;
    }
    const troupe_ref who = ended ? ended->who : down->who;
    cr_assert_eq(tr_load32_seq(&released), 1);
    cr_assert_eq(stage_rt()->timers.count, 0);
    cr_assert_eq(troupe_whereis(stage_rt(), "post", &found), TROUPE_NOTFOUND);
    cr_assert_eq(troupe_mailbox(stage_rt(), who, NULL, NULL), TROUPE_GONE);
    stage_say(ended ? "exit" : "down");
    return TROUPE_OK;
}

static void order_of_release(unsigned workers) {
    const troupe_behaviour looker = {.name = "looker", .receive = look_around};
    const player holder = {.id = "ben", .at_start = hold_things};
    for (int way = 0; way < 3; way++) {
        troupe *rt = stage_open(workers);
        troupe_ref a, b = stage_enter(&holder);
        cr_assert_eq(troupe_spawn(rt, &looker, NULL, &a), TROUPE_OK);
        cue_about(a, CUE_LINK, 0, b);
        stage_expect("start(ben) tied");
        if (way == 0) cr_assert_eq(troupe_kill(rt, b), TROUPE_OK);
        if (way == 1) cue(b, CUE_FAIL, TROUPE_USER);
        if (way == 2) cr_assert_eq(troupe_stop(rt, b), TROUPE_OK);
        stage_expect_all(way == 0   ? "exit down"
                         : way == 1 ? "stop(ben,USER) exit down"
                                    : "stopping(ben) stop(ben,SHUTDOWN) exit down");
        stage_close();
    }
}

Test(link_cases, case_16_name_timers_and_resources_go_before_exits_and_downs) {
    in_all_orders(order_of_release);
}

/* --- Case 25, 26 ------------------------------------------------------------------------------ */

static const troupe_behaviour *player_with_8(void) {
    static troupe_behaviour what;
    what = player_behaviour;
    what.mailbox_limit = 8;
    return &what;
}

/* Fills the mailbox of one who handles nothing, but for one place; its words for what is in it. */
static void fill(troupe_ref who, char *words, size_t room) {
    const uint32_t places = stage_is_stepped() ? 8 : 7; /* what it waits with has a place, too */
    for (uint32_t i = 1; i < places; i++) {
        cue(who, CUE_SAY, i);
        (void)snprintf(words + strlen(words), room - strlen(words), "ben:%u ", (unsigned)i);
    }
}

/* `dan` hears of each end after `ben`, who was tied first: what it has heard is in ben's mail. */
static void full_mailbox(unsigned workers) {
    const player dan = {.id = "dan"};
    char words[200] = "";
    troupe *rt = stage_open(workers);
    troupe_ref b, a = stage_enter(&ann), c = stage_enter(&cid), d = stage_enter(&dan);
    cr_assert_eq(troupe_spawn(rt, player_with_8(), &ben, &b), TROUPE_OK);
    stage_expect("start(ann) start(cid) start(dan) start(ben)");
    cue_done(b, "ben", CUE_TRAP, 1, TROUPE_NOBODY);
    cue_done(b, "ben", CUE_LINK, 0, a);
    cue_done(b, "ben", CUE_WATCH, 1, a);
    cue_done(b, "ben", CUE_LINK, 0, c);
    cue_done(d, "dan", CUE_WATCH, 3, c);
    cue_done(d, "dan", CUE_WATCH, 4, a);
    stage_hold(b);
    fill(b, words, sizeof words);
    cue(c, CUE_EXIT, TROUPE_OK);
    stage_expect("stop(cid,OK) down(dan,3,OK)");
    cue_done(a, "ann", CUE_PASS, 11, b); /* the last that fits */
    troupe_msg *msg = cue_make(CUE_SAY, 1, TROUPE_NOBODY);
    cr_assert_eq(troupe_post(rt, b, &msg), TROUPE_FULL);
    troupe_drop(&msg);
    cue(a, CUE_EXIT, TROUPE_USER);
    stage_expect("stop(ann,USER) down(dan,4,USER)");
    stage_let_go(b);
    (void)snprintf(words + strlen(words), sizeof words - strlen(words),
                   "exit(ben,OK) ben:11 exit(ben,USER) down(ben,1,USER)");
    stage_expect(words);
    cr_assert_eq(stage_dead_letters(), 1, "more than what `ann` has failed on");
    stage_close();
}

Test(link_cases, case_25_exits_and_downs_reach_a_full_mailbox_in_line) {
    in_all_orders(full_mailbox);
}

/* What `a`, who traps, gets of a stale ref, and that nobody else gets anything. */
static void use_stale(troupe_ref a, troupe_ref stale) {
    troupe_msg *msg = cue_make(CUE_SAY, 1, TROUPE_NOBODY);
    cr_assert_eq(troupe_post(stage_rt(), stale, &msg), TROUPE_GONE);
    troupe_drop(&msg);
    cue_about(a, CUE_LINK, 0, stale);
    cue_about(a, CUE_WATCH, 1, stale);
    cue_about(a, CUE_SIGNAL, TROUPE_USER, stale);
    cue_about(a, CUE_SIGNAL, TROUPE_KILL, stale);
    stage_expect("exit(ann,GONE) down(ann,1,GONE)");
}

/* Spawns `ben` from inside, so that on a worker the place that was freed last is used again. */
static troupe_err spawn_ben(troupe_self *self, void *state, troupe_msg **msg) {
    troupe_ref *out =
        (troupe_ref *)(uintptr_t)((const struct cue *)troupe_as(*msg, &cue_type))->who.id;
    (void)state;
    troupe_err err = troupe_spawn(troupe_runtime(self), &player_behaviour, &ben, out);
    stage_say("spawned");
    return err;
}

static troupe_ref enter_ben(troupe_ref spawner) {
    troupe_ref who;
    cue_about(spawner, CUE_SAY, 0, (troupe_ref){1, (uint64_t)(uintptr_t)&who});
    stage_expect("start(ben) spawned");
    return who;
}

static void stale_refs(unsigned workers) {
    const troupe_behaviour spawns = {.name = "spawner", .receive = spawn_ben};
    if (workers > 1) return; /* each worker has free places of its own */
    troupe *rt = stage_open(workers);
    troupe_ref spawner, a = stage_enter(&ann), who[3];
    cr_assert_eq(troupe_spawn(rt, &spawns, NULL, &spawner), TROUPE_OK);
    stage_expect("start(ann)");
    cue_done(a, "ann", CUE_TRAP, 1, TROUPE_NOBODY);
    who[0] = enter_ben(spawner);
    tr_task *place = &tr_table_find(&rt->table, who[0].id)->task;
    for (int i = 0; i < 3; i++) {
        cr_assert_eq(troupe_kill(rt, who[i]), TROUPE_OK);
        stage_await_gone(who[i]);
        if (i == 0) /* as if it had been used so often: two generations are left */
            tr_store64_seq(&place->control, (uint64_t)(UINT32_MAX - 1) << 32 | TR_CONTROL_VACANT);
        for (int j = 0; j <= i; j++) use_stale(a, who[j]);
        troupe_ref next = enter_ben(spawner);
        cr_assert_eq((uint32_t)next.id == (uint32_t)who[0].id, i < 2, "its place would alias");
        for (int j = 0; j <= i; j++) use_stale(a, who[j]);
        cue_done(next, "ben", CUE_TRAP, 0, TROUPE_NOBODY);
        if (i < 2) who[i + 1] = next;
    }
    stage_close();
}

Test(link_cases, case_26_a_stale_ref_never_reaches_another_not_even_past_the_last_generation) {
    in_all_orders(stale_refs);
}
