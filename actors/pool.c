#include "actors/pool.h"

#include <stdio.h>
#include <string.h>

#include "actors/actor.h"
#include "actors/find.h"
#include "actors/request.h"
#include "actors/send.h"
#include "actors/shutdown.h"
#include "actors/supervisor_kid.h"
#include "base/check.h"
#include "base/heap.h"

/* Behind the state of a member. */
typedef struct tr_head {
    _Alignas(16) troupe_pool *pool;
    tr_slot *slot; /* NULL: there was none */
    bool again;    /* this life begins with what the last one failed on */
} tr_head;

/* --- Members ---------------------------------------------------------------------------------- */

static tr_head *head_of(const troupe_self *self, void *state) {
    return (tr_head *)(void *)((char *)state + self->what->state_size) - 1;
}

/* The slot of a member, found in a later life, claimed in the first one. */
static tr_slot *find_slot(troupe_pool *pool, uint64_t id) {
    tr_slot *free = NULL;
    for (uint32_t i = 0; i < pool->plan.max; i++) {
        tr_slot *slot = &pool->slot[i];
        if (slot->id == id) return slot;
        if (!slot->id || !tr_table_find(&pool->rt->table, slot->id)) free = slot;
    }
    if (free) *free = (tr_slot){.id = id};
    return free;
}

static troupe_err start_member(troupe_self *self, void *state, const void *arg) {
    troupe_pool *pool = (troupe_pool *)(uintptr_t)arg;
    tr_head *head = head_of(self, state);
    head->pool = pool;
    tr_lock(&pool->lock);
    head->slot = find_slot(pool, self->id);
    tr_unlock(&pool->lock);
    if (head->slot)
        head->again = head->slot->msg && head->slot->failed == tr_load32_relaxed(&self->failed);
    troupe_err err = TROUPE_OK;
    if (pool->what->start) err = pool->what->start(self, state, pool->plan.member.arg);
    if (tr_load32_relaxed(&self->lives) > 1 || (err && err != TROUPE_LATER)) return err;
    troupe_err joined = tr_group_join_here(pool->rt, troupe_me(self), pool->name);
    if (joined && pool->what->stop) pool->what->stop(self, state, joined);
    if (joined) return joined;
    tr_lock(&pool->lock);
    (void)tr_roster_enter(&pool->roster, self->id); /* false: somebody else has started it */
    tr_gate_shut(&pool->gate);                      /* with more members it may grow again */
    tr_unlock(&pool->lock);
    return err;
}

static troupe_err receive_as_member(troupe_self *self, void *state, troupe_msg **msg) {
    tr_head *head = head_of(self, state);
    troupe_pool *pool = head->pool;
    if ((*msg)->type == &tr_pool_leave_type) {
        troupe_err sent =
            tr_send(self->rt, tr_actor_ref(self), troupe_sender(self), TR_SEND_FREE, msg);
        (void)sent; /* without a keeper all of the pool ends */
        return TROUPE_OK;
    }
    tr_slot *slot = head->slot;
    if (TR_UNLIKELY(head->again && slot->msg == *msg)) (void)tr_add64_relaxed(&pool->redone, 1);
    head->again = false;
    if (slot) {
        slot->failed = tr_load32_relaxed(&self->failed);
        slot->msg = *msg;
    }
    troupe_err err = pool->what->receive(self, state, msg);
    if (slot && !err && !self->ending) slot->msg = NULL;
    return err;
}

static troupe_err stopping_member(troupe_self *self, void *state) {
    const tr_head *head = head_of(self, state);
    return head->pool->what->stopping(self, state);
}

static void stop_member(troupe_self *self, void *state, troupe_err why) {
    const tr_head *head = head_of(self, state);
    head->pool->what->stop(self, state, why);
}

/* --- Opening ---------------------------------------------------------------------------------- */

static void close_pool(tr_service *service) {
    troupe_pool *pool = TR_OWNER(service, troupe_pool, service);
    tr_roster_fini(&pool->roster);
    tr_mutex_fini(&pool->lock);
    tr_give(pool->rt->heap, pool, sizeof *pool + pool->plan.max * sizeof(tr_slot));
}

