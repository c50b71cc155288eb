#include "actors/join.h"

#include "actors/actor.h"
#include "actors/life.h"
#include "actors/memory.h"

/* Who goes first if several want what one actor leaves. */
typedef enum tr_claim {
    TR_LATE,   /* its monitor is not made yet: perhaps it will hear GONE */
    TR_JOINS,  /* it will hear of the end */
    TR_HANDLE, /* and nobody else has heard of the actor before */
} tr_claim;

/* What a keeper knows; its state. A keeper is an actor that watches another one, from before the
 * start of that if it can be, and answers the thread that asks it once that has ended. */
typedef struct tr_keeper {
    tr_map_entry by_id; /* guarded by the joins' lock, and so is what follows */
    tr_claim claim;
    bool over; /* the life has ended: there is no other result to come */
    troupe_msg *result;
    tr_joins *joins; /* from here on its own */
    bool ended;      /* it has its `down` */
    uint32_t why;
    troupe_ref asker;
    troupe_msg *question; /* of that one, and the answer to come; NULL: nobody waits */
} tr_keeper;

/* What a keeper is for; its start argument. */
typedef struct tr_wish {
    tr_life_eve eve;
    troupe_self *keeper;
    tr_keeper *state;
    const troupe_behaviour *what; /* to be spawned; NULL: `who` is there */
    const void *arg;
    troupe_ref who;
    uint64_t monitor;
} tr_wish;

/* Question and answer are one message, so that an end needs no memory to be told. It is seen by the
 * two of us alone. */
struct tr_join_body {
    troupe_msg *result;
    uint32_t why;
};
static const troupe_field join_fields[] = {
    TROUPE_FIELD(tr_join_body, why),
};
static const troupe_type join_type = {"troupe_join", sizeof(struct tr_join_body), join_fields, 1,
                                      TROUPE_FLAT};

void tr_joins_init(tr_joins *joins, const troupe_heap *heap) {
    tr_mutex_init(&joins->lock);
    tr_map_init(&joins->by_id, heap);
}

void tr_joins_fini(tr_joins *joins) {
    tr_map_fini(&joins->by_id);
    tr_mutex_fini(&joins->lock);
}

void tr_joins_ended(tr_joins *joins, uint64_t id, troupe_msg *result) {
    if (!result && !tr_load32_seq(&joins->keepers)) return;
    tr_keeper *heir = NULL;
    tr_lock(&joins->lock);
    for (tr_map_entry *at = tr_map_find(&joins->by_id, id); at; at = tr_map_same(at)) {
        tr_keeper *keeper = TR_OWNER(at, tr_keeper, by_id);
        if (!keeper->over && (!heir || keeper->claim > heir->claim)) heir = keeper;
        keeper->over = true;
    }
    if (heir) {
        heir->result = result;
        result = NULL;
    }
    tr_unlock(&joins->lock);
    troupe_drop(&result);
}

/* --- Keepers ---------------------------------------------------------------------------------- */

static bool enter(tr_keeper *keeper, troupe_ref who) {
    tr_joins *joins = keeper->joins;
    tr_lock(&joins->lock);
    bool ok = tr_map_add(&joins->by_id, who.id, &keeper->by_id);
    if (ok) (void)tr_add32_seq(&joins->keepers, 1);
    tr_unlock(&joins->lock);
    return ok;
}

/* The end of a keeper that was entered, whatever ends it. */
static void leave(void *arg) {
    tr_keeper *keeper = arg;
    tr_joins *joins = keeper->joins;
    tr_lock(&joins->lock);
    tr_map_remove(&joins->by_id, &keeper->by_id);
    (void)tr_sub32_seq(&joins->keepers, 1);
    tr_unlock(&joins->lock);
    troupe_drop(&keeper->result);
    troupe_drop(&keeper->question);
}

/* Before the start of the actor, if it is to be spawned: so nothing that comes of it is missed. */
static troupe_err keep(tr_life_eve *eve, troupe_ref who) {
    tr_wish *wish = TR_OWNER(eve, tr_wish, eve);
    tr_keeper *keeper = wish->state;
    bool own = who.node == wish->keeper->rt->node; /* what others leave does not come here */
    if (!enter(keeper, own ? who : TROUPE_NOBODY)) return TROUPE_NOMEM;
    if (troupe_defer(wish->keeper, leave, keeper)) {
        leave(keeper);
        return TROUPE_NOMEM;
    }
    troupe_err err = troupe_monitor(wish->keeper, who, &wish->monitor);
    tr_lock(&keeper->joins->lock);
    if (!err) keeper->claim = wish->what ? TR_HANDLE : TR_JOINS;
    tr_unlock(&keeper->joins->lock);
    return err;
}

/* Its start has failed: so does that of the keeper, and all else goes with that. */
static void undo(tr_life_eve *eve) {
    tr_wish *wish = TR_OWNER(eve, tr_wish, eve);
    (void)troupe_demonitor(wish->keeper, wish->monitor);
}

