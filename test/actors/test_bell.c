#include "actors/bell.h"

#include <criterion/criterion.h>
#include <poll.h>
#include <sys/resource.h>
#include <unistd.h>

#include "actors/runtime.h"
#include "test/support/stage.h"

TestSuite(bell, .timeout = 60);

/* A runtime on the system's clock: what a descriptor says of time is the system's to say. */
static struct {
    troupe *rt;
    int fd;
    size_t descriptors;
    unsigned handled;
} it;

struct order {
    uint32_t ms;    /* a timer for itself; 0: none */
    uint32_t again; /* so many more messages to itself */
    bool cancel;    /* ends the timer that was set last */
    bool reply;
};
static const troupe_type order_type =
    TROUPE_TYPE(order, TROUPE_FIELD(order, ms), TROUPE_FIELD(order, again));

static void set_timer(troupe_self *self, uint32_t ms, troupe_timer *timer) {
    troupe_msg *msg = NULL;
    cr_assert_eq(troupe_make(it.rt, &order_type, &(struct order){0}, &msg), TROUPE_OK);
    cr_assert_eq(troupe_send_after(self, ms, troupe_me(self), &msg, timer), TROUPE_OK);
}

/* The argument of a start: a timer that it sets, and whether it fails then. */
struct begin {
    uint32_t ms;
    troupe_err err;
};

static troupe_err start(troupe_self *self, void *state, const void *arg) {
    const struct begin *begin = arg;
    if (begin) set_timer(self, begin->ms, state);
    return begin ? begin->err : TROUPE_OK;
}

static troupe_err receive(troupe_self *self, void *state, troupe_msg **msg) {
    const struct order *order = troupe_as(*msg, &order_type);
    it.handled++;
    if (order->cancel) cr_assert_eq(troupe_cancel(self, *(troupe_timer *)state), TROUPE_OK);
    if (order->ms) set_timer(self, order->ms, state);
    if (order->again)
        return troupe_tell(self, troupe_me(self), &order_type,
                           &(struct order){.again = order->again - 1});
    return order->reply ? troupe_reply(self, msg) : TROUPE_OK;
}

static const troupe_behaviour actor = {
    .name = "actor", .state_size = sizeof(troupe_timer), .start = start, .receive = receive};

static void open_it(void) {
    troupe_config config = stage_prepare(TROUPE_STEPPED);
    config.now = NULL;
    it.descriptors = stage_descriptors();
    cr_assert_eq(troupe_open(&config, &it.rt), TROUPE_OK);
    cr_assert_eq(stage_descriptors(), it.descriptors, "who does not ask for one has none");
    cr_assert_eq(troupe_fd(it.rt, &it.fd), TROUPE_OK);
}

static void close_it(void) {
    troupe_close(&it.rt);
    cr_assert_eq(stage_descriptors(), it.descriptors);
    stage_close();
}

static troupe_ref enter(const struct begin *begin) {
    troupe_ref who;
    cr_assert_eq(troupe_spawn(it.rt, &actor, begin, &who), TROUPE_OK);
    return who;
}

static void post(troupe_ref who, struct order order) {
    troupe_msg *msg = NULL;
    cr_assert_eq(troupe_make(it.rt, &order_type, &order, &msg), TROUPE_OK);
    cr_assert_eq(troupe_post(it.rt, who, &msg), TROUPE_OK);
}

static bool readable(int ms) {
    struct pollfd wanted = {.fd = it.fd, .events = POLLIN};
    return poll(&wanted, 1, ms) == 1;
}

Test(bell, is_for_a_runtime_that_its_owner_steps) {
    int fd = 77;
    (void)stage_open(1);
    cr_assert_eq(troupe_fd(stage_rt(), &fd), TROUPE_INVALID);
    cr_assert_eq(troupe_due(stage_rt()), UINT64_MAX);
    stage_close();
    (void)stage_open(STAGE_SIMULATED);
    cr_assert_eq(troupe_fd(stage_rt(), &fd), TROUPE_INVALID);
    cr_assert_eq(troupe_due(stage_rt()), UINT64_MAX);
    stage_close();
    cr_assert_eq(fd, 77);
}

Test(bell, is_the_same_one_each_time_and_goes_with_the_runtime) {
    open_it();
    size_t descriptors = stage_descriptors();
    int again = -1;
    cr_assert_eq(troupe_fd(it.rt, &again), TROUPE_OK);
    cr_assert_eq(again, it.fd);
    cr_assert_eq(stage_descriptors(), descriptors);
    post(enter(NULL), (struct order){0}); /* closed as it rings */
    close_it();
}

