/* What never takes memory, and so never fails for want of it: each public function of this kind is
 * called without any, and must not even ask for some. */
#include <criterion/criterion.h>
#include <troupe/link.h>

#include <troupe/report.h>

#include "actors/runtime.h"
#include "test/support/exhaust.h"
#include "test/support/family.h"
#include "test/support/stage.h"

TestSuite(takes_nothing, .timeout = 100);

static const player ann = {.id = "ann"};

static struct {
    troupe *rt;
    troupe_ref who; /* a player */
    troupe_msg *msg;
    troupe_self *self;
    uint64_t monitor; /* of `who`, by `self` */
    troupe_timer timer;
    void *memory; /* of `self`, which has deferred `nothing_to_do` too */
} it;

static void nothing_to_do(void *ctx) {
    (void)ctx;
}

/* Does `act` without memory, from outside. */
static void outside(void (*act)(void *ctx)) {
    it.rt = stage_open(TROUPE_STEPPED);
    it.who = stage_enter(&ann);
    cr_assert_eq(troupe_register(it.rt, it.who, "ann"), TROUPE_OK);
    it.msg = cue_make(CUE_SAY, 1, TROUPE_NOBODY);
    exhaust_nothing(stage_heap(), act, NULL);
    troupe_drop(&it.msg);
    (void)stage_run();
    stage_close();
}

static void (*scene)(void *ctx);

static troupe_err play(troupe_self *self, void *state, troupe_msg **msg) {
    (void)state;
    if (!troupe_as(*msg, &cue_type)) return TROUPE_OK;
    it.self = self;
    it.msg = cue_make(CUE_SAY, 2, TROUPE_NOBODY);
    cr_assert_eq(troupe_monitor(self, it.who, &it.monitor), TROUPE_OK);
    cr_assert_eq(troupe_link(self, it.who), TROUPE_OK);
    cr_assert_eq(troupe_send_after(self, 5, it.who, &it.msg, &it.timer), TROUPE_OK);
    it.memory = troupe_alloc(self, 10);
    cr_assert_eq(troupe_defer(self, nothing_to_do, NULL), TROUPE_OK);
    it.msg = *msg;
    exhaust_nothing(stage_heap(), scene, NULL);
    *msg = it.msg;
    return TROUPE_OK;
}

/* The same by an actor that is asked, with the message in hand. Returns how the ask went. */
static troupe_err inside(void (*act)(void *ctx)) {
    static const troupe_behaviour actor = {.name = "actor", .receive = play};
    troupe_ref actor_ref;
    scene = act;
    it.rt = stage_open(TROUPE_STEPPED);
    it.who = stage_enter(&ann);
    cr_assert_eq(troupe_spawn(it.rt, &actor, NULL, &actor_ref), TROUPE_OK);
    troupe_msg *msg = cue_make(CUE_SAY, 1, TROUPE_NOBODY);
    troupe_err err = troupe_ask(it.rt, actor_ref, &msg, 10000);
    troupe_drop(&msg);
    stage_advance(6);
    stage_close();
    return err;
}

/* --- Errors and messages ---------------------------------------------------------------------- */

static void strerrors(void *ctx) {
    (void)ctx;
    for (int err = 0; err < 33; err++) cr_assert_not_null(troupe_strerror((troupe_err)err));
}

Test(takes_nothing, troupe_strerror) {
    outside(strerrors);
}

static void errnames(void *ctx) {
    (void)ctx;
    for (int err = 0; err < 33; err++) cr_assert_not_null(troupe_errname((troupe_err)err));
}

Test(takes_nothing, troupe_errname) {
    outside(errnames);
}

static void print(void *ctx) {
    (void)ctx;
    char text[64];
    cr_assert_gt(troupe_print(it.msg, text, sizeof text), 10);
}

Test(takes_nothing, troupe_print) {
    outside(print);
}

static void compare(void *ctx) {
    (void)ctx;
    cr_assert(troupe_equal(it.msg, it.msg));
    cr_assert_not(troupe_equal(it.msg, NULL));
}