static troupe_err start(troupe_self *self, void *state, const void *arg) {
    tr_wish *wish = *(tr_wish *const *)arg;
    wish->eve = (tr_life_eve){keep, undo};
    wish->keeper = self;
    wish->state = state;
    wish->state->joins = &self->rt->joins;
    if (!wish->what) return keep(&wish->eve, wish->who);
    return tr_life_spawn(self->rt, wish->what, wish->arg, &wish->eve, &wish->who);
}

/* Tells who waits. If it does so no more, what it was to hear is kept. */
static void answer(troupe_self *self, tr_keeper *keeper) {
    struct tr_join_body *body = tr_msg_body(keeper->question);
    body->why = keeper->why;
    tr_lock(&keeper->joins->lock);
    body->result = keeper->result;
    keeper->result = NULL;
    tr_unlock(&keeper->joins->lock);
    if (!troupe_send(self, keeper->asker, &keeper->question)) {
        troupe_exit(self, TROUPE_OK);
        return;
    }
    tr_lock(&keeper->joins->lock);
    keeper->result = body->result;
    tr_unlock(&keeper->joins->lock);
    troupe_drop(&keeper->question);
}

static troupe_err receive(troupe_self *self, void *state, troupe_msg **msg) {
    tr_keeper *keeper = state;
    const struct troupe_down *down = troupe_as(*msg, &troupe_down_type);
    if (down) {
        keeper->ended = true;
        keeper->why = down->why;
    } else if (troupe_as(*msg, &join_type)) {
        troupe_drop(&keeper->question); /* of one who waits no more */
        keeper->question = *msg;
        keeper->asker = troupe_sender(self);
        *msg = NULL;
    }
    if (keeper->ended && keeper->question) answer(self, keeper);
    return TROUPE_OK;
}

static const troupe_behaviour keeper_behaviour = {
    .name = "join", .state_size = sizeof(tr_keeper), .start = start, .receive = receive};

static troupe_err make_keeper(troupe *rt, tr_wish *wish, troupe_handle *out) {
    troupe_ref keeper;
    troupe_err err = troupe_spawn(rt, &keeper_behaviour, &wish, &keeper);
    if (!err) *out = (troupe_handle){wish->who, keeper};
    return err;
}

/* --- For threads ------------------------------------------------------------------------------ */

troupe_err troupe_exit_with(troupe_self *self, troupe_msg **msg) {
    if (!*msg || self->ending) return TROUPE_INVALID;
    troupe_err err = tr_memory_leave(self, msg);
    if (!err) troupe_exit(self, TROUPE_OK);
    return err;
}

troupe_err troupe_spawn_handle(troupe *rt, const troupe_behaviour *what, const void *arg,
                               troupe_handle *out) {
    tr_wish wish = {.what = what, .arg = arg};
    return make_keeper(rt, &wish, out);
}

troupe_err troupe_join_handle(troupe *rt, troupe_handle *handle, unsigned timeout_ms,
                              troupe_err *why, troupe_msg **result) {
    troupe_msg *msg = NULL;
    const struct tr_join_body none = {NULL, 0};
    troupe_err err = troupe_make(rt, &join_type, &none, &msg);
    const tr_aim end = {handle->who, TROUPE_WAIT_END};
    if (!err) err = tr_ask_for(rt, handle->keeper, end, &msg, timeout_ms);
    if (err == TROUPE_STOPPED) err = TROUPE_GONE; /* the keeper, which is nobody's business */
    if (!err) {
        struct tr_join_body *body = tr_msg_body(msg);
        if (why) *why = (troupe_err)body->why;
        if (result) *result = body->result;
        if (!result) troupe_drop(&body->result);
        *handle = (troupe_handle){TROUPE_NOBODY, TROUPE_NOBODY};
    }
    troupe_drop(&msg);
    return err;
}

void troupe_drop_handle(troupe *rt, troupe_handle *handle) {
    (void)troupe_kill(rt, handle->keeper);
    *handle = (troupe_handle){TROUPE_NOBODY, TROUPE_NOBODY};
}

/* A `down` that says GONE or NOCONNECTION tells that there was nobody to watch. What was left may
 * have come all the same, if the end was between the entry of the keeper and its monitor. */
troupe_err troupe_join(troupe *rt, troupe_ref who, unsigned timeout_ms, troupe_err *why,
                       troupe_msg **result) {
    tr_wish wish = {.who = who};
    troupe_handle handle;
    troupe_err how = TROUPE_OK;
    troupe_msg *left = NULL;
    if (!tr_waits_allowed(rt)) return TROUPE_INVALID;
    if (troupe_same(who, TROUPE_NOBODY)) return TROUPE_GONE;
    troupe_err err = make_keeper(rt, &wish, &handle);
    if (err) return err;
    err = troupe_join_handle(rt, &handle, timeout_ms, &how, &left);
    if (err) troupe_drop_handle(rt, &handle);
    if (!err && (how == TROUPE_GONE || how == TROUPE_NOCONNECTION)) err = how;
    if (!err && why) *why = how;
    if (!err && result)
        *result = left;
    else
        troupe_drop(&left);
    return err;
}