Test(bell, needs_descriptors) {
    struct rlimit limit;
    cr_assert_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
    struct rlimit tight = {0, limit.rlim_max};
    const troupe_config config = stage_prepare(TROUPE_STEPPED);
    troupe *rt;
    int fd = 77;
    cr_assert_eq(troupe_open(&config, &rt), TROUPE_OK);
    cr_assert_eq(setrlimit(RLIMIT_NOFILE, &tight), 0);
    cr_assert_eq(troupe_fd(rt, &fd), TROUPE_SYSTEM);
    cr_assert_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
    cr_assert_eq(fd, 77);
    cr_assert_eq(troupe_fd(rt, &fd), TROUPE_OK);
    troupe_close(&rt);
    stage_close();
}

Test(bell, rings_for_mail_and_is_quiet_once_it_is_handled) {
    open_it();
    troupe_ref who = enter(NULL);
    cr_assert(!readable(0));
    for (unsigned round = 1; round <= 3; round++) {
        post(who, (struct order){0});
        cr_assert(readable(0));
        post(who, (struct order){0});
        cr_assert(readable(0));
        cr_assert_eq(troupe_step(it.rt, 100), 1);
        cr_assert_eq(it.handled, 2 * round);
        cr_assert(!readable(0));
        cr_assert_eq(troupe_step(it.rt, 100), 0);
        cr_assert(!readable(0));
    }
    close_it();
}

Test(bell, rings_for_what_was_there_before_it_was_hung_up) {
    troupe_config config = stage_prepare(TROUPE_STEPPED);
    config.now = NULL;
    it.descriptors = stage_descriptors();
    cr_assert_eq(troupe_open(&config, &it.rt), TROUPE_OK);
    post(enter(NULL), (struct order){0});
    cr_assert_eq(troupe_fd(it.rt, &it.fd), TROUPE_OK);
    cr_assert(readable(0));
    cr_assert_eq(troupe_step(it.rt, 100), 1);
    cr_assert(!readable(0));
    close_it();
}

/* A step that returns with something left leaves it readable. */
Test(bell, goes_on_ringing_for_what_a_budget_leaves) {
    open_it();
    troupe_ref a = enter(NULL), b = enter(NULL);
    post(a, (struct order){.again = 2}); /* each in a turn of its own */
    post(b, (struct order){0});
    for (unsigned turn = 0; turn < 4; turn++) {
        cr_assert(readable(0));
        cr_assert_eq(troupe_step(it.rt, 1), 1);
        cr_assert_leq(it.handled, turn + 1);
    }
    cr_assert(!readable(0));
    cr_assert_eq(it.handled, 4);
    cr_assert_eq(troupe_step(it.rt, 0), 0);
    cr_assert(!readable(0));
    post(a, (struct order){0});
    cr_assert_eq(troupe_step(it.rt, 0), 0); /* a step of nothing takes nothing back */
    cr_assert(readable(0));
    close_it();
}

Test(bell, rings_for_requests_and_for_the_end_of_actors) {
    open_it();
    troupe_ref a = enter(NULL), b = enter(NULL);
    cr_assert_eq(troupe_stop(it.rt, a), TROUPE_OK);
    cr_assert(readable(0));
    cr_assert_gt(troupe_step(it.rt, 100), 0);
    cr_assert(!readable(0));
    cr_assert_eq(troupe_kill(it.rt, b), TROUPE_OK);
    cr_assert(readable(0));
    cr_assert_gt(troupe_step(it.rt, 100), 0);
    cr_assert(!readable(0));
    close_it();
}

static void *post_afar(void *who) {
    post(*(troupe_ref *)who, (struct order){0});
    return NULL;
}

Test(bell, rings_from_any_thread) {
    open_it();
    troupe_ref who = enter(NULL);
    for (unsigned i = 1; i <= 100; i++) {
        pthread_t thread;
        cr_assert_eq(pthread_create(&thread, NULL, post_afar, &who), 0);
        cr_assert(readable(-1));
        cr_assert_eq(troupe_step(it.rt, 100), 1);
        cr_assert_eq(it.handled, i);
        pthread_join(thread, NULL);
        cr_assert(!readable(0));
    }
    close_it();
}

/* --- Timers ----------------------------------------------------------------------------------- */

Test(bell, rings_when_a_timer_is_due) {
    open_it();
    troupe_ref who = enter(NULL);
    post(who, (struct order){.ms = 20});
    uint64_t before = tr_clock();
    cr_assert_eq(troupe_step(it.rt, 100), 1);
    cr_assert(readable(-1));
    cr_assert_geq(tr_clock(), before + 20 * TR_MS);
    cr_assert_eq(troupe_step(it.rt, 100), 2); /* the timer, and its message */
    cr_assert_eq(it.handled, 2);
    cr_assert(!readable(0));
    close_it();
}

