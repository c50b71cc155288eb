/* Churn: threads and actors spawn, stop, kill, watch, name, time and send to what may have ended.
 * Each monitor gets one down; a ref that was GONE once is GONE for ever, and what is sent to one
 * actor never reaches another in its place; closing returns in time and gives every byte back. */
#include <string.h>
#include <troupe/troupe.h>

#include "actors/find.h"
#include "actors/actor.h"
#include "test/support/dead_letters.h"
#include "test/stress/stress.h"

enum { THREADS = 3, SLOTS = 48, WATCHERS = 2, NAMES = 5, OPEN_MAX = 4096, SPAWNERS = 3 };

struct poke {
    uint64_t key; /* of the actor that it is for; 0: whoever gets it */
    uint32_t what;
    troupe_ref other;
};
static const troupe_type poke_type =
    TROUPE_TYPE(poke, TROUPE_FIELD(poke, key), TROUPE_FIELD(poke, what), TROUPE_FIELD(poke, other));
static const troupe_type quiet_type = TROUPE_SIGNAL_TYPE("quiet");

/* What a poke asks for. */
enum { NOTHING, WATCH, TIMER, CANCELLED_TIMER, CHILD, END, FAIL, WHATS };

static troupe *rt;
static tr_atomic64 last_key, spawned, poked, gones, downs, watches;
static tr_atomic32 late_closes;

/* --- The actors that come and go -------------------------------------------------------------- */

typedef struct leaf_state {
    uint64_t key;
    troupe_ref me;
    char rubbish[40];
} leaf_state;

static const troupe_behaviour leaf;

static troupe_err spawn_leaf(uint64_t *key, troupe_ref *ref) {
    *key = tr_add64_relaxed(&last_key, 1) + 1;
    troupe_err err = troupe_spawn(rt, &leaf, key, ref);
    if (!err) tr_add64_relaxed(&spawned, 1);
    return err;
}

static troupe_err start_leaf(troupe_self *self, void *memory, const void *arg) {
    leaf_state *state = memory;
    MUST(state->key == 0 && state->rubbish[39] == 0); /* all zero before every start */
    memset(state->rubbish, 'x', sizeof state->rubbish);
    state->key = *(const uint64_t *)arg;
    state->me = troupe_me(self);
    return state->key % 50 ? TROUPE_OK : TROUPE_USER; /* some don't come to life */
}

static troupe_err set_timer(troupe_self *self, leaf_state *state, const struct poke *poke) {
    troupe_msg *msg = NULL;
    struct poke body = {state->key, poke->key % 7 ? NOTHING : END, TROUPE_NOBODY};
    troupe_timer timer;
    MUST(troupe_make(rt, &poke_type, &body, &msg) == TROUPE_OK);
    MUST(troupe_send_after(self, (unsigned)(poke->key % 3), state->me, &msg, &timer) == TROUPE_OK);
    if (poke->what == TIMER) return TROUPE_OK;
    troupe_err err = troupe_cancel(self, timer);
    MUST(err == TROUPE_OK || err == TROUPE_NOTFOUND);
    return TROUPE_OK;
}

static troupe_err receive_poke(troupe_self *self, void *memory, troupe_msg **msg) {
    leaf_state *state = memory;
    tr_add64_relaxed(&poked, 1);
    MUST(troupe_same(state->me, troupe_me(self)));
    if (troupe_as(*msg, &troupe_down_type)) return TROUPE_OK;
    const struct poke *poke = troupe_as(*msg, &poke_type);
    MUST(poke && (poke->key == 0 || poke->key == state->key)); /* not meant for another actor */
    uint64_t key;
    troupe_ref child;
    switch (poke->what) {
    case WATCH: return troupe_monitor(self, poke->other, NULL); /* ends with us, mostly unfired */
    case TIMER:
    case CANCELLED_TIMER: return set_timer(self, state, poke);
    case CHILD: /* lives as short as it can */
        if (spawn_leaf(&key, &child)) return TROUPE_OK;
        (void)troupe_stop(rt, child);
        return troupe_monitor(self, child, NULL);
    case END: troupe_exit(self, TROUPE_OK); return TROUPE_OK;
    case FAIL: return troupe_fail(self, TROUPE_USER, "as told");
    default: return TROUPE_OK;
    }
}

