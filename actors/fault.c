#include "actors/fault.h"

#include "actors/find.h"
#include "actors/sim.h"

enum { SQUEEZE_MOST = 20, LATE_MS = 50, PARTED_LONGER = 40 };

static uint64_t some_time(troupe_sim *sim) {
    uint32_t most = sim->faults.chance.late_ms ? sim->faults.chance.late_ms : LATE_MS;
    return (1 + tr_choose(&sim->choices, most)) * TR_MS;
}

/* --- Full mailboxes --------------------------------------------------------------------------- */

static tr_sim_runtime *runtime_of(troupe_sim *sim, uint64_t node) {
    for (tr_sim_runtime *at = sim->runtimes; at; at = at->next)
        if (at->rt && at->rt->node == node) return at;
    return NULL;
}

static troupe_self *find(troupe_sim *sim, troupe_ref who) {
    const tr_sim_runtime *at = runtime_of(sim, who.node);
    return at ? tr_table_find(&at->rt->table, who.id) : NULL;
}

/* Sets the bound of a mailbox; who waits for room is told if there is some now. */
static void set_limit(troupe_self *self, uint32_t limit) {
    troupe *rt = self->rt;
    tr_bias *bias = &rt->sched.worker[0].bias;
    tr_bias_take(bias);
    bool room = tr_mailbox_set_limit(&self->task.box, limit);
    tr_bias_give(bias);
    if (room) tr_rooms_freed(rt, tr_actor_ref(self));
}

static void release(troupe_sim *sim, tr_squeeze *squeeze) {
    uint32_t limit = squeeze->limit;
    squeeze->limit = 0;
    troupe_self *self = limit ? find(sim, squeeze->who) : NULL;
    if (self) set_limit(self, limit);
}

static tr_squeeze *squeeze_of(tr_faults *faults, troupe_ref who) {
    for (unsigned i = 0; i < TR_FAULT_SQUEEZES; i++)
        if (faults->squeeze[i].limit && troupe_same(faults->squeeze[i].who, who))
            return &faults->squeeze[i];
    return NULL;
}

static void squeeze(troupe_sim *sim, troupe_self *self, uint64_t until) {
    tr_faults *faults = &sim->faults;
    troupe_ref who = tr_actor_ref(self);
    tr_squeeze *at = squeeze_of(faults, who);
    for (unsigned i = 0; !at && i < TR_FAULT_SQUEEZES; i++)
        if (!faults->squeeze[i].limit) at = &faults->squeeze[i];
    if (!at) return;
    if (!at->limit) {
        *at = (tr_squeeze){who, tr_mailbox_limit(&self->task.box), 0};
        set_limit(self, 0);
    }
    at->until = until;
    faults->counts.full++;
}

static tr_sim_runtime *nth(const troupe_sim *sim, uint32_t n) {
    tr_sim_runtime *at = sim->runtimes;
    while (n-- > 0) at = at->next;
    return at;
}

/* One of all living actors. */
static void squeeze_somebody(troupe_sim *sim) {
    if (!sim->count) return;
    tr_sim_runtime *at = nth(sim, tr_choose(&sim->choices, sim->count));
    uint32_t used = at->rt ? tr_load32_relaxed(&at->rt->table.used) : 0;
    if (!used) return;
    troupe_self *self = tr_table_at(&at->rt->table, tr_choose(&sim->choices, used));
    uint64_t length = 1 + tr_choose(&sim->choices, SQUEEZE_MOST);
    if (tr_load64_relaxed(&self->task.control) & TR_CONTROL_VACANT) return;
    squeeze(sim, self, sim->events + length);
}

troupe_err troupe_sim_full(troupe_sim *sim, troupe_ref who, bool full) {
    troupe_self *self = find(sim, who);
    if (!self) return TROUPE_GONE;
    tr_squeeze *at = squeeze_of(&sim->faults, who);
    if (full)
        squeeze(sim, self, UINT64_MAX);
    else if (at)
        release(sim, at);
    return TROUPE_OK;
}

/* --- Actors that are held --------------------------------------------------------------------- */

/* Those that come instead of mail. */
enum { REQUESTS = TR_CONTROL_REQUESTS & ~TR_CONTROL_URGED };

bool tr_faults_held(const troupe_sim *sim, const tr_sim_runtime *at, tr_task *task) {
    if (!sim->faults.held || tr_load64_relaxed(&task->control) & REQUESTS) return false;
    const troupe_self *self = TR_OWNER(task, troupe_self, task);
    const troupe_ref who = {at->rt->node, self->id};
    for (unsigned i = 0; i < TR_FAULT_HOLDS; i++)
        if (troupe_same(sim->faults.hold[i], who)) return true;
    return false;
}

troupe_err troupe_sim_hold(troupe_sim *sim, troupe_ref who, bool held) {
    tr_faults *faults = &sim->faults;
    troupe_ref *at = NULL, *free = NULL;
    if (!find(sim, who)) return TROUPE_GONE;
    for (unsigned i = 0; i < TR_FAULT_HOLDS; i++) {
        if (troupe_same(faults->hold[i], who)) at = &faults->hold[i];
        if (troupe_same(faults->hold[i], TROUPE_NOBODY)) free = &faults->hold[i];
    }
    if (held == (at != NULL)) return TROUPE_OK;
    if (held && !free) return TROUPE_INVALID;
    *(held ? free : at) = held ? who : TROUPE_NOBODY;
    held ? faults->held++ : faults->held--;
    return TROUPE_OK;
}

