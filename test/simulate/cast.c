#include "test/simulate/cast.h"

#include <stdio.h>
#include <string.h>

#include "test/simulate/links.h"

enum { KIDS = 4, ROLES = 4096, MS = 1000000 };

/* What an actor starts with, as long as its supervisor lives; a run needs a few hundred. */
typedef struct role {
    slot *it;
    uint32_t epoch; /* of the slot */
    troupe_ref ref; /* who plays it */
    unsigned node;
    uint32_t limit, tries;
    bool waits, hurries;
} role;
static role roles[ROLES];

static role *new_role(slot *it) {
    static size_t used;
    role *as = &roles[used++ % ROLES];
    *as = (role){.it = it,
                 .epoch = it->epoch,
                 .node = it->node,
                 .limit = it->limit,
                 .tries = it->tries,
                 .waits = it->waits,
                 .hurries = it->hurries};
    return as;
}

slot *cast_anybody(uint64_t drawn) {
    for (uint32_t i = 0; i < SLOTS; i++) {
        slot *it = &book.slot[(drawn + i) % SLOTS];
        if (it->alive) return it;
    }
    return NULL;
}

void cast_dead_letter(void *ctx, const troupe_dead_letter *letter, troupe_msg **msg) {
    const struct work *work = troupe_as(*msg, &work_type);
    (void)ctx;
    if (work) ledger_dead(work, letter->reason);
}

static slot *me(void *state) {
    return *(slot **)state;
}

/* --- What they do ----------------------------------------------------------------------------- */

static void send_on(troupe_self *self, slot *from, uint32_t hops) {
    troupe *rt = troupe_runtime(self);
    slot *to = cast_anybody(troupe_random(rt));
    if (!to || !hops) return;
    const uint32_t acts[] = {ACT_PASS, ACT_PASS, ACT_FAN, ACT_NOTHING, ACT_WATCH, ACT_TIMER};
    const uint32_t a = acts[troupe_random(rt) % (sizeof acts / sizeof *acts)];
    struct work work = ledger_work(from, from->node, to, a, hops - 1);
    const uint32_t drawn = (uint32_t)troupe_random(rt);
    const troupe_delivery how = {.urgent = drawn % 4 == 1,
                                 .within_ms = drawn % 8 < 3 ? drawn / 8 % 200 : 0};
    work.urgent = how.urgent;
    work.until = how.within_ms ? (uint32_t)(troupe_now(rt) / MS) + how.within_ms : 0;
    troupe_msg *msg = NULL;
    troupe_err err = troupe_make(rt, &work_type, &work, &msg);
    if (!err) err = troupe_send_with(self, to->ref, &msg, &how);
    ledger_sent(from, to, from->node, &work, err);
    troupe_drop(&msg);
}

static void watch(troupe_self *self, slot *it) {
    slot *who = cast_anybody(troupe_random(troupe_runtime(self)));
    if (!who || book.monitors == MONITORS) return;
    monitor entry = {.watcher = ledger_index(it),
                     .watcher_epoch = it->epoch,
                     .watcher_life = it->lives,
                     .watched = ledger_index(who),
                     .watched_epoch = who->epoch};
    if (troupe_monitor(self, who->ref, &entry.id) != TROUPE_OK) return;
    it->tied = true;
    book.monitor[book.monitors++] = entry;
}

static void unwatch(troupe_self *self, slot *it) {
    for (size_t i = 0; i < book.monitors; i++) {
        monitor *at = &book.monitor[i];
        if (at->watcher != ledger_index(it) || at->watcher_epoch != it->epoch || at->over) continue;
        if (troupe_demonitor(self, at->id) == TROUPE_OK) at->over = true;
        return;
    }
}

