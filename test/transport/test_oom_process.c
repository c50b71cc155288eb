/* Memory that runs out under process children. */
#include <criterion/criterion.h>
#include <sys/resource.h>

#include "test/support/exhaust.h"
#include "test/transport/process_scene.h"

static const char *const argv[] = {"/bin/sleep", "1000", NULL};
static const troupe_program sleeper = {.argv = argv};
static const troupe_child child = {
    .id = "child", .what = &troupe_process, .arg = &sleeper, .name = "child"};

/* All that a program can want. */
static const troupe_limit limits[] = {{RLIMIT_CORE, 0}, {RLIMIT_NOFILE, 64}};
static const troupe_program full = {.argv = argv,
                                    .folder = "/",
                                    .limit = limits,
                                    .limits = 2,
                                    .output = TROUPE_OUTPUT_LOG,
                                    .watchdog_ms = 3600 * 1000,
                                    .stop_line = "stop",
                                    .stop_ms = 20};
static const troupe_child full_child = {
    .id = "child", .what = &troupe_process, .arg = &full, .name = "child"};

/* Whichever allocation fails: an error, or a process; and the next try is a process. */
static void start_and_refuse(const troupe_child *what) {
    for (exhaust x = {0}; exhaust_next(&x);) {
        scene s;
        scene_open(&s);
        exhaust_from(&x, &s.heap);
        troupe_err err = scene_supervise(&s, what, 1, 0);
        bool refused = exhaust_to(&x);
        cr_assert(refused ? err == TROUPE_NOMEM || err == TROUPE_START_FAILED || !err : !err, "%s",
                  troupe_errname(err));
        if (err) {
            troupe_ref who;
            cr_assert_eq(troupe_whereis(s.rt, "child", &who), TROUPE_NOTFOUND);
            cr_assert_eq(scene_supervise(&s, what, 1, 0), TROUPE_OK);
        }
        scene_close(&s);
    }
}

Test(oom, troupe_process) {
    start_and_refuse(&child);
    start_and_refuse(&full_child);
}

Test(oom, troupe_process_id) {
    scene s;
    scene_open(&s);
    cr_assert_eq(scene_supervise(&s, &child, 1, 0), TROUPE_OK);
    troupe_ref keeper = scene_named(&s, "child");
    for (exhaust x = {0}; exhaust_next(&x);) {
        int pid = -1;
        exhaust_from(&x, &s.heap);
        troupe_err err = troupe_process_id(s.rt, keeper, PATIENCE_MS, &pid);
        cr_assert_eq(err, exhaust_to(&x) ? TROUPE_NOMEM : TROUPE_OK, "%s", troupe_errname(err));
        cr_assert_eq(pid == -1, err != TROUPE_OK);
    }
    scene_close(&s);
}

/* Without memory for the time that it has to stop it gets none. */
static void stop_and_refuse(const troupe_child *what) {
    for (exhaust x = {0}; exhaust_next(&x);) {
        scene s;
        scene_open(&s);
        cr_assert_eq(scene_supervise(&s, what, 1, 0), TROUPE_OK);
        scene_watch(&s, scene_named(&s, "child"));
        exhaust_from(&x, &s.heap);
        cr_assert_eq(troupe_stop(s.rt, s.top), TROUPE_OK);
        troupe_err why = scene_down(&s);
        bool refused = exhaust_to(&x);
        /* Its supervisor, which has none either, kills its keeper. */
        cr_assert(why == TROUPE_SHUTDOWN || (refused && why == TROUPE_KILLED), "%s",
                  troupe_errname(why));
        scene_close(&s);
    }
}

Test(oom, stop_of_a_process) {
    stop_and_refuse(&child);
    stop_and_refuse(&full_child);
}