static bool makes_sense(const troupe_pool_plan *plan) {
    const troupe_behaviour *what = plan->member.what;
    if (!plan->name || !*plan->name || strlen(plan->name) > TROUPE_NAME_MAX - 5) return false;
    if (!what || !what->receive || what->overflow || what == &troupe_supervisor) return false;
    return plan->max >= plan->min && plan->pick <= TROUPE_PICK_ALL &&
           (plan->pick != TROUPE_PICK_KEY || plan->key);
}

/* The behaviour of members. */
static troupe_behaviour around(const troupe_behaviour *what) {
    troupe_behaviour member = *what;
    member.state_size = (what->state_size + 15) / 16 * 16 + sizeof(tr_head);
    if (member.memory_limit) member.memory_limit += member.state_size - what->state_size;
    member.start = start_member;
    member.receive = receive_as_member;
    if (member.stopping) member.stopping = stopping_member;
    if (member.stop) member.stop = stop_member;
    return member;
}

/* Says what its tree is. */
static void draw(troupe_pool *pool) {
    const troupe_pool_plan *plan = &pool->plan;
    pool->template = plan->member;
    pool->template.id = "member";
    pool->template.name = NULL;
    pool->template.what = &pool->member;
    pool->template.restart = TROUPE_PERMANENT;
    pool->template.significant = pool->template.hold = false;
    pool->template.max_restarts = pool->template.within_ms = 0;
    pool->crew = (troupe_supervision){.child = &pool->template,
                                      .children = 1,
                                      .max_restarts = plan->max_restarts,
                                      .within_ms = plan->within_ms,
                                      .name = pool->crew_name,
                                      .strategy = TROUPE_SIMPLE_ONE_FOR_ONE};
    pool->parts[0] = (troupe_child){.id = "crew", .what = &troupe_supervisor, .arg = &pool->crew};
    pool->parts[1] = (troupe_child){.id = "keeper", .what = &tr_pool_keeper, .arg = pool};
    pool->tree = (troupe_supervision){
        .child = pool->parts, .children = 2, .name = pool->name, .strategy = TROUPE_REST_FOR_ONE};
}

static troupe_pool *make(troupe *rt, const troupe_pool_plan *plan) {
    troupe_pool *pool = tr_take_zero(rt->heap, sizeof *pool + plan->max * sizeof(tr_slot));
    if (!pool) return NULL;
    if (tr_roster_init(&pool->roster, rt, &pool->lock, plan->max)) {
        tr_give(rt->heap, pool, sizeof *pool + plan->max * sizeof(tr_slot));
        return NULL;
    }
    pool->rt = rt;
    pool->plan = *plan;
    snprintf(pool->name, sizeof pool->name, "%s", plan->name);
    snprintf(pool->crew_name, sizeof pool->crew_name, "%s/crew", pool->name);
    pool->theirs = *plan->member.what;
    pool->what = &pool->theirs;
    pool->member = around(pool->what);
    pool->wanted = plan->min;
    pool->gated = plan->pick != TROUPE_PICK_ALL && (plan->limit || plan->grow_at);
    tr_mutex_init(&pool->lock);
    draw(pool);
    pool->service.close = close_pool;
    tr_lock(&rt->services_lock);
    pool->service.next = rt->services;
    rt->services = &pool->service;
    tr_unlock(&rt->services_lock);
    return pool;
}

troupe_err troupe_pool_open(troupe *rt, const troupe_pool_plan *given, unsigned timeout_ms,
                            troupe_pool **out) {
    troupe_pool_plan plan = *given;
    if (!plan.min) plan.min = 1;
    if (!plan.max) plan.max = plan.min;
    if (!plan.max_restarts) plan.max_restarts = TROUPE_UNLIMITED;
    if (!makes_sense(&plan) || !tr_waits_allowed(rt)) return TROUPE_INVALID;
    if (tr_shutdown_refuses(rt)) return TROUPE_QUIESCED;
    troupe_pool *pool = make(rt, &plan);
    if (!pool) return TROUPE_NOMEM;
    const troupe_child child = {.id = pool->name, .what = &troupe_supervisor, .arg = &pool->tree};
    troupe_err err = troupe_same(plan.above, TROUPE_NOBODY)
                         ? troupe_supervise(rt, &pool->tree, timeout_ms, &pool->root)
                         : troupe_start_child(rt, plan.above, &child, timeout_ms, &pool->root);
    if (!err) *out = pool;
    return err;
}

