#include <criterion/criterion.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fatal.h"
#include "base/os.h"
#include "test/support/exhaust.h"
#include "test/support/family.h"
#include "test/support/stage.h"

TestSuite(guard, .timeout = 60);

/* --- Deadlines -------------------------------------------------------------------------------- */

/* How long each callback takes, in microseconds of the stage's clock. */
static struct {
    unsigned start, receive, stopping, stop;
    troupe_err returns; /* from each of them */
} takes;

static troupe_err work(unsigned us) {
    *stage_clock() += us * UINT64_C(1000);
    return takes.returns;
}

static troupe_err start(troupe_self *self, void *state, const void *arg) {
    (void)self;
    (void)state;
    (void)arg;
    return work(takes.start);
}

static troupe_err receive(troupe_self *self, void *state, troupe_msg **msg) {
    (void)state;
    (void)msg;
    stage_say("got");
    troupe_err err = work(takes.receive);
    if (err != TROUPE_SHUTDOWN) return err;
    troupe_exit(self, TROUPE_OK);
    return TROUPE_OK;
}

static troupe_err stopping(troupe_self *self, void *state) {
    (void)self;
    (void)state;
    return work(takes.stopping);
}

static void stop(troupe_self *self, void *state, troupe_err why) {
    (void)self;
    (void)state;
    stage_say("stop(%s)", troupe_errname(why));
    (void)work(takes.stop);
}

static const troupe_behaviour timed = {.name = "timed",
                                       .deadline_ms = 10,
                                       .start = start,
                                       .receive = receive,
                                       .stopping = stopping,
                                       .stop = stop};

static troupe_ref enter(void) {
    troupe_ref who = TROUPE_NOBODY;
    cr_assert_eq(troupe_spawn(stage_rt(), &timed, NULL, &who), TROUPE_OK);
    return who;
}

Test(guard, who_is_in_time_lives_on) {
    (void)stage_open(STAGE_SIMULATED);
    takes.start = takes.receive = takes.stopping = takes.stop = 10000;
    troupe_ref who = enter();
    cue(who, CUE_SAY, 0);
    stage_expect("got");
    cr_assert_eq(troupe_stop(stage_rt(), who), TROUPE_OK);
    stage_expect("stop(SHUTDOWN)");
    cr_assert_eq(stage_logged("actor failed"), 0);
    stage_close();
}

Test(guard, a_message_that_takes_too_long_fails_the_actor) {
    (void)stage_open(STAGE_SIMULATED);
    takes.receive = 10001;
    troupe_ref who = enter();
    cue(who, CUE_SAY, 0);
    stage_expect("got stop(TOO_SLOW)");
    cr_assert_not(stage_there(who));
    cr_assert_eq(stage_logged("in cue from outside: TOO_SLOW (a callback took longer than its "
                              "behaviour allows): 10001 us, of 10 ms at most"),
                 1);
    cr_assert_eq(stage_dead_letters(), 1, "the message that it failed on");
    stage_close();
}

Test(guard, a_start_that_takes_too_long_is_one_that_failed) {
    (void)stage_open(STAGE_SIMULATED);
    takes.start = 10001;
    const troupe_err returned[] = {TROUPE_OK, TROUPE_LATER, TROUPE_IGNORE};
    troupe_ref who;
    for (size_t i = 0; i < 2; i++) {
        takes.returns = returned[i];
        cr_assert_eq(troupe_spawn(stage_rt(), &timed, NULL, &who), TROUPE_TOO_SLOW);
    }
    stage_close();
}

Test(guard, stopping_and_stop_have_a_deadline_too) {
    (void)stage_open(STAGE_SIMULATED);
    takes.stopping = 10001;
    troupe_ref who = enter();
    cr_assert_eq(troupe_stop(stage_rt(), who), TROUPE_OK);
    stage_expect("stop(TOO_SLOW)");
    takes.stopping = 0;
    takes.stop = 10001;
    who = enter();
    cr_assert_eq(troupe_stop(stage_rt(), who), TROUPE_OK);
    stage_expect("stop(SHUTDOWN)");
    cr_assert_eq(stage_logged("in its stop: TOO_SLOW"), 1);
    stage_close();
}

Test(guard, who_fails_or_exits_anyway_has_its_own_reason) {
    (void)stage_open(STAGE_SIMULATED);
    troupe_ref who = enter();
    takes.receive = 20000;
    takes.returns = TROUPE_USER;
    cue(who, CUE_SAY, 0);
    stage_expect("got stop(USER)");
    takes.returns = TROUPE_OK;
    who = enter();
    takes.returns = TROUPE_SHUTDOWN; /* it exits */
    cue(who, CUE_SAY, 0);
    stage_expect("got stop(OK)");
    stage_close();
}

Test(guard, who_is_too_slow_is_restarted) {
    (void)stage_open(STAGE_SIMULATED);
    const troupe_child child = {.id = "kid", .what = &timed, .name = "kid"};
    troupe_ref root = family(&child, 1, 3, 1000);
    takes.receive = 10001;
    cue_named("kid", CUE_SAY, 0);
    stage_expect("got stop(TOO_SLOW)");
    takes.receive = 0;
    cue_named("kid", CUE_SAY, 0);
    stage_expect("got");
    cr_assert_eq(stage_logged("restart 1 of 3"), 1);
    family_stop(root);
    stage_forget();
    stage_close();
}

