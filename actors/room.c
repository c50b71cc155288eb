#include "actors/room.h"

#include "actors/actor.h"
#include "actors/find.h"
#include "actors/send.h"
#include "actors/shutdown.h"
#include "base/heap.h"

const troupe_type troupe_room_type =
    TROUPE_TYPE(troupe_room, TROUPE_FIELD(troupe_room, who), TROUPE_FIELD(troupe_room, why));

/* One who waits. */
typedef struct tr_wish {
    tr_map_entry by_target, by_actor;
    troupe_ref to;
    uint64_t number;
    troupe_msg *signal; /* of an actor that waits; NULL: it was sent */
    tr_edge *edge;      /* of a thread that waits: of its wait */
    bool told;
} tr_wish;

void tr_rooms_init(tr_rooms *rooms, const troupe_heap *heap) {
    rooms->last = 0;
    tr_mutex_init(&rooms->lock);
    tr_map_init(&rooms->by_target, heap);
    tr_map_init(&rooms->by_actor, heap);
}

void tr_rooms_fini(tr_rooms *rooms) {
    tr_map_fini(&rooms->by_actor);
    tr_map_fini(&rooms->by_target);
    tr_mutex_fini(&rooms->lock);
}

static uint64_t key_of(troupe_ref who) {
    return who.id * UINT64_C(0x9E3779B97F4A7C15) ^ who.node;
}

/* --- Telling ---------------------------------------------------------------------------------- */

/* Tells a thread. From here on it waits for nobody, which must be known before whoever had no room
 * does anything else. */
static void tell_thread(tr_asks *asks, tr_wish *wish) {
    tr_lock(&asks->lock);
    tr_waits_settle(wish->edge, true);
    tr_cond_wake(wish->edge->wait->wake);
    tr_unlock(&asks->lock);
}

/* Tells one, under the lock. A signal goes to `signals`, and is to be sent without it. */
static void tell(troupe *rt, tr_wish *wish, troupe_err why, tr_fifo *signals) {
    tr_map_remove(&rt->rooms.by_target, &wish->by_target);
    wish->told = true;
    if (wish->edge) {
        tell_thread(&rt->asks, wish);
        return;
    }
    struct troupe_room *body = tr_msg_body(wish->signal);
    body->why = (uint32_t)why;
    tr_fifo_put(signals, &wish->signal->link);
    wish->signal = NULL;
}

static void send(troupe *rt, tr_fifo *signals) {
    for (tr_link *link; (link = tr_fifo_get(signals));) {
        troupe_msg *msg = tr_msg_of(link);
        if (tr_send_signal(rt, TR_SEND_FREE, &msg)) troupe_drop(&msg); /* it has ended */
    }
}

/* One that waits for room there; NULL: nobody does. Under the lock. */
static tr_wish *find(const tr_rooms *rooms, troupe_ref who) {
    tr_map_entry *entry = tr_map_find(&rooms->by_target, key_of(who));
    for (; entry; entry = tr_map_same(entry)) {
        tr_wish *wish = TR_OWNER(entry, tr_wish, by_target);
        if (troupe_same(wish->to, who)) return wish;
    }
    return NULL;
}

/* The one behind it that waits for room there; NULL: there is none. Under the lock. */
static tr_wish *find_next(const tr_wish *wish) {
    for (tr_map_entry *at = tr_map_same(&wish->by_target); at; at = tr_map_same(at)) {
        tr_wish *next = TR_OWNER(at, tr_wish, by_target);
        if (troupe_same(next->to, wish->to)) return next;
    }
    return NULL;
}

void tr_rooms_tell(troupe *rt, troupe_ref who, troupe_err why) {
    tr_rooms *rooms = &rt->rooms;
    tr_fifo signals = {NULL, NULL};
    tr_lock(&rooms->lock);
    for (tr_wish *wish; (wish = find(rooms, who));) tell(rt, wish, why, &signals);
    tr_unlock(&rooms->lock);
    send(rt, &signals);
}

/* A mailbox that has made room, and was full again before that was told: it is WANTED anew. Threads
 * would see no more than that; they are told when it has room the next time, and what they wait for
 * is sure again. */
static void skip(troupe *rt, const tr_wish *wish) {
    tr_lock(&rt->asks.lock);
    tr_waits_stir(wish->edge->wait);
    tr_unlock(&rt->asks.lock);
}