troupe_ref troupe_pool_ref(const troupe_pool *pool) {
    return pool->root;
}

troupe *troupe_pool_runtime(const troupe_pool *pool) {
    return pool->rt;
}

/* --- Sending ---------------------------------------------------------------------------------- */

/* Whether one more member is to be started as soon as all of them have enough to do. */
static bool may_grow(const troupe_pool *pool, const tr_roster_load *load) {
    const troupe_pool_plan *plan = &pool->plan;
    return plan->grow_at && pool->wanted < plan->max && pool->wanted == load->members;
}

static uint64_t enough(const troupe_pool *pool, const tr_roster_load *load) {
    return (uint64_t)pool->plan.grow_at * load->members;
}

static void grow_if_busy(troupe_pool *pool, const tr_roster_load *load) {
    if (!may_grow(pool, load) || load->mail < enough(pool, load)) return;
    pool->wanted++;
    if (tr_pool_nudge(pool)) pool->wanted--; /* the next message may have more luck */
}

/* How many more there may be. */
static uint64_t room_for(const troupe_pool *pool, const tr_roster_load *load) {
    const uint64_t limit = pool->plan.limit;
    if (!limit) return UINT32_MAX;
    return limit > load->mail ? limit - load->mail : 0;
}

/* So many of them before it has to be looked again. */
static uint32_t unseen(const troupe_pool *pool, const tr_roster_load *load, uint64_t room) {
    if (room > UINT32_MAX) room = UINT32_MAX;
    if (!may_grow(pool, load)) return (uint32_t)room;
    const uint64_t most = enough(pool, load) > load->mail ? enough(pool, load) - load->mail : 1;
    return (uint32_t)(room < most ? room : most);
}

/* Looks at all members how many messages may come in, and lets one in, under the lock. LATER: who
 * came through the gate before is not at a mailbox yet, or has just got there. */
static troupe_err look(troupe_pool *pool) {
    const uint64_t seen = tr_gate_seen(&pool->gate);
    const uint64_t inside = tr_gate_inside(seen);
    const tr_roster_load load = tr_roster_look(&pool->roster);
    if (!load.members) return TROUPE_GONE;
    grow_if_busy(pool, &load);
    const uint64_t room = room_for(pool, &load);
    if (room > inside) {
        const uint32_t more = unseen(pool, &load, room - inside) - 1;
        return tr_gate_open(&pool->gate, seen, more) ? TROUPE_OK : TROUPE_LATER;
    }
    return !inside && tr_gate_seen(&pool->gate) == seen ? TROUPE_FULL : TROUPE_LATER;
}

/* May one come in? Who is inside will soon be through, but may need the lock for that. */
static troupe_err enter(troupe_pool *pool) {
    for (;; tr_thread_yield()) {
        if (tr_gate_enter(&pool->gate)) return TROUPE_OK;
        tr_lock(&pool->lock);
        troupe_err err = tr_gate_enter(&pool->gate) ? TROUPE_OK : look(pool);
        tr_unlock(&pool->lock);
        if (err != TROUPE_LATER) return err;
    }
}

/* One message for all of them: it comes to each or, for want of memory, to those that there is some
 * for. */
static troupe_err send_all(troupe_pool *pool, troupe_ref from, troupe_msg **msg) {
    tr_lock(&pool->lock);
    const tr_roster_load load = tr_roster_look(&pool->roster);
    troupe_err err = load.members ? TROUPE_OK : TROUPE_GONE;
    if (!err && pool->plan.limit && load.mail + load.members > pool->plan.limit) err = TROUPE_FULL;
    if (!err) err = tr_roster_send_all(&pool->roster, from, msg);
    grow_if_busy(pool, &load);
    tr_unlock(&pool->lock);
    return err;
}