Test(takes_nothing, troupe_equal) {
    outside(compare);
}

static void check_type(void *ctx) {
    (void)ctx;
    char why[64];
    cr_assert_eq(troupe_check_type(&troupe_down_type, why, sizeof why), TROUPE_OK);
}

Test(takes_nothing, troupe_check_type) {
    outside(check_type);
}

static void encode(void *ctx) {
    (void)ctx;
    unsigned char bytes[64];
    size_t size = 0;
    cr_assert_eq(troupe_encode(it.msg, bytes, sizeof bytes, &size), TROUPE_OK);
    cr_assert_gt(size, 0);
    cr_assert_eq(troupe_encode(it.msg, bytes, size - 1, &size), TROUPE_TOOBIG);
    cr_assert_eq(size, 0);
    cr_assert_eq(troupe_encode(NULL, bytes, sizeof bytes, &size), TROUPE_INVALID);
}

Test(takes_nothing, troupe_encode) {
    outside(encode);
}

static void hash(void *ctx) {
    (void)ctx;
    cr_assert_neq(troupe_hash(it.msg), troupe_hash(NULL));
}

Test(takes_nothing, troupe_hash) {
    outside(hash);
}

static void report(void *ctx) {
    (void)ctx;
    const troupe_report none = {.path = "",
                                .behaviour = "",
                                .doing = "",
                                .message = "",
                                .text = "",
                                .file = "",
                                .supervisor = "",
                                .next = "",
                                .hint = troupe_hint(TROUPE_FULL)};
    char text[256];
    cr_assert_gt(troupe_report_text(&none, text, sizeof text), 10);
    cr_assert_gt(troupe_report_line(&none, text, sizeof text), 10);
}

Test(takes_nothing, troupe_report_text) {
    outside(report);
}

Test(takes_nothing, troupe_report_line) {
    outside(report);
}

Test(takes_nothing, troupe_hint) {
    outside(report);
}

static void same(void *ctx) {
    (void)ctx;
    cr_assert(troupe_same(it.who, it.who));
}

Test(takes_nothing, troupe_same) {
    outside(same);
}

static void as(void *ctx) {
    (void)ctx;
    cr_assert_not_null(troupe_as(it.msg, &cue_type));
    cr_assert_null(troupe_as(it.msg, &troupe_down_type));
}

Test(takes_nothing, troupe_as) {
    outside(as);
}

static void type_name(void *ctx) {
    (void)ctx;
    cr_assert_str_eq(troupe_type_name(it.msg), "cue");
}

Test(takes_nothing, troupe_type_name) {
    outside(type_name);
}

static void drop(void *ctx) {
    (void)ctx;
    troupe_drop(&it.msg);
    cr_assert_null(it.msg);
}

Test(takes_nothing, troupe_drop) {
    outside(drop);
}

/* --- The runtime ------------------------------------------------------------------------------ */

static void close_it(void *rt) {
    troupe_close(rt);
}

Test(takes_nothing, troupe_close) {
    for (unsigned workers = 0; workers < 2; workers++) {
        const troupe_config config = stage_prepare(workers ? workers : TROUPE_STEPPED);
        troupe *rt;
        troupe_ref who;
        cr_assert_eq(troupe_open(&config, &rt), TROUPE_OK);
        for (int i = 0; i < 10; i++)
            cr_assert_eq(troupe_spawn(rt, &player_behaviour, &ann, &who), TROUPE_OK);
        exhaust_nothing(stage_heap(), close_it, &rt);
        cr_assert_null(rt);
        stage_close();
    }
}

static void step(void *ctx) {
    (void)ctx;
    cr_assert_eq(troupe_post(it.rt, it.who, &it.msg), TROUPE_OK);
    cr_assert_eq(troupe_step(it.rt, 10), 1);
    stage_expect("start(ann) ann:1");
}

/* What a message of its own does is for its actor to say. */
Test(takes_nothing, troupe_step) {
    outside(step);
}