/* A start on a plain thread may set one while the owner waits already. */
Test(bell, hears_of_timers_that_are_set_between_steps) {
    open_it();
    (void)enter(&(struct begin){.ms = 1});
    cr_assert(readable(-1));
    cr_assert_eq(troupe_step(it.rt, 100), 2);
    cr_assert(!readable(0));
    troupe_ref who;
    const struct begin fails = {.ms = 0, .err = TROUPE_USER}; /* its timer goes with it */
    cr_assert_eq(troupe_spawn(it.rt, &actor, &fails, &who), TROUPE_USER);
    cr_assert(!readable(0));
    cr_assert_eq(troupe_step(it.rt, 100), 0);
    close_it();
}

Test(bell, is_quiet_for_a_timer_that_was_ended) {
    open_it();
    troupe_ref who = enter(NULL);
    const uint64_t hour = 3600 * 1000;
    post(who, (struct order){.ms = (uint32_t)hour});
    cr_assert_eq(troupe_step(it.rt, 100), 1);
    uint64_t late = it.rt->timers.set;
    cr_assert(!readable(0));
    post(who, (struct order){.ms = (uint32_t)hour / 2});
    cr_assert_eq(troupe_step(it.rt, 100), 1);
    cr_assert_lt(it.rt->timers.set, late);
    post(who, (struct order){.cancel = true});
    cr_assert_eq(troupe_step(it.rt, 100), 1);
    cr_assert_eq(it.rt->timers.set, late);
    cr_assert_eq(troupe_due(it.rt), late);
    cr_assert_eq(troupe_kill(it.rt, who), TROUPE_OK);
    (void)troupe_step(it.rt, 100);
    cr_assert_eq(it.rt->timers.set, TR_NEVER);
    cr_assert(!readable(0));
    close_it();
}

/* While it steps it asks the system for nothing: what comes and goes is settled at the end. */
Test(bell, is_set_once_a_step) {
    open_it();
    troupe_ref who = enter(NULL);
    post(who, (struct order){.ms = 3600000});
    tr_bell_mute(it.rt);
    cr_assert(tr_sched_step(&it.rt->sched));
    cr_assert_eq(it.rt->timers.count, 1);
    cr_assert_eq(it.rt->timers.set, TR_NEVER);
    tr_bell_settle(it.rt);
    cr_assert_neq(it.rt->timers.set, TR_NEVER);
    close_it();
}

Test(bell, says_when_stepping_is_due) {
    const troupe_config config = stage_prepare(TROUPE_STEPPED);
    it.descriptors = stage_descriptors();
    *stage_clock() = 5;
    cr_assert_eq(troupe_open(&config, &it.rt), TROUPE_OK);
    troupe_ref who = enter(NULL);
    cr_assert_eq(troupe_due(it.rt), UINT64_MAX);
    post(who, (struct order){.ms = 7});
    cr_assert_eq(troupe_due(it.rt), 0);
    cr_assert_eq(troupe_step(it.rt, 100), 1);
    cr_assert_eq(troupe_due(it.rt), 7 * TR_MS + 5);
    /* The owner's clock: nobody but the owner knows that it has moved. */
    cr_assert_eq(troupe_fd(it.rt, &it.fd), TROUPE_OK);
    *stage_clock() = 7 * TR_MS + 5;
    cr_assert(!readable(0));
    cr_assert_eq(troupe_step(it.rt, 1), 1); /* the timer; its message is left */
    cr_assert(readable(0));
    cr_assert_eq(troupe_step(it.rt, 1), 1);
    cr_assert(!readable(0));
    cr_assert_eq(troupe_due(it.rt), UINT64_MAX);
    close_it();
}

/* --- Others that step ------------------------------------------------------------------------- */

Test(bell, is_quiet_after_an_ask_that_stepped) {
    open_it();
    troupe_ref who = enter(NULL);
    troupe_msg *msg = NULL;
    cr_assert_eq(troupe_make(it.rt, &order_type, &(struct order){.reply = true}, &msg), TROUPE_OK);
    cr_assert_eq(troupe_ask(it.rt, who, &msg, 10000), TROUPE_OK);
    cr_assert(!readable(0));
    troupe_drop(&msg);
    close_it();
}

/* Who has called, but is late to ring, finds that its call was taken in. */
Test(bell, does_not_ring_for_what_is_done) {
    open_it();
    tr_worker *worker = &it.rt->sched.worker[0];
    cr_assert(tr_worker_asleep(worker));
    worker->ring(worker);
    cr_assert(!readable(0));
    post(enter(NULL), (struct order){0});
    worker->ring(worker); /* and once more for what it rings for already */
    cr_assert(readable(0));
    cr_assert_eq(troupe_step(it.rt, 100), 1);
    cr_assert(!readable(0));
    close_it();
}
