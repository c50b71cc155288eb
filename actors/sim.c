#include "actors/sim.h"

#include "actors/actor.h"
#include "actors/runtime.h"
#include "actors/stamp.h"
#include "actors/trial.h"
#include "base/heap.h"

enum { EVENT_US = 10 };

/* --- Memory ----------------------------------------------------------------------------------- */

static void *take(void *ctx, size_t size) {
    tr_sim_runtime *at = ctx;
    if (at->sim->running && tr_faults_alloc(at->sim)) return NULL;
    void *memory = tr_take(at->beneath, size);
    if (memory) at->blocks++;
    return memory;
}

static void give(void *ctx, void *memory, size_t size) {
    tr_sim_runtime *at = ctx;
    at->blocks--;
    tr_give(at->beneath, memory, size);
}

/* --- Opening and closing ---------------------------------------------------------------------- */

static void free_sim(troupe_sim *sim) {
    const troupe_heap heap = *sim->heap; /* which may be a part of it */
    tr_give(&heap, sim, sizeof *sim);
}

troupe_err troupe_sim_open(const troupe_sim_config *config, troupe_sim **out) {
    static const troupe_sim_config quiet;
    if (!config) config = &quiet;
    if (!config->heap.take != !config->heap.give) return TROUPE_INVALID;
    const troupe_heap *heap = config->heap.take ? &config->heap : &tr_heap_default;
    troupe_sim *sim = tr_take_zero(heap, sizeof *sim);
    if (!sim) return TROUPE_NOMEM;
    sim->config = *config;
    sim->heap = heap = config->heap.take ? &sim->config.heap : heap;
    sim->event_ns = (config->event_us ? config->event_us : EVENT_US) * UINT64_C(1000);
    sim->random = tr_mix(config->seed, 1);
    sim->faults.chance = config->faults;
    sim->last = &sim->runtimes;
    tr_list_init(&sim->set);
    troupe_err err = tr_choices_init(&sim->choices, config, heap);
    if (err)
        free_sim(sim);
    else
        *out = sim;
    return err;
}

void troupe_sim_close(troupe_sim **it) {
    troupe_sim *sim = *it;
    if (!sim) return;
    *it = NULL;
    tr_trial_ended(&sim->config, sim);
    if (sim->net) sim->net_ops->end(sim->net);
    TR_CHECK(tr_list_empty(&sim->set));
    for (tr_sim_runtime *at; (at = sim->runtimes);) {
        TR_CHECK(!at->rt); /* it was not closed */
        sim->runtimes = at->next;
        tr_give(sim->heap, at, sizeof *at);
    }
    tr_choices_fini(&sim->choices);
    tr_give(sim->heap, sim->candidate, sim->room * sizeof *sim->candidate);
    tr_give(sim->heap, sim->agent, sim->agent_room * sizeof *sim->agent);
    free_sim(sim);
}

static uint64_t read_clock(void *sim) {
    return troupe_sim_now(sim);
}

static troupe_err give_up(tr_sim_runtime *at, troupe_err err) {
    tr_give(at->sim->heap, at, sizeof *at);
    return err;
}

troupe_err troupe_sim_runtime(troupe_sim *sim, const troupe_config *config, troupe **out) {
    tr_sim_runtime *at = tr_take_zero(sim->heap, sizeof *at);
    if (!at) return TROUPE_NOMEM;
    at->sim = sim;
    at->heap = (troupe_heap){take, give, at};
    at->beneath = sim->heap;
    troupe_config full = {0};
    if (config) full = *config;
    if (!full.heap.take != !full.heap.give) return give_up(at, TROUPE_INVALID);
    at->given = full.heap;
    if (full.heap.take) at->beneath = &at->given;
    full.workers = TROUPE_STEPPED;
    full.heap = at->heap;
    full.now = read_clock;
    full.now_ctx = sim;
    troupe_err err = troupe_open(&full, &at->rt);
    if (err) return give_up(at, err);
    at->index = sim->count++;
    at->rt->sim = sim;
    at->rt->sched.budget = 1;
    while (!(at->rt->node = tr_sim_random(sim))) {
    }
    at->rt->ties.secret = at->rt->node | 1; /* no secret: the same in equal runs */
    *sim->last = at;
    sim->last = &at->next;
    *out = at->rt;
    return TROUPE_OK;
}

