#include <criterion/criterion.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <troupe/observe.h>
#include <troupe/report.h>
#include <unistd.h>

#include "actors/runtime.h"
#include "test/support/family.h"
#include "test/support/stage.h"

struct kept {
    troupe_bytes load;
};
static const troupe_type kept_type = TROUPE_TYPE(kept, TROUPE_FIELD(kept, load));

TestSuite(runtime, .timeout = 60);

static const player ann = {.id = "ann"}, ben = {.id = "ben"}, cat = {.id = "cat"};

Test(runtime, opens_and_closes_with_any_number_of_workers) {
    const unsigned workers[] = {TROUPE_STEPPED, 0, 1, 2, 16};
    for (int i = 0; i < 5; i++) {
        (void)stage_open(workers[i]);
        stage_close();
        cr_assert_eq(stage_logged(""), 0);
    }
    troupe *rt = NULL;
    troupe_close(&rt);
    cr_assert_eq(troupe_open(NULL, &rt), TROUPE_OK);
    cr_assert_not_null(rt);
    cr_assert_neq(tr_port_node(rt), 0);
    troupe_close(&rt);
    cr_assert_null(rt);
    troupe_close(&rt);
}

static uint64_t no_clock(void *ctx) {
    (void)ctx;
    return 0;
}

Test(runtime, half_an_allocator_and_a_clock_for_workers_are_refused) {
    troupe *rt = (troupe *)1;
    troupe_config config = stage_prepare(TROUPE_STEPPED);
    config.heap.take = NULL;
    cr_assert_eq(troupe_open(&config, &rt), TROUPE_INVALID);
    config = stage_prepare(TROUPE_STEPPED);
    config.heap.give = NULL;
    cr_assert_eq(troupe_open(&config, &rt), TROUPE_INVALID);
    config = stage_prepare(1);
    config.now = no_clock;
    cr_assert_eq(troupe_open(&config, &rt), TROUPE_INVALID);
    cr_assert_eq(rt, (troupe *)1);
    cr_assert_eq(counting_heap_look(stage_heap()).takes, 0);
}

/* One of two runtimes, each with hooks of its own. */
typedef struct hooked {
    counting_heap heap;
    uint64_t now;
    unsigned lines, reports, letters, fired;
    troupe *rt;
    troupe_ref who;
} hooked;

static void count_line(void *ctx, troupe_level level, const char *line) {
    (void)level;
    (void)line;
    ((hooked *)ctx)->lines++;
}

static void count_report(void *ctx, const struct troupe_report *report) {
    (void)report;
    ((hooked *)ctx)->reports++;
}

static void count_letter(void *ctx, const struct troupe_dead_letter *letter, troupe_msg **msg) {
    (void)letter;
    (void)msg;
    ((hooked *)ctx)->letters++;
}

static uint64_t its_clock(void *ctx) {
    return ((hooked *)ctx)->now;
}

/* Sets a timer for itself at the first message, and fails at the second; the third is the timer's
 * where that has fired. */
static troupe_err hooked_receive(troupe_self *self, void *state, troupe_msg **msg) {
    hooked *it = *(hooked **)state;
    if (troupe_as(*msg, &kept_type)) {
        it->fired++;
        return TROUPE_OK;
    }
    if (cue_n(*msg)) return TROUPE_USER;
    troupe_msg *later = NULL;
    cr_assert_eq(troupe_make(it->rt, &kept_type, &(struct kept){{NULL, 0}}, &later), TROUPE_OK);
    return troupe_send_after(self, 5, troupe_me(self), &later, NULL);
}

static troupe_err hooked_start(troupe_self *self, void *state, const void *arg) {
    (void)self;
    *(hooked **)state = *(hooked *const *)arg;
    return TROUPE_OK;
}