static const troupe_behaviour leaf = {
    .name = "leaf",
    .state_size = sizeof(leaf_state),
    .mailbox_limit = 4,
    .start = start_leaf,
    .receive = receive_poke,
};

/* --- Watchers: every monitor gets exactly one down -------------------------------------------- */

typedef struct watcher_state {
    uint64_t open[OPEN_MAX]; /* numbers of monitors without a down yet */
    size_t count;
    troupe_ref asker; /* wants to know when there are none left */
} watcher_state;

static troupe_err answer_if_quiet(troupe_self *self, watcher_state *state) {
    if (state->count || troupe_same(state->asker, TROUPE_NOBODY)) return TROUPE_OK;
    troupe_ref asker = state->asker;
    state->asker = TROUPE_NOBODY;
    return troupe_tell(self, asker, &quiet_type, NULL);
}

static troupe_err receive_watcher(troupe_self *self, void *memory, troupe_msg **msg) {
    watcher_state *state = memory;
    const struct troupe_down *down = troupe_as(*msg, &troupe_down_type);
    const struct poke *poke = troupe_as(*msg, &poke_type);
    if (down) {
        tr_add64_relaxed(&downs, 1);
        size_t at = 0;
        while (at < state->count && state->open[at] != down->monitor) at++;
        MUST(at < state->count); /* a second down, or one of nobody's */
        MUST(down->why == TROUPE_OK || down->why == TROUPE_SHUTDOWN || down->why == TROUPE_KILLED ||
             down->why == TROUPE_USER || down->why == TROUPE_GONE);
        uint32_t waiting;
        MUST(troupe_mailbox(rt, down->who, &waiting, NULL) == TROUPE_GONE);
        state->open[at] = state->open[--state->count];
    } else if (poke) {
        MUST(state->count < OPEN_MAX);
        uint64_t number = 0;
        MUST(troupe_monitor(self, poke->other, &number) == TROUPE_OK && number);
        tr_add64_relaxed(&watches, 1);
        state->open[state->count++] = number;
        /* Now and then it thinks better of it; then no down may come, unless one is under way. */
        if (number % 5 == 0 && troupe_demonitor(self, number) == TROUPE_OK) {
            state->count--;
            tr_add64_relaxed(&watches, UINT64_MAX);
        }
    } else {
        state->asker = troupe_sender(self);
    }
    return answer_if_quiet(self, state);
}

static const troupe_behaviour watcher = {
    .name = "watcher",
    .state_size = sizeof(watcher_state),
    .mailbox_limit = 64,
    .receive = receive_watcher,
};

/* --- Spawners: actors that spawn and watch, each one after the other -------------------------- */

typedef struct spawner_state {
    uint64_t left, monitor, ours;
    troupe_ref child, asker;
} spawner_state;

/* Spawns the next and ends it in one way or another. */
static troupe_err spawn_next(troupe_self *self, spawner_state *state) {
    do {
        if (state->left == 0) return TROUPE_OK;
        state->left--;
    } while (spawn_leaf(&state->ours, &state->child));
    MUST(troupe_monitor(self, state->child, &state->monitor) == TROUPE_OK);
    tr_add64_relaxed(&watches, 1);
    struct poke body = {state->ours, state->ours % 2 ? END : FAIL, TROUPE_NOBODY};
    if (state->ours % 3 == 0)
        (void)troupe_kill(rt, state->child);
    else if (state->ours % 3 == 1)
        (void)troupe_stop(rt, state->child);
    else
        MUST(troupe_tell(self, state->child, &poke_type, &body) == TROUPE_OK);
    return TROUPE_OK;
}

static troupe_err start_spawner(troupe_self *self, void *memory, const void *arg) {
    spawner_state *state = memory;
    state->left = *(const uint64_t *)arg;
    return spawn_next(self, state);
}

