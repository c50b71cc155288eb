#include "actors/runtime.h"

#include "actors/actor.h"
#include "actors/report.h"
#include "actors/supervisor.h"
#include "base/check.h"
#include "base/heap.h"

enum { CLOSE_MS = 5000, KILL_MS = 1000 };

static troupe_err check(const troupe_config *config) {
    bool half_heap = !config->heap.take != !config->heap.give;
    bool lone_clock = config->now && config->workers != TROUPE_STEPPED;
    return half_heap || lone_clock ? TROUPE_INVALID : TROUPE_OK;
}

static void make_rooms(troupe *rt) {
    tr_table_init(&rt->table, rt->heap);
    tr_timers_init(&rt->timers, rt);
    tr_ties_init(&rt->ties, rt->heap);
    tr_names_init(&rt->names, rt->heap);
    tr_asks_init(&rt->asks, rt->heap);
    tr_types_init(&rt->types, rt->heap);
    tr_mutex_init(&rt->services_lock);
}

/* Gives everything back; no thread of the runtime runs any more. */
static void free_all(troupe *rt) {
    tr_timers_fini(&rt->timers);
    tr_sched_fini(&rt->sched);
    tr_mutex_fini(&rt->services_lock);
    tr_types_fini(&rt->types);
    tr_asks_fini(&rt->asks);
    tr_names_fini(&rt->names);
    tr_ties_fini(&rt->ties);
    tr_table_fini(&rt->table);
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
    while (!rt->node) tr_random(&rt->node, sizeof rt->node);
    err = tr_sched_init(&rt->sched, rt, config->workers);
    if (err) {
        tr_give(heap, rt, sizeof *rt);
        return err;
    }
    make_rooms(rt);
    err = tr_sched_start(&rt->sched);
    if (!err && !rt->sched.stepped && (err = tr_timers_start(&rt->timers)))
        (void)tr_sched_end(&rt->sched, TR_NEVER);
    if (err)
        free_all(rt);
    else
        *out = rt;
    return err;
}

uint64_t troupe_now(troupe *rt) {
    return rt->config.now ? rt->config.now(rt->config.now_ctx) : tr_clock();
}

size_t troupe_step(troupe *rt, size_t most) {
    size_t ran = 0;
    while (ran < most && (tr_timers_fire(&rt->timers) || tr_sched_step(&rt->sched))) ran++;
    return ran;
}

/* --- Closing ---------------------------------------------------------------------------------- */

/* Waits until an id is stale (0: until nobody lives); a stepped runtime steps meanwhile, as far as
 * that leads: nothing else would move it. */
static bool wait_for(troupe *rt, uint64_t id, uint64_t deadline) {
    if (!rt->sched.stepped) return tr_table_wait(&rt->table, id, deadline);
    while (id ? tr_table_find(&rt->table, id) != NULL : tr_table_live(&rt->table) > 0)
        if (!troupe_step(rt, 1) || tr_clock() >= deadline) return false;
    return true;
}

/* The youngest top-level supervisor that lives; 0: none. */
static uint64_t youngest_supervisor(tr_table *table) {
    uint64_t id = 0;
    tr_lock(&table->lock);
    for (tr_list *at = table->top.prev; !id && at != &table->top; at = at->prev) {
        const troupe_self *self = TR_OWNER(at, troupe_self, top);
        if (self->is_supervisor) id = (uint64_t)self->generation << 32 | self->place;
    }
    tr_unlock(&table->lock);
    return id;
}

/* Asks something of all top-level actors, the youngest first. */
static void request_all(tr_table *table, uint32_t request) {
    tr_lock(&table->lock);
    for (tr_list *at = table->top.prev; at != &table->top; at = at->prev) {
        troupe_self *self = TR_OWNER(at, troupe_self, top);
        (void)tr_actor_request(self, self->generation, request);
    }
    tr_unlock(&table->lock);
}

/* Stops everybody in order. False: not all had ended by the deadline. */
static bool stop_all(troupe *rt, uint64_t deadline) {
    for (uint64_t id; (id = youngest_supervisor(&rt->table));) {
        (void)troupe_stop(rt, (troupe_ref){rt->node, id});
        if (!wait_for(rt, id, deadline)) return false;
    }
    request_all(&rt->table, TR_CONTROL_STOP);
    return wait_for(rt, 0, deadline);
}

/* Says who holds the close up. What it reads is changed by nobody while a callback runs. */
static void name_stragglers(troupe *rt) {
    for (unsigned i = 0; i < rt->sched.workers; i++) {
        const troupe_self *self =
            (const troupe_self *)(uintptr_t)tr_load64_relaxed(&rt->sched.worker[i].running);
        if (!self) continue;
        char path[256];
        tr_actor_path(self, path, sizeof path);
        tr_log(rt, TROUPE_ERROR, "close: %s does not return from its callback", path);
    }
}

void troupe_close(troupe **it) {
    troupe *rt = *it;
    if (!rt) return;
    *it = NULL;
    tr_store32_release(&rt->closing, 1);
    bool ended = stop_all(rt, tr_after_ms(tr_clock(), rt->config.close_ms));
    if (!ended) {
        tr_log(rt, TROUPE_WARN, "close: %zu actors did not stop within %u ms and are killed",
               tr_table_live(&rt->table), rt->config.close_ms);
        request_all(&rt->table, TR_CONTROL_KILL);
        ended = wait_for(rt, 0, tr_after_ms(tr_clock(), KILL_MS));
    }
    if (!ended) {
        name_stragglers(rt);
        return; /* all its memory and threads are left to the callbacks that do not return */
    }
    tr_port *port = tr_runtime_port(rt);
    if (port && !port->ops->close(port)) return; /* it has said why; its threads still need all */
    for (tr_service *service; (service = rt->services);) {
        rt->services = service->next;
        service->close(service);
    }
    tr_timers_end(&rt->timers);
    (void)tr_sched_end(&rt->sched, TR_NEVER);
    free_all(rt);
}
