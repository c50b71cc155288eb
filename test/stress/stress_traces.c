/* Runtimes of all kinds are opened, used and closed, again and again and several at a time: not a
 * thread, a descriptor, a signal handler or a byte is left. */
#include <poll.h>
#include <troupe/troupe.h>

#include "test/stress/traces.h"

static stress_heap heap;

static const troupe_type job_type = TROUPE_SIGNAL_TYPE("job");

static void quiet(void *ctx, troupe_level level, const char *line) {
    (void)ctx;
    (void)level;
    (void)line;
}

static troupe *open_with(unsigned workers) {
    const troupe_config config = {.workers = workers, .heap = heap.heap, .log = quiet};
    troupe *rt;
    MUST(troupe_open(&config, &rt) == TROUPE_OK);
    return rt;
}

/* Whatever is made must be given back: a timer that never fires, memory, a monitor of itself. */
static troupe_err clutter(troupe_self *self, void *state, const void *arg) {
    (void)state;
    (void)arg;
    uint64_t monitor;
    troupe_msg *msg = NULL;
    MUST(troupe_make(troupe_runtime(self), &job_type, NULL, &msg) == TROUPE_OK);
    MUST(troupe_send_after(self, 3600000, troupe_me(self), &msg, NULL) == TROUPE_OK);
    MUST(troupe_alloc(self, 1000));
    MUST(troupe_monitor(self, troupe_me(self), &monitor) == TROUPE_OK);
    return TROUPE_OK;
}

/* Answers, and keeps its thread until all that are asked for have come. */
static tr_atomic32 here, wanted;

static troupe_err meet(troupe_self *self, void *state, troupe_msg **msg) {
    (void)state;
    (void)tr_add32_seq(&here, 1);
    tr_futex_wake(&here, ~0u);
    for (uint32_t n; (n = tr_load32_seq(&here)) < tr_load32_seq(&wanted);)
        MUST(tr_futex_wait(&here, n, stress_deadline()));
    tr_futex_wake(&here, ~0u);
    return troupe_reply(self, msg);
}

static const troupe_behaviour
    plain = {.name = "plain", .start = clutter, .receive = meet},
    blocking = {.name = "blocking", .blocking = true, .start = clutter, .receive = meet},
    fatal = {.name = "fatal", .fatal = TROUPE_FATAL_FAIL, .start = clutter, .receive = meet};

/* So many of them meet in their callbacks, one more is asked, and mail is left at all. */
static void use(troupe *rt, const troupe_behaviour *what, uint32_t meeting) {
    enum { MANY = 4 };
    troupe_ref who[MANY];
    troupe_msg *msg = NULL;
    tr_store32_seq(&here, 0);
    tr_store32_seq(&wanted, meeting + 1);
    for (uint32_t i = 0; i <= meeting; i++)
        MUST(troupe_spawn(rt, what, NULL, &who[i]) == TROUPE_OK);
    for (uint32_t i = 0; i < meeting; i++) {
        MUST(troupe_make(rt, &job_type, NULL, &msg) == TROUPE_OK);
        MUST(troupe_post(rt, who[i], &msg) == TROUPE_OK);
    }
    MUST(troupe_make(rt, &job_type, NULL, &msg) == TROUPE_OK);
    MUST(troupe_ask(rt, who[meeting], &msg, STRESS_PATIENCE_MS) == TROUPE_OK);
    troupe_drop(&msg);
    for (uint32_t i = 0; i <= meeting; i++) {
        MUST(troupe_make(rt, &job_type, NULL, &msg) == TROUPE_OK);
        MUST(troupe_post(rt, who[i], &msg) == TROUPE_OK);
    }
}

static void supervised(troupe *rt) {
    const troupe_child child[] = {{.id = "a", .what = &plain}, {.id = "b", .what = &plain}};
    const troupe_supervision tree = {.child = child, .children = 2, .name = "tree"};
    troupe_ref root;
    MUST(troupe_supervise(rt, &tree, STRESS_PATIENCE_MS, &root) == TROUPE_OK);
}

