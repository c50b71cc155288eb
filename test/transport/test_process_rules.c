/* Processes obey the rules of all children: limits, back-off, hold, times, reports, shutdowns. */
#include "transport/process.h"

#include <troupe/report.h>
#include <troupe/shutdown.h>

#include "base/os.h"
#include "test/transport/process_scene.h"

TestSuite(process_rules, .timeout = 60);

enum { LONG_MS = 60000 };

#define NAMED "keeper"

/* It says its process id, and does what it is told: it ends when it hears something. */
static const char *const obedient[] = {"/bin/sh", "-c", "echo $$ >$S; read x <$H; exit 3", NULL};
/* It does not end when it is asked to. */
static const char *const deaf[] = {"/bin/sh", "-c", "trap '' TERM; echo $$ >$S; exec /bin/cat <$H",
                                   NULL};
static const char *const failing[] = {"/bin/sh", "-c", "exit 3", NULL};

/* A scene in which every report is told, to the log or to who wants it. */
static void open_scene(scene *s, void (*report)(void *ctx, const troupe_report *report)) {
    scene_open(s);
    troupe_close(&s->rt);
    const troupe_config config = {.workers = 2,
                                  .log = scene_log,
                                  .log_ctx = s,
                                  .report = report,
                                  .fold_ms = TROUPE_FOLD_NOTHING,
                                  .heap = s->heap.heap};
    cr_assert_eq(troupe_open(&config, &s->rt), TROUPE_OK);
}

static troupe_program program_of(const scene *s, const char *const *argv) {
    return (troupe_program){.argv = argv, .env = s->env};
}

static troupe_child child_of(const troupe_program *program) {
    return (troupe_child){.id = "child", .what = &troupe_process, .arg = program, .name = NAMED};
}

/* How often a text was logged. */
static size_t logged(scene *s, const char *text) {
    size_t n = 0;
    pthread_mutex_lock(&s->lock);
    for (const char *at = s->log; (at = strstr(at, text)); at++) n++;
    pthread_mutex_unlock(&s->lock);
    return n;
}

static troupe_child_info info_of(scene *s) {
    troupe_child_info info;
    size_t count;
    cr_assert_eq(troupe_children(s->rt, s->top, PATIENCE_MS, &info, 1, &count), TROUPE_OK);
    cr_assert_eq(count, 1);
    return info;
}

/* Waits, asking again and again, until the child is in that state. */
static troupe_child_info await_state(scene *s, troupe_child_state state) {
    const uint64_t until = tr_after_ms(tr_clock(), PATIENCE_MS);
    troupe_child_info info;
    while ((info = info_of(s)).state != state)
        cr_assert_lt(tr_clock(), until, "it does not come to that state");
    return info;
}

static void expect_gone(int alive) {
    cr_assert(ready_within(alive, PATIENCE_MS), "the process lives on");
    (void)close(alive);
}

Test(process_rules, at_the_limit_of_restarts_the_supervisor_gives_up) {
    scene s;
    open_scene(&s, NULL);
    const troupe_program program = program_of(&s, obedient);
    const troupe_child child = child_of(&program);
    pid_t pid;
    cr_assert_eq(scene_supervise(&s, &child, 1, 2), TROUPE_OK);
    scene_watch(&s, s.top);
    for (int life = 0; life < 3; life++) {
        int alive = said_pid(&s, &pid);
        tell_child(&s);
        expect_gone(alive);
    }
    cr_assert_eq(scene_down(&s), TROUPE_GAVE_UP);
    cr_assert(scene_logged(&s, "exited with status 3"));
    cr_assert(scene_logged(&s, "restart 2 of 2"));
    cr_assert_eq(own_processes(), 0);
    scene_close(&s);
}

/* After a failure it waits, without a process; a stop does not wait for the end of that. */
Test(process_rules, it_waits_for_its_back_off_and_a_stop_ends_that) {
    scene s;
    open_scene(&s, NULL);
    const troupe_program program = program_of(&s, obedient);
    troupe_child child = child_of(&program);
    child.backoff_ms = child.backoff_max_ms = 3600 * 1000;
    pid_t pid;
    cr_assert_eq(scene_supervise(&s, &child, 1, 2), TROUPE_OK);
    int alive = said_pid(&s, &pid);
    tell_child(&s);
    expect_gone(alive);
    troupe_child_info info = await_state(&s, TROUPE_CHILD_WAITING);
    cr_assert_eq(info.why, TROUPE_EXITED);
    cr_assert_eq(own_processes(), 0);
    cr_assert_eq(troupe_shutdown(&s.rt, LONG_MS, 0, NULL), TROUPE_OK);
    scene_close(&s);
}

