#include "actors/runtime.h"

#include "actors/actor.h"
#include "actors/find.h"
#include "actors/report.h"
#include "actors/sim.h"
#include "actors/supervisor.h"
#include "actors/turn.h"
#include "base/check.h"
#include "base/fatal.h"
#include "base/heap.h"

enum { CLOSE_MS = 5000, FOLD_MS = 10000, KILL_MS = 1000 };

static troupe_err check(const troupe_config *config) {
    bool half_heap = !config->heap.take != !config->heap.give;
    bool lone_clock = config->now && config->workers != TROUPE_STEPPED;
    return half_heap || lone_clock ? TROUPE_INVALID : TROUPE_OK;
}

static void make_rooms(troupe *rt) {
    tr_deads_init(&rt->deads);
    tr_folds_init(&rt->folds);
    tr_timers_init(&rt->timers, rt);
    tr_ties_init(&rt->ties, rt->heap);
    tr_names_init(&rt->names, rt->heap);
    tr_groups_init(&rt->groups, rt->heap);
    tr_topics_init(&rt->topics, rt);
    tr_asks_init(&rt->asks, rt->heap);
    tr_types_init(&rt->types, rt->heap);
    tr_mutex_init(&rt->services_lock);
}

/* Gives everything back; no thread of the runtime runs any more. */
static void free_all(troupe *rt) {
    if (rt->fatal) tr_fatal_uninstall();
    tr_timers_fini(&rt->timers);
    tr_folds_fini(&rt->folds);
    tr_deads_fini(&rt->deads);
    tr_sched_fini(&rt->sched);
    tr_mutex_fini(&rt->services_lock);
    tr_types_fini(&rt->types);
    tr_asks_fini(&rt->asks);
    tr_topics_fini(&rt->topics);
    tr_groups_fini(&rt->groups);
    tr_names_fini(&rt->names);
    tr_ties_fini(&rt->ties);
    tr_table_fini(&rt->table);
    tr_pool_fini(&rt->pool);
    troupe_heap heap = *rt->heap;
    tr_give(&heap, rt, sizeof *rt);
}

troupe_err troupe_open(const troupe_config *config, troupe **out) {
    static const troupe_config defaults;
    if (!config) config = &defaults;
    troupe_err err = check(config);
    if (err) return err;
    const troupe_heap *heap = config->heap.take ? &config->heap : &tr_heap_default;
    troupe *rt = tr_take_zero(heap, sizeof *rt);
    if (!rt) return TROUPE_NOMEM;
    rt->config = *config;
    rt->heap = config->heap.take ? &rt->config.heap : &tr_heap_default;
    if (!rt->config.close_ms) rt->config.close_ms = CLOSE_MS;
    if (!rt->config.quiet) rt->config.quiet = TROUPE_DEBUG;
    if (!rt->config.fold_ms) rt->config.fold_ms = FOLD_MS;
    while (!rt->node) tr_random(&rt->node, sizeof rt->node);
    if (!tr_pool_init(&rt->pool, rt->heap, config->heap.take ? NULL : tr_pool_ground()))
        err = TROUPE_NOMEM;
    if (!err && (err = tr_sched_init(&rt->sched, rt, config))) tr_pool_fini(&rt->pool);
    if (!err && !tr_table_init(&rt->table, rt->heap, rt->sched.stepped ? 0 : rt->sched.room)) {
        tr_sched_fini(&rt->sched);
        tr_pool_fini(&rt->pool);
        err = TROUPE_NOMEM;
    }
    if (err) {
        tr_give(heap, rt, sizeof *rt);
        return err;
    }
    make_rooms(rt);
    err = tr_sched_start(&rt->sched);
    if (!err && !rt->sched.stepped && (err = tr_timers_start(&rt->timers)))
        tr_sched_end(&rt->sched);
    if (err)
        free_all(rt);
    else
        *out = rt;
    return err;
}

uint64_t troupe_now(troupe *rt) {
    return rt->config.now ? rt->config.now(rt->config.now_ctx) : tr_clock();
}

uint64_t troupe_random(troupe *rt) {
    uint64_t number;
    if (rt->sim) return tr_sim_random(rt->sim);
    tr_random(&number, sizeof number);
    return number;
}

size_t troupe_step(troupe *rt, size_t most) {
    size_t ran = 0;
    if (rt->sim)
        while (ran < most && tr_sim_advance(rt->sim, rt->sim->now)) ran++;
    else
        while (ran < most && (tr_timers_fire(&rt->timers) || tr_sched_step(&rt->sched))) ran++;
    return ran;
}

uint64_t tr_runtime_clock(const troupe *rt) {
    return rt->sim ? rt->sim->now : tr_clock();
}

bool tr_runtime_advance(troupe *rt, uint64_t deadline) {
    if (rt->sim) return tr_sim_advance(rt->sim, deadline) && rt->sim->now < deadline;
    return troupe_step(rt, 1) && tr_clock() < deadline;
}

/* --- Closing ---------------------------------------------------------------------------------- */