static void now(void *ctx) {
    (void)ctx;
    cr_assert_eq(troupe_now(it.rt), *stage_clock());
}

Test(takes_nothing, troupe_now) {
    outside(now);
}

/* --- From outside ----------------------------------------------------------------------------- */

static void post(void *ctx) {
    (void)ctx;
    cr_assert_eq(troupe_post(it.rt, it.who, &it.msg), TROUPE_OK);
    cr_assert_null(it.msg);
}

Test(takes_nothing, troupe_post) {
    outside(post);
}

static void stop(void *ctx) {
    (void)ctx;
    cr_assert_eq(troupe_stop(it.rt, it.who), TROUPE_OK);
    stage_expect("start(ann) stopping(ann) stop(ann,SHUTDOWN)");
    cr_assert_not(stage_there(it.who));
}

/* An orderly end as a whole takes nothing. */
Test(takes_nothing, troupe_stop) {
    outside(stop);
}

static void kill_it(void *ctx) {
    (void)ctx;
    cr_assert_eq(troupe_kill(it.rt, it.who), TROUPE_OK);
}

Test(takes_nothing, troupe_kill) {
    outside(kill_it);
}

static void whereis(void *ctx) {
    (void)ctx;
    troupe_ref who;
    cr_assert_eq(troupe_whereis(it.rt, "ann", &who), TROUPE_OK);
    cr_assert_eq(troupe_whereis(it.rt, "bob", &who), TROUPE_NOTFOUND);
}

Test(takes_nothing, troupe_whereis) {
    outside(whereis);
}

static void account(void *ctx) {
    (void)ctx;
    troupe_account all, one;
    troupe_account_all(it.rt, &all);
    cr_assert_eq(troupe_account_of(it.rt, it.who, &one), TROUPE_OK);
    cr_assert_eq(troupe_account_missing(&all), 0);
    cr_assert_not_null(troupe_dead_text(TROUPE_DEAD_GONE));
}

Test(takes_nothing, troupe_account_all) {
    outside(account);
}

Test(takes_nothing, troupe_account_of) {
    outside(account);
}

Test(takes_nothing, troupe_account_missing) {
    outside(account);
}

Test(takes_nothing, troupe_dead_text) {
    outside(account);
}

static void draw(void *ctx) {
    (void)ctx;
    cr_assert_neq(troupe_random(it.rt), troupe_random(it.rt));
}

Test(takes_nothing, troupe_random) {
    outside(draw);
}

static void mailbox(void *ctx) {
    (void)ctx;
    uint32_t limit;
    cr_assert_eq(troupe_mailbox(it.rt, it.who, NULL, &limit), TROUPE_OK);
    cr_assert_eq(limit, TROUPE_MAILBOX_DEFAULT);
}

Test(takes_nothing, troupe_mailbox) {
    outside(mailbox);
}

/* --- As an actor ------------------------------------------------------------------------------ */

static void who_am_i(void *ctx) {
    (void)ctx;
    cr_assert(stage_there(troupe_me(it.self)));
}

Test(takes_nothing, troupe_me) {
    cr_assert_eq(inside(who_am_i), TROUPE_TIMEOUT);
}

static void runtime(void *ctx) {
    (void)ctx;
    cr_assert_eq(troupe_runtime(it.self), it.rt);
}

Test(takes_nothing, troupe_runtime) {
    cr_assert_eq(inside(runtime), TROUPE_TIMEOUT);
}

static void sender(void *ctx) {
    (void)ctx;
    cr_assert_not(troupe_same(troupe_sender(it.self), TROUPE_NOBODY));
}

Test(takes_nothing, troupe_sender) {
    cr_assert_eq(inside(sender), TROUPE_TIMEOUT);
}

static void send(void *ctx) {
    (void)ctx;
    cr_assert_eq(troupe_send(it.self, it.who, &it.msg), TROUPE_OK);
    cr_assert_null(it.msg);
}

Test(takes_nothing, troupe_send) {
    cr_assert_eq(inside(send), TROUPE_TIMEOUT);
}

