#include "actors/runtime.h"

#include "actors/actor.h"
#include "actors/find.h"
#include "actors/sim.h"
#include "actors/supervisor.h"
#include "actors/turn.h"
#include "base/check.h"
#include "base/fatal.h"
#include "base/heap.h"

enum { CLOSE_MS = 5000, FOLD_MS = 10000 };

static troupe_err check(const troupe_config *config) {
    bool half_heap = !config->heap.take != !config->heap.give;
    bool lone_clock = config->now && config->workers != TROUPE_STEPPED;
    return half_heap || lone_clock ? TROUPE_INVALID : TROUPE_OK;
}

static void make_rooms(troupe *rt) {
    tr_deads_init(&rt->deads);
    tr_folds_init(&rt->folds);
    tr_teller_init(&rt->teller, rt);
    tr_timers_init(&rt->timers, rt);
    tr_ties_init(&rt->ties, rt->heap);
    tr_names_init(&rt->names, rt->heap);
    tr_groups_init(&rt->groups, rt->heap);
    tr_topics_init(&rt->topics, rt);
    tr_asks_init(&rt->asks, rt, rt->heap);
    tr_rooms_init(&rt->rooms, rt->heap);
    tr_locals_init(&rt->locals);
    tr_joins_init(&rt->joins, rt->heap);
    tr_types_init(&rt->types, rt->heap);
    tr_mutex_init(&rt->services_lock);
}

void tr_runtime_free(troupe *rt) {
    if (rt->fatal) tr_fatal_uninstall();
    tr_timers_follow(&rt->timers, NULL);
    tr_bell_fini(rt);
    tr_timers_fini(&rt->timers);
    tr_folds_fini(&rt->folds);
    tr_teller_fini(&rt->teller);
    tr_deads_fini(&rt->deads);
    tr_sched_fini(&rt->sched);
    tr_mutex_fini(&rt->services_lock);
    tr_types_fini(&rt->types);
    tr_locals_fini(&rt->locals);
    tr_joins_fini(&rt->joins);
    tr_rooms_fini(&rt->rooms);
    tr_asks_fini(&rt->asks);
    tr_topics_fini(&rt->topics);
    tr_groups_all_lost(rt);
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
        tr_runtime_free(rt);
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
    tr_bell_mute(rt);
    if (rt->sim)
        while (ran < most && tr_sim_advance(rt->sim, rt->sim->now)) ran++;
    else
        while (ran < most && (tr_timers_fire(&rt->timers) || tr_sched_step(&rt->sched))) ran++;
    tr_bell_settle(rt);
    tr_fatal_vacate();
    return ran;
}

uint64_t tr_runtime_clock(const troupe *rt) {
    return rt->sim ? rt->sim->now : tr_clock();
}

bool tr_runtime_advance(troupe *rt, uint64_t deadline) {
    if (rt->sim) return tr_sim_advance(rt->sim, deadline) && rt->sim->now < deadline;
    return troupe_step(rt, 1) && tr_clock() < deadline;
}

bool tr_runtime_wait(troupe *rt, uint64_t id, uint64_t deadline) {
    if (!rt->sched.stepped) return tr_table_wait(&rt->table, id, deadline);
    while (id ? tr_table_find(&rt->table, id) != NULL : tr_table_live(&rt->table) > 0)
        if (!tr_runtime_advance(rt, deadline)) return false;
    return true;
}