bool tr_runtime_wait(troupe *rt, uint64_t id, uint64_t deadline) {
    if (!rt->sched.stepped) return tr_table_wait(&rt->table, id, deadline);
    while (id ? tr_table_find(&rt->table, id) != NULL : tr_table_live(&rt->table) > 0)
        if (!tr_runtime_advance(rt, deadline)) return false;
    return true;
}

/* Asks something of all actors that have one of the marks, the last place first. */
static void request_all(troupe *rt, uint32_t request, uint64_t marks) {
    for (uint32_t place = tr_load32_acquire(&rt->table.used); place-- > 0;) {
        troupe_self *self = tr_table_at(&rt->table, place);
        uint64_t control = tr_load64_acquire(&self->task.control);
        if (!(control & TR_CONTROL_VACANT) && (control & marks))
            (void)tr_route_request(&rt->sched, &self->task, (uint32_t)(control >> 32), request);
    }
}

/* Stops everybody in order. False: not all had ended by the deadline. */
static bool stop_all(troupe *rt, uint64_t deadline) {
    for (uint64_t id; (id = tr_table_youngest_supervisor(&rt->table));) {
        (void)troupe_stop(rt, (troupe_ref){rt->node, id});
        if (!tr_runtime_wait(rt, id, deadline)) return false;
    }
    request_all(rt, TR_CONTROL_STOP, TR_CONTROL_TOP);
    return tr_runtime_wait(rt, 0, deadline);
}

/* Says who holds the close up. What it reads is changed by nobody while a callback runs, or under
 * the guard of the task's home. */
static void name_straggler(troupe *rt, const tr_atomic64 *running, tr_hold hold) {
    const tr_task *task = (const tr_task *)(uintptr_t)tr_load64_relaxed(running);
    char path[TR_PATH_ROOM];
    troupe_report report;
    if (task) tr_report_of(task, TROUPE_REPORT_STRAGGLER, &report, path);
    tr_route_let_go(&rt->sched, hold);
    if (!task) return;
    report.level = TROUPE_ERROR;
    report.next = "the runtime's memory and threads are left to it";
    tr_report_tell(rt, &report, "close: %s in %s does not return from its callback", path,
                   report.doing);
}

static void name_stragglers(troupe *rt) {
    tr_sched *sched = &rt->sched;
    for (unsigned i = 0; i < sched->room; i++)
        name_straggler(rt, &sched->worker[i].running, tr_route_hold_worker(sched, i));
    for (unsigned i = 0; i < sched->blocking.threads; i++)
        name_straggler(rt, &sched->blocking.thread[i].running,
                       tr_route_hold_worker(sched, TR_NOWHERE));
}

/* Nothing runs any more: what was sent must be somewhere. */
static void settle_accounts(troupe *rt) {
    tr_deads_sum_up(rt);
    tr_reports_sum_up(rt);
    troupe_account account;
    troupe_account_all(rt, &account);
    int64_t missing = troupe_account_missing(&account);
    if (!missing && !account.queued) return;
    tr_log(rt, TROUPE_ERROR, "close: of %llu messages %lld are not accounted for, %llu are queued",
           (unsigned long long)account.sent, (long long)missing,
           (unsigned long long)account.queued);
    TR_ASSERT(!missing && !account.queued);
}

/* Gives everything back once all actors have ended. */
static void finish(troupe *rt) {
    tr_port *port = tr_runtime_port(rt);
    if (port && !port->ops->close(port)) return; /* it has said why; its threads still need all */
    for (tr_service *service; (service = rt->services);) {
        rt->services = service->next;
        service->close(service);
    }
    tr_timers_end(&rt->timers);
    tr_sched_end(&rt->sched);
    settle_accounts(rt);
    if (rt->sim) tr_sim_left(rt->sim, rt);
    free_all(rt);
}

void tr_port_crash(troupe **it) {
    troupe *rt = *it;
    *it = NULL;
    rt->config.quiet = TROUPE_ERROR; /* who is dead says nothing */
    rt->config.dead_letter = NULL;
    tr_store32_seq(&rt->closing, 1);
    request_all(rt, TR_CONTROL_KILL, ~UINT64_C(0));
    TR_CHECK(tr_runtime_wait(rt, 0, TR_NEVER));
    finish(rt);
}

void troupe_close(troupe **it) {
    troupe *rt = *it;
    if (!rt) return;
    *it = NULL;
    tr_store32_seq(&rt->closing, 1); /* partner: the second look in troupe_spawn */
    bool ended = stop_all(rt, tr_after_ms(tr_runtime_clock(rt), rt->config.close_ms));
    if (!ended) {
        tr_log(rt, TROUPE_WARN, "close: %zu actors did not stop within %u ms and are killed",
               tr_table_live(&rt->table), rt->config.close_ms);
        request_all(rt, TR_CONTROL_KILL, TR_CONTROL_TOP);
        ended = tr_runtime_wait(rt, 0, tr_after_ms(tr_runtime_clock(rt), KILL_MS));
    }
    if (!ended) {
        name_stragglers(rt);
        return; /* all its memory and threads are left to the callbacks that do not return */
    }
    finish(rt);
}