Test(guard, without_memory_for_one_there_is_no_actor) {
    (void)stage_open(STAGE_SIMULATED);
    for (exhaust x = {0}; exhaust_next(&x);) {
        troupe_ref who;
        exhaust_from(&x, stage_heap());
        troupe_err err = troupe_spawn(stage_rt(), &timed, NULL, &who);
        bool refused = exhaust_to(&x);
        cr_assert_eq(err, refused ? TROUPE_NOMEM : TROUPE_OK);
    }
    stage_close();
}

/* --- Fatal signals ---------------------------------------------------------------------------- */

/* What a cue, and each other callback, does. */
enum { SOUND, WILD, ABORTS, OVERFLOWS, EXITS_WILDLY };

static volatile int *nowhere;

static unsigned depth(unsigned n) {
    volatile char space[1000];
    space[n % 1000] = (char)n;
    return n ? depth(n + 1) + (unsigned)space[0] : 0;
}

static void go_wrong(troupe_self *self, unsigned how) {
    if (how == EXITS_WILDLY) troupe_exit(self, TROUPE_OK);
    if (how == WILD || how == EXITS_WILDLY) *nowhere = 1;
    if (how == ABORTS) abort();
    if (how == OVERFLOWS) (void)depth(1);
}

static struct { unsigned start, stopping, stop; } wrong;

static void say_cleaned(void *arg) {
    (void)arg;
    stage_say("cleaned");
}

static troupe_err risky_start(troupe_self *self, void *state, const void *arg) {
    (void)state;
    (void)arg;
    cr_assert_eq(troupe_defer(self, say_cleaned, NULL), TROUPE_OK);
    cr_assert_not_null(troupe_alloc(self, 100));
    go_wrong(self, wrong.start);
    return TROUPE_OK;
}

static troupe_err risky_receive(troupe_self *self, void *state, troupe_msg **msg) {
    (void)state;
    go_wrong(self, cue_n(*msg));
    stage_say("did:%u", cue_n(*msg));
    return TROUPE_OK;
}

static troupe_err risky_stopping(troupe_self *self, void *state) {
    (void)state;
    go_wrong(self, wrong.stopping);
    return TROUPE_OK;
}

static void risky_stop(troupe_self *self, void *state, troupe_err why) {
    (void)state;
    stage_say("stop(%s)", troupe_errname(why));
    go_wrong(self, wrong.stop);
}

#define RISKY                                                                                      \
    .name = "risky", .state_size = 10, .start = risky_start, .receive = risky_receive,             \
    .stopping = risky_stopping, .stop = risky_stop
static const troupe_behaviour risky = {RISKY, .fatal = TROUPE_FATAL_FAIL};
static const troupe_behaviour risky_blocking = {RISKY, .fatal = TROUPE_FATAL_FAIL,
                                                .blocking = true};
static const troupe_behaviour risky_timed = {RISKY, .fatal = TROUPE_FATAL_FAIL,
                                             .deadline_ms = 60000};
static const troupe_behaviour reported = {RISKY, .fatal = TROUPE_FATAL_REPORT};
static const troupe_behaviour ignored = {RISKY};

/* Whether there are such signals to be had: not under a sanitizer. */
static bool signals_here(void) {
    bool ok = tr_fatal_install();
    if (ok) tr_fatal_uninstall();
    return ok;
}

static void fail_in_messages(unsigned workers, const troupe_behaviour *what) {
    const unsigned ways[] = {WILD, ABORTS, OVERFLOWS, EXITS_WILDLY};
    (void)stage_open(workers);
    const player ann = {.id = "ann"};
    const troupe_child children[] = {{.id = "risk", .what = what, .name = "risk"},
                                     kid(&ann, TROUPE_PERMANENT)};
    troupe_ref root = family(children, 2, 9, 100000);
    stage_expect("start(ann)");
    for (size_t i = 0; i < 4; i++) {
        cue_named("risk", CUE_SAY, ways[i]);
        stage_expect("stop(SIGNALLED) cleaned");
        cue_named("risk", CUE_SAY, SOUND);
        stage_expect("did:0");
    }
    cr_assert_eq(stage_logged("supervisor/risk (life 1) in cue from outside: SIGNALLED (ended by a "
                              "fatal signal): SIGSEGV at address (nil); restart 1 of 9"),
                 1);
    cr_assert_eq(stage_logged("SIGNALLED (ended by a fatal signal): SIGABRT"), 1);
    cue_named("ann", CUE_SAY, 1);
    stage_expect("ann:1");
    family_stop(root);
    stage_forget();
    stage_close();
}

Test(guard, a_wild_pointer_fails_its_actor_alone_which_is_restarted) {
    if (!signals_here()) return;
    fail_in_messages(STAGE_SIMULATED, &risky);
    fail_in_messages(STAGE_SIMULATED, &risky_timed);
    fail_in_messages(2, &risky);
    fail_in_messages(2, &risky_blocking);
}