static void workers(void) {
    troupe *rt = open_with(2);
    supervised(rt);
    use(rt, &plain, 1);
    troupe_close(&rt);
}

/* Three callbacks hold one worker each at the same time: there must be spares. */
static void spares(void) {
    troupe *rt = open_with(1);
    use(rt, &plain, 3);
    troupe_close(&rt);
}

static void pool(void) {
    troupe *rt = open_with(1);
    use(rt, &blocking, 3);
    troupe_close(&rt);
}

static void handlers(void) {
    troupe *rt = open_with(1);
    use(rt, &fatal, 0);
    troupe_close(&rt);
}

/* All on this thread. */
static void handlers_stepped(void) {
    troupe *rt = open_with(TROUPE_STEPPED);
    use(rt, &fatal, 0);
    troupe_close(&rt);
}

static void stepped(void) {
    troupe *rt = open_with(TROUPE_STEPPED);
    use(rt, &plain, 0);
    troupe_close(&rt);
}

static void in_a_loop(void) {
    troupe *rt = open_with(TROUPE_STEPPED);
    int fd;
    MUST(troupe_fd(rt, &fd) == TROUPE_OK);
    use(rt, &plain, 0);
    struct pollfd ready = {.fd = fd, .events = POLLIN};
    while (poll(&ready, 1, 0) == 1) MUST(troupe_step(rt, 10) > 0);
    troupe_close(&rt);
}

/* Who waits for the end of a service has signals and descriptors for that. */
static void service(void) {
    troupe *rt = open_with(1);
    troupe_ref who;
    MUST(troupe_spawn(rt, &plain, NULL, &who) == TROUPE_OK);
    MUST(troupe_await_end(rt, who, 1) == TROUPE_TIMEOUT);
    MUST(troupe_stop(rt, who) == TROUPE_OK);
    MUST(troupe_await_end(rt, who, STRESS_PATIENCE_MS) == TROUPE_SHUTDOWN ||
         troupe_mailbox(rt, who, NULL, NULL) == TROUPE_GONE);
    troupe_close(&rt);
}

/* Several in one process, closed in another order, know nothing of each other. */
static void several(void) {
    troupe *rt[4];
    for (unsigned i = 0; i < 4; i++) rt[i] = open_with(i % 2 ? 1 : TROUPE_STEPPED);
    for (unsigned i = 0; i < 4; i++) use(rt[i], &plain, 0);
    for (unsigned i = 0; i < 4; i++) troupe_close(&rt[(i + 2) % 4]);
}

static void channels(void) {
    troupe_tx *tx;
    troupe_rx *rx;
    int thing;
    void *item = &thing;
    MUST(troupe_channel_open(3, NULL, &heap.heap, &tx, &rx) == TROUPE_OK);
    MUST(troupe_channel_try_send(tx, &item) == TROUPE_OK);
    troupe_channel_drop(&tx);
    MUST(troupe_channel_end(&rx) == 1);
}

int main(void) {
    static void (*const kind[])(void) = {workers, spares,    pool,    handlers, handlers_stepped,
                                         stepped, in_a_loop, several, channels};
    enum { KINDS = sizeof kind / sizeof *kind };
    stress_heap_init(&heap);
    traces before;
    traces_begin(&before);
    for (uint64_t round = 0; round < stress_count(20, 3); round++)
        for (size_t i = 0; i < KINDS; i++) {
            kind[i]();
            MUST(stress_heap_empty(&heap));
            traces_none_since(&before);
        }
    /* By invitation it holds two signals, and keeps them: `troupe_hold_signals`. */
    troupe_hold_signals();
    traces_look(&before);
    for (uint64_t round = 0; round < stress_count(20, 3); round++) {
        service();
        MUST(stress_heap_empty(&heap));
        traces_none_since(&before);
    }
    return 0;
}