static void set_timer(troupe_self *self, slot *it) {
    troupe *rt = troupe_runtime(self);
    if (book.timers == TIMERS) return;
    timer *entry = &book.timer[book.timers];
    const unsigned ms = (unsigned)(troupe_random(rt) % 3000);
    struct work work = {.from = ledger_index(it),
                        .from_epoch = it->epoch,
                        .to = ledger_index(it),
                        .to_epoch = it->epoch,
                        .act = ACT_PASS,
                        .hops = 2,
                        .timer = 1 + (uint32_t)book.timers};
    troupe_msg *msg = NULL;
    *entry = (timer){.owner = ledger_index(it),
                     .owner_epoch = it->epoch,
                     .owner_life = it->lives,
                     .due = troupe_now(rt) + ms * (uint64_t)MS};
    if (troupe_make(rt, &work_type, &work, &msg)) return;
    if (troupe_send_after(self, ms, troupe_me(self), &msg, &entry->id) == TROUPE_OK) {
        entry->set = true;
        book.timers++;
    }
    troupe_drop(&msg);
}

static void cancel_timer(troupe_self *self, slot *it) {
    for (size_t i = 0; i < book.timers; i++) {
        timer *at = &book.timer[i];
        if (at->owner != ledger_index(it) || at->owner_epoch != it->epoch || at->fired) continue;
        if (troupe_cancel(self, at->id) == TROUPE_OK) at->cancelled = true;
        return;
    }
}

static void fired(troupe_self *self, slot *it, const struct work *work) {
    timer *at = &book.timer[work->timer - 1];
    MUST(at->owner == ledger_index(it) && at->owner_epoch == it->epoch);
    if (at->cancelled) WRONG("a timer fired that was cancelled");
    if (at->fired && !it->tries) WRONG("a timer fired twice");
    if (troupe_now(troupe_runtime(self)) < at->due) WRONG("a timer fired too early");
    at->fired = true;
}

/* Time may pass while it is in hand only if it is tried again. On the way to another node it has
 * none taken off. */
static void came(troupe_self *self, slot *it, const struct work *work) {
    const bool here = work->from < SLOTS && book.slot[work->from].node == it->node;
    if (work->until && here && !it->tries &&
        book.slot[work->from].epoch == work->from_epoch &&
        troupe_now(troupe_runtime(self)) / MS > work->until)
        WRONG("message %u from slot %u is handled too late", work->number, work->from);
    ledger_came(it, work);
}

static void take_name(troupe_self *self) {
    char name[32];
    troupe_ref found;
    (void)snprintf(name, sizeof name, "name%u",
                   (unsigned)(troupe_random(troupe_runtime(self)) % 8));
    troupe_err err = troupe_register(troupe_runtime(self), troupe_me(self), name);
    if (err) return;
    MUST(troupe_whereis(troupe_runtime(self), name, &found) == TROUPE_OK);
    MUST(troupe_same(found, troupe_me(self)));
}

static void link_to(troupe_self *self, slot *it) {
    slot *who = cast_anybody(troupe_random(troupe_runtime(self)));
    if (!who || troupe_link(self, who->ref) != TROUPE_OK) return;
    it->tied = who->tied = true;
    links_made(it, who);
}

static void unlink_from(troupe_self *self, slot *it) {
    slot *who = cast_anybody(troupe_random(troupe_runtime(self)));
    if (!who) return;
    (void)troupe_unlink(self, who->ref);
    links_taken_back(it, who);
}

static void signal_exit(troupe_self *self, const slot *it) {
    const troupe_err why[] = {TROUPE_OK, TROUPE_SHUTDOWN, (troupe_err)TROUPE_USER, TROUPE_KILL};
    const uint64_t drawn = troupe_random(troupe_runtime(self));
    slot *who = cast_anybody(drawn / 8);
    if (!who || !who->ref.node) return; /* it has not started yet */
    who->tied = true;
    if (who->node != it->node) who->far = true; /* there it takes a place, as a message does */
    troupe_err err = troupe_exit_signal(self, who->ref, why[drawn % 4]);
    MUST(err == TROUPE_OK || err == TROUPE_NOMEM || err == TROUPE_FULL ||
         err == TROUPE_NOCONNECTION);
}

static void clean_up(void *count) {
    MUST(*(size_t *)count > 0);
    --*(size_t *)count;
}

