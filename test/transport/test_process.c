/* Process children, with the real launcher and /bin/sh, /bin/sleep and /bin/cat as programs. */
#include "transport/process.h"

#include <spawn.h>
#include <sys/resource.h>

#include "test/transport/process_scene.h"

TestSuite(process, .timeout = 60);

#define NAMED "keeper"

static const char *const sleeper_argv[] = {"/bin/sh", "-c", "echo $$ >$S; exec /bin/sleep 1000",
                                           NULL};
static const char *const failing_argv[] = {"/bin/sh", "-c", "exit 1", NULL};

/* A program out of a script for /bin/sh, which may say lines to $S and hear one from $H. */
typedef struct scripted {
    const char *argv[4];
    troupe_program program;
} scripted;

static void script_init(scripted *script, const scene *s, const char *text) {
    *script = (scripted){.argv = {"/bin/sh", "-c", text, NULL}};
    script->program = (troupe_program){.argv = script->argv, .env = s->env};
}

static troupe_child child_of(const scripted *script) {
    return (troupe_child){.id = "child",
                          .what = &troupe_process,
                          .arg = &script->program,
                          .restart = TROUPE_TEMPORARY,
                          .name = NAMED};
}

/* Runs a script that says its process id and then waits to hear something; it is watched. */
static pid_t run_watched(scene *s, scripted *script, const char *text) {
    scene_open(s);
    script_init(script, s, text);
    troupe_child child = child_of(script);
    cr_assert_eq(scene_supervise(s, &child, 1, 0), TROUPE_OK);
    scene_watch(s, scene_named(s, NAMED));
    pid_t pid;
    (void)close(said_pid(s, &pid));
    return pid;
}

Test(process, an_exit_with_0_is_a_normal_end) {
    scene s;
    scripted script;
    (void)run_watched(&s, &script, "echo $$ >$S; read x <$H; exit 0");
    tell_child(&s);
    cr_assert_eq(scene_down(&s), TROUPE_OK);
    scene_close(&s);
}

Test(process, another_exit_status_is_a_failure_that_names_it) {
    scene s;
    scripted script;
    (void)run_watched(&s, &script, "echo $$ >$S; read x <$H; exit 3");
    tell_child(&s);
    cr_assert_eq(scene_down(&s), TROUPE_EXITED);
    cr_assert(scene_logged(&s, "/bin/sh exited with status 3"));
    scene_close(&s);
}

Test(process, a_signal_from_outside_is_noticed_and_named) {
    scene s;
    scripted script;
    pid_t pid = run_watched(&s, &script, "echo $$ >$S; exec /bin/sleep 1000");
    cr_assert_eq(kill(pid, SIGKILL), 0);
    cr_assert_eq(scene_down(&s), TROUPE_SIGNALLED);
    cr_assert(scene_logged(&s, "/bin/sh was ended by signal 9 (Killed)"));
    scene_close(&s);
}

Test(process, its_id_can_be_asked_for) {
    scene s;
    scripted script;
    pid_t pid = run_watched(&s, &script, "echo $$ >$S; exec /bin/sleep 1000");
    int asked = 0;
    cr_assert_eq(troupe_process_id(s.rt, scene_named(&s, NAMED), PATIENCE_MS, &asked), TROUPE_OK);
    cr_assert_eq(asked, pid);
    scene_close(&s);
}

Test(process, a_killed_process_is_restarted_by_its_supervisor) {
    scene s;
    scripted script;
    scene_open(&s);
    script_init(&script, &s, sleeper_argv[2]);
    troupe_child child = child_of(&script);
    child.restart = TROUPE_TRANSIENT;
    cr_assert_eq(scene_supervise(&s, &child, 1, 5), TROUPE_OK);
    troupe_ref keeper = scene_named(&s, NAMED);
    pid_t pid;
    int alive = said_pid(&s, &pid);
    for (int i = 0; i < 3; i++) {
        cr_assert_eq(kill(pid, SIGKILL), 0);
        (void)close(alive);
        alive = said_pid(&s, &pid);
    }
    troupe_child_info info;
    size_t count;
    cr_assert_eq(troupe_children(s.rt, s.top, PATIENCE_MS, &info, 1, &count), TROUPE_OK);
    cr_assert_eq(info.restarts, 3);
    cr_assert_eq(info.why, TROUPE_SIGNALLED);
    cr_assert(troupe_same(scene_named(&s, NAMED), keeper), "a restart keeps the ref");
    (void)close(alive);
    scene_close(&s);
}