void tr_sim_left(troupe_sim *sim, const troupe *rt) {
    sim->messages += tr_sched_handled(&rt->sched);
    for (tr_sim_runtime *at = sim->runtimes; at; at = at->next)
        if (at->rt == rt) at->rt = NULL;
}

size_t troupe_sim_leaks(const troupe_sim *sim) {
    size_t blocks = 0;
    for (const tr_sim_runtime *at = sim->runtimes; at; at = at->next)
        if (!at->rt) blocks += at->blocks;
    return blocks;
}

/* --- Events of the transport ------------------------------------------------------------------ */

static tr_event *event_of(tr_list *at) {
    return TR_OWNER(at, tr_event, of_sim);
}

void tr_sim_set(troupe_sim *sim, tr_event *event, uint64_t due) {
    tr_list_remove(&event->of_sim);
    event->due = due;
    tr_list *after = sim->set.prev; /* most are set for later than all others */
    while (after != &sim->set && event_of(after)->due > due) after = after->prev;
    event->of_sim.prev = after;
    event->of_sim.next = after->next;
    after->next->prev = &event->of_sim;
    after->next = &event->of_sim;
}

void tr_sim_unset(tr_event *event) {
    tr_list_remove(&event->of_sim);
}

troupe_sim *tr_port_sim(const troupe *rt) {
    return rt->sim;
}

bool tr_sim_breaks(troupe_sim *sim) {
    if (!tr_chance(&sim->choices, sim->faults.chance.disconnect)) return false;
    sim->faults.counts.disconnected++;
    return true;
}

void tr_sim_attach_net(troupe_sim *sim, void *net, const tr_sim_net_ops *ops) {
    sim->net = net;
    sim->net_ops = ops;
}

const troupe_heap *tr_sim_heap(const troupe_sim *sim) {
    return sim->heap;
}

void *tr_sim_network(const troupe_sim *sim) {
    return sim->net;
}

/* --- What could be next ----------------------------------------------------------------------- */

static uint64_t agent_of(const tr_candidate *candidate) {
    if (!candidate->at) return tr_mix(3, candidate->event->agent);
    if (!candidate->task) return tr_mix(2, candidate->at->index);
    const troupe_self *self = TR_OWNER(candidate->task, troupe_self, task);
    return tr_mix(candidate->at->index, self->id);
}

static void add(troupe_sim *sim, size_t n, tr_candidate candidate) {
    void *candidates = sim->candidate, *agents = sim->agent;
    bool ok = tr_grow(sim->heap, &candidates, &sim->room, n + 1, sizeof *sim->candidate) &&
              tr_grow(sim->heap, &agents, &sim->agent_room, n + 1, sizeof *sim->agent);
    sim->candidate = candidates;
    sim->agent = agents;
    TR_CHECK(ok); /* else the run would be another one */
    sim->candidate[n] = candidate;
    sim->agent[n] = agent_of(&candidate);
}

static size_t collect_of(troupe_sim *sim, tr_sim_runtime *at, size_t n) {
    tr_sched *sched = &at->rt->sched;
    for (tr_task *task = NULL; (task = tr_sched_queued(sched, task));)
        if (!tr_faults_held(sim, at, task))
            add(sim, n++, (tr_candidate){.at = at, .task = task});
    if (at->timers_from <= sim->now && tr_timers_next(&at->rt->timers) <= sim->now)
        add(sim, n++, (tr_candidate){.at = at});
    return n;
}

/* All that could happen at this moment. */
static size_t collect(troupe_sim *sim) {
    size_t n = 0;
    for (tr_sim_runtime *at = sim->runtimes; at; at = at->next)
        if (at->rt) n = collect_of(sim, at, n);
    for (tr_list *at = sim->set.next; at != &sim->set && event_of(at)->due <= sim->now;
         at = at->next)
        add(sim, n++, (tr_candidate){.event = event_of(at)});
    return n;
}

/* When the first thing happens that waits for its time. */
static uint64_t next_time(const troupe_sim *sim) {
    uint64_t next = TR_NEVER;
    for (tr_sim_runtime *at = sim->runtimes; at; at = at->next) {
        uint64_t due = at->rt ? tr_timers_next(&at->rt->timers) : TR_NEVER;
        if (due < at->timers_from) due = at->timers_from;
        if (due < next) next = due;
    }
    if (tr_list_empty(&sim->set)) return next;
    uint64_t due = event_of(sim->set.next)->due;
    return due < next ? due : next;
}

