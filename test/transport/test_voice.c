/* What processes say while they run: real ones, of /bin/sh and the helper `notify`. */
#include "transport/voice.h"

#include <sys/resource.h>
#include <stdatomic.h>

#include "test/transport/process_scene.h"

TestSuite(voice, .timeout = 60);

#define NAMED "keeper"

/* A script for /bin/sh: it says lines to $S, hears one from $H, and says notices by $N. */
typedef struct scripted {
    scene s;
    char notify[4200];
    const char *argv[4], *env[4];
    troupe_program program;
    troupe_child child;
} scripted;

static void scripted_open(scripted *f, const char *text) {
    memset(f, 0, sizeof *f);
    scene_open(&f->s);
    (void)snprintf(f->notify, sizeof f->notify, "N=%s", beside());
    (void)snprintf(strrchr(f->notify, '/') + 1, 32, "troupe_helper_notify");
    memcpy(f->argv, (const char *[]){"/bin/sh", "-c", text, NULL}, sizeof f->argv);
    memcpy(f->env, (const char *[]){f->s.say, f->s.hear, f->notify, NULL}, sizeof f->env);
    f->program = (troupe_program){.argv = f->argv, .env = f->env};
    f->child = (troupe_child){.id = "child",
                              .what = &troupe_process,
                              .arg = &f->program,
                              .restart = TROUPE_TEMPORARY,
                              .name = NAMED};
}

static troupe_err scripted_start(scripted *f) {
    return scene_supervise(&f->s, &f->child, 1, 0);
}

static void scripted_run(scripted *f) {
    cr_assert_eq(scripted_start(f), TROUPE_OK);
    scene_watch(&f->s, scene_named(&f->s, NAMED));
}

/* Its id is its first word. Returns a pidfd. */
static int run_alive(scripted *f) {
    pid_t pid;
    scripted_run(f);
    return said_pid(&f->s, &pid);
}

static void stop(scripted *f) {
    cr_assert_eq(troupe_stop(f->s.rt, scene_named(&f->s, NAMED)), TROUPE_OK);
}

/* --- Output ----------------------------------------------------------------------------------- */

Test(voice, what_it_writes_is_in_the_log_line_by_line) {
    scripted f;
    scripted_open(&f, "echo one; echo; echo oops >&2; printf 'a\\033[1mb\\377\\nlast'; read x <$H");
    f.program.output = TROUPE_OUTPUT_LOG;
    scripted_run(&f);
    tell_child(&f.s);
    cr_assert_eq(scene_down(&f.s), TROUPE_OK);
    cr_assert(scene_logged(&f.s, "]: one\n"));
    cr_assert(scene_logged(&f.s, "] stderr: oops\n"));
    cr_assert(scene_logged(&f.s, "]: a\\x1b[1mb\\xff\n"));
    cr_assert(scene_logged(&f.s, "]: last\n"), "a last line needs no newline");
    cr_assert(strncmp(f.s.log, "sh[", 3) == 0, "%s", f.s.log);
    scene_close(&f.s);
}

Test(voice, what_it_wrote_before_it_was_killed_is_in_the_log) {
    scripted f;
    scripted_open(&f, "echo before; echo $$ >$S; kill -9 $$");
    f.program.output = TROUPE_OUTPUT_LOG;
    (void)scripted_start(&f);
    (void)close(f.s.told);
    f.s.told = -1;
    char line[32];
    read_line(f.s.said, line, sizeof line);
    troupe_close(&f.s.rt);
    cr_assert(scene_logged(&f.s, "]: before\n"));
    scene_close(&f.s);
}

/* Each line is logged or counted, whatever the log does with them. */
static atomic_uint logged, left_out;

static void count_lines(void *ctx, troupe_level level, const char *line) {
    unsigned long long n;
    (void)ctx, (void)level;
    const char *text = strstr(line, "]: ");
    if (!text) return;
    if (sscanf(text, "]: %llu lines of it are left out", &n) == 1)
        left_out += (unsigned)n;
    else if (strcmp(text, "]: y") == 0)
        logged++;
}