static void hooked_open(hooked *it) {
    static const troupe_behaviour actor = {.name = "hooked",
                                           .state_size = sizeof(hooked *),
                                           .start = hooked_start,
                                           .receive = hooked_receive};
    counting_heap_init(&it->heap);
    const troupe_config config = {.workers = TROUPE_STEPPED,
                                  .log = count_line,
                                  .log_ctx = it,
                                  .report = count_report,
                                  .report_ctx = it,
                                  .dead_letter = count_letter,
                                  .dead_letter_ctx = it,
                                  .heap = it->heap.heap,
                                  .now = its_clock,
                                  .now_ctx = it};
    cr_assert_eq(troupe_open(&config, &it->rt), TROUPE_OK);
    cr_assert_eq(troupe_spawn(it->rt, &actor, &it, &it->who), TROUPE_OK);
}

static void hooked_post(hooked *it, uint32_t n) {
    troupe_msg *msg = NULL;
    const struct cue body = {.n = n};
    cr_assert_eq(troupe_make(it->rt, &cue_type, &body, &msg), TROUPE_OK);
    cr_assert_eq(troupe_post(it->rt, it->who, &msg), TROUPE_OK);
    cr_assert_gt(troupe_step(it->rt, 100), 0);
}

Test(runtime, each_has_hooks_of_its_own) {
    static hooked a, b;
    hooked_open(&a);
    counting_heap_state alone = counting_heap_look(&a.heap);
    hooked_open(&b);
    cr_assert_eq(counting_heap_look(&a.heap).takes, alone.takes);
    hooked_post(&a, 0);
    hooked_post(&b, 0);
    a.now += 5 * TR_MS;
    cr_assert_eq(troupe_now(a.rt), 5 * TR_MS);
    cr_assert_eq(troupe_now(b.rt), 0);
    cr_assert_gt(troupe_step(a.rt, 100), 0);
    cr_assert_eq(troupe_step(b.rt, 100), 0);
    cr_assert_eq(a.fired, 1);
    cr_assert_eq(b.fired, 0);
    alone = counting_heap_look(&a.heap);
    hooked_post(&b, 1); /* which fails */
    cr_assert(b.reports == 1 && b.letters == 1 && b.lines > 0);
    cr_assert(a.reports == 0 && a.letters == 0 && a.lines == 0);
    cr_assert_eq(counting_heap_look(&a.heap).takes, alone.takes);
    troupe_close(&b.rt);
    cr_assert(counting_heap_fini(&b.heap));
    hooked_post(&a, 0); /* the other one goes on */
    troupe_close(&a.rt);
    cr_assert_eq(a.lines, 0);
    cr_assert(counting_heap_fini(&a.heap));
}

Test(runtime, several_live_side_by_side) {
    enum { MANY = 4 };
    troupe *rt[MANY];
    troupe_ref who[MANY];
    const troupe_config config = stage_prepare(1);
    for (int i = 0; i < MANY; i++) {
        cr_assert_eq(troupe_open(&config, &rt[i]), TROUPE_OK);
        cr_assert_eq(troupe_spawn(rt[i], &player_behaviour, &ann, &who[i]), TROUPE_OK);
        cr_assert_eq(troupe_register(rt[i], who[i], "ann"), TROUPE_OK);
        for (int j = 0; j < i; j++) cr_assert_neq(who[i].node, who[j].node);
    }
    for (int i = 0; i < MANY; i++)
        for (int j = 0; j < MANY; j++)
            cr_assert_eq(troupe_mailbox(rt[i], who[j], NULL, NULL) == TROUPE_OK, i == j);
    cr_assert_eq(troupe_stop(rt[0], who[1]), TROUPE_NOCONNECTION);
    for (int i = 0; i < MANY; i++) {
        stage_forget();
        troupe_close(&rt[i]);
        stage_expect("stopping(ann) stop(ann,SHUTDOWN)");
    }
    cr_assert(counting_heap_fini(stage_heap()));
}