static void expect_start_fails(const char *program, const char *launcher, const char *text) {
    scene s;
    const char *const argv[] = {program, NULL};
    const troupe_program what = {.argv = argv, .launcher = launcher};
    const troupe_child child = {.id = "child", .what = &troupe_process, .arg = &what};
    scene_open(&s);
    cr_assert_eq(scene_supervise(&s, &child, 1, 5), TROUPE_START_FAILED);
    cr_assert(scene_logged(&s, text));
    scene_close(&s);
}

Test(process, a_missing_program_fails_the_start_by_name) {
    expect_start_fails("/bin/xyz", NULL, "cannot run /bin/xyz: No such file or directory");
}

Test(process, a_program_that_may_not_be_run_fails_the_start) {
    expect_start_fails("/etc/passwd", NULL, "cannot run /etc/passwd: Permission denied");
}

Test(process, a_missing_launcher_is_named_with_the_places_looked_at) {
    expect_start_fails("/bin/cat", "/nowhere/troupe-launch",
                       "cannot run /bin/cat: no launcher at /nowhere/troupe-launch");
}

Test(process, a_launcher_that_can_not_be_run_is_named) {
    expect_start_fails("/bin/cat", "/tmp", "cannot run /bin/cat: the launcher /tmp: Permission");
}

Test(process, no_program_at_all_is_invalid) {
    expect_start_fails(NULL, NULL, "no program to run");
}

Test(process, a_stop_is_a_SIGTERM_that_the_program_may_handle) {
    scene s;
    scripted script;
    pid_t pid = run_watched(&s, &script,
                            "trap 'echo last words >$S; exit 7' TERM; echo $$ >$S; read x <$H");
    cr_assert_gt(pid, 0);
    cr_assert_eq(troupe_stop(s.rt, scene_named(&s, NAMED)), TROUPE_OK);
    expect_said(&s, "last words");
    cr_assert_eq(scene_down(&s), TROUPE_SHUTDOWN);
    scene_close(&s);
}

Test(process, a_program_that_ignores_SIGTERM_is_killed_after_its_time) {
    scene s;
    scripted script;
    scene_open(&s);
    script_init(&script, &s, "trap '' TERM; echo $$ >$S; exec /bin/cat <$H");
    script.program.term_ms = 200;
    troupe_child child = child_of(&script);
    cr_assert_eq(scene_supervise(&s, &child, 1, 0), TROUPE_OK);
    scene_watch(&s, scene_named(&s, NAMED));
    pid_t pid;
    int alive = said_pid(&s, &pid);
    uint64_t before = troupe_now(s.rt);
    cr_assert_eq(troupe_stop(s.rt, scene_named(&s, NAMED)), TROUPE_OK);
    cr_assert_eq(scene_down(&s), TROUPE_SHUTDOWN);
    cr_assert_geq(troupe_now(s.rt) - before, 200 * UINT64_C(1000000));
    cr_assert(ready_within(alive, 0), "the keeper ended before its process");
    (void)close(alive);
    scene_close(&s);
}

Test(process, a_supervisor_stops_its_processes_one_after_the_other_in_reverse) {
    scene s;
    scripted first, second;
    scene_open(&s);
    script_init(&first, &s, "trap 'echo first >$S; exit' TERM; echo up >$S; read x <$H");
    script_init(&second, &s, "trap 'echo second >$S; exit' TERM; echo up >$S; read x <$H");
    troupe_child child[2] = {child_of(&first), child_of(&second)};
    child[1].id = "other";
    child[1].name = "other";
    cr_assert_eq(scene_supervise(&s, child, 2, 0), TROUPE_OK);
    expect_said(&s, "up");
    expect_said(&s, "up");
    scene_watch(&s, s.top);
    cr_assert_eq(troupe_stop(s.rt, s.top), TROUPE_OK);
    expect_said(&s, "second");
    expect_said(&s, "first");
    cr_assert_eq(scene_down(&s), TROUPE_SHUTDOWN);
    scene_close(&s);
}