void tr_rooms_freed(troupe *rt, troupe_ref who) {
    tr_rooms *rooms = &rt->rooms;
    tr_fifo signals = {NULL, NULL};
    tr_port *port = tr_runtime_port(rt);
    if (port) port->ops->room(port, who);
    const troupe_self *self = tr_table_find(&rt->table, who.id);
    tr_lock(&rooms->lock);
    for (tr_wish *wish = find(rooms, who), *next; wish; wish = next) {
        next = find_next(wish);
        if (wish->edge && self && tr_mailbox_wanted(&self->task.box))
            skip(rt, wish);
        else
            tell(rt, wish, self ? TROUPE_OK : TROUPE_GONE, &signals);
    }
    tr_unlock(&rooms->lock);
    send(rt, &signals);
}

typedef struct tr_news {
    troupe *rt;
    uint64_t node;
    troupe_err why;
    tr_fifo signals;
} tr_news;

static void tell_if_there(void *ctx, tr_map_entry *entry) {
    tr_news *news = ctx;
    tr_wish *wish = TR_OWNER(entry, tr_wish, by_target);
    if (wish->to.node == news->node) tell(news->rt, wish, news->why, &news->signals);
}

void tr_rooms_tell_node(troupe *rt, uint64_t node, troupe_err why) {
    tr_news news = {.rt = rt, .node = node, .why = why};
    tr_lock(&rt->rooms.lock);
    tr_map_each(&rt->rooms.by_target, tell_if_there, &news);
    tr_unlock(&rt->rooms.lock);
    send(rt, &news.signals);
}

/* --- Wishing ---------------------------------------------------------------------------------- */

/* Has room be told of. Whoever wishes has been entered: what is told from here on, it hears. OK:
 * there is room now. FULL: it will be told. GONE, NOCONNECTION. */
static troupe_err want(troupe *rt, troupe_ref to) {
    if (to.node == rt->node) {
        if (tr_port_want_room(rt, to)) return TROUPE_FULL;
        return tr_table_find(&rt->table, to.id) ? TROUPE_OK : TROUPE_GONE;
    }
    tr_port *port = to.node ? tr_runtime_port(rt) : NULL;
    if (!port) return to.node ? TROUPE_NOCONNECTION : TROUPE_GONE;
    return port->ops->may_send(port, to);
}

/* Enters one that waits, of an actor with that id, or of a thread, under the lock. False: no
 * memory. */
static bool enter(tr_rooms *rooms, tr_wish *wish, uint64_t actor) {
    if (!tr_map_add(&rooms->by_target, key_of(wish->to), &wish->by_target)) return false;
    if (!actor || tr_map_add(&rooms->by_actor, actor, &wish->by_actor)) return true;
    tr_map_remove(&rooms->by_target, &wish->by_target);
    return false;
}

static void end(troupe *rt, tr_wish *wish) {
    if (!wish) return;
    troupe_drop(&wish->signal);
    tr_give(rt->heap, wish, sizeof *wish);
}

/* The wish of an actor that has that number, or waits for room there; NULL: there is none. */
static tr_wish *find_own(const tr_rooms *rooms, uint64_t actor, uint64_t number, troupe_ref to) {
    tr_map_entry *entry = tr_map_find(&rooms->by_actor, actor);
    for (; entry; entry = tr_map_same(entry)) {
        tr_wish *wish = TR_OWNER(entry, tr_wish, by_actor);
        if (number ? wish->number == number : !wish->told && troupe_same(wish->to, to)) return wish;
    }
    return NULL;
}

/* Takes one of an actor's out of all, under the lock; the caller owns it then. */
static void take_out(tr_rooms *rooms, tr_wish *wish) {
    tr_map_remove(&rooms->by_actor, &wish->by_actor);
    if (!wish->told) tr_map_remove(&rooms->by_target, &wish->by_target);
}

/* Takes the one with that number out, if it is there still; NULL: it is not. */
static tr_wish *take_numbered(tr_rooms *rooms, uint64_t actor, uint64_t number) {
    tr_lock(&rooms->lock);
    tr_wish *wish = find_own(rooms, actor, number, TROUPE_NOBODY);
    if (wish) take_out(rooms, wish);
    tr_unlock(&rooms->lock);
    return wish;
}

static tr_wish *make(troupe_self *self, troupe_ref to) {
    troupe *rt = self->rt;
    tr_wish *wish = tr_take_zero(rt->heap, sizeof *wish);
    if (!wish) return NULL;
    wish->to = to;
    tr_lock(&rt->rooms.lock);
    wish->number = ++rt->rooms.last;
    tr_unlock(&rt->rooms.lock);
    const tr_signal what = {.to = self->id, .from = to, .number = wish->number};
    if (tr_signal_make(rt, &troupe_room_type, what, 0, &wish->signal)) {
        end(rt, wish);
        return NULL;
    }
    ((struct troupe_room *)tr_msg_body(wish->signal))->who = to;
    return wish;
}