/* --- Failing actors --------------------------------------------------------------------------- */

/* An order for the actor, one message nearer; true: it is due. */
static bool ordered(tr_faults *faults, troupe_ref who) {
    for (unsigned i = 0; i < TR_FAULT_ORDERS; i++)
        if (faults->order[i].left && troupe_same(faults->order[i].who, who))
            return --faults->order[i].left == 0;
    return false;
}

/* It is made to end before the message and looked at after it, as if the callback had called
 * troupe_exit. */
void tr_faults_doom(troupe_sim *sim, tr_sim_runtime *at, tr_task *task) {
    troupe_self *self = TR_OWNER(task, troupe_self, task);
    bool asked = tr_load64_relaxed(&task->control) & REQUESTS;
    const tr_link *next = tr_mailbox_peek(&task->box);
    if (asked || !next || self->status != TR_ALIVE || self->ending || self->is_supervisor) return;
    if (!ordered(&sim->faults, (troupe_ref){at->rt->node, self->id}) &&
        !tr_chance(&sim->choices, sim->faults.chance.fail))
        return;
    self->ending = true;
    self->why = TROUPE_FAILED;
    sim->faults.counts.failed++;
}

troupe_err troupe_sim_fail(troupe_sim *sim, troupe_ref who, unsigned nth) {
    if (!find(sim, who)) return TROUPE_GONE;
    for (unsigned i = 0; nth && i < TR_FAULT_ORDERS; i++) {
        if (sim->faults.order[i].left) continue;
        sim->faults.order[i] = (tr_fault_order){who, nth};
        return TROUPE_OK;
    }
    return TROUPE_INVALID;
}

/* --- Memory and time -------------------------------------------------------------------------- */

bool tr_faults_alloc(troupe_sim *sim) {
    tr_faults *faults = &sim->faults;
    bool due = faults->alloc_in && --faults->alloc_in == 0;
    if (!due && !tr_chance(&sim->choices, faults->chance.alloc)) return false;
    faults->counts.allocs++;
    return true;
}

void troupe_sim_fail_alloc(troupe_sim *sim, unsigned nth) {
    sim->faults.alloc_in = nth;
}

bool tr_faults_late(troupe_sim *sim, tr_sim_runtime *at) {
    if (!tr_chance(&sim->choices, sim->faults.chance.late)) return false;
    at->timers_from = sim->now + some_time(sim);
    sim->faults.counts.late++;
    return true;
}

void troupe_sim_late(troupe_sim *sim, troupe *rt, unsigned ms) {
    tr_sim_runtime *at = runtime_of(sim, rt->node);
    if (!at) return;
    at->timers_from = tr_after_ms(sim->now, ms);
    sim->faults.counts.late++;
}

/* Two runtimes hear nothing of each other for a while. */
static void part_two(troupe_sim *sim) {
    if (!sim->net || sim->count < 2) return;
    uint32_t a = tr_choose(&sim->choices, sim->count), b = tr_choose(&sim->choices, sim->count - 1);
    if (b >= a) b++;
    const tr_sim_runtime *one = nth(sim, a), *other = nth(sim, b);
    uint64_t until = sim->now + some_time(sim) * PARTED_LONGER;
    if (!one->rt || !other->rt) return;
    sim->net_ops->part(sim->net, one->rt->node, other->rt->node, until);
    sim->faults.counts.parted++;
}

void tr_faults_befall(troupe_sim *sim) {
    tr_faults *faults = &sim->faults;
    for (unsigned i = 0; i < TR_FAULT_SQUEEZES; i++)
        if (faults->squeeze[i].limit && faults->squeeze[i].until <= sim->events)
            release(sim, &faults->squeeze[i]);
    if (tr_chance(&sim->choices, faults->chance.full)) squeeze_somebody(sim);
    if (tr_chance(&sim->choices, faults->chance.part)) part_two(sim);
    if (tr_chance(&sim->choices, faults->chance.stall)) {
        sim->now += some_time(sim);
        faults->counts.stalled++;
    }
}

void troupe_sim_calm(troupe_sim *sim) {
    tr_faults *faults = &sim->faults;
    for (unsigned i = 0; i < TR_FAULT_SQUEEZES; i++) release(sim, &faults->squeeze[i]);
    for (unsigned i = 0; i < TR_FAULT_ORDERS; i++) faults->order[i].left = 0;
    for (unsigned i = 0; i < TR_FAULT_HOLDS; i++) faults->hold[i] = TROUPE_NOBODY;
    faults->held = 0;
    faults->alloc_in = 0;
    faults->chance = (troupe_faults){0};
    sim->choices.schedule = TROUPE_RANDOM;
    for (tr_sim_runtime *at = sim->runtimes; at; at = at->next) at->timers_from = 0;
    if (sim->net) sim->net_ops->calm(sim->net);
}

troupe_fault_counts troupe_sim_faults(const troupe_sim *sim) {
    return sim->faults.counts;
}