Test(process, two_hundred_restarts_leave_nothing) {
    scene s;
    size_t before = open_descriptors();
    const troupe_program failing = {.argv = failing_argv};
    const troupe_child child = {.id = "child", .what = &troupe_process, .arg = &failing};
    scene_open(&s);
    cr_assert_eq(scene_supervise(&s, &child, 1, 200), TROUPE_OK);
    scene_watch(&s, s.top);
    cr_assert_eq(scene_down(&s), TROUPE_GAVE_UP);
    scene_close(&s);
    cr_assert_eq(open_descriptors(), before);
}

Test(process, only_three_descriptors_are_inherited) {
    scene s;
    scripted script;
    int leak = dup(2); /* not close-on-exec, as many a host does it */
    /* The fourth is the shell's own, of the folder that it lists. */
    (void)run_watched(&s, &script,
                      "set -- /proc/self/fd/*; echo $$ >$S; echo $# >$S; "
                      "read x </proc/self/fd/0 || echo eof >$S; read x <$H");
    expect_said(&s, "4");
    expect_said(&s, "eof");
    scene_close(&s);
    (void)close(leak);
}

Test(process, signals_are_as_a_program_expects_them) {
    scene s;
    scripted script;
    sigset_t blocked;
    sigfillset(&blocked);
    cr_assert_eq(pthread_sigmask(SIG_BLOCK, &blocked, NULL), 0);
    cr_assert_neq(signal(SIGPIPE, SIG_IGN), SIG_ERR);
    (void)run_watched(&s, &script,
                      "echo $$ >$S; while read k v; do case $k in SigBlk:|SigIgn:) echo 0x$v;; "
                      "esac; done </proc/self/status >$S; read x <$H");
    char line[64];
    read_line(s.said, line, sizeof line);
    cr_assert_eq(strtoull(line, NULL, 16), 0, "blocked: %s", line);
    read_line(s.said, line, sizeof line);
    /* 32 and 33 are libc's own: it lets nobody set them. */
    cr_assert_eq(strtoull(line, NULL, 16) & ~UINT64_C(0x180000000), 0, "ignored: %s", line);
    scene_close(&s);
}

Test(process, an_end_is_noticed_though_the_host_ignores_SIGCHLD) {
    scene s;
    scripted script;
    cr_assert_neq(signal(SIGCHLD, SIG_IGN), SIG_ERR);
    (void)run_watched(&s, &script, "echo $$ >$S; read x <$H; exit 3");
    tell_child(&s);
    cr_assert_eq(scene_down(&s), TROUPE_SYSTEM);
    cr_assert(scene_logged(&s, "SIGCHLD is ignored"));
    scene_close(&s);
}

Test(process, a_killed_keeper_takes_its_process_along) {
    scene s;
    scripted script;
    scene_open(&s);
    script_init(&script, &s, sleeper_argv[2]);
    troupe_child child = child_of(&script);
    cr_assert_eq(scene_supervise(&s, &child, 1, 0), TROUPE_OK);
    pid_t pid;
    int alive = said_pid(&s, &pid);
    cr_assert_eq(troupe_kill(s.rt, scene_named(&s, NAMED)), TROUPE_OK);
    cr_assert(ready_within(alive, PATIENCE_MS), "the process outlives its keeper");
    (void)close(alive);
    scene_close(&s);
}