/* What is over the budget fails the actor afterwards. */
static void own_more(troupe_self *self) {
    if (troupe_defer(self, clean_up, &book.cleanups) == TROUPE_OK) book.cleanups++;
    size_t size = 1 + (size_t)(troupe_random(troupe_runtime(self)) % 200);
    char *memory = troupe_alloc(self, size);
    if (memory) memory[size - 1] = 1;
    if (size % 3 == 0) troupe_free(self, memory);
}

static troupe_err act_out(troupe_self *self, slot *it, const struct work *work) {
    const struct work answer = *work;
    troupe_err err;
    switch (work->act) {
    case ACT_FAN:
        for (int i = 0; i < 4; i++) send_on(self, it, work->hops);
        return TROUPE_OK;
    case ACT_PASS:
        send_on(self, it, work->hops);
        return TROUPE_OK;
    case ACT_FAIL:
        return troupe_fail(self, TROUPE_USER, "as told");
    case ACT_EXIT:
        troupe_exit(self, TROUPE_OK);
        return TROUPE_OK;
    case ACT_WATCH:
        watch(self, it);
        return TROUPE_OK;
    case ACT_UNWATCH:
        unwatch(self, it);
        return TROUPE_OK;
    case ACT_TIMER:
        set_timer(self, it);
        return TROUPE_OK;
    case ACT_CANCEL:
        cancel_timer(self, it);
        return TROUPE_OK;
    case ACT_SPAWN:
        (void)cast_spawn(it->node);
        return TROUPE_OK;
    case ACT_NAME:
        take_name(self);
        return TROUPE_OK;
    case ACT_LINK:
        link_to(self, it);
        return TROUPE_OK;
    case ACT_UNLINK:
        unlink_from(self, it);
        return TROUPE_OK;
    case ACT_SIGNAL:
        signal_exit(self, it);
        return TROUPE_OK;
    case ACT_OWN:
        own_more(self);
        return TROUPE_OK;
    case ACT_ANSWER:
        err = troupe_answer(self, &work_type, &answer);
        return err == TROUPE_NOMEM ? TROUPE_OK : err;
    default:
        return TROUPE_OK;
    }
}

/* --- The behaviour ---------------------------------------------------------------------------- */

static troupe_err receive(troupe_self *self, void *state, troupe_msg **msg) {
    slot *it = me(state);
    const struct work *work = troupe_as(*msg, &work_type);
    const struct troupe_down *down = troupe_as(*msg, &troupe_down_type);
    const struct troupe_exit *ended = troupe_as(*msg, &troupe_exit_type);
    uint32_t waiting, limit;
    MUST(it->running++ == 0);
    it->received++;
    MUST(troupe_mailbox(troupe_runtime(self), troupe_me(self), &waiting, &limit) == TROUPE_OK);
    MUST(waiting <= it->limit);
    if (down) ledger_down(it, down);
    if (ended && ended->link) links_exit(it, ended);
    troupe_err err = TROUPE_OK;
    if (work) {
        if (work->timer)
            fired(self, it, work);
        else
            came(self, it, work);
        bool timed = work->timer;
        err = act_out(self, it, work);
        bool kept = err && it->last_tries < it->tries; /* it comes again */
        if (!timed && !kept && it->outstanding) it->outstanding--;
    }
    it->running--;
    return err;
}

static void leave(const role *as) {
    if (as->it->alive && as->it->epoch == as->epoch) ledger_vacate(as->it);
}

/* One that had ended for good may be started again: then it is somebody else. And one that nobody
 * waited for may start when its slot is another's already. */
static slot *move_in(role *as, troupe_ref who) {
    bool mine = as->it->alive && as->it->epoch == as->epoch;
    if (!mine || (as->ref.node && !troupe_same(as->ref, who))) {
        leave(as);
        slot *it = ledger_place(as->node, true);
        if (!it) return NULL;
        it->limit = as->limit;
        it->hurries = as->hurries;
        it->tries = as->tries;
        it->waits = as->waits;
        as->it = it;
        as->epoch = it->epoch;
    }
    as->ref = who;
    return as->it;
}