static troupe_err send_one(troupe_pool *pool, troupe_ref from, unsigned how, troupe_msg **msg,
                           troupe_ref *to) {
    const troupe_pool_plan *plan = &pool->plan;
    tr_roster_mail mail = {.from = from, .how = how, .pick = plan->pick};
    if (plan->pick == TROUPE_PICK_KEY) mail.key = plan->key(*msg);
    troupe_err err = pool->gated ? enter(pool) : TROUPE_OK;
    if (err) return err;
    err = tr_roster_send(&pool->roster, &mail, msg, to);
    if (pool->gated) tr_gate_leave(&pool->gate);
    return err;
}

static troupe_err send(troupe_pool *pool, troupe_ref from, unsigned how, troupe_msg **msg,
                       troupe_ref *to) {
    const bool all = pool->plan.pick == TROUPE_PICK_ALL;
    troupe_err err = all ? send_all(pool, from, msg) : send_one(pool, from, how, msg, to);
    if (!err) (void)tr_add64_relaxed(&pool->sent, 1);
    if (err == TROUPE_FULL) (void)tr_add64_relaxed(&pool->shed, 1);
    return err;
}

static troupe_err give_back(troupe *rt, troupe_err err) {
    if (err) tr_account_add(&rt->accounts.returned);
    return err;
}

troupe_err troupe_pool_send(troupe_self *self, troupe_pool *pool, troupe_msg **msg) {
    troupe_ref to;
    if (!*msg) return TROUPE_INVALID;
    return give_back(pool->rt, send(pool, tr_actor_ref(self), 0, msg, &to));
}

troupe_err troupe_pool_post(troupe_pool *pool, troupe_msg **msg) {
    troupe_ref to;
    if (!*msg) return TROUPE_INVALID;
    if (tr_shutdown_refuses(pool->rt)) return give_back(pool->rt, TROUPE_QUIESCED);
    return give_back(pool->rt, send(pool, TROUPE_NOBODY, 0, msg, &to));
}

static troupe_err send_question(void *ctx, troupe_ref asker, troupe_msg **msg, troupe_ref *to) {
    return send(ctx, asker, TR_SEND_ASK, msg, to);
}

troupe_err troupe_pool_ask(troupe_pool *pool, troupe_msg **msg, unsigned timeout_ms) {
    if (!*msg || pool->plan.pick == TROUPE_PICK_ALL) return TROUPE_INVALID;
    return tr_ask_way(pool->rt, (tr_ask_by){send_question, pool}, msg, timeout_ms);
}

troupe_err troupe_pool_request(troupe_self *self, troupe_pool *pool, troupe_msg **msg,
                               unsigned timeout_ms, uint64_t tag) {
    if (pool->plan.pick == TROUPE_PICK_ALL) return TROUPE_INVALID;
    return tr_request_ask_way(self, (tr_ask_by){send_question, pool}, msg, timeout_ms, tag);
}

/* --- The rest --------------------------------------------------------------------------------- */

troupe_err troupe_pool_resize(troupe_pool *pool, uint32_t members) {
    if (members < pool->plan.min || members > pool->plan.max) return TROUPE_INVALID;
    tr_lock(&pool->lock);
    const uint32_t before = pool->wanted;
    pool->wanted = members;
    troupe_err err = tr_pool_nudge(pool);
    if (err) pool->wanted = before;
    tr_gate_shut(&pool->gate);
    tr_unlock(&pool->lock);
    return err;
}

void troupe_pool_look(const troupe_pool *it, troupe_pool_stats *out) {
    troupe_pool *pool = (troupe_pool *)(uintptr_t)it; /* for its lock */
    tr_lock(&pool->lock);
    const tr_roster_load load = tr_roster_look(&pool->roster);
    *out = (troupe_pool_stats){.members = load.members,
                               .wanted = pool->wanted,
                               .working = load.busy,
                               .waiting = load.mail - load.busy,
                               .sent = tr_load64_relaxed(&pool->sent),
                               .shed = tr_load64_relaxed(&pool->shed),
                               .redone = tr_load64_relaxed(&pool->redone)};
    tr_unlock(&pool->lock);
}