troupe_err troupe_notify_room(troupe_self *self, troupe_ref to) {
    troupe *rt = self->rt;
    tr_rooms *rooms = &rt->rooms;
    tr_wish *wish = make(self, to);
    if (!wish) return TROUPE_NOMEM;
    const uint64_t number = wish->number;
    self->asks |= TR_ASKS_ROOM;
    tr_lock(&rooms->lock);
    bool waits = find_own(rooms, self->id, 0, to) != NULL;
    bool ok = !waits && enter(rooms, wish, self->id);
    tr_unlock(&rooms->lock);
    if (!ok) end(rt, wish);
    if (waits) return TROUPE_OK;
    if (!ok) return TROUPE_NOMEM;
    troupe_err err = want(rt, to);
    if (!err) tr_rooms_tell(rt, to, TROUPE_OK);
    if (!err || err == TROUPE_FULL) return TROUPE_OK;
    end(rt, take_numbered(rooms, self->id, number));
    return err;
}

bool tr_room_arrived(troupe_self *self, troupe_msg *msg) {
    const tr_signal *signal = tr_signal_of(msg);
    tr_wish *wish = take_numbered(&self->rt->rooms, self->id, signal->number);
    end(self->rt, wish);
    msg->generation = tr_actor_generation(self);
    return wish != NULL;
}

void tr_rooms_forget(troupe *rt, uint64_t actor) {
    tr_rooms *rooms = &rt->rooms;
    for (;;) {
        tr_lock(&rooms->lock);
        tr_map_entry *entry = tr_map_find(&rooms->by_actor, actor);
        tr_wish *wish = entry ? TR_OWNER(entry, tr_wish, by_actor) : NULL;
        if (wish) take_out(rooms, wish);
        tr_unlock(&rooms->lock);
        if (!wish) return;
        end(rt, wish);
    }
}

/* --- Threads ---------------------------------------------------------------------------------- */

/* Makes the wait of a thread for room there, which is no edge for anybody until it sleeps. False:
 * no memory. */
static bool open_wait(troupe *rt, troupe_ref to, tr_wait *wait, tr_edge *edge, tr_cond *wake) {
    tr_lock(&rt->asks.lock);
    bool opened = tr_waits_open(rt, wait, wake);
    wait->want = 1;
    if (opened) tr_waits_add(wait, edge, 0, (tr_aim){to, TROUPE_WAIT_ROOM});
    tr_unlock(&rt->asks.lock);
    return opened;
}

/* Has the wish of a thread told, and waits for that. */
static troupe_err wait_for_wish(troupe *rt, tr_wish *wish, uint64_t deadline) {
    tr_rooms *rooms = &rt->rooms;
    tr_wait *wait = wish->edge->wait;
    tr_lock(&rooms->lock);
    bool entered = enter(rooms, wish, 0);
    tr_unlock(&rooms->lock);
    if (!entered) return TROUPE_NOMEM;
    const bool full = want(rt, wish->to) == TROUPE_FULL;
    if (full) tr_waits_sleep(rt, wait, deadline);
    tr_lock(&rooms->lock);
    const bool told = wish->told;
    if (!told) tr_map_remove(&rooms->by_target, &wish->by_target);
    tr_unlock(&rooms->lock);
    if (wait->ended) return wait->ended;
    return told || !full ? TROUPE_OK : TROUPE_TIMEOUT;
}

/* Waits until it is worth trying again: OK. TIMEOUT, NOMEM, DEADLOCK, CLOSED. */
static troupe_err wait_for_room(troupe *rt, troupe_ref to, uint64_t deadline) {
    tr_wait wait;
    tr_edge edge;
    tr_cond wake;
    tr_wish wish = {.to = to, .edge = &edge};
    troupe_err err = TROUPE_NOMEM;
    tr_cond_init(&wake);
    if (open_wait(rt, to, &wait, &edge, &wake)) {
        err = wait_for_wish(rt, &wish, deadline);
        tr_lock(&rt->asks.lock);
        tr_waits_close(&rt->asks.waits, &wait);
        tr_unlock(&rt->asks.lock);
    }
    tr_cond_fini(&wake);
    return err;
}

troupe_err troupe_post_wait(troupe *rt, troupe_ref to, troupe_msg **msg, unsigned timeout_ms) {
    if (!*msg || !tr_waits_allowed(rt)) return TROUPE_INVALID;
    const uint64_t deadline = tr_after_ms(tr_runtime_clock(rt), timeout_ms);
    for (;;) {
        troupe_err err = troupe_post(rt, to, msg);
        if (err != TROUPE_FULL) return err;
        if (tr_runtime_clock(rt) >= deadline) return TROUPE_TIMEOUT;
        err = wait_for_room(rt, to, deadline);
        if (err) return err;
    }
}
