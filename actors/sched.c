#include "actors/sched.h"

#include <stdio.h>

#include "actors/runtime.h"
#include "actors/stamp.h"
#include "actors/turn.h"
#include "base/heap.h"
#include "base/place.h"

/* The worker that the calling thread is. */
TR_THREAD_LOCAL tr_worker *tr_sched_me;

/* --- Waking for help -------------------------------------------------------------------------- */

/* Workers that are awake and not stuck. */
static unsigned at_work(const tr_sched *sched) {
    unsigned n = 0;
    for (unsigned i = 0; i < sched->room; i++) {
        const tr_worker *worker = &sched->worker[i];
        if (tr_worker_started(worker))
            n += !tr_worker_asleep(worker) && !tr_load32_relaxed(&worker->stuck);
    }
    return n;
}

/* Wakes a worker to take what is overdue elsewhere, unless as many as there should be are at work.
 * False: nobody is at work, and nobody sleeps. */
static bool wake_a_helper(tr_sched *sched) {
    unsigned busy = at_work(sched);
    if (busy >= sched->workers) return true;
    for (unsigned i = 0; i < sched->room; i++)
        if (tr_worker_started(&sched->worker[i]) && tr_worker_wake(&sched->worker[i])) return true;
    return busy > 0;
}

/* Somebody's queue is overdue. The flag goes up before anybody is looked for who sleeps. */
void tr_sched_ask_for_help(tr_worker *worker) {
    tr_store32_seq(&worker->help, 1);
    (void)wake_a_helper(worker->sched);
}

/* --- Workers ---------------------------------------------------------------------------------- */

static tr_task *pick(tr_worker *worker) {
    bool lightly = tr_bias_enter(&worker->bias);
    if (tr_worker_called(worker)) tr_worker_take_calls(worker);
    tr_task *task = tr_worker_get(worker);
    tr_bias_leave(&worker->bias, lightly);
    return task;
}

/* Takes the `n` oldest tasks out of a queue for another worker, under its bias. */
static tr_fifo take_out(tr_worker *from, uint32_t n, const tr_worker *to) {
    tr_fifo loot = {NULL, NULL};
    for (tr_task *task; n > 0 && (task = tr_worker_get(from)); n--) {
        tr_store32_release(&task->home, to->index); /* partner: the loads of `home` */
        tr_fifo_put(&loot, &task->run);
    }
    return loot;
}

/* Queues what was taken out, under the bias of its new home. */
static void put_in(tr_worker *to, tr_fifo loot) {
    for (tr_link *link; (link = tr_fifo_get(&loot));) {
        tr_task *task = TR_OWNER(link, tr_task, run);
        task->queued = false;
        tr_worker_put(to, task, false);
    }
}

/* Takes the older part of what waits at a victim: all of it if it is stuck, else as much as has
 * both wait for equally many. */
static bool rob(tr_worker *thief, tr_worker *victim) {
    tr_store32_seq(&victim->help, 0);
    tr_bias_take(&victim->bias);
    tr_worker_take_calls(victim);
    uint32_t n = tr_load32_relaxed(&victim->waiting), own = tr_load32_relaxed(&thief->waiting);
    if (!tr_load32_relaxed(&victim->stuck)) n = n > own ? (n - own + 1) / 2 : 0;
    tr_fifo loot = take_out(victim, n, thief);
    tr_bias_give(&victim->bias);
    if (!loot.head) return false;
    bool lightly = tr_bias_enter(&thief->bias);
    put_in(thief, loot);
    tr_bias_leave(&thief->bias, lightly);
    return true;
}

/* A spare is there for a worker that is stuck. When that one is back, the spare gives what it has
 * to one of the workers: more threads than cores help nobody. */
static void retire(tr_worker *spare) {
    tr_sched *sched = spare->sched;
    tr_worker *to = NULL;
    if (spare->index < sched->workers || at_work(sched) <= sched->workers) return;
    for (unsigned i = 0; i < sched->workers && !to; i++)
        if (!tr_load32_relaxed(&sched->worker[i].stuck)) to = &sched->worker[i];
    if (!to) return;
    bool lightly = tr_bias_enter(&spare->bias);
    tr_fifo loot = take_out(spare, tr_load32_relaxed(&spare->waiting), to);
    tr_bias_leave(&spare->bias, lightly);
    tr_bias_take(&to->bias);
    put_in(to, loot);
    tr_bias_give(&to->bias);
    (void)tr_worker_wake(to);
}

/* Takes from somebody whose work is overdue: of anybody if the thief is idle, else of one that is
 * stuck, or has more than twice its work. */