Test(voice, a_flood_of_lines_is_counted_and_holds_nobody_up) {
    enum { LINES = 2000000 };
    scripted f;
    scripted_open(&f, "yes | head -n 2000000; echo done >$S; read x <$H");
    troupe_close(&f.s.rt);
    const troupe_config config = {.workers = 2, .log = count_lines, .heap = f.s.heap.heap};
    cr_assert_eq(troupe_open(&config, &f.s.rt), TROUPE_OK);
    f.program.output = TROUPE_OUTPUT_LOG;
    scripted_run(&f);
    expect_said(&f.s, "done"); /* it never had to wait for good */
    tell_child(&f.s);
    cr_assert_eq(scene_down(&f.s), TROUPE_OK);
    cr_assert_eq(logged + left_out, LINES, "%u + %u", logged, left_out);
    cr_assert_geq(logged, TR_VOICE_LINES);
    cr_assert_gt(left_out, LINES / 2);
    scene_close(&f.s);
}

/* A program that writes and never ends a line is bounded too, and can be stopped. */
Test(voice, a_line_without_end_takes_no_memory) {
    scripted f;
    scripted_open(&f, "echo $$ >$S; head -c 9999999 /dev/zero; echo more >$S; exec cat /dev/zero");
    f.program.output = TROUPE_OUTPUT_LOG;
    int alive = run_alive(&f);
    size_t before = counting_heap_look(&f.s.heap).bytes;
    expect_said(&f.s, "more"); /* more than a pipe holds: it is read */
    for (int i = 0; i < 50; i++) {
        int pid;
        cr_assert_eq(troupe_process_id(f.s.rt, scene_named(&f.s, NAMED), PATIENCE_MS, &pid), 0);
    }
    cr_assert_leq(counting_heap_look(&f.s.heap).bytes, before + 4096);
    stop(&f);
    cr_assert_eq(scene_down(&f.s), TROUPE_SHUTDOWN);
    cr_assert(scene_logged(&f.s, " bytes more\n"));
    (void)close(alive);
    scene_close(&f.s);
}

/* --- Notices ---------------------------------------------------------------------------------- */

static void *start_it(void *arg) {
    scripted *f = arg;
    cr_assert_eq(scripted_start(f), TROUPE_OK);
    cr_assert_eq(write(f->s.downs[1], "s", 1), 1);
    return NULL;
}

Test(voice, its_start_is_complete_when_it_says_so) {
    scripted f;
    pthread_t thread;
    char started;
    scripted_open(&f, "echo $$ >$S; read x <$H; $N STATUS=begun READY=1 READY=1; read x <$H");
    f.program.notifies = true;
    cr_assert_eq(pthread_create(&thread, NULL, start_it, &f), 0);
    pid_t pid;
    (void)close(said_pid(&f.s, &pid));
    cr_assert_not(ready_within(f.s.downs[0], 20), "it has not said so");
    tell_child(&f.s);
    cr_assert_eq(pthread_join(thread, NULL), 0);
    cr_assert_eq(read(f.s.downs[0], &started, 1), 1);
    scene_watch(&f.s, scene_named(&f.s, NAMED));
    cr_assert(scene_logged(&f.s, "] status: begun\n"));
    tell_child(&f.s);
    cr_assert_eq(scene_down(&f.s), TROUPE_OK);
    scene_close(&f.s);
}

static void expect_no_start(const char *text, unsigned start_ms, const char *log) {
    scripted f;
    scripted_open(&f, text);
    f.program.notifies = true;
    f.child.start_ms = start_ms;
    cr_assert_eq(scripted_start(&f), TROUPE_START_FAILED);
    cr_assert(scene_logged(&f.s, log));
    scene_close(&f.s);
}

Test(voice, one_that_never_says_so_has_its_time) {
    expect_no_start("exec /bin/sleep 1000", 50, "TIMEOUT");
}

