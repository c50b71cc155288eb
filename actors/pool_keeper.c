#include "actors/actor.h"
#include "actors/life.h"
#include "actors/pool.h"
#include "actors/send.h"
#include "actors/supervisor_kid.h"

const troupe_type tr_pool_nudge_type =
    TROUPE_NAMED_TYPE("troupe_pool_nudge", tr_nudge, TROUPE_FIELD(tr_nudge, idle));
const troupe_type tr_pool_leave_type =
    TROUPE_NAMED_TYPE("troupe_pool_leave", tr_nudge, TROUPE_FIELD(tr_nudge, idle));

typedef struct tr_keeper {
    troupe_pool *pool;
    troupe_ref crew;
    uint32_t have;     /* members, with those that start, without those that leave */
    uint32_t starting; /* of them */
    bool ready;        /* as many as there have to be were */
    bool ticks;        /* it will look whether the pool is idle */
} tr_keeper;

static troupe_err start_one(troupe_self *self, tr_keeper *keeper) {
    const troupe_child_request request = {.act = TROUPE_START_DYNAMIC_CHILD, .arg = keeper->pool};
    troupe_err err = troupe_request_child(self, keeper->crew, &request);
    keeper->have += !err;
    keeper->starting += !err;
    return err;
}

/* One member gets nothing new from here on; behind what it has comes the request to leave, which
 * comes back when it has done all that. */
static troupe_err retire_one(troupe_self *self, tr_keeper *keeper) {
    troupe_pool *pool = keeper->pool;
    troupe_msg *msg = NULL;
    troupe_err err = troupe_make(self->rt, &tr_pool_leave_type, &(struct tr_nudge){false}, &msg);
    if (err) return err;
    tr_lock(&pool->lock);
    const troupe_ref who = {self->rt->node, tr_roster_idlest(&pool->roster)};
    const bool left = who.id && tr_roster_leave(&pool->roster, who.id);
    tr_unlock(&pool->lock);
    if (left) (void)troupe_leave_group(self->rt, who, pool->name); /* NOTFOUND: it ends */
    err = left ? tr_send(self->rt, tr_actor_ref(self), who, TR_SEND_FREE, &msg) : TROUPE_LATER;
    troupe_drop(&msg);
    keeper->have -= !err;
    return err == TROUPE_GONE ? TROUPE_LATER : err;
}

static void tick(troupe_self *self, tr_keeper *keeper) {
    troupe_pool *pool = keeper->pool;
    troupe_msg *msg = NULL;
    if (keeper->ticks || !pool->plan.shrink_ms || keeper->have <= pool->plan.min) return;
    if (troupe_make(self->rt, &tr_pool_nudge_type, &(struct tr_nudge){true}, &msg)) return;
    keeper->ticks = !troupe_send_after(self, pool->plan.shrink_ms, troupe_me(self), &msg, NULL);
    troupe_drop(&msg);
}

/* Makes as many as are wanted. */
static troupe_err settle(troupe_self *self, tr_keeper *keeper) {
    tr_lock(&keeper->pool->lock);
    const uint32_t wanted = keeper->pool->wanted;
    tr_unlock(&keeper->pool->lock);
    troupe_err err = TROUPE_OK;
    while (!err && keeper->have < wanted) err = start_one(self, keeper);
    /* As many as there have to be are kept until those that start are there. */
    const uint32_t least = keeper->pool->plan.min;
    while (!err && keeper->have > wanted && keeper->have - keeper->starting > least)
        err = retire_one(self, keeper);
    tick(self, keeper);
    return err == TROUPE_LATER ? TROUPE_OK : err;
}

/* How the start of a member went, or the stop of one. */
static troupe_err hear(troupe_self *self, tr_keeper *keeper, const struct troupe_child_done *done) {
    if (done->tag) return TROUPE_OK; /* it has left */
    keeper->starting--;
    if (done->err) {
        keeper->have--;
        if (!keeper->ready) return (troupe_err)done->err;
        tr_lock(&keeper->pool->lock); /* it is tried again when there is need for it again */
        if (keeper->pool->wanted > keeper->have) keeper->pool->wanted = keeper->have;
        tr_gate_shut(&keeper->pool->gate);
        tr_unlock(&keeper->pool->lock);
    }
    if (!keeper->ready && !keeper->starting) {
        keeper->ready = true;
        troupe_ready(self);
    }
    return settle(self, keeper);
}

/* Has a member that has left be stopped. */
static troupe_err let_go(troupe_self *self, const tr_keeper *keeper) {
    const troupe_child_request request = {
        .act = TROUPE_TERMINATE_DYNAMIC_CHILD, .who = troupe_sender(self), .tag = 1};
    return troupe_request_child(self, keeper->crew, &request);
}

static void shrink_if_idle(troupe_pool *pool) {
    tr_lock(&pool->lock);
    const tr_roster_load load = tr_roster_look(&pool->roster);
    if (!load.mail && pool->wanted > pool->plan.min) pool->wanted--;
    tr_gate_shut(&pool->gate);
    tr_unlock(&pool->lock);
}

static troupe_err start_keeper(troupe_self *self, void *state, const void *arg) {
    tr_keeper *keeper = state;
    troupe_pool *pool = (troupe_pool *)(uintptr_t)arg;
    keeper->pool = pool;
    troupe_err err = troupe_whereis(self->rt, pool->crew_name, &keeper->crew);
    tr_lock(&pool->lock);
    pool->keeper = troupe_me(self);
    if (pool->wanted < pool->plan.min) pool->wanted = pool->plan.min;
    tr_unlock(&pool->lock);
    if (!err) err = settle(self, keeper);
    return err ? err : TROUPE_LATER;
}

static troupe_err receive_as_keeper(troupe_self *self, void *state, troupe_msg **msg) {
    tr_keeper *keeper = state;
    const struct troupe_child_done *done = troupe_as(*msg, &troupe_child_done_type);
    if (done) return hear(self, keeper, done);
    if ((*msg)->type == &tr_pool_leave_type) return let_go(self, keeper);
    const struct tr_nudge *nudge = troupe_as(*msg, &tr_pool_nudge_type);
    if (nudge && nudge->idle) {
        keeper->ticks = false;
        shrink_if_idle(keeper->pool);
    }
    return settle(self, keeper);
}

static void stop_keeper(troupe_self *self, void *state, troupe_err why) {
    troupe_pool *pool = ((tr_keeper *)state)->pool;
    (void)self;
    tr_lock(&pool->lock);
    pool->keeper = TROUPE_NOBODY;
    if (tr_life_clean(why)) tr_roster_clear(&pool->roster); /* the members will follow */
    tr_unlock(&pool->lock);
}

const troupe_behaviour tr_pool_keeper = {.name = "keeper",
                                        .state_size = sizeof(tr_keeper),
                                        .mailbox_limit = TROUPE_MAILBOX_MAX,
                                        .start = start_keeper,
                                        .receive = receive_as_keeper,
                                        .stop = stop_keeper};

troupe_err tr_pool_nudge(troupe_pool *pool) {
    troupe_msg *msg = NULL;
    const struct tr_nudge look = {false};
    troupe_err err = tr_msg_make(&pool->rt->pool, &tr_pool_nudge_type, &look, &msg);
    if (err) return err;
    err = tr_send(pool->rt, TROUPE_NOBODY, pool->keeper, TR_SEND_FREE, &msg);
    troupe_drop(&msg);
    return err;
}
