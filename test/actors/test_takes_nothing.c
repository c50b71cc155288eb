/* What never takes memory, and so never fails for want of it: each public function of this kind is
 * called without any, and must not even ask for some. */
#include <criterion/criterion.h>
#include <troupe/embed.h>
#include <troupe/inspect.h>
#include <troupe/join.h>
#include <troupe/link.h>

#include <troupe/report.h>
#include <troupe/shutdown.h>

#include "actors/runtime.h"
#include "test/support/exhaust.h"
#include "test/support/family.h"
#include "test/support/nothing.h"
#include "test/support/stage.h"

TestSuite(takes_nothing, .timeout = 100);

static const player ann = {.id = "ann"};

/* --- Errors and messages ---------------------------------------------------------------------- */

static void strerrors(void *ctx) {
    (void)ctx;
    for (int err = 0; err < 33; err++) cr_assert_not_null(troupe_strerror((troupe_err)err));
}

Test(takes_nothing, troupe_strerror) {
    nothing_outside(strerrors);
}

static void errnames(void *ctx) {
    (void)ctx;
    for (int err = 0; err < 33; err++) cr_assert_not_null(troupe_errname((troupe_err)err));
}

Test(takes_nothing, troupe_errname) {
    nothing_outside(errnames);
}

static void print(void *ctx) {
    (void)ctx;
    char text[64];
    cr_assert_gt(troupe_print(nothing.msg, text, sizeof text), 10);
}

Test(takes_nothing, troupe_print) {
    nothing_outside(print);
}

static void compare(void *ctx) {
    (void)ctx;
    cr_assert(troupe_equal(nothing.msg, nothing.msg));
    cr_assert_not(troupe_equal(nothing.msg, NULL));
}

Test(takes_nothing, troupe_equal) {
    nothing_outside(compare);
}

static void check_type(void *ctx) {
    (void)ctx;
    char why[64];
    cr_assert_eq(troupe_check_type(&troupe_down_type, why, sizeof why), TROUPE_OK);
}

Test(takes_nothing, troupe_check_type) {
    nothing_outside(check_type);
}

static void encode(void *ctx) {
    (void)ctx;
    unsigned char bytes[64];
    size_t size = 0;
    cr_assert_eq(troupe_encode(nothing.msg, bytes, sizeof bytes, &size), TROUPE_OK);
    cr_assert_gt(size, 0);
    cr_assert_eq(troupe_encode(nothing.msg, bytes, size - 1, &size), TROUPE_TOOBIG);
    cr_assert_eq(size, 0);
    cr_assert_eq(troupe_encode(NULL, bytes, sizeof bytes, &size), TROUPE_INVALID);
}

Test(takes_nothing, troupe_encode) {
    nothing_outside(encode);
}

static void hash(void *ctx) {
    (void)ctx;
    cr_assert_neq(troupe_hash(nothing.msg), troupe_hash(NULL));
}

Test(takes_nothing, troupe_hash) {
    nothing_outside(hash);
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
    cr_assert_eq(troupe_report_callers(&none, text, sizeof text), 0);
    const uintptr_t at = (uintptr_t)troupe_hint + 1;
    const troupe_report called = {.caller = &at, .callers = 1};
    cr_assert_gt(troupe_report_callers(&called, text, sizeof text), 1);
}

Test(takes_nothing, troupe_report_text) {
    nothing_outside(report);
}

Test(takes_nothing, troupe_report_line) {
    nothing_outside(report);
}

Test(takes_nothing, troupe_report_callers) {
    nothing_outside(report);
}

Test(takes_nothing, troupe_hint) {
    nothing_outside(report);
}

static void same(void *ctx) {
    (void)ctx;
    cr_assert(troupe_same(nothing.who, nothing.who));
}

Test(takes_nothing, troupe_same) {
    nothing_outside(same);
}

static void as(void *ctx) {
    (void)ctx;
    cr_assert_not_null(troupe_as(nothing.msg, &cue_type));
    cr_assert_null(troupe_as(nothing.msg, &troupe_down_type));
}