/* The heap is malloc's here, so that small messages are blocks of the runtime's pool. */
Test(runtime, a_message_may_outlive_a_runtime_without_an_allocator_of_its_own) {
    const troupe_config config = {.workers = TROUPE_STEPPED};
    const size_t sizes[] = {0, 10, 100, 1000, 5000};
    troupe_msg *msg[5];
    troupe *rt;
    cr_assert_eq(troupe_open(&config, &rt), TROUPE_OK);
    for (size_t i = 0; i < 5; i++) {
        struct kept body = {{memset(malloc(5000), 'a' + (int)i, 5000), sizes[i]}};
        cr_assert_eq(troupe_make(rt, &kept_type, &body, &msg[i]), TROUPE_OK);
        free((void *)(uintptr_t)body.load.data);
    }
    troupe_close(&rt);
    for (size_t i = 0; i < 5; i++) {
        const struct kept *body = troupe_as(msg[i], &kept_type);
        for (size_t at = 0; at < sizes[i]; at++)
            cr_assert_eq(((const char *)body->load.data)[at], 'a' + (int)i);
        troupe_drop(&msg[i]);
    }
}

/* --- Closing ---------------------------------------------------------------------------------- */

static void close_in_order(unsigned workers) {
    (void)stage_open(workers);
    static const player b1 = {.id = "b1"}, b2 = {.id = "b2"}, b3 = {.id = "b3"};
    const troupe_child first[] = {kid(&ann, 0), kid(&ben, 0)}, second[] = {kid(&cat, 0)};
    (void)stage_enter(&b1);
    (void)family(first, 2, 0, 0);
    (void)stage_enter(&b2);
    (void)family(second, 1, 0, 0);
    (void)stage_enter(&b3);
    stage_expect("start(b1) start(ann) start(ben) start(b2) start(cat) start(b3)");
    stage_close();
    const char *sups = "stopping(cat) stop(cat,SHUTDOWN) stopping(ben) stop(ben,SHUTDOWN) "
                       "stopping(ann) stop(ann,SHUTDOWN)";
    const char *rest = "stopping(b3) stop(b3,SHUTDOWN) stopping(b2) stop(b2,SHUTDOWN) "
                       "stopping(b1) stop(b1,SHUTDOWN)";
    char words[512];
    snprintf(words, sizeof words, "%s %s", sups, rest);
    if (workers == 4)
        stage_expect_all(words); /* those without a supervisor stop side by side */
    else
        stage_expect(words);
    cr_assert_eq(stage_logged(""), 0);
}

Test(runtime, close_stops_supervisors_first_and_all_in_reverse) {
    close_in_order(TROUPE_STEPPED);
    close_in_order(1);
    close_in_order(4);
}

Test(runtime, close_kills_those_who_would_go_on_for_ever) {
    const unsigned workers[] = {TROUPE_STEPPED, 1, 4};
    static const player stubborn = {.id = "stubborn", .stopping = TROUPE_LATER};
    for (int i = 0; i < 3; i++) {
        stage_open_as((troupe_config){.workers = workers[i], .close_ms = 500});
        troupe_child child = kid(&stubborn, 0);
        child.shutdown_ms = TROUPE_FOREVER;
        (void)stage_enter(&ann);
        (void)family(&child, 1, 0, 0);
        stage_expect("start(ann) start(stubborn)");
        stage_close();
        stage_expect("stopping(stubborn)");
        cr_assert_eq(stage_logged("close: 3 actors did not stop within 500 ms and are killed"), 1);
    }
}

static troupe_err go_on(troupe_self *self, void *state, troupe_msg **msg) {
    (void)state;
    return troupe_send(self, troupe_me(self), msg);
}

static troupe_err not_yet(troupe_self *self, void *state) {
    (void)self;
    (void)state;
    return TROUPE_LATER;
}

Test(runtime, close_returns_while_somebody_is_busy_for_ever) {
    const unsigned workers[] = {TROUPE_STEPPED, 1};
    const troupe_behaviour what = {.receive = go_on, .stopping = not_yet};
    for (int i = 0; i < 2; i++) {
        troupe *rt = stage_open_as((troupe_config){.workers = workers[i], .close_ms = 20});
        troupe_ref who;
        cr_assert_eq(troupe_spawn(rt, &what, NULL, &who), TROUPE_OK);
        cue(who, CUE_SAY, 1);
        stage_close();
        cr_assert_eq(stage_logged("did not stop within 20 ms"), 1);
    }
}