Test(voice, one_that_ends_before_has_failed) {
    expect_no_start("exit 0", 0, "/bin/sh exited before it was ready");
    expect_no_start("exit 3", 0, "/bin/sh exited with status 3");
}

Test(voice, one_that_says_so_and_ends_was_ready) {
    scripted f;
    scripted_open(&f, "$N READY=1; exit 0");
    f.program.notifies = true;
    cr_assert_eq(scripted_start(&f), TROUPE_OK);
    scene_close(&f.s);
}

/* --- Heartbeats ------------------------------------------------------------------------------- */

static void expect_silent(const char *text, unsigned watchdog_ms, const char *log) {
    scripted f;
    scripted_open(&f, text);
    f.program.watchdog_ms = watchdog_ms;
    f.program.term_ms = 100;
    int alive = run_alive(&f);
    cr_assert_eq(scene_down(&f.s), TROUPE_SILENT);
    cr_assert(scene_logged(&f.s, log));
    cr_assert(ready_within(alive, 0), "it lives on");
    (void)close(alive);
    scene_close(&f.s);
}

#define SILENT "/bin/sh did not say WATCHDOG=1 for 1000 ms, and was ended"

Test(voice, one_that_is_silent_has_failed_and_is_ended) {
    expect_silent("echo $$ >$S; exec /bin/sleep 1000", 1000, SILENT);
}

Test(voice, one_that_ignores_SIGABRT_is_killed) {
    expect_silent("trap '' ABRT; echo $$ >$S; exec /bin/sleep 1000", 1000, SILENT);
    expect_silent("echo $$ >$S; kill -STOP $$", 1000, SILENT);
}

Test(voice, one_that_says_that_it_is_in_trouble_is_ended_at_once) {
    expect_silent("echo $$ >$S; $N WATCHDOG=trigger; exec /bin/sleep 1000", 3600 * 1000,
                  "/bin/sh said that it is in trouble, and was ended");
}

Test(voice, one_that_beats_lives_until_it_does_no_more) {
    scripted f;
    scripted_open(&f, "echo $WATCHDOG_USEC >$S; for i in 1 2 3 4 5 6 7 8 9 a; do $N WATCHDOG=1; "
                      "/bin/sleep 0.4; done; echo alive >$S; exec /bin/sleep 1000");
    f.program.watchdog_ms = 3000;
    scripted_run(&f);
    expect_said(&f.s, "3000000");
    expect_said(&f.s, "alive");
    cr_assert_eq(scene_down(&f.s), TROUPE_SILENT);
    scene_close(&f.s);
}

/* From READY=1 on, not before; and not after STOPPING=1. */
Test(voice, beats_are_asked_for_while_it_is_ready) {
    scripted f;
    scripted_open(
        &f, "/bin/sleep 0.2; $N 'READY=1\nSTOPPING=1'; /bin/sleep 0.2; echo x >$S; read x <$H");
    f.program.notifies = true;
    f.program.watchdog_ms = 50;
    scripted_run(&f);
    expect_said(&f.s, "x");
    tell_child(&f.s);
    cr_assert_eq(scene_down(&f.s), TROUPE_OK);
    scene_close(&f.s);
}

/* --- Stops ------------------------------------------------------------------------------------ */

Test(voice, it_is_asked_to_stop_by_a_line) {
    scripted f;
    scripted_open(&f, "trap 'echo term >$S' TERM; echo $$ >$S; read x; echo \"heard $x\" >$S; "
                      "read x || echo eof >$S");
    f.program.stop_line = "please stop";
    f.program.stop_ms = 3600 * 1000;
    f.child.shutdown_ms = TROUPE_FOREVER;
    (void)close(run_alive(&f));
    stop(&f);
    expect_said(&f.s, "heard please stop");
    expect_said(&f.s, "eof");
    cr_assert_eq(scene_down(&f.s), TROUPE_SHUTDOWN);
    scene_close(&f.s);
}

