/* The command line, the environment, and the launcher by itself, without a service. */
#include "transport/command.h"

#include <spawn.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include "base/heap.h"
#include "test/transport/process_scene.h"

TestSuite(command, .timeout = 30);

/* What the service does with a command, by hand. */
typedef struct by_hand {
    scene s; /* for its pipe and heap; its runtime is not used */
    tr_command *command;
    int ends[2];
    pid_t pid;
    char *const *more; /* for the environment; NULL: nothing */
    troupe_program program;
} by_hand;

static void by_hand_open(by_hand *f, const char *const *argv, const char *const *env,
                         const char *launcher) {
    scene_open(&f->s);
    f->more = NULL;
    f->program.argv = argv;
    f->program.env = env;
    f->command = tr_command_make(&f->s.heap.heap, &f->program, launcher);
    cr_assert_not_null(f->command);
    cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, f->ends), 0);
}

static int by_hand_spawn(by_hand *f) {
    const int given[TR_COMMAND_GIVEN] = {-1, -1, -1, -1};
    const tr_command_gift gift = {f->ends[1], given, f->more};
    int error = tr_command_spawn(f->command, &gift, &f->pid);
    (void)close(f->ends[1]);
    return error;
}

/* Waits for the process's end; its exit status, or minus its signal. */
static int by_hand_close(by_hand *f, bool spawned) {
    int status = 0;
    if (spawned) cr_assert_eq(waitpid(f->pid, &status, 0), f->pid);
    (void)close(f->ends[0]);
    tr_command_free(f->command);
    scene_close(&f->s);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

Test(command, keeps_copies_of_all_its_texts) {
    char program[] = "/bin/cat", path[] = "/some/launcher";
    const char *const argv[] = {program, "x", NULL};
    tr_command *c = tr_command_make(&tr_heap_default, &(troupe_program){.argv = argv}, path);
    program[1] = path[1] = '?';
    cr_assert_str_eq(tr_command_program(c), "/bin/cat");
    cr_assert_str_eq(tr_command_launcher(c), "/some/launcher");
    tr_command_free(c);
    tr_command_free(NULL);
}

/* A socket's other end, read to its end: an errno, or 0 for none, and what failed. */
static int failure_of(int fd, int *step) {
    tr_launch_failure failure = {0};
    cr_assert(ready_within(fd, PATIENCE_MS));
    ssize_t got = recv(fd, &failure, sizeof failure, 0);
    *step = failure.step;
    return got == sizeof failure ? failure.error : 0;
}

static int status_of(int fd) {
    int step, error = failure_of(fd, &step);
    cr_assert_eq(step, TR_LAUNCH_PROGRAM);
    return error;
}

Test(command, additions_replace_what_has_their_name) {
    by_hand f = {0};
    const char *const argv[] = {"/bin/sh", "-c",
                                "echo $A,$AB,$C,$D >$S; "
                                "tr '\\0' '\\n' </proc/$$/environ | grep -c ^A= >$S",
                                NULL};
    const char *const env[] = {"A=new", "D=x=y", NULL};
    by_hand_open(&f, argv, env, beside());
    cr_assert_eq(setenv("A", "old", 1) | setenv("AB", "kept", 1) | setenv("C", "also", 1), 0);
    cr_assert_eq(setenv("S", f.s.say + 2, 1), 0); /* as it is at the spawn, not before */
    cr_assert_eq(by_hand_spawn(&f), 0);
    cr_assert_eq(send(f.ends[0], "", 1, MSG_NOSIGNAL), 1);
    expect_said(&f.s, "new,kept,also,x=y");
    expect_said(&f.s, "1");
    cr_assert_eq(status_of(f.ends[0]), 0);
    cr_assert_eq(by_hand_close(&f, true), 0);
}

/* What speaks to the supervisor of this process would speak to somebody else's. */
Test(command, what_is_for_this_process_alone_is_not_passed_on) {
    by_hand f = {0};
    char mine[] = "NOTIFY_SOCKET=mine";
    char *const more[] = {mine, NULL};
    const char *const argv[] = {
        "/bin/sh", "-c", "echo $NOTIFY_SOCKET,$WATCHDOG_USEC,$WATCHDOG_PID,$NOTIFY_SOCKETS >$S",
        NULL};
    by_hand_open(&f, argv, NULL, beside());
    cr_assert_eq(setenv("NOTIFY_SOCKET", "x", 1) | setenv("NOTIFY_SOCKETS", "kept", 1), 0);
    cr_assert_eq(setenv("WATCHDOG_PID", "1", 1) | setenv("WATCHDOG_USEC", "1", 1), 0);
    cr_assert_eq(setenv("S", f.s.say + 2, 1), 0);
    f.more = more;
    cr_assert_eq(by_hand_spawn(&f), 0);
    cr_assert_eq(send(f.ends[0], "", 1, MSG_NOSIGNAL), 1);
    expect_said(&f.s, "mine,,,kept");
    cr_assert_eq(by_hand_close(&f, true), 0);
}

Test(command, the_launcher_goes_to_a_folder_and_sets_limits) {
    by_hand f = {0};
    const char *const argv[] = {"/bin/sh", "-c", "echo $PWD $(ulimit -n) $(ulimit -c) >$S", NULL};
    const troupe_limit limit[] = {{RLIMIT_NOFILE, 77}, {RLIMIT_CORE, 0}};
    f.program = (troupe_program){.folder = "/usr", .limit = limit, .limits = 2};
    by_hand_open(&f, argv, NULL, beside());
    cr_assert_eq(setenv("S", f.s.say + 2, 1), 0);
    cr_assert_eq(by_hand_spawn(&f), 0);
    cr_assert_eq(send(f.ends[0], "", 1, MSG_NOSIGNAL), 1);
    expect_said(&f.s, "/usr 77 0");
    cr_assert_eq(by_hand_close(&f, true), 0);
}

static void expect_failure(const troupe_program *program, int step, int error) {
    by_hand f = {.program = *program};
    const char *const argv[] = {"/bin/true", NULL};
    int failed;
    by_hand_open(&f, argv, NULL, beside());
    cr_assert_eq(by_hand_spawn(&f), 0);
    cr_assert_eq(send(f.ends[0], "", 1, MSG_NOSIGNAL), 1);
    cr_assert_eq(failure_of(f.ends[0], &failed), error);
    cr_assert_eq(failed, step);
    cr_assert_eq(by_hand_close(&f, true), 127);
}

Test(command, the_launcher_tells_what_it_could_not_do) {
    const troupe_limit none = {9999, 1};
    expect_failure(&(troupe_program){.folder = "/nowhere"}, TR_LAUNCH_FOLDER, ENOENT);
    expect_failure(&(troupe_program){.limit = &none, .limits = 1}, TR_LAUNCH_LIMIT, EINVAL);
}

Test(command, a_launcher_that_is_not_there_is_an_errno) {
    by_hand f = {0};
    const char *const argv[] = {"/bin/cat", NULL};
    by_hand_open(&f, argv, NULL, "/nowhere/troupe-launch");
    cr_assert_eq(by_hand_spawn(&f), ENOENT);
    (void)by_hand_close(&f, false);
}

Test(command, the_launcher_tells_the_errno_of_a_program_that_is_not_there) {
    by_hand f = {0};
    const char *const argv[] = {"/bin/xyz", NULL};
    by_hand_open(&f, argv, NULL, beside());
    cr_assert_eq(by_hand_spawn(&f), 0);
    cr_assert_eq(send(f.ends[0], "", 1, MSG_NOSIGNAL), 1);
    cr_assert_eq(status_of(f.ends[0]), ENOENT);
    cr_assert_eq(by_hand_close(&f, true), 127);
}

Test(command, the_launcher_runs_nothing_before_it_is_told_to) {
    by_hand f = {0};
    const char *const argv[] = {"/bin/sh", "-c", "exit 5", NULL};
    by_hand_open(&f, argv, NULL, beside());
    cr_assert_eq(by_hand_spawn(&f), 0);
    cr_assert_eq(shutdown(f.ends[0], SHUT_WR), 0);
    cr_assert_eq(by_hand_close(&f, true), 126);
}

/* Calls the launcher by hand; its exit status. */
static int launched_for(int parent) {
    int ends[2], status;
    char path[4096], who[16], fd[] = "3", dashes[] = "--", sh[] = "/bin/sh", c[] = "-c",
                              script[] = "exit 5";
    char *argv[] = {path, who, fd, dashes, sh, c, script, NULL};
    posix_spawn_file_actions_t actions;
    pid_t pid;
    (void)snprintf(path, sizeof path, "%s", beside());
    (void)snprintf(who, sizeof who, "%d", parent);
    cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    cr_assert_eq(posix_spawn_file_actions_init(&actions), 0);
    cr_assert_eq(posix_spawn_file_actions_adddup2(&actions, ends[1], 3), 0);
    cr_assert_eq(posix_spawn(&pid, path, &actions, NULL, argv, environ), 0);
    posix_spawn_file_actions_destroy(&actions);
    (void)close(ends[1]);
    (void)send(ends[0], "", 1, MSG_NOSIGNAL);
    cr_assert_eq(waitpid(pid, &status, 0), pid);
    (void)close(ends[0]);
    return WEXITSTATUS(status);
}

Test(command, the_launcher_runs_nothing_for_another_parent) {
    cr_assert_eq(launched_for(getpid()), 5);
    cr_assert_eq(launched_for(getppid()), 126);
}

Test(command, the_launcher_refuses_what_it_does_not_understand) {
    static const char *const wrong[][6] = {
        {"x", "3", "--", "/bin/cat", NULL},
        {"1", "2", "--", "/bin/cat", NULL},
        {"1", "3", "/bin/cat", "x", NULL},
        {"1", "3", "--", NULL, NULL},
        {"1", "3", "-x", "--", "/bin/cat"},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        by_hand f = {0};
        const char *argv[7] = {beside()};
        memcpy(argv + 1, wrong[i], sizeof wrong[i]);
        by_hand_open(&f, argv, NULL, beside());
        cr_assert_eq(by_hand_spawn(&f), 0);
        cr_assert_eq(send(f.ends[0], "", 1, MSG_NOSIGNAL), 1);
        cr_assert_eq(by_hand_close(&f, true), 2);
    }
}