static troupe_err receive_spawner(troupe_self *self, void *memory, troupe_msg **msg) {
    spawner_state *state = memory;
    const struct troupe_down *down = troupe_as(*msg, &troupe_down_type);
    if (down) {
        MUST(state->monitor && down->monitor == state->monitor);
        MUST(troupe_same(down->who, state->child));
        tr_add64_relaxed(&downs, 1);
        state->monitor = 0;
        struct poke body = {state->ours, NOTHING, TROUPE_NOBODY};
        MUST(troupe_tell(self, state->child, &poke_type, &body) == TROUPE_GONE);
        troupe_err err = spawn_next(self, state);
        if (err) return err;
    } else {
        state->asker = troupe_sender(self);
    }
    if (state->monitor || troupe_same(state->asker, TROUPE_NOBODY)) return TROUPE_OK;
    return troupe_tell(self, state->asker, &quiet_type, NULL);
}

static const troupe_behaviour spawner = {
    .name = "spawner",
    .state_size = sizeof(spawner_state),
    .start = start_spawner,
    .receive = receive_spawner,
};

/* --- Threads that do all of it at random ------------------------------------------------------ */

typedef struct slot {
    troupe_ref ref;
    uint64_t key;
    bool gone; /* it was GONE once */
} slot;

typedef struct churner {
    tr_thread thread;
    uint64_t seed, operations;
    slot slot[SLOTS];
    troupe_ref watcher[WATCHERS];
} churner;

/* GONE is for ever. */
static void note(slot *it, troupe_err err) {
    if (err == TROUPE_GONE) {
        tr_add64_relaxed(&gones, 1);
        it->gone = true;
    }
    MUST(!it->gone || err == TROUPE_GONE);
}

static void post(slot *it, troupe_ref to, struct poke body) {
    troupe_msg *msg = NULL;
    MUST(troupe_make(rt, &poke_type, &body, &msg) == TROUPE_OK);
    troupe_err err;
    while ((err = troupe_post(rt, to, &msg)) == TROUPE_FULL && !it) sched_yield();
    MUST(err == TROUPE_OK || ((err == TROUPE_FULL || err == TROUPE_GONE) && msg));
    if (it) note(it, err);
    troupe_drop(&msg);
}

static void use_names(churner *me, slot *it) {
    static const char *const names[NAMES] = {"anna", "bert", "cleo", "dora", "emil"};
    const char *name = names[stress_random(&me->seed) % NAMES];
    troupe_err err = troupe_register(rt, it->ref, name);
    MUST(err == TROUPE_OK || err == TROUPE_TAKEN || err == TROUPE_GONE);
    if (it->gone) MUST(err == TROUPE_GONE);
    troupe_ref found = TROUPE_NOBODY;
    if (troupe_whereis(rt, name, &found)) return;
    slot stranger = {.ref = found};
    post(&stranger, found, (struct poke){0, NOTHING, TROUPE_NOBODY});
}

static void operate(churner *me) {
    slot *it = &me->slot[stress_random(&me->seed) % SLOTS];
    switch (stress_random(&me->seed) % 8) {
    case 0:
        if (!it->gone && !troupe_same(it->ref, TROUPE_NOBODY)) (void)troupe_kill(rt, it->ref);
        *it = (slot){.ref = TROUPE_NOBODY};
        troupe_err err = spawn_leaf(&it->key, &it->ref);
        MUST(err == TROUPE_OK || err == TROUPE_USER);
        break;
    case 1: note(it, troupe_stop(rt, it->ref)); break;
    case 2: note(it, troupe_kill(rt, it->ref)); break;
    case 3:
        if (troupe_same(it->ref, TROUPE_NOBODY)) break;
        post(NULL, me->watcher[stress_random(&me->seed) % WATCHERS],
             (struct poke){0, WATCH, it->ref});
        break;
    case 4: use_names(me, it); break;
    default:
        post(it, it->ref, (struct poke){it->key, (uint32_t)(stress_random(&me->seed) % WHATS),
                                        me->watcher[0]});
    }
}

static void *churn(void *arg) {
    churner *me = arg;
    for (uint64_t i = 0; i < me->operations; i++) operate(me);
    for (int i = 0; i < SLOTS; i++) (void)troupe_kill(rt, me->slot[i].ref);
    return NULL;
}

/* --- Scenes ----------------------------------------------------------------------------------- */

static void log_line(void *ctx, troupe_level level, const char *line) {
    (void)ctx;
    (void)level;
    if (strncmp(line, "close:", 6) != 0) return;
    fprintf(stderr, "%s\n", line);
    tr_add32_relaxed(&late_closes, 1);
}