static troupe_err start(troupe_self *self, void *state, const void *arg) {
    slot *it = move_in(&roles[(const role *)arg - roles], troupe_me(self));
    if (!it) return TROUPE_USER;
    *(slot **)state = it;
    if (!it->lives) it->ref = troupe_me(self);
    MUST(troupe_same(it->ref, troupe_me(self)));
    it->lives++;
    troupe_trap_exits(self, ledger_index(it) % 2);
    return TROUPE_OK;
}

enum { KINDS = 5 };
static const troupe_behaviour worker[KINDS] = {
    {.name = "worker",
     .state_size = sizeof(slot *),
     .start = start,
     .receive = receive,
     .mailbox_limit = 1},
    {.name = "worker",
     .state_size = sizeof(slot *),
     .start = start,
     .receive = receive,
     .memory_limit = 300,
     .takes_urgent = true,
     .mailbox_limit = 3},
    {.name = "worker",
     .state_size = sizeof(slot *),
     .start = start,
     .receive = receive,
     .mailbox_limit = 20,
     .takes_urgent = true,
     .blocking = true},
    {.name = "worker",
     .state_size = sizeof(slot *),
     .start = start,
     .receive = receive,
     .mailbox_limit = 2,
     .takes_urgent = true,
     .overflow = TROUPE_DROP_OLDEST},
    {.name = "worker",
     .state_size = sizeof(slot *),
     .start = start,
     .receive = receive,
     .mailbox_limit = 2,
     .overflow = TROUPE_DROP_NEWEST},
};

slot *cast_spawn(unsigned node) {
    slot *it = ledger_place(node, false);
    if (!it) return NULL;
    const troupe_behaviour *what = &worker[it->epoch % KINDS];
    it->limit = what->mailbox_limit;
    it->hurries = what->takes_urgent;
    troupe_ref ref;
    if (troupe_spawn(book.rt[node], what, new_role(it), &ref) == TROUPE_OK) return it;
    ledger_vacate(it);
    return NULL;
}

/* A child to be, with a slot that it will live in. False: there is none. */
static bool describe(unsigned node, const char *id, uint32_t drawn, bool dynamic,
                     troupe_child *child) {
    slot *it = ledger_place(node, true);
    if (!it) return false;
    it->limit = worker[drawn % KINDS].mailbox_limit;
    it->hurries = worker[drawn % KINDS].takes_urgent;
    const uint32_t extra = troupe_sim_choose(book.sim, 64);
    it->tries = extra % 4 == 1 && !dynamic && drawn % 3 != TROUPE_TEMPORARY ? 2 + extra % 2 : 0;
    const bool delay = extra / 4 % 4 == 1, hold = extra / 16 == 3;
    it->waits = delay || hold;
    *child = (troupe_child){.id = id,
                            .what = &worker[drawn % KINDS],
                            .arg = new_role(it),
                            .restart = (troupe_restart)(drawn % 3),
                            .shutdown_ms = 1000,
                            .start_ms = extra % 2 ? 500 : 0,
                            .backoff_ms = delay ? 50 : 0,
                            .backoff_max_ms = 200,
                            .max_restarts = hold ? 2 : 0,
                            .hold = hold,
                            .flush = extra % 8 == 2,
                            .poison_after = it->tries};
    return true;
}

static const char *const ids[KIDS] = {"a", "b", "c", "d"};

void cast_supervise(unsigned node) {
    troupe_child child[KIDS];
    size_t n = 0;
    const troupe_strategy strategy = (troupe_strategy)troupe_sim_choose(book.sim, 4);
    bool dynamic = strategy == TROUPE_SIMPLE_ONE_FOR_ONE;
    if (dynamic) child[n++] = (troupe_child){.id = "kid", .what = &worker[0], .shutdown_ms = 500};
    while (!dynamic && n < KIDS && describe(node, ids[n], (uint32_t)n, false, &child[n])) n++;
    const troupe_supervision what = {
        .child = child, .children = n, .max_restarts = 5, .within_ms = 2000, .strategy = strategy};
    top *it = &book.top[book.tops % TOPS];
    troupe_ref ref;
    troupe_err err = n ? troupe_supervise(book.rt[node], &what, 5000, &ref) : TROUPE_OK;
    if (n && !err) {
        *it = (top){.ref = ref, .node = node, .dynamic = dynamic};
        book.tops++;
    }
    if (err) troupe_sim_run(book.sim, 20000); /* what was started is stopped again */
    for (size_t i = 0; err && !dynamic && i < n; i++) leave(child[i].arg);
}