Test(process_rules, at_a_limit_of_its_own_it_is_held_and_started_by_hand) {
    scene s;
    open_scene(&s, NULL);
    const troupe_program program = program_of(&s, obedient);
    troupe_child child = child_of(&program);
    child.max_restarts = 1;
    child.within_ms = LONG_MS;
    child.hold = true;
    troupe_ref who;
    pid_t pid;
    cr_assert_eq(scene_supervise(&s, &child, 1, 9), TROUPE_OK);
    for (int life = 0; life < 2; life++) {
        int alive = said_pid(&s, &pid);
        tell_child(&s);
        expect_gone(alive);
    }
    cr_assert_eq(await_state(&s, TROUPE_CHILD_HELD).why, TROUPE_EXITED);
    cr_assert_eq(own_processes(), 0);
    cr_assert_eq(troupe_restart_child(s.rt, s.top, "child", PATIENCE_MS, &who), TROUPE_OK);
    (void)close(said_pid(&s, &pid));
    cr_assert_eq(info_of(&s).state, TROUPE_CHILD_RUNNING);
    cr_assert_eq(own_processes(), 1);
    scene_close(&s);
}

/* A launcher that does not come to the program: its start takes too long, and nothing is left. */
Test(process_rules, a_start_that_takes_too_long_is_killed) {
    scene s;
    open_scene(&s, NULL);
    char launcher[64];
    (void)snprintf(launcher, sizeof launcher, "%s/launcher", s.dir);
    int file = open(launcher, O_WRONLY | O_CREAT | O_CLOEXEC, 0700);
    const char script[] = "#!/bin/sh\nexec /bin/sleep 1000\n";
    cr_assert_eq(write(file, script, sizeof script - 1), (ssize_t)sizeof script - 1);
    (void)close(file);
    troupe_program program = program_of(&s, obedient);
    program.launcher = launcher;
    troupe_child child = child_of(&program);
    child.start_ms = 30;
    cr_assert_eq(scene_supervise(&s, &child, 1, 0), TROUPE_START_FAILED);
    cr_assert(scene_logged(&s, "TIMEOUT"));
    scene_close(&s);
    (void)unlink(launcher);
    (void)rmdir(s.dir);
}

/* It does not end by SIGTERM; its supervisor's time is shorter than its own. */
Test(process_rules, after_its_shutdown_time_it_is_killed) {
    scene s;
    open_scene(&s, NULL);
    troupe_program program = program_of(&s, deaf);
    program.term_ms = 3600 * 1000;
    troupe_child child = child_of(&program);
    child.shutdown_ms = 30;
    pid_t pid;
    cr_assert_eq(scene_supervise(&s, &child, 1, 0), TROUPE_OK);
    int alive = said_pid(&s, &pid);
    cr_assert_eq(troupe_terminate_child(s.rt, s.top, "child", PATIENCE_MS), TROUPE_OK);
    expect_gone(alive);
    cr_assert_eq(info_of(&s).why, TROUPE_KILLED);
    scene_close(&s);
}

/* --- Shutdowns -------------------------------------------------------------------------------- */

Test(process_rules, a_shutdown_drains_and_lets_it_end_itself) {
    static const char *const polite[] = {
        "/bin/sh", "-c", "trap 'echo bye >$S; exit 0' TERM; echo $$ >$S; read x <$H", NULL};
    scene s;
    open_scene(&s, NULL);
    const troupe_program program = program_of(&s, polite);
    const troupe_child child = child_of(&program);
    troupe_farewell how;
    pid_t pid;
    cr_assert_eq(scene_supervise(&s, &child, 1, 0), TROUPE_OK);
    int alive = said_pid(&s, &pid);
    cr_assert_eq(troupe_shutdown(&s.rt, LONG_MS, 0, &how), TROUPE_OK);
    cr_assert(how.drained && how.stopped && how.ended);
    cr_assert(ready_within(alive, 0), "it outlives the runtime");
    (void)close(alive);
    expect_said(&s, "bye");
    scene_close(&s);
}

Test(process_rules, one_that_holds_a_shutdown_up_is_named_and_killed) {
    scene s;
    open_scene(&s, NULL);
    troupe_program program = program_of(&s, deaf);
    program.term_ms = 3600 * 1000;
    troupe_child child = child_of(&program);
    child.shutdown_ms = TROUPE_FOREVER;
    troupe_farewell how;
    pid_t pid;
    cr_assert_eq(scene_supervise(&s, &child, 1, 0), TROUPE_OK);
    int alive = said_pid(&s, &pid);
    cr_assert_eq(troupe_shutdown(&s.rt, 1600, 0, &how), TROUPE_TIMEOUT);
    cr_assert(how.drained && !how.stopped && how.ended);
    cr_assert_eq(how.late, 1);
    cr_assert(scene_logged(&s, "close: supervisor/child, after stopping, has not ended in"));
    cr_assert(ready_within(alive, 0), "it outlives the runtime");
    (void)close(alive);
    scene_close(&s);
}