Test(guard, a_signal_is_caught_in_every_callback) {
    if (!signals_here()) return;
    troupe *rt = stage_open(STAGE_SIMULATED);
    troupe_ref who;
    wrong.start = WILD;
    cr_assert_eq(troupe_spawn(rt, &risky, NULL, &who), TROUPE_SIGNALLED);
    stage_expect("cleaned");
    wrong.start = SOUND;
    wrong.stopping = ABORTS;
    cr_assert_eq(troupe_spawn(rt, &risky, NULL, &who), TROUPE_OK);
    cr_assert_eq(troupe_stop(rt, who), TROUPE_OK);
    stage_expect("stop(SIGNALLED) cleaned");
    wrong.stopping = SOUND;
    wrong.stop = WILD;
    cr_assert_eq(troupe_spawn(rt, &risky, NULL, &who), TROUPE_OK);
    cr_assert_eq(troupe_stop(rt, who), TROUPE_OK);
    stage_expect("stop(SHUTDOWN) cleaned");
    cr_assert_eq(stage_logged("in its stop: SIGNALLED"), 1);
    stage_close();
}

Test(guard, handlers_are_there_only_as_long_as_a_runtime_wants_them) {
    if (!signals_here()) return;
    struct sigaction now, before;
    cr_assert_eq(sigaction(SIGSEGV, NULL, &before), 0);
    troupe *rt = stage_open(STAGE_SIMULATED);
    troupe_ref who;
    cr_assert_eq(troupe_spawn(rt, &ignored, NULL, &who), TROUPE_OK);
    cr_assert_eq(sigaction(SIGSEGV, NULL, &now), 0);
    cr_assert_eq(now.sa_sigaction, before.sa_sigaction, "nobody has asked");
    cr_assert_eq(troupe_spawn(rt, &reported, NULL, &who), TROUPE_OK);
    cr_assert_eq(sigaction(SIGSEGV, NULL, &now), 0);
    cr_assert_neq(now.sa_sigaction, before.sa_sigaction);
    (void)stage_run();
    stage_forget();
    stage_close();
    cr_assert_eq(sigaction(SIGSEGV, NULL, &now), 0);
    cr_assert_eq(now.sa_sigaction, before.sa_sigaction);
}

static troupe_err start_another(troupe_self *self, void *state, troupe_msg **msg) {
    (void)state;
    (void)msg;
    troupe_ref who;
    wrong.start = WILD;
    return troupe_spawn(troupe_runtime(self), &ignored, NULL, &who);
}

/* Has an actor go wrong in a process of its own, with stderr caught. Returns the signal that ended
 * that process. */
static int die_as(const troupe_behaviour *what, unsigned how, char *text, size_t room) {
    int ends[2], status;
    cr_assert_eq(pipe(ends), 0);
    pid_t pid = fork();
    if (pid == 0) {
        const struct sigaction usual = {.sa_handler = SIG_DFL};
        for (int i = 1; i < 32; i++) (void)sigaction(i, &usual, NULL);
        (void)dup2(ends[1], STDERR_FILENO);
        const troupe_config config = {.workers = TROUPE_STEPPED};
        troupe *rt;
        troupe_ref who;
        troupe_msg *msg = NULL;
        bool ok = !troupe_open(&config, &rt) && !troupe_spawn(rt, what, NULL, &who) &&
                  !troupe_make(rt, &cue_type, &(struct cue){.n = how}, &msg) &&
                  !troupe_post(rt, who, &msg);
        (void)troupe_step(rt, 10);
        _exit(ok ? 0 : 1);
    }
    (void)close(ends[1]);
    size_t got = 0;
    for (ssize_t n; (n = read(ends[0], text + got, room - 1 - got)) > 0;) got += (size_t)n;
    text[got] = '\0';
    (void)close(ends[0]);
    cr_assert_eq(waitpid(pid, &status, 0), pid);
    return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

Test(guard, a_reported_signal_ends_the_process_as_it_would_have) {
    if (!signals_here()) return;
    char text[1000];
    cr_assert_eq(die_as(&reported, WILD, text, sizeof text), SIGSEGV);
    cr_assert_str_eq(text, "troupe: fatal: SIGSEGV at address 0x0 in risky in cue\n");
    cr_assert_eq(die_as(&reported, ABORTS, text, sizeof text), SIGABRT);
    cr_assert_str_eq(text, "troupe: fatal: SIGABRT in risky in cue\n");
    cr_assert_eq(die_as(&reported, OVERFLOWS, text, sizeof text), SIGSEGV);
    cr_assert_eq(die_as(&ignored, WILD, text, sizeof text), SIGSEGV);
    cr_assert_str_eq(text, "");
}

Test(guard, who_asked_for_nothing_is_not_saved_by_who_spawned_it) {
    if (!signals_here()) return;
    char text[1000];
    const troupe_behaviour parent = {
        .name = "parent", .receive = start_another, .fatal = TROUPE_FATAL_FAIL};
    cr_assert_eq(die_as(&parent, 0, text, sizeof text), SIGSEGV);
    cr_assert_str_eq(text, "");
}