static bool rob_somebody(tr_worker *thief) {
    tr_sched *sched = thief->sched;
    uint32_t own = tr_load32_relaxed(&thief->waiting);
    for (unsigned i = 1; i < sched->room; i++) {
        tr_worker *victim = &sched->worker[(thief->index + i) % sched->room];
        if (!tr_worker_started(victim) || !tr_load32_seq(&victim->help)) continue;
        bool worth_it = !own || tr_load32_relaxed(&victim->stuck) ||
                        tr_load32_relaxed(&victim->waiting) > 2 * own;
        if (worth_it && rob(thief, victim)) return true;
    }
    return false;
}

/* --- Lingering -------------------------------------------------------------------------------- */

/* To wake a thread takes some 10 us, and costs as much time of who wakes it: so a worker with
 * nothing to do stays awake for a little. It also sees what waits for a whole look elsewhere, for
 * which it would be woken much later. */
enum { LINGER_LOOKS = 4, LINGER_LOOK_NS = 15000, CROWDED_NS = 1000000 };
/* In vain it only takes the core from others: then it is left out, so many times at most, before it
 * is tried again. */
enum { VAIN_MOST = 15 };

/* Looks outside. What comes is handled as on any thread but that calls stay here, if they may:
 * `tr_sched_me` is still this worker. True: something has come. */
static bool look_outside(tr_worker *worker) {
    tr_poller *poller = &worker->sched->poller;
    if (!tr_poller_has(poller)) return false;
    tr_place place = tr_place_enter((tr_place){.runtime = NULL});
    uint32_t looking = tr_load32_relaxed(&worker->looking);
    tr_store32_relaxed(&worker->looking, looking + 1);
    bool found = tr_poller_look(poller);
    tr_store32_relaxed(&worker->looking, looking + 2);
    (void)tr_place_enter(place);
    return found;
}

static bool has_work(const tr_worker *worker) {
    return tr_worker_called(worker) || tr_load32_relaxed(&worker->waiting);
}

/* How a look's time was spent. */
typedef struct tr_listening {
    uint64_t began;
    bool came;    /* something from outside has */
    bool crowded; /* others want the core, and had it for CROWDED_NS at one go */
} tr_listening;

/* Waits for a look's time, or until others want the core. True: a call or tasks have come. */
static bool listen(tr_worker *worker, tr_listening *how) {
    tr_sched *sched = worker->sched;
    while (!how->crowded && tr_clock() - how->began < LINGER_LOOK_NS) {
        if (look_outside(worker)) how->came = true;
        bool quick = tr_poller_has(&sched->poller); /* a look takes as long as some pauses */
        for (unsigned i = quick ? 15 : 0; i < 16; i++) {
            if (has_work(worker)) return true;
            tr_pause();
        }
        uint64_t yielded = tr_clock();
        tr_thread_yield(); /* to a thread of the net's, say, that others wait for */
        how->crowded = tr_clock() - yielded > CROWDED_NS;
    }
    return false;
}

static void see(tr_worker *victim) {
    victim->seen.done = tr_pace_done(&victim->pace);
    victim->seen.waiting = tr_load32_relaxed(&victim->waiting);
}

/* Whether fewer messages were handled since `see`, so many ns ago, than tasks waited then: so some
 * wait still; and it pays to take them. */
static bool late(const tr_worker *victim, uint64_t ns) {
    const tr_pace *pace = &victim->pace;
    uint64_t handled = tr_load64_relaxed(&pace->handled) - victim->seen.done.handled;
    return handled < victim->seen.waiting && tr_load32_relaxed(&pace->paid) &&
           tr_pace_pays(pace, victim->seen.done, ns);
}

static bool rob_late(tr_worker *thief, uint64_t ns) {
    tr_sched *sched = thief->sched;
    for (unsigned i = 1; i < sched->room; i++) {
        tr_worker *victim = &sched->worker[(thief->index + i) % sched->room];
        if (tr_worker_started(victim) && late(victim, ns) && rob(thief, victim)) return true;
    }
    return false;
}

/* Looks around for a while, which begins anew when something comes from outside, for others. False:
 * there is nothing to do. */
static bool look_around(tr_worker *worker) {
    tr_sched *sched = worker->sched;
    bool found = false;
    tr_poller_open(&sched->poller);
    for (unsigned n = 0; !found && n < LINGER_LOOKS && !tr_load32_relaxed(&sched->over);) {
        for (unsigned i = 0; i < sched->room; i++) see(&sched->worker[i]);
        tr_listening how = {.began = tr_clock()};
        found = listen(worker, &how) || rob_somebody(worker) ||
                rob_late(worker, tr_clock() - how.began);
        n = how.crowded ? LINGER_LOOKS : how.came ? 0 : n + 1;
    }
    if (!found) tr_poller_close(&sched->poller);
    return found;
}