static void open_runtime(stress_heap *heap, unsigned workers) {
    stress_heap_init(heap);
    const troupe_config config = {.workers = workers, .heap = heap->heap, .log = log_line};
    MUST(troupe_open(&config, &rt) == TROUPE_OK);
}

/* A close that had to kill has lost somebody: no actor here refuses to stop. */
static void close_runtime(stress_heap *heap) {
    troupe *closing = rt; /* the actors need theirs until the end */
    troupe_close(&closing);
    MUST(!closing);
    MUST(tr_load32_acquire(&late_closes) == 0);
    MUST(stress_heap_empty(heap));
}

/* Waits until an actor has no open monitors. Its mailbox may be full of what it was sent last. */
static void await_quiet(troupe_ref ref) {
    const uint64_t until = stress_deadline();
    troupe_msg *msg = NULL;
    troupe_err err;
    MUST(troupe_make(rt, &quiet_type, NULL, &msg) == TROUPE_OK);
    while ((err = troupe_ask(rt, ref, &msg, STRESS_PATIENCE_MS)) == TROUPE_FULL &&
           tr_clock() < until)
        sched_yield();
    MUST(err == TROUPE_OK);
    MUST(troupe_as(msg, &quiet_type));
    troupe_drop(&msg);
}

static void run_churn(uint64_t operations, uint64_t spawns) {
    static stress_heap heap;
    static churner churners[THREADS];
    open_runtime(&heap, 3);
    troupe_ref watchers[WATCHERS], spawners[SPAWNERS];
    for (int i = 0; i < WATCHERS; i++)
        MUST(troupe_spawn(rt, &watcher, NULL, &watchers[i]) == TROUPE_OK);
    for (int i = 0; i < SPAWNERS; i++)
        MUST(troupe_spawn(rt, &spawner, &spawns, &spawners[i]) == TROUPE_OK);
    for (int i = 0; i < THREADS; i++) {
        churners[i].seed = (uint64_t)i + 1;
        churners[i].operations = operations;
        memcpy(churners[i].watcher, watchers, sizeof watchers);
        MUST(tr_thread_start(&churners[i].thread, "churner", churn, &churners[i]));
    }
    for (int i = 0; i < THREADS; i++) tr_thread_join(&churners[i].thread);
    for (int i = 0; i < SPAWNERS; i++) await_quiet(spawners[i]);
    for (int i = 0; i < WATCHERS; i++) await_quiet(watchers[i]);
    MUST(tr_load64_relaxed(&downs) == tr_load64_relaxed(&watches));
    close_runtime(&heap);
}

/* An actor that spawns an idle one, ends the one before, and so on without end. */
static troupe_err start_relay(troupe_self *self, void *memory, const void *arg) {
    (void)memory;
    (void)arg;
    return troupe_tell(self, troupe_me(self), &quiet_type, NULL);
}

static troupe_err receive_relay(troupe_self *self, void *memory, troupe_msg **msg) {
    troupe_ref *child = memory, before = *child;
    uint64_t key;
    troupe_err err = spawn_leaf(&key, child);
    MUST(err == TROUPE_OK || err == TROUPE_USER || err == TROUPE_CLOSED);
    (void)troupe_stop(rt, before);
    return troupe_send(self, troupe_me(self), msg);
}

static const troupe_behaviour relay = {
    .name = "relay",
    .state_size = sizeof(troupe_ref),
    .start = start_relay,
    .receive = receive_relay,
};

/* Closes while actors spawn actors: nobody may be born too late to be stopped. */
static void run_closes(uint64_t rounds) {
    static stress_heap heap;
    uint64_t seed = 7;
    for (uint64_t i = 0; i < rounds; i++) {
        open_runtime(&heap, 2);
        troupe_ref ref;
        for (int k = 0; k < 6; k++)
            MUST(troupe_spawn(rt, &relay, NULL, &ref) == TROUPE_OK);
        for (uint64_t n = stress_random(&seed) % 5; n > 0; n--) sched_yield();
        close_runtime(&heap);
    }
}

/* Stops and kills actors at the moment when they have nothing left to do: a request must find them
 * awake or wake them. */