static void reply(void *ctx) {
    (void)ctx;
    cr_assert_eq(troupe_reply(it.self, &it.msg), TROUPE_OK);
    cr_assert_null(it.msg);
}

Test(takes_nothing, troupe_reply) {
    cr_assert_eq(inside(reply), TROUPE_OK);
}

static void exit_it(void *ctx) {
    (void)ctx;
    troupe_exit(it.self, TROUPE_OK);
}

Test(takes_nothing, troupe_exit) {
    cr_assert_eq(inside(exit_it), TROUPE_GONE);
}

static void demonitor(void *ctx) {
    (void)ctx;
    cr_assert_eq(troupe_demonitor(it.self, it.monitor), TROUPE_OK);
    cr_assert_eq(troupe_demonitor(it.self, it.monitor), TROUPE_NOTFOUND);
}

Test(takes_nothing, troupe_demonitor) {
    cr_assert_eq(inside(demonitor), TROUPE_TIMEOUT);
}

static void demonitor_flush(void *ctx) {
    (void)ctx;
    cr_assert_eq(troupe_demonitor_flush(it.self, it.monitor), TROUPE_OK);
    cr_assert_eq(troupe_demonitor_flush(it.self, it.monitor), TROUPE_NOTFOUND);
}

Test(takes_nothing, troupe_demonitor_flush) {
    cr_assert_eq(inside(demonitor_flush), TROUPE_TIMEOUT);
}

static void unlink_it(void *ctx) {
    (void)ctx;
    cr_assert_eq(troupe_unlink(it.self, it.who), TROUPE_OK);
    cr_assert_eq(troupe_unlink(it.self, it.who), TROUPE_NOTFOUND);
}

Test(takes_nothing, troupe_unlink) {
    cr_assert_eq(inside(unlink_it), TROUPE_TIMEOUT);
}

static void trap_exits(void *ctx) {
    (void)ctx;
    troupe_trap_exits(it.self, true);
    troupe_trap_exits(it.self, false);
}

Test(takes_nothing, troupe_trap_exits) {
    cr_assert_eq(inside(trap_exits), TROUPE_TIMEOUT);
}

static void cancel(void *ctx) {
    (void)ctx;
    cr_assert_eq(troupe_cancel(it.self, it.timer), TROUPE_OK);
    cr_assert_eq(troupe_cancel(it.self, it.timer), TROUPE_NOTFOUND);
}

Test(takes_nothing, troupe_cancel) {
    cr_assert_eq(inside(cancel), TROUPE_TIMEOUT);
}

static void free_it(void *ctx) {
    (void)ctx;
    troupe_free(it.self, it.memory);
    troupe_free(it.self, NULL);
}

Test(takes_nothing, troupe_free) {
    cr_assert_eq(inside(free_it), TROUPE_TIMEOUT);
}

static void undefer(void *ctx) {
    (void)ctx;
    cr_assert_eq(troupe_undefer(it.self, nothing_to_do, NULL), TROUPE_OK);
    cr_assert_eq(troupe_undefer(it.self, nothing_to_do, NULL), TROUPE_NOTFOUND);
}

Test(takes_nothing, troupe_undefer) {
    cr_assert_eq(inside(undefer), TROUPE_TIMEOUT);
}

static void run(void *ctx) {
    (void)ctx;
    (void)stage_run();
}

Test(takes_nothing, troupe_ready) {
    static const player late = {.id = "late", .start = TROUPE_LATER};
    const troupe_child child = kid(&late, TROUPE_PERMANENT);
    const troupe_supervision what = {.child = &child, .children = 1};
    troupe_ref top;
    troupe *rt = stage_open(TROUPE_STEPPED);
    cr_assert_eq(troupe_spawn(rt, &troupe_supervisor, &what, &top), TROUPE_OK);
    (void)stage_run();
    family_expect(top, "late:STARTING:0");
    cue_named("late", CUE_READY, 0);
    exhaust_nothing(stage_heap(), run, NULL);
    family_expect(top, "late:RUNNING:0");
    stage_close();
}