size_t cast_release(bool for_good) {
    size_t held = 0;
    for (const top *of = book.top; of < book.top + TOPS; of++) {
        troupe_child_info info[KIDS];
        troupe_ref ref;
        size_t count = 0;
        if (!of->ref.node || of->dynamic) continue;
        troupe_err err = troupe_children(book.rt[of->node], of->ref, 5000, info, KIDS, &count);
        for (size_t i = 0; !err && i < count; i++) {
            if (info[i].state != TROUPE_CHILD_HELD) continue;
            held++;
            if (for_good)
                err = troupe_terminate_child(book.rt[of->node], of->ref, info[i].id, 5000);
            else
                err = troupe_restart_child(book.rt[of->node], of->ref, info[i].id, 5000, &ref);
            err = TROUPE_OK; /* it may have failed at once */
        }
    }
    return held;
}

static troupe_err change_dynamic(const top *of, unsigned ms) {
    troupe *rt = book.rt[of->node];
    troupe_child child;
    troupe_ref ref;
    slot *who = cast_anybody(troupe_sim_choose(book.sim, SLOTS));
    if (troupe_sim_choose(book.sim, 3) == 0)
        return who ? troupe_terminate_dynamic_child(rt, of->ref, who->ref, ms) : TROUPE_OK;
    if (!describe(of->node, "kid", 0, true, &child)) return TROUPE_OK;
    troupe_err err = troupe_start_dynamic_child(rt, of->ref, child.arg, ms, &ref);
    if (err) leave(child.arg);
    return err;
}

static troupe_err change_named(const top *of, unsigned ms) {
    troupe *rt = book.rt[of->node];
    const char *id = ids[troupe_sim_choose(book.sim, KIDS)];
    troupe_child child;
    troupe_ref ref;
    switch (troupe_sim_choose(book.sim, 4)) {
    case 0:
        return troupe_terminate_child(rt, of->ref, id, ms);
    case 1:
        return troupe_restart_child(rt, of->ref, id, ms, &ref);
    case 2:
        return troupe_delete_child(rt, of->ref, id, ms);
    default:
        if (!describe(of->node, id, troupe_sim_choose(book.sim, KINDS), false, &child))
            return TROUPE_OK;
        troupe_err err = troupe_start_child(rt, of->ref, &child, ms, &ref);
        if (err) leave(child.arg);
        return err;
    }
}

void cast_change(void) {
    if (!book.tops) return;
    const size_t last = book.tops < TOPS ? book.tops : TOPS;
    const top *of = &book.top[troupe_sim_choose(book.sim, (uint32_t)last)];
    const unsigned ms = troupe_sim_choose(book.sim, 2) ? 3000 : 3;
    if (!of->ref.node) return;
    troupe_err err = of->dynamic ? change_dynamic(of, ms) : change_named(of, ms);
    /* All other errors would say that the call is wrong. */
    const troupe_err may[] = {
        TROUPE_OK,       TROUPE_FULL,     TROUPE_GONE,        TROUPE_TIMEOUT, TROUPE_NOMEM,
        TROUPE_RUNNING,  TROUPE_PRESENT,  TROUPE_RESTARTING,  TROUPE_FAILED,  TROUPE_HELD,
        TROUPE_SHUTDOWN, TROUPE_NOTFOUND, TROUPE_START_FAILED};
    size_t i = 0;
    while (i < sizeof may / sizeof *may && may[i] != err) i++;
    if (i == sizeof may / sizeof *may) WRONG("a change: %s", troupe_errname(err));
}