/* --- Reports ---------------------------------------------------------------------------------- */

/* What was reported; written by workers, read once that is said through the pipe. */
static struct {
    troupe_report_kind kind;
    troupe_err why;
    uint32_t life, restarts, max_restarts;
    char path[64], behaviour[32], text[128], next[64];
} reported;
static int told_of[2];

static void report(void *ctx, const troupe_report *it) {
    (void)ctx;
    if (it->kind != TROUPE_REPORT_FAILED) return;
    reported.kind = it->kind;
    reported.why = it->why;
    reported.life = it->life;
    reported.restarts = it->restarts;
    reported.max_restarts = it->max_restarts;
    (void)snprintf(reported.path, sizeof reported.path, "%s", it->path);
    (void)snprintf(reported.behaviour, sizeof reported.behaviour, "%s", it->behaviour);
    (void)snprintf(reported.text, sizeof reported.text, "%s", it->text);
    (void)snprintf(reported.next, sizeof reported.next, "%s", it->next);
    cr_assert_eq(write(told_of[1], "\n", 1), 1);
}

static void expect_report(troupe_err why, const char *text, uint32_t life) {
    char line[8];
    read_line(told_of[0], line, sizeof line);
    cr_assert_eq(reported.why, why);
    cr_assert_eq(reported.life, life);
    cr_assert_eq(reported.restarts, life);
    cr_assert_eq(reported.max_restarts, 5);
    cr_assert_str_eq(reported.path, "supervisor/child");
    cr_assert_str_eq(reported.behaviour, "process");
    cr_assert_str_eq(reported.text, text);
    cr_assert_str_eq(reported.next, "it is restarted");
}

Test(process_rules, how_it_ended_is_a_report) {
    scene s;
    cr_assert_eq(pipe2(told_of, O_CLOEXEC), 0);
    open_scene(&s, report);
    const troupe_program program = program_of(&s, obedient);
    const troupe_child child = child_of(&program);
    pid_t pid;
    cr_assert_eq(scene_supervise(&s, &child, 1, 5), TROUPE_OK);
    int alive = said_pid(&s, &pid);
    tell_child(&s);
    expect_report(TROUPE_EXITED, "/bin/sh exited with status 3", 1);
    expect_gone(alive);
    alive = said_pid(&s, &pid);
    cr_assert_eq(kill(pid, SIGSEGV), 0);
    expect_report(TROUPE_SIGNALLED, "/bin/sh was ended by signal 11 (Segmentation fault)", 2);
    expect_gone(alive);
    (void)close(said_pid(&s, &pid));
    scene_close(&s);
    (void)close(told_of[0]);
    (void)close(told_of[1]);
}

/* --- Groups ----------------------------------------------------------------------------------- */

/* What fails takes its siblings along, and all start anew; nothing of the old ones is left. */
Test(process_rules, a_group_of_processes_is_restarted_as_one) {
    scene s;
    open_scene(&s, NULL);
    static const char *const waiting[] = {"/bin/sh", "-c", "echo $$ >$S; exec /bin/sleep 1000",
                                          NULL};
    const troupe_program programs[] = {program_of(&s, waiting), program_of(&s, waiting)};
    troupe_child child[] = {child_of(&programs[0]), child_of(&programs[1])};
    child[1].id = child[1].name = "other";
    const troupe_supervision tree = {.strategy = TROUPE_ONE_FOR_ALL,
                                     .child = child,
                                     .children = 2,
                                     .max_restarts = 1,
                                     .within_ms = LONG_MS};
    pid_t pid[4];
    int alive[4];
    cr_assert_eq(troupe_supervise(s.rt, &tree, PATIENCE_MS, &s.top), TROUPE_OK);
    for (int i = 0; i < 2; i++) alive[i] = said_pid(&s, &pid[i]);
    cr_assert_eq(kill(pid[0], SIGKILL), 0);
    for (int i = 0; i < 2; i++) expect_gone(alive[i]);
    for (int i = 2; i < 4; i++) alive[i] = said_pid(&s, &pid[i]);
    cr_assert_eq(own_processes(), 2);
    cr_assert_eq(logged(&s, "was ended by signal 9"), 1, "the other was asked to end");
    scene_close(&s);
    for (int i = 2; i < 4; i++) expect_gone(alive[i]);
}

/* One that can't even run counts like one that fails. */
Test(process_rules, tries_to_start_one_that_fails_at_once_are_limited) {
    scene s;
    open_scene(&s, NULL);
    const troupe_program program = program_of(&s, failing);
    troupe_child child = child_of(&program);
    cr_assert_eq(scene_supervise(&s, &child, 1, 10), TROUPE_OK);
    scene_watch(&s, s.top);
    cr_assert_eq(scene_down(&s), TROUPE_GAVE_UP);
    cr_assert_eq(own_processes(), 0);
    scene_close(&s);
}