Test(process, processes_of_one_keeper_never_meet) {
    scene s;
    scripted script;
    scene_open(&s);
    script_init(&script, &s, sleeper_argv[2]);
    troupe_child child = child_of(&script);
    child.restart = TROUPE_PERMANENT;
    cr_assert_eq(scene_supervise(&s, &child, 1, 50), TROUPE_OK);
    pid_t pid;
    int alive = said_pid(&s, &pid);
    for (int i = 0; i < 30; i++) {
        cr_assert_eq(troupe_kill(s.rt, scene_named(&s, NAMED)), TROUPE_OK);
        int next = said_pid(&s, &pid);
        cr_assert(ready_within(alive, 0), "the next process runs beside the last one");
        (void)close(alive);
        alive = next;
    }
    (void)close(alive);
    scene_close(&s);
}

/* The same of the service alone, with a process that is asked to end and takes its time. Runs are
 * begun in the order of their requests: when another keeper's is there, the second one would be. */
Test(process, a_run_waits_for_the_end_of_the_last_one_of_its_keeper) {
    scene s;
    scripted script[3];
    tr_process *run[3];
    const troupe_ref keeper[] = {TROUPE_NOBODY, TROUPE_NOBODY, {1, 1}}; /* nobody hears of it */
    scene_open(&s);
    script_init(&script[0], &s, "echo first >$S; read x <$H; echo ends >$S; exec /bin/sleep 1000");
    script_init(&script[1], &s, "echo second >$S; exec /bin/sleep 1000");
    script_init(&script[2], &s, "echo other >$S; exec /bin/sleep 1000");
    for (int i = 0; i < 3; i++) {
        cr_assert_eq(tr_process_make(s.rt, keeper[i], &script[i].program, beside(), &run[i]), 0);
        if (i == 2) expect_said(&s, "first");
        tr_process_spawn(run[i]);
    }
    expect_said(&s, "other");
    cr_assert_eq(own_processes(), 2);
    tell_child(&s);
    expect_said(&s, "ends");
    tr_process_let_go(run[0]);
    expect_said(&s, "second");
    tr_process_let_go(run[1]);
    tr_process_let_go(run[2]);
    scene_close(&s);
}

/* A restarted keeper may find news of the process that it had before in its mailbox. */
Test(process, news_of_another_run_mean_nothing) {
    scene s;
    scripted script;
    int pid = run_watched(&s, &script, sleeper_argv[2]), asked;
    troupe_ref keeper = scene_named(&s, NAMED);
    for (uint64_t serial = 3; serial > 0; serial--) { /* the first run of a runtime is number 1 */
        const struct tr_process_news news = {serial, TR_PROCESS_EXITED, 44};
        troupe_msg *msg;
        cr_assert_eq(troupe_process_id(s.rt, keeper, PATIENCE_MS, &asked), TROUPE_OK);
        cr_assert_eq(asked, pid);
        cr_assert_eq(troupe_make(s.rt, &tr_process_news_type, &news, &msg), TROUPE_OK);
        cr_assert_eq(troupe_post(s.rt, keeper, &msg), TROUPE_OK);
    }
    cr_assert_eq(scene_down(&s), TROUPE_EXITED);
    scene_close(&s);
}

/* The keeper ends anywhere between its start and its process's first instruction. */
Test(process, a_keeper_that_ends_while_it_spawns_leaves_no_process) {
    scene s;
    const char *const argv[] = {"/bin/sleep", "1000", NULL};
    const troupe_program sleeper = {.argv = argv};
    scene_open(&s);
    for (int i = 0; i < 100; i++) {
        troupe_ref keeper;
        cr_assert_eq(troupe_spawn(s.rt, &troupe_process, &sleeper, &keeper), TROUPE_OK);
        scene_watch(&s, keeper);
        cr_assert_eq(i % 2 ? troupe_stop(s.rt, keeper) : troupe_kill(s.rt, keeper), TROUPE_OK);
        troupe_err why = scene_down(&s);
        if (why != TROUPE_GONE) cr_assert_eq(why, i % 2 ? TROUPE_SHUTDOWN : TROUPE_KILLED);
    }
    scene_close(&s);
}