Test(takes_nothing, troupe_as) {
    nothing_outside(as);
}

static void type_name(void *ctx) {
    (void)ctx;
    cr_assert_str_eq(troupe_type_name(nothing.msg), "cue");
}

Test(takes_nothing, troupe_type_name) {
    nothing_outside(type_name);
}

static void drop(void *ctx) {
    (void)ctx;
    troupe_drop(&nothing.msg);
    cr_assert_null(nothing.msg);
}

Test(takes_nothing, troupe_drop) {
    nothing_outside(drop);
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

static void quiesce(void *ctx) {
    (void)ctx;
    troupe_quiesce(nothing.rt);
    cr_assert_eq(troupe_post(nothing.rt, nothing.who, &nothing.msg), TROUPE_QUIESCED);
}

Test(takes_nothing, troupe_quiesce) {
    nothing_outside(quiesce);
}

static void drain(void *ctx) {
    (void)ctx;
    cr_assert_eq(troupe_post(nothing.rt, nothing.who, &nothing.msg), TROUPE_OK);
    cr_assert_eq(troupe_drain(nothing.rt, 60000, NULL), TROUPE_OK);
    stage_expect("start(ann) ann:1");
}

Test(takes_nothing, troupe_drain) {
    nothing_outside(drain);
}

static void shut_down(void *rt) {
    cr_assert_eq(troupe_shutdown(rt, 60000, 0, NULL), TROUPE_OK);
}

Test(takes_nothing, troupe_shutdown) {
    for (unsigned workers = 0; workers < 2; workers++) {
        const troupe_config config = stage_prepare(workers ? workers : TROUPE_STEPPED);
        troupe *rt;
        troupe_ref who;
        cr_assert_eq(troupe_open(&config, &rt), TROUPE_OK);
        for (int i = 0; i < 10; i++)
            cr_assert_eq(troupe_spawn(rt, &player_behaviour, &ann, &who), TROUPE_OK);
        exhaust_nothing(stage_heap(), shut_down, &rt);
        cr_assert_null(rt);
        stage_close();
    }
}

static void step(void *ctx) {
    (void)ctx;
    cr_assert_eq(troupe_post(nothing.rt, nothing.who, &nothing.msg), TROUPE_OK);
    cr_assert_eq(troupe_step(nothing.rt, 10), 1);
    stage_expect("start(ann) ann:1");
}

static void fd(void *ctx) {
    (void)ctx;
    int fd;
    cr_assert_eq(troupe_fd(nothing.rt, &fd), TROUPE_OK);
    cr_assert_eq(troupe_post(nothing.rt, nothing.who, &nothing.msg), TROUPE_OK);
    cr_assert_eq(troupe_due(nothing.rt), 0);
    cr_assert_eq(troupe_step(nothing.rt, 10), 1);
    cr_assert_eq(troupe_due(nothing.rt), UINT64_MAX);
    stage_expect("start(ann) ann:1");
}

Test(takes_nothing, troupe_fd) {
    nothing_outside(fd);
}

Test(takes_nothing, troupe_due) {
    nothing_outside(fd);
}

static troupe_handle handle;

static void drop_handle(void *ctx) {
    (void)ctx;
    troupe_drop_handle(nothing.rt, &handle);
    cr_assert(troupe_same(handle.who, TROUPE_NOBODY));
}

Test(takes_nothing, troupe_drop_handle) {
    nothing.rt = stage_open(TROUPE_STEPPED);
    cr_assert_eq(troupe_spawn_handle(nothing.rt, &player_behaviour, &ann, &handle), TROUPE_OK);
    exhaust_nothing(stage_heap(), drop_handle, NULL);
    stage_close();
}

/* What a message of its own does is for its actor to say. */
Test(takes_nothing, troupe_step) {
    nothing_outside(step);
}

static void now(void *ctx) {
    (void)ctx;
    cr_assert_eq(troupe_now(nothing.rt), *stage_clock());
}

Test(takes_nothing, troupe_now) {
    nothing_outside(now);
}

/* --- From outside ----------------------------------------------------------------------------- */

static void post(void *ctx) {
    (void)ctx;
    cr_assert_eq(troupe_post(nothing.rt, nothing.who, &nothing.msg), TROUPE_OK);
    cr_assert_null(nothing.msg);
}

Test(takes_nothing, troupe_post) {
    nothing_outside(post);
}

static void stop(void *ctx) {
    (void)ctx;
    cr_assert_eq(troupe_stop(nothing.rt, nothing.who), TROUPE_OK);
    stage_expect("start(ann) stopping(ann) stop(ann,SHUTDOWN)");
    cr_assert_not(stage_there(nothing.who));
}

/* An orderly end as a whole takes nothing. */
Test(takes_nothing, troupe_stop) {
    nothing_outside(stop);
}

static void kill_it(void *ctx) {
    (void)ctx;
    cr_assert_eq(troupe_kill(nothing.rt, nothing.who), TROUPE_OK);
}

Test(takes_nothing, troupe_kill) {
    nothing_outside(kill_it);
}

static void whereis(void *ctx) {
    (void)ctx;
    troupe_ref who;
    cr_assert_eq(troupe_whereis(nothing.rt, "ann", &who), TROUPE_OK);
    cr_assert_eq(troupe_whereis(nothing.rt, "bob", &who), TROUPE_NOTFOUND);
}

Test(takes_nothing, troupe_whereis) {
    nothing_outside(whereis);
}

static void account(void *ctx) {
    (void)ctx;
    troupe_account all, one;
    troupe_account_all(nothing.rt, &all);
    cr_assert_eq(troupe_account_of(nothing.rt, nothing.who, &one), TROUPE_OK);
    cr_assert_eq(troupe_account_missing(&all), 0);
    uint32_t peak;
    cr_assert_eq(troupe_mailbox_peak(nothing.rt, nothing.who, &peak), TROUPE_OK);
    cr_assert_not_null(troupe_dead_text(TROUPE_DEAD_GONE));
}

Test(takes_nothing, troupe_account_all) {
    nothing_outside(account);
}

Test(takes_nothing, troupe_account_of) {
    nothing_outside(account);
}

Test(takes_nothing, troupe_mailbox_peak) {
    nothing_outside(account);
}

Test(takes_nothing, troupe_account_missing) {
    nothing_outside(account);
}

Test(takes_nothing, troupe_dead_text) {
    nothing_outside(account);
}

static void draw(void *ctx) {
    (void)ctx;
    cr_assert_neq(troupe_random(nothing.rt), troupe_random(nothing.rt));
}

Test(takes_nothing, troupe_random) {
    nothing_outside(draw);
}

static void mailbox(void *ctx) {
    (void)ctx;
    uint32_t limit;
    cr_assert_eq(troupe_mailbox(nothing.rt, nothing.who, NULL, &limit), TROUPE_OK);
    cr_assert_eq(limit, TROUPE_MAILBOX_DEFAULT);
}

Test(takes_nothing, troupe_mailbox) {
    nothing_outside(mailbox);
}

/* --- Looking ---------------------------------------------------------------------------------- */

static void inspect(void *ctx) {
    (void)ctx;
    troupe_actor_info info;
    cr_assert_eq(troupe_inspect(nothing.rt, nothing.who, &info), TROUPE_OK);
}

Test(takes_nothing, troupe_inspect) {
    nothing_outside(inspect);
    cr_assert_eq(nothing_inside(inspect), TROUPE_TIMEOUT);
}

static void list_actors(void *ctx) {
    (void)ctx;
    uint32_t from = 0;
    troupe_ref who[4];
    cr_assert_geq(troupe_actors(nothing.rt, &from, who, 4), 1);
}

Test(takes_nothing, troupe_actors) {
    nothing_outside(list_actors);
    cr_assert_eq(nothing_inside(list_actors), TROUPE_TIMEOUT);
}