Test(runtime, close_gives_back_what_was_never_handled) {
    troupe *rt = stage_open(TROUPE_STEPPED);
    troupe_ref who = stage_enter(&ann);
    for (uint32_t i = 0; i < 100; i++) cue(who, CUE_SAY, i);
    cr_assert_eq(troupe_register(rt, who, "ann"), TROUPE_OK);
    stage_close();
    cr_assert_eq(stage_logged("dead letter: cue"), 1);
    cr_assert_eq(stage_logged("dead letters: the last one 99 times more"), 1);
}

static sem_t gate, inside;

static troupe_err hang(troupe_self *self, void *state, troupe_msg **msg) {
    (void)self;
    (void)state;
    (void)msg;
    sem_post(&inside);
    sem_wait(&gate);
    return TROUPE_OK;
}

/* What is left to the callback is left for good, so this looks at the log alone. */
Test(runtime, close_names_a_callback_that_does_not_return) {
    troupe *rt;
    sem_init(&gate, 0, 0);
    sem_init(&inside, 0, 0);
    troupe_config config = stage_prepare(2);
    config.close_ms = 20;
    config.heap = (troupe_heap){NULL, NULL, NULL};
    cr_assert_eq(troupe_open(&config, &rt), TROUPE_OK);
    const troupe_behaviour what = {.name = "hanger", .receive = hang};
    troupe_ref who;
    troupe_msg *msg = NULL;
    static const troupe_type tick = TROUPE_SIGNAL_TYPE("tick");
    cr_assert_eq(troupe_spawn(rt, &what, NULL, &who), TROUPE_OK);
    cr_assert_eq(troupe_make(rt, &tick, NULL, &msg), TROUPE_OK);
    cr_assert_eq(troupe_post(rt, who, &msg), TROUPE_OK);
    sem_wait(&inside);
    troupe *left = rt;
    troupe_close(&rt);
    cr_assert_null(rt);
    cr_assert_eq(stage_logged("close: hanger in tick does not return from its callback"), 1);
    sem_post(&gate); /* it returns after all, and is at home in what was left to it */
    cr_assert(tr_table_wait(&left->table, 0, TR_NEVER));
    tr_sched_end(&left->sched); /* so that no sanitizer misses anything */
    tr_timers_end(&left->timers);
    tr_timers_fini(&left->timers);
    tr_sched_fini(&left->sched);
    tr_table_fini(&left->table);
    free(left);
}

/* --- What a runtime does not do --------------------------------------------------------------- */

Test(runtime, leaves_no_thread_and_no_descriptor) {
    const size_t threads = stage_threads(), descriptors = stage_descriptors();
    for (int i = 0; i < 20; i++) {
        (void)stage_open(3);
        cr_assert_eq(stage_threads(), threads + 5, "three workers, the timers, the watch");
        troupe_ref who = stage_enter(&ann);
        cue(who, CUE_FAIL, TROUPE_USER);
        stage_expect("start(ann) stop(ann,USER)");
        stage_close();
        cr_assert_eq(stage_threads(), threads);
        cr_assert_eq(stage_descriptors(), descriptors);
    }
    (void)stage_open(TROUPE_STEPPED);
    cr_assert_eq(stage_threads(), threads, "a stepped runtime has no thread");
    stage_close();
}

static void fail_once(unsigned workers) {
    (void)stage_open(workers);
    troupe_ref who = stage_enter(&ann);
    cue(who, CUE_FAIL, TROUPE_USER);
    stage_await(2);
    stage_await_gone(who);
    stage_close();
}

/* Standard error goes into a file from `catch_stderr` until `caught` reads it. (The framework's own
 * redirection leaks, which the runner of these tests would blame on them.) */
static FILE *caught_in;
static int real_stderr;