Test(process, a_close_ends_what_runs) {
    scene s;
    scripted script;
    (void)run_watched(&s, &script, sleeper_argv[2]);
    scene_close(&s);
}

/* Whichever descriptor is one too many: an error, or a process; and nothing is left. */
Test(process, no_descriptors_are_an_error_and_leave_nothing) {
    const char *const argv[] = {"/bin/sleep", "1000", NULL};
    const troupe_program sleeper = {.argv = argv};
    const troupe_child child = {.id = "child", .what = &troupe_process, .arg = &sleeper};
    struct rlimit old;
    cr_assert_eq(getrlimit(RLIMIT_NOFILE, &old), 0);
    troupe_err err = TROUPE_START_FAILED;
    for (unsigned more = 0; err; more++) {
        scene s;
        cr_assert_lt(more, 20);
        scene_open(&s);
        int next = dup(2);
        (void)close(next);
        struct rlimit few = {.rlim_cur = (rlim_t)next + more, .rlim_max = old.rlim_max};
        cr_assert_eq(setrlimit(RLIMIT_NOFILE, &few), 0);
        err = scene_supervise(&s, &child, 1, 0);
        cr_assert_eq(setrlimit(RLIMIT_NOFILE, &old), 0);
        if (err) cr_assert(scene_logged(&s, "cannot run /bin/sleep: "));
        scene_close(&s);
    }
}

/* The supervising process is killed: this binary again, in another role */

#define ROLE "supervise-a-process"

/* Supervises a process, says its id, and waits to be killed. It says so on standard output, which
 * its process holds open too. */
static int supervise_until_killed(void) {
    const char *const argv[] = {"/bin/sleep", "1000", NULL};
    const troupe_program sleeper = {.argv = argv};
    const troupe_child child = {
        .id = "child", .what = &troupe_process, .arg = &sleeper, .name = NAMED};
    const troupe_supervision what = {.child = &child, .children = 1};
    troupe *rt;
    troupe_ref top, keeper;
    int pid;
    if (troupe_open(NULL, &rt) || troupe_supervise(rt, &what, PATIENCE_MS, &top) ||
        troupe_whereis(rt, NAMED, &keeper) || troupe_process_id(rt, keeper, PATIENCE_MS, &pid))
        return 1;
    if (printf("%d\n", pid) < 0 || fflush(stdout) != 0) return 1;
    for (;;) (void)pause();
}

/* Before main, which is Criterion's. */
__attribute__((constructor)) static void play_role(int argc, char **argv) {
    if (argc == 2 && strcmp(argv[1], ROLE) == 0) _exit(supervise_until_killed());
}

static pid_t spawn_role(int out) {
    char program[] = "/proc/self/exe", role[] = ROLE, *argv[] = {program, role, NULL};
    posix_spawn_file_actions_t actions;
    pid_t pid;
    cr_assert_eq(posix_spawn_file_actions_init(&actions), 0);
    cr_assert_eq(posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO), 0);
    cr_assert_eq(posix_spawn(&pid, program, &actions, NULL, argv, environ), 0);
    posix_spawn_file_actions_destroy(&actions);
    return pid;
}

Test(process, a_killed_parent_takes_its_processes_along) {
    int ends[2];
    char line[32], rest;
    cr_assert_eq(pipe2(ends, O_CLOEXEC), 0);
    pid_t parent = spawn_role(ends[1]);
    (void)close(ends[1]);
    read_line(ends[0], line, sizeof line);
    int alive = pidfd_open((pid_t)atoi(line), 0);
    cr_assert_geq(alive, 0);
    cr_assert_not(ready_within(alive, 0));
    cr_assert_eq(kill(parent, SIGKILL), 0);
    cr_assert_eq(waitpid(parent, NULL, 0), parent);
    cr_assert(ready_within(alive, PATIENCE_MS), "the process outlives its parent");
    cr_assert(ready_within(ends[0], PATIENCE_MS));
    cr_assert_eq(read(ends[0], &rest, 1), 0, "somebody holds its output open");
    (void)close(alive);
    (void)close(ends[0]);
}
