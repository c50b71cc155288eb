#include "actors/watch.h"

#include "actors/report.h"
#include "actors/sched.h"
#include "actors/stamp.h"
#include "actors/turn.h"

/* Between two looks; after how long without a message a worker counts as stuck, and after how long
 * a spare is started if all are; and looks at sleeping workers only, before it sleeps too: so a
 * runtime that rests and works by turns need not wake it each time. */
#define LOOK_NS (TR_MS / 2)
#define STUCK_NS TR_MS
#define SPARE_NS (10 * TR_MS)
enum { QUIET_LOOKS = 20 };

/* Says who holds a worker up. The actor can't end while we are under the bias: it would have to
 * take itself off `running` first, under the same lock. */
static void report(tr_watch *watch, tr_worker *worker, const tr_watched *seen, uint64_t now) {
    char path[TR_PATH_ROOM];
    troupe_report it;
    tr_bias_take(&worker->bias);
    uint64_t running = tr_load64_relaxed(&worker->running);
    bool still =
        running == seen->running && tr_load64_relaxed(&worker->pace.handled) == seen->done.handled;
    if (still) tr_report_of((const tr_task *)(uintptr_t)running, TROUPE_REPORT_SLOW, &it, path);
    tr_bias_give(&worker->bias);
    if (!still) return;
    it.for_ms = (now - seen->since) / TR_MS;
    it.next = "others do its worker's work meanwhile";
    it.hint =
        "a callback that blocks or computes for long belongs in a behaviour with `.blocking = "
        "true`";
    tr_report_tell(
        watch->sched->rt, &it, "worker %u has been held for %llu ms by %s in %s; %s, but %s",
        (unsigned)worker->index, (unsigned long long)it.for_ms, path, it.doing, it.next, it.hint);
}

/* Whether a worker that has not moved for a while is held by its callback. One that could run, but
 * for other threads on its core, is not: to take its work away would only spread it. Nor is, for a
 * while, one that sends without end: what it sends would have a longer way. */
static bool held_up(const tr_worker *worker, tr_watched *seen, uint64_t now) {
    if (!seen->time) seen->time = tr_thread_time(&worker->thread); /* dear: not at each look */
    if (now - seen->since < STUCK_NS) return false;
    seen->waits = tr_thread_waits(tr_load32_relaxed(&worker->thread_id)) ? seen->waits + 1 : 0;
    if (seen->waits >= 2) return true;
    uint64_t ran = tr_thread_time(&worker->thread) - seen->time;
    return ran >= SPARE_NS || (ran >= STUCK_NS && tr_pace_pays(&worker->pace, seen->done, ran));
}

/* What a worker is at: a task, or a look outside; 0: neither. */
static uint64_t work_of(const tr_worker *worker) {
    uint64_t running = tr_load64_relaxed(&worker->running); /* an address: even */
    uint32_t looking = tr_load32_relaxed(&worker->looking);
    return running || looking % 2 == 0 ? running : looking;
}

/* Looks at one worker. True: it is awake. */
static bool look(tr_watch *watch, tr_worker *worker, uint64_t now) {
    tr_watched *seen = &watch->seen[worker->index];
    tr_done done = tr_pace_done(&worker->pace);
    uint64_t running = work_of(worker);
    bool asleep = tr_worker_asleep(worker);
    /* Its messages may take longer than when it chose the time of its next look. */
    uint64_t moved = done.handled - seen->done.handled;
    if (done.handled + 2 * moved < tr_load64_relaxed(&worker->pace.look_at))
        tr_pace_look_soon(&worker->pace);
    if (asleep || !running || running != seen->running || done.handled != seen->done.handled) {
        *seen = (tr_watched){.done = done, .running = running, .since = now};
        tr_store32_seq(&worker->stuck, 0);
        return !asleep;
    }
    if (now - seen->since >= STUCK_NS && tr_load32_relaxed(&worker->defers))
        tr_task_hurry(watch->sched->rt);
    if (!held_up(worker, seen, now)) return true;
    tr_store32_seq(&worker->stuck, 1);
    tr_sched_relieve(watch->sched, worker, now - seen->since >= SPARE_NS);
    if (!seen->reported && now - seen->since >= watch->slow_ns) {
        seen->reported = true;
        report(watch, worker, seen, now);
    }
    return true;
}

static bool look_at_all(tr_watch *watch) {
    tr_sched *sched = watch->sched;
    uint64_t now = tr_clock();
    tr_stamp_tick(sched, now);
    bool awake = false;
    for (unsigned i = 0; i < sched->room; i++)
        if (tr_load32_acquire(&sched->worker[i].started))
            awake |= look(watch, &sched->worker[i], now);
    tr_poller_watch(&sched->poller);
    return awake;
}

/* Sleeps until a worker wakes. It says so first and then looks a last time; a worker first wakes
 * and then asks whether the watch sleeps. Both are sequentially consistent, so one sees the other.
 */
static void sleep_with_all(tr_watch *watch) {
    tr_store32_seq(&watch->asleep, 1);
    if (look_at_all(watch) || tr_load32_seq(&watch->over)) tr_store32_seq(&watch->asleep, 0);
    while (tr_load32_seq(&watch->asleep)) (void)tr_futex_wait(&watch->asleep, 1, TR_NEVER);
}

static void *watch_workers(void *arg) {
    tr_watch *watch = arg;
    unsigned quiet = 0;
    while (!tr_load32_seq(&watch->over)) {
        quiet = look_at_all(watch) ? 0 : quiet + 1;
        if (quiet < QUIET_LOOKS)
            (void)tr_futex_wait(&watch->over, 0, tr_clock() + LOOK_NS);
        else
            sleep_with_all(watch);
    }
    return NULL;
}

bool tr_watch_start(tr_watch *watch) {
    watch->started = tr_thread_start(&watch->thread, "troupe:watch", watch_workers, watch);
    return watch->started;
}

void tr_watch_end(tr_watch *watch) {
    if (!watch->started) return;
    tr_store32_seq(&watch->over, 1);
    tr_futex_wake(&watch->over, 1);
    tr_watch_stir(watch);
    tr_thread_join(&watch->thread);
    watch->started = false;
}

void tr_watch_stir(tr_watch *watch) {
    if (!tr_load32_seq(&watch->asleep)) return;
    tr_store32_seq(&watch->asleep, 0);
    tr_futex_wake(&watch->asleep, 1);
}