Test(voice, the_end_of_its_input_is_enough) {
    scripted f;
    scripted_open(&f, "echo $$ >$S; exec cat");
    f.program.stop_line = "";
    f.program.stop_ms = 3600 * 1000;
    f.child.shutdown_ms = TROUPE_FOREVER;
    (void)close(run_alive(&f));
    stop(&f);
    cr_assert_eq(scene_down(&f.s), TROUPE_SHUTDOWN);
    scene_close(&f.s);
}

/* One that does not listen: the line, SIGTERM, and if it does not heed that, SIGKILL. */
static void expect_signals(const char *text, unsigned term_ms, const char *said) {
    scripted f;
    scripted_open(&f, text);
    f.program.stop_line = "please";
    f.program.stop_ms = 50;
    f.program.term_ms = term_ms;
    f.child.shutdown_ms = TROUPE_FOREVER;
    int alive = run_alive(&f);
    stop(&f);
    if (said) expect_said(&f.s, said);
    cr_assert_eq(scene_down(&f.s), TROUPE_SHUTDOWN);
    cr_assert(ready_within(alive, 0));
    (void)close(alive);
    scene_close(&f.s);
}

Test(voice, words_are_followed_by_signals) {
    expect_signals("trap 'echo term >$S; exit 0' TERM; echo $$ >$S; read x <$H", 3600 * 1000,
                   "term");
    expect_signals("trap '' TERM; echo $$ >$S; exec /bin/sleep 1000", 50, NULL);
}

/* More words than a pipe holds, to one that reads none. */
Test(voice, a_line_that_nobody_reads_holds_nobody_up) {
    static char line[200000];
    scripted f;
    memset(line, 'x', sizeof line - 1);
    scripted_open(&f, "echo $$ >$S; exec /bin/sleep 1000");
    f.program.stop_line = line;
    f.program.stop_ms = 20;
    (void)close(run_alive(&f));
    stop(&f);
    cr_assert_eq(scene_down(&f.s), TROUPE_SHUTDOWN);
    scene_close(&f.s);
}

/* --- What it costs ---------------------------------------------------------------------------- */

static void want_all(scripted *f) {
    f->program.output = TROUPE_OUTPUT_LOG;
    f->program.notifies = true;
    f->program.watchdog_ms = 3600 * 1000;
    f->program.stop_line = "";
}

Test(voice, three_descriptors_are_inherited_and_nothing_is_left) {
    size_t before = open_descriptors();
    for (int i = 0; i < 20; i++) {
        scripted f;
        scripted_open(&f, "set -- /proc/self/fd/*; echo $# >$S; $N READY=1; cat");
        want_all(&f);
        cr_assert_eq(scripted_start(&f), TROUPE_OK);
        expect_said(&f.s, "4"); /* the fourth is the shell's own, of the folder that it lists */
        scene_close(&f.s);
    }
    cr_assert_eq(open_descriptors(), before);
}

/* Whichever descriptor is one too many: an error, or a process; and nothing is left. */
Test(voice, no_descriptors_are_an_error) {
    struct rlimit old;
    cr_assert_eq(getrlimit(RLIMIT_NOFILE, &old), 0);
    troupe_err err = TROUPE_START_FAILED;
    size_t before = open_descriptors();
    for (unsigned more = 0; err; more++) {
        scripted f;
        cr_assert_lt(more, 40);
        scripted_open(&f, "$N READY=1; cat");
        want_all(&f);
        int next = dup(2);
        (void)close(next);
        /* The ends for the process are numbered from 10 on. */
        struct rlimit few = {.rlim_cur = (rlim_t)next + more, .rlim_max = old.rlim_max};
        cr_assert_eq(setrlimit(RLIMIT_NOFILE, &few), 0);
        err = scripted_start(&f);
        cr_assert_eq(setrlimit(RLIMIT_NOFILE, &old), 0);
        scene_close(&f.s);
        cr_assert_eq(open_descriptors(), before);
    }
}