/* --- Running ---------------------------------------------------------------------------------- */

static uint64_t text_hash(const char *text) {
    uint64_t hash = 0;
    for (; *text; text++) hash = hash * 31 + (unsigned char)*text;
    return hash;
}

/* The oldest message in a mailbox; NULL: none. */
static const troupe_msg *oldest(const tr_mailbox *box) {
    const tr_link *link = tr_mailbox_peek(box);
    return link ? tr_msg_of((tr_link *)(uintptr_t)link) : NULL;
}

static void note(troupe_sim *sim, uint64_t what) {
    sim->hash = tr_mix(sim->hash, what);
}

static void run_task(troupe_sim *sim, const tr_candidate *picked) {
    const troupe_msg *msg = oldest(&picked->task->box);
    note(sim, msg ? text_hash(troupe_type_name(msg)) : 1);
    note(sim, msg ? msg->sender : 0);
    note(sim, tr_load64_relaxed(&picked->task->control));
    tr_faults_doom(sim, picked->at, picked->task);
    tr_stamp_tick(&picked->at->rt->sched, sim->now);
    tr_sched_step_with(&picked->at->rt->sched, picked->task);
}

static void run_candidate(troupe_sim *sim, const tr_candidate *picked) {
    if (!picked->at) {
        tr_list_remove(&picked->event->of_sim);
        picked->event->run(picked->event->ctx);
    } else if (picked->task) {
        run_task(sim, picked);
    } else if (!tr_faults_late(sim, picked->at)) {
        (void)tr_timers_fire(&picked->at->rt->timers);
    }
}

bool tr_sim_advance(troupe_sim *sim, uint64_t deadline) {
    size_t n;
    while ((n = collect(sim)) == 0) {
        uint64_t next = next_time(sim);
        if (next > deadline || next == TR_NEVER) {
            if (deadline != TR_NEVER && deadline > sim->now) sim->now = deadline;
            return false;
        }
        sim->now = next;
    }
    uint32_t picked = tr_pick(&sim->choices, sim->agent, (uint32_t)n);
    const tr_candidate candidate = sim->candidate[picked];
    note(sim, sim->agent[picked]);
    note(sim, sim->now);
    sim->running = true;
    run_candidate(sim, &candidate);
    sim->events++;
    sim->now += sim->event_ns;
    tr_faults_befall(sim);
    sim->running = false;
    return true;
}

bool troupe_sim_step(troupe_sim *sim) {
    return tr_sim_advance(sim, TR_NEVER);
}

void troupe_sim_run(troupe_sim *sim, unsigned ms) {
    uint64_t until = tr_after_ms(sim->now, ms);
    while (tr_sim_advance(sim, until) && sim->now < until) {
    }
}

bool troupe_sim_settle(troupe_sim *sim, unsigned ms) {
    uint64_t until = tr_after_ms(sim->now, ms);
    while (tr_sim_advance(sim, sim->now))
        if (sim->now > until) return false;
    return true;
}

bool troupe_sim_rest(troupe_sim *sim, unsigned ms) {
    uint64_t until = tr_after_ms(sim->now, ms);
    while (next_time(sim) != TR_NEVER || collect(sim)) {
        if (sim->now >= until) return false;
        (void)tr_sim_advance(sim, until);
    }
    return true;
}

/* --- What is known ---------------------------------------------------------------------------- */

uint64_t troupe_sim_now(const troupe_sim *sim) {
    return sim->now;
}

uint64_t troupe_sim_events(const troupe_sim *sim) {
    return sim->events;
}

uint64_t troupe_sim_hash(const troupe_sim *sim) {
    return sim->hash;
}

uint32_t troupe_sim_choose(troupe_sim *sim, uint32_t n) {
    return tr_choose(&sim->choices, n);
}

uint64_t tr_sim_random(troupe_sim *sim) {
    return tr_draw(&sim->random);
}

const uint32_t *troupe_sim_trace(const troupe_sim *sim, size_t *length) {
    *length = sim->choices.lost ? 0 : sim->choices.count;
    return sim->choices.lost ? NULL : sim->choices.made;
}