/* How often it is left out next. */
static unsigned learn(unsigned vain, bool found) {
    if (found) return 0;
    return vain < VAIN_MOST ? 2 * vain + 1 : vain;
}

/* Stays awake for a while, if that was not in vain lately. False: there is nothing to do. */
static bool linger(tr_worker *worker) {
    tr_sched *sched = worker->sched;
    bool found = false;
    if (!sched->lingers || tr_swap32_seq(&sched->lingering, 1)) return false;
    if (sched->left_out < sched->vain) {
        sched->left_out++;
    } else {
        found = look_around(worker);
        sched->vain = learn(sched->vain, found);
        sched->left_out = 0;
    }
    /* Partner: the swap; `seen`, and what was learnt, is the next one's. */
    tr_store32_release(&sched->lingering, 0);
    return found;
}

/* --- The loop --------------------------------------------------------------------------------- */

static void resume(tr_worker *worker) {
    bool lightly = tr_bias_enter(&worker->bias);
    uint64_t now = tr_clock();
    tr_pace_resume(&worker->pace, now);
    tr_stamp_tick(worker->sched, now);
    tr_bias_leave(&worker->bias, lightly);
}

static bool stay_awake(tr_sched *sched) {
    if (tr_load32_seq(&sched->over)) return true;
    for (unsigned i = 0; i < sched->room; i++)
        if (tr_load32_seq(&sched->worker[i].help)) return true;
    return false;
}

void *tr_sched_work(void *arg) {
    tr_worker *worker = arg;
    tr_sched *sched = worker->sched;
    tr_sched_me = worker;
    tr_store32_relaxed(&worker->thread_id, tr_thread_id());
    (void)tr_place_enter((tr_place){.runtime = sched->rt}); /* all that it runs is callbacks */
    (void)tr_cache_use(&worker->cache);
    tr_bias_return(&worker->bias);
    resume(worker);
    bool spare = worker->index >= sched->workers;
    for (;;) {
        tr_task *task = pick(worker);
        if (task) {
            tr_turn_run(worker, task);
            if (spare) retire(worker); /* it looks after each turn whether it is needed still */
            if (worker->looks) {
                worker->looks = false;
                (void)rob_somebody(worker);
                (void)look_outside(worker);
            }
        } else if (!rob_somebody(worker)) {
            if (!linger(worker)) {
                if (tr_load32_seq(&sched->over)) break;
                tr_store32_seq(&worker->help, 0);
                tr_worker_sleep(worker, stay_awake);
                tr_watch_stir(&sched->watch);
            }
            resume(worker);
        }
    }
    tr_bias_lend(&worker->bias);
    tr_cache_flush(&worker->cache);
    return NULL;
}

/* Starts a worker's thread. False: the system has none. */
static bool start(tr_worker *worker) {
    char name[16];
    snprintf(name, sizeof name, "troupe:%u", worker->index % 10000);
    bool ok = tr_thread_start(&worker->thread, name, tr_sched_work, worker);
    if (ok) tr_store32_release(&worker->started, 1); /* partner: the loads of `started` */
    return ok;
}

void tr_sched_relieve(tr_sched *sched, tr_worker *stuck, bool spare) {
    if (!tr_load32_relaxed(&stuck->waiting) && !tr_worker_called(stuck)) return;
    tr_store32_seq(&stuck->help, 1);
    if (wake_a_helper(sched) || !spare) return;
    for (unsigned i = sched->workers; i < sched->room; i++) {
        if (tr_worker_started(&sched->worker[i])) continue;
        (void)start(&sched->worker[i]);
        return;
    }
}

/* Lets the caller's thread be the worker of a stepped runtime, and run one task: `wanted`, or the
 * next one. False: none is queued. */
static bool step(tr_sched *sched, tr_task *wanted) {
    tr_worker *worker = &sched->worker[0], *before = tr_sched_me;
    tr_cache *cache = tr_cache_use(&worker->cache);
    tr_place place = tr_place_enter((tr_place){.runtime = sched->rt});
    tr_sched_me = worker;
    tr_bias_return(&worker->bias);
    if (wanted) tr_worker_take(worker, wanted);
    tr_task *task = wanted ? wanted : pick(worker);
    if (task) tr_turn_run(worker, task);
    tr_bias_lend(&worker->bias);
    tr_sched_me = before;
    (void)tr_place_enter(place);
    (void)tr_cache_use(cache);
    return task != NULL;
}

bool tr_sched_step(tr_sched *sched) {
    return step(sched, NULL);
}

void tr_sched_step_with(tr_sched *sched, tr_task *task) {
    (void)step(sched, task);
}

