/* Links, monitors and exit signals while the other side ends: on workers, and on threads of their
 * own. Each end is told exactly once and with a reason that it can have had; nothing comes of a
 * link that was taken back; what was sent behind an exit signal is not handled. The numbers are
 * those of the conformance list for links and monitors. */
#include <troupe/troupe.h>

#include "test/stress/stress.h"

enum { DRIVERS = 6, STARTED = TROUPE_USER + 1, SENT, TRAPPED, ITSELF };

/* What a round is about. */
enum {
    SPAWN_LINK,    /* 13: the child ends in the first thing it does */
    SPAWN_MONITOR, /* 13 */
    LINK,          /* 17: it ends while it is linked to */
    MONITOR,       /* 17 */
    UNLINK,        /* 14: the link is taken back while it ends */
    FLUSH,         /* 19: so is a monitor */
    HIT,           /* 10: an exit signal, whatever it does */
    WAYS
};

struct order {
    uint32_t what, why;
};
static const troupe_type order_type =
    TROUPE_TYPE(order, TROUPE_FIELD(order, what), TROUPE_FIELD(order, why));
static const troupe_type done_type = TROUPE_SIGNAL_TYPE("done");

/* What a child is told. */
enum { END, TRAP, TRAP_NOT, LATE };

static troupe *rt;
static tr_atomic64 rounds[WAYS], exits, downs, gones, reasons[4];

/* --- Children --------------------------------------------------------------------------------- */

static troupe_err start_child(troupe_self *self, void *memory, const void *arg) {
    const struct order *first = arg;
    (void)memory;
    if (first->what == END) troupe_exit(self, (troupe_err)first->why);
    return TROUPE_OK;
}

static troupe_err receive_child(troupe_self *self, void *memory, troupe_msg **msg) {
    const struct order *order = troupe_as(*msg, &order_type);
    (void)memory;
    if (troupe_as(*msg, &troupe_exit_type)) return (troupe_err)TRAPPED;
    MUST(order && order->what != LATE);
    if (order->what == END) return (troupe_err)order->why;
    troupe_trap_exits(self, order->what == TRAP);
    return TROUPE_OK;
}

static const troupe_behaviour child[] = {
    {.name = "child", .start = start_child, .receive = receive_child},
    {.name = "child", .start = start_child, .receive = receive_child, .blocking = true},
};

/* --- Drivers ---------------------------------------------------------------------------------- */

typedef struct driver {
    uint64_t seed, left;
    uint32_t way;
    troupe_ref child, asker;
    uint64_t monitor; /* whose `down` ends the round; 0: an exit does */
    bool no_exit;     /* none may come */
} driver;

static troupe_err next_round(troupe_self *self, driver *it);

/* What `it` waits for has come. */
static troupe_err hear(troupe_self *self, driver *it, troupe_ref who, uint32_t why) {
    MUST(troupe_same(who, it->child));
    if (why == TROUPE_GONE)
        (void)tr_add64_relaxed(&gones, 1);
    else
        (void)tr_add64_relaxed(&reasons[why - STARTED], 1);
    if (it->way == SPAWN_LINK || it->way == SPAWN_MONITOR) MUST(why == STARTED);
    if (it->way == HIT)
        MUST(why == SENT || why == TRAPPED || why == ITSELF);
    else
        MUST(why == STARTED || why == TROUPE_GONE);
    return next_round(self, it);
}

static void tell(troupe_self *self, const driver *it, uint32_t what, uint32_t why) {
    const struct order order = {what, why};
    troupe_err err = troupe_tell(self, it->child, &order_type, &order);
    MUST(err == TROUPE_OK || err == TROUPE_GONE);
}

static void link_or_monitor(troupe_self *self, driver *it, bool link) {
    it->monitor = 0;
    if (link)
        MUST(troupe_link(self, it->child) == TROUPE_OK);
    else
        MUST(troupe_monitor(self, it->child, &it->monitor) == TROUPE_OK);
}

/* Ties, has it end, and takes that back; the `down` of another monitor then ends the round. */
static void take_back(troupe_self *self, driver *it) {
    uint64_t flushed;
    if (it->way == UNLINK) {
        MUST(troupe_link(self, it->child) == TROUPE_OK);
        tell(self, it, END, STARTED);
        (void)troupe_unlink(self, it->child);
        MUST(troupe_unlink(self, it->child) == TROUPE_NOTFOUND);
    } else {
        MUST(troupe_monitor(self, it->child, &flushed) == TROUPE_OK);
        tell(self, it, END, STARTED);
        (void)troupe_demonitor_flush(self, flushed);
        MUST(troupe_demonitor(self, flushed) == TROUPE_NOTFOUND);
    }
    it->no_exit = true;
    MUST(troupe_monitor(self, it->child, &it->monitor) == TROUPE_OK);
}

static void hit(troupe_self *self, driver *it) {
    link_or_monitor(self, it, false);
    for (uint64_t n = stress_random(&it->seed) % 4; n > 0; n--)
        tell(self, it, n % 2 ? TRAP : TRAP_NOT, 0);
    if (stress_random(&it->seed) % 4 == 0) tell(self, it, END, ITSELF);
    MUST(troupe_exit_signal(self, it->child, (troupe_err)SENT) == TROUPE_OK);
    tell(self, it, LATE, 0);
    if (stress_random(&it->seed) % 2)
        MUST(troupe_exit_signal(self, it->child, TROUPE_TOOBIG) == TROUPE_OK);
}