static void catch_stderr(void) {
    caught_in = tmpfile();
    cr_assert_not_null(caught_in);
    real_stderr = dup(STDERR_FILENO);
    cr_assert_geq(dup2(fileno(caught_in), STDERR_FILENO), 0);
}

static const char *caught(void) {
    static char text[1000];
    (void)fflush(stderr);
    (void)dup2(real_stderr, STDERR_FILENO);
    (void)close(real_stderr);
    rewind(caught_in);
    text[fread(text, 1, sizeof text - 1, caught_in)] = '\0';
    (void)fclose(caught_in);
    return text;
}

Test(runtime, prints_nothing_but_through_the_hook) {
    catch_stderr();
    fail_once(TROUPE_STEPPED);
    fail_once(2);
    fprintf(stderr, "only this");
    const char *text = caught();
    cr_assert_str_eq(text, "only this");
    cr_assert_gt(stage_logged("actor failed"), 0);
}

Test(runtime, without_a_hook_lines_go_to_standard_error) {
    troupe_config config = stage_prepare(TROUPE_STEPPED);
    config.log = NULL;
    config.quiet = TROUPE_DEBUG;
    troupe *rt;
    cr_assert_eq(troupe_open(&config, &rt), TROUPE_OK);
    catch_stderr();
    tr_port_log(rt, TROUPE_ERROR, "one %d", 1);
    tr_port_log(rt, TROUPE_DEBUG, "two");
    troupe_close(&rt);
    const char *text = caught();
    cr_assert_str_eq(text, "troupe: one 1\n");
}

/* --- Stepping --------------------------------------------------------------------------------- */

Test(runtime, a_step_runs_no_more_turns_than_asked) {
    troupe *rt = stage_open(TROUPE_STEPPED);
    cr_assert_eq(troupe_step(rt, 100), 0);
    for (int i = 0; i < 10; i++) cue(stage_enter(&ann), CUE_SAY, 1);
    cr_assert_eq(troupe_step(rt, 0), 0);
    cr_assert_eq(troupe_step(rt, 3), 3);
    cr_assert_eq(troupe_step(rt, 100), 7);
    cr_assert_eq(troupe_step(rt, 100), 0);
    stage_close();
}

Test(runtime, the_clock_is_the_hosts) {
    troupe *rt = stage_open(TROUPE_STEPPED);
    cr_assert_eq(troupe_now(rt), 0);
    *stage_clock() = 12345;
    cr_assert_eq(troupe_now(rt), 12345);
    stage_close();
    rt = stage_open(1);
    uint64_t before = troupe_now(rt), after = troupe_now(rt);
    cr_assert_gt(before, 0);
    cr_assert_geq(after, before);
    stage_close();
}

/* An actor that on its message spawns the next of its kind and ends: while the runtime closes,
 * nobody slips in behind the requests to stop and holds the close up. */
static troupe_err spawn_next(troupe_self *self, void *state, troupe_msg **msg);

static troupe_err tell_oneself(troupe_self *self, void *state, const void *arg) {
    (void)state;
    (void)arg;
    return troupe_tell(self, troupe_me(self), &cue_type, &(struct cue){.act = CUE_SAY});
}

static const troupe_behaviour relay = {.start = tell_oneself, .receive = spawn_next};

static troupe_err spawn_next(troupe_self *self, void *state, troupe_msg **msg) {
    (void)state;
    (void)msg;
    troupe_ref next;
    troupe_err err = troupe_spawn(troupe_runtime(self), &relay, NULL, &next);
    cr_assert(err == TROUPE_OK || err == TROUPE_CLOSED);
    if (!err) troupe_exit(self, TROUPE_OK);
    return TROUPE_OK;
}

Test(runtime, close_races_with_spawns) {
    for (int i = 0; i < 300; i++) {
        troupe *rt = stage_open(2);
        troupe_ref who;
        for (int n = 0; n < 3; n++) cr_assert_eq(troupe_spawn(rt, &relay, NULL, &who), TROUPE_OK);
        stage_close();
        cr_assert_eq(stage_logged("did not stop"), 0);
    }
}