tr_task *tr_sched_queued(tr_sched *sched, const tr_task *after) {
    tr_worker *worker = &sched->worker[0];
    const tr_runq *queue = &worker->queue;
    tr_bias_take(&worker->bias);
    if (!after) tr_worker_take_calls(worker);
    const tr_link *link = after && after != queue->next ? after->run.next : queue->line.head;
    tr_task *task = link ? TR_OWNER((tr_link *)(uintptr_t)link, tr_task, run) : NULL;
    if (!after && queue->next) task = queue->next;
    tr_bias_give(&worker->bias);
    return task;
}

/* --- Opening and closing ---------------------------------------------------------------------- */

enum { SPARES = 16, BLOCKING_THREADS = 64, SLOW_MS = 1000, TURN_BUDGET = 64 };

troupe_err tr_sched_init(tr_sched *sched, troupe *rt, const troupe_config *config) {
    sched->rt = rt;
    tr_poller_init(&sched->poller);
    sched->budget = TURN_BUDGET;
    sched->stepped = config->workers == TROUPE_STEPPED;
    sched->workers = sched->stepped ? 1 : config->workers ? config->workers : tr_cores();
    sched->room = sched->workers;
    sched->lingers = tr_cores() > 1;
    if (!sched->stepped) sched->room += config->spares ? config->spares : SPARES;
    sched->worker = tr_take_zero(rt->heap, sched->room * sizeof *sched->worker);
    sched->watch.seen = tr_take_zero(rt->heap, sched->room * sizeof *sched->watch.seen);
    unsigned most = config->blocking_threads ? config->blocking_threads : BLOCKING_THREADS;
    if (!sched->worker || !sched->watch.seen ||
        !tr_blocking_init(&sched->blocking, sched, rt->heap, most)) {
        tr_give(rt->heap, sched->worker, sched->room * sizeof *sched->worker);
        tr_give(rt->heap, sched->watch.seen, sched->room * sizeof *sched->watch.seen);
        return TROUPE_NOMEM;
    }
    for (unsigned i = 0; i < sched->room; i++) {
        tr_worker_init(&sched->worker[i], sched, i, sched->workers - 1);
        tr_cache_init(&sched->worker[i].cache, &rt->pool);
        if (sched->stepped) tr_store64_relaxed(&sched->worker[i].pace.look_at, UINT64_MAX);
    }
    sched->watch.sched = sched;
    sched->watch.slow_ns = (config->slow_ms ? config->slow_ms : SLOW_MS) * TR_MS;
    return TROUPE_OK;
}

void tr_sched_fini(tr_sched *sched) {
    const troupe_heap *heap = sched->rt->heap;
    for (unsigned i = 0; i < sched->room; i++) {
        tr_cache_flush(&sched->worker[i].cache);
        tr_worker_fini(&sched->worker[i]);
    }
    tr_blocking_fini(&sched->blocking, heap);
    tr_poller_fini(&sched->poller);
    tr_give(heap, sched->worker, sched->room * sizeof *sched->worker);
    tr_give(heap, sched->watch.seen, sched->room * sizeof *sched->watch.seen);
}

troupe_err tr_sched_start(tr_sched *sched) {
    if (sched->stepped) return TROUPE_OK;
    tr_stamp_tick(sched, tr_clock());
    bool ok = true;
    for (unsigned i = 0; ok && i < sched->workers; i++) ok = start(&sched->worker[i]);
    if (ok && tr_watch_start(&sched->watch)) return TROUPE_OK;
    tr_sched_end(sched);
    return TROUPE_SYSTEM;
}

void tr_sched_end(tr_sched *sched) {
    tr_watch_end(&sched->watch); /* first: it starts threads */
    tr_blocking_end(&sched->blocking);
    tr_store32_seq(&sched->over, 1);
    for (unsigned i = 0; i < sched->room; i++) {
        tr_worker *worker = &sched->worker[i];
        if (!tr_worker_started(worker)) continue;
        (void)tr_worker_wake(worker);
        tr_thread_join(&worker->thread);
    }
}

/* --- Counts ----------------------------------------------------------------------------------- */

uint64_t tr_sched_sent(const tr_sched *sched) {
    uint64_t sum = tr_load64_relaxed(&sched->posted) - tr_load64_relaxed(&sched->refused);
    for (unsigned i = 0; i < sched->room; i++) sum += tr_pace_done(&sched->worker[i].pace).sent;
    return sum;
}

uint64_t tr_sched_handled(const tr_sched *sched) {
    uint64_t sum = tr_load64_relaxed(&sched->blocking.handled);
    for (unsigned i = 0; i < sched->room; i++) sum += tr_pace_done(&sched->worker[i].pace).handled;
    return sum;
}

/* --- The calling thread ----------------------------------------------------------------------- */

bool tr_sched_inside(const tr_sched *sched) {
    return tr_place_now().runtime == sched->rt;
}