/* Spawns a child and has its end and the tie meet. */
static void play(troupe_self *self, driver *it) {
    const troupe_behaviour *what = &child[stress_random(&it->seed) % 2];
    const struct order ends = {END, STARTED}, lives = {TRAP, 0};
    it->no_exit = false;
    it->monitor = 0;
    if (it->way == SPAWN_LINK) {
        MUST(troupe_spawn_link(self, what, &ends, &it->child) == TROUPE_OK);
        return;
    }
    if (it->way == SPAWN_MONITOR) {
        MUST(troupe_spawn_monitor(self, what, &ends, &it->child, &it->monitor) == TROUPE_OK);
        return;
    }
    MUST(troupe_spawn(rt, what, &lives, &it->child) == TROUPE_OK);
    if (it->way == LINK || it->way == MONITOR) {
        bool first = stress_random(&it->seed) % 4 == 0;
        if (!first) tell(self, it, END, STARTED);
        for (uint64_t n = stress_random(&it->seed) % 3; n > 0; n--) sched_yield();
        link_or_monitor(self, it, it->way == LINK);
        if (first) tell(self, it, END, STARTED);
    } else if (it->way == HIT) {
        hit(self, it);
    } else {
        take_back(self, it);
    }
}

static troupe_err next_round(troupe_self *self, driver *it) {
    if (!it->left) return troupe_tell(self, it->asker, &done_type, NULL);
    it->left--;
    it->way = (uint32_t)(stress_random(&it->seed) % WAYS);
    (void)tr_add64_relaxed(&rounds[it->way], 1);
    play(self, it);
    return TROUPE_OK;
}

static troupe_err start_driver(troupe_self *self, void *memory, const void *arg) {
    driver *it = memory;
    *it = *(const driver *)arg;
    troupe_trap_exits(self, true);
    return TROUPE_OK;
}

static troupe_err receive_driver(troupe_self *self, void *memory, troupe_msg **msg) {
    driver *it = memory;
    const struct troupe_exit *ended = troupe_as(*msg, &troupe_exit_type);
    const struct troupe_down *down = troupe_as(*msg, &troupe_down_type);
    if (ended) {
        (void)tr_add64_relaxed(&exits, 1);
        MUST(ended->link && !it->monitor && !it->no_exit);
        return hear(self, it, ended->who, ended->why);
    }
    if (down) {
        (void)tr_add64_relaxed(&downs, 1);
        MUST(down->monitor == it->monitor);
        return hear(self, it, down->who, down->why);
    }
    it->asker = troupe_sender(self);
    return next_round(self, it);
}

static const troupe_behaviour driver_behaviour[] = {
    {.name = "driver",
     .state_size = sizeof(driver),
     .start = start_driver,
     .receive = receive_driver},
    {.name = "driver",
     .state_size = sizeof(driver),
     .start = start_driver,
     .receive = receive_driver,
     .blocking = true},
};

/* --- The program ------------------------------------------------------------------------------ */

static void log_line(void *ctx, troupe_level level, const char *line) {
    (void)ctx;
    if (level <= TROUPE_WARN && strncmp(line, "close", 5) == 0) fprintf(stderr, "%s\n", line);
}

static void *drive(void *arg) {
    const troupe_ref who = *(const troupe_ref *)arg;
    troupe_msg *msg = NULL;
    MUST(troupe_make(rt, &done_type, NULL, &msg) == TROUPE_OK);
    MUST(troupe_ask(rt, who, &msg, 10 * STRESS_PATIENCE_MS) == TROUPE_OK);
    troupe_drop(&msg);
    return NULL;
}

int main(void) {
    static stress_heap heap;
    const uint64_t each = stress_count(100000, 5000) * WAYS / DRIVERS;
    uint64_t begun = tr_clock(), played = 0;
    stress_heap_init(&heap);
    const troupe_config config = {.workers = 3, .heap = heap.heap, .log = log_line};
    MUST(troupe_open(&config, &rt) == TROUPE_OK);
    troupe_ref who[DRIVERS];
    tr_thread thread[DRIVERS];
    for (uint64_t i = 0; i < DRIVERS; i++) {
        const driver as = {.seed = i + 1, .left = each};
        MUST(troupe_spawn(rt, &driver_behaviour[i % 2], &as, &who[i]) == TROUPE_OK);
    }
    for (int i = 0; i < DRIVERS; i++) MUST(tr_thread_start(&thread[i], "drive", drive, &who[i]));
    for (int i = 0; i < DRIVERS; i++) tr_thread_join(&thread[i]);
    for (int i = 0; i < WAYS; i++) played += tr_load64_relaxed(&rounds[i]);
    MUST(played == each * DRIVERS);
    MUST(tr_load64_relaxed(&exits) + tr_load64_relaxed(&downs) == played);
    troupe *closing = rt;
    troupe_close(&closing);
    MUST(!closing && stress_heap_empty(&heap));
    printf("link: %llu rounds, %llu exits and %llu downs, %llu of them too late to say more than "
           "GONE; %llu hit, %llu trapped it, %llu had ended before, %llu ms; all held\n",
           (unsigned long long)played, (unsigned long long)tr_load64_relaxed(&exits),
           (unsigned long long)tr_load64_relaxed(&downs),
           (unsigned long long)tr_load64_relaxed(&gones),
           (unsigned long long)tr_load64_relaxed(&reasons[SENT - STARTED]),
           (unsigned long long)tr_load64_relaxed(&reasons[TRAPPED - STARTED]),
           (unsigned long long)tr_load64_relaxed(&reasons[ITSELF - STARTED]),
           (unsigned long long)((tr_clock() - begun) / TR_MS));
    return 0;
}