static void run_stops(uint64_t rounds) {
    enum { SWEEP = 16 };
    static stress_heap heap;
    slot swept[SWEEP];
    open_runtime(&heap, 2);
    for (uint64_t i = 0; i < rounds; i++) {
        for (int k = 0; k < SWEEP; k++) {
            swept[k] = (slot){.ref = TROUPE_NOBODY};
            while (spawn_leaf(&swept[k].key, &swept[k].ref)) {}
        }
        for (int k = 0; k < SWEEP; k++)
            post(&swept[k], swept[k].ref, (struct poke){swept[k].key, NOTHING, TROUPE_NOBODY});
        for (int k = 0; k < SWEEP; k++) {
            troupe_ref ref = swept[k].ref;
            MUST((k % 4 ? troupe_stop(rt, ref) : troupe_kill(rt, ref)) == TROUPE_OK);
        }
        uint64_t deadline = stress_deadline();
        for (int k = 0; k < SWEEP; k++)
            while (troupe_mailbox(rt, swept[k].ref, NULL, NULL) != TROUPE_GONE) {
                MUST(tr_clock() < deadline);
                sched_yield();
            }
    }
    close_runtime(&heap);
}

/* A message that was pushed late, as `troupe_post` does it in its last steps. */
static void push_late(troupe_self *place, const slot *old) {
    troupe_msg *msg = NULL;
    struct poke body = {old->key, NOTHING, TROUPE_NOBODY};
    MUST(troupe_make(rt, &poke_type, &body, &msg) == TROUPE_OK);
    msg->generation = (uint32_t)(old->ref.id >> 32);
    msg->flags |= TR_MSG_COUNTED;
    MUST(tr_route_push(&rt->sched, &place->task, &msg->link, true) == TR_PUSH_OK);
    uint64_t deadline = stress_deadline();
    while (tr_mailbox_count(&place->task.box)) { /* it gives its place back */
        MUST(tr_clock() < deadline);
        sched_yield();
    }
}

/* Requests and messages that were under way while their actor ended and another came into its
 * place: too rare to wait for, so their last steps are called here, as late as can be. */
static void check_late_comers(void) {
    static stress_heap heap;
    slot old = {.ref = TROUPE_NOBODY}, new = {.ref = TROUPE_NOBODY};
    open_runtime(&heap, 2);
    while (spawn_leaf(&old.key, &old.ref)) {}
    troupe_self *place = tr_table_find(&rt->table, old.ref.id);
    MUST(place && troupe_kill(rt, old.ref) == TROUPE_OK);
    uint64_t deadline = stress_deadline();
    do {
        MUST(tr_clock() < deadline);
        (void)troupe_kill(rt, new.ref); /* it got another place */
        while (spawn_leaf(&new.key, &new.ref)) {}
    } while (tr_table_find(&rt->table, new.ref.id) != place);
    uint32_t generation = (uint32_t)(old.ref.id >> 32);
    MUST(!tr_route_request(&rt->sched, &place->task, generation, TR_CONTROL_STOP));
    MUST(!tr_route_request(&rt->sched, &place->task, generation, TR_CONTROL_KILL));
    post(&new, new.ref, (struct poke){new.key, NOTHING, TROUPE_NOBODY});
    for (int i = 0; i < 3; i++) push_late(place, &old);
    MUST(dead_letters(rt) >= 3);
    MUST(troupe_mailbox(rt, new.ref, NULL, NULL) == TROUPE_OK);
    /* Nothing is asked of it. */
    MUST(!(tr_load64_acquire(&place->task.control) & TR_CONTROL_REQUESTS));
    close_runtime(&heap);
}

int main(void) {
    uint64_t begun = tr_clock(), operations = stress_count(1000000, 60000);
    uint64_t closes = stress_count(1000, 200);
    run_churn(operations, operations / 10);
    check_late_comers();
    run_stops(operations / 100);
    run_closes(closes);
    printf("spawn: %llu spawned, %llu pokes handled, %llu times GONE, %llu monitors and as many "
           "downs, %llu closes while spawning, %llu ms; all held\n",
           (unsigned long long)tr_load64_relaxed(&spawned),
           (unsigned long long)tr_load64_relaxed(&poked),
           (unsigned long long)tr_load64_relaxed(&gones),
           (unsigned long long)tr_load64_relaxed(&downs), (unsigned long long)closes,
           (unsigned long long)((tr_clock() - begun) / TR_MS));
    return 0;
}
