#include "actors/request.h"

#include "actors/actor.h"
#include "actors/send.h"
#include "base/heap.h"
#include "serial/share.h"

const troupe_type tr_request_type = TROUPE_SIGNAL_TYPE("answer");

const troupe_type troupe_unanswered_type =
    TROUPE_TYPE(troupe_unanswered, TROUPE_FIELD(troupe_unanswered, tag),
                TROUPE_FIELD(troupe_unanswered, who), TROUPE_FIELD(troupe_unanswered, why));

/* What one actor has asked, by its id: made by its first request, and ends with the life. */
typedef struct tr_questions {
    tr_map_entry by_actor;
    tr_list requests;
    uint64_t tag;  /* of what is in hand */
    tr_part *part; /* the same, until its `then` takes it over; NULL: none */
} tr_questions;

/* Guarded by the asks' lock until it has come out of the mailbox. */
typedef struct tr_request {
    _Alignas(16)
        troupe_msg envelope; /* in its actor's mailbox, or on its way there, once settled */
    tr_signal signal;        /* directly behind it: whom it is for */
    tr_asker asker;
    tr_list of_actor; /* unless it is void */
    tr_questions *of; /* NULL: void, and settled: who has the envelope ends it */
    uint64_t tag;
    troupe_then *then;
    troupe_msg *none; /* for `receive`, should no answer come */
    troupe_timer timer;
    tr_part *part; /* of many that are asked together; NULL: it is one */
} tr_request;

_Static_assert(offsetof(tr_request, signal) == sizeof(troupe_msg), "see tr_signal_of");

static tr_request *request_of(tr_asker *asker) {
    return TR_OWNER(asker, tr_request, asker);
}

static void end(troupe *rt, tr_request *it) {
    troupe_drop(&it->none);
    if (it->part) tr_gather_leave(rt, it->part);
    tr_give(rt->heap, it, sizeof *it);
}

/* --- What comes of it ------------------------------------------------------------------------- */

tr_link *tr_request_link(tr_asker *asker) {
    return &request_of(asker)->envelope.link;
}

void tr_request_sign(const troupe *rt, troupe_msg *answer, troupe_ref from) {
    /* One without room for a node was made here, and can't come from another one. */
    bool can = from.node == rt->node || (answer->flags & TR_MSG_TRAILER);
    tr_msg_set_sender(answer, rt->node, can ? from : TROUPE_NOBODY);
}

/* Where an answer would have gone. */
static troupe_ref address_of(const troupe *rt, const tr_request *it) {
    return (troupe_ref){rt->node, it->asker.id};
}

void tr_requests_send(troupe *rt, tr_fifo *settled) {
    for (tr_link *link; (link = tr_fifo_get(settled));) {
        troupe_msg *envelope = tr_msg_of(link);
        if (!tr_send_signal(rt, TR_SEND_FREE, &envelope)) continue;
        tr_request *it = TR_OWNER(envelope, tr_request, envelope);
        tr_lock(&rt->asks.lock);
        if (it->of) tr_list_remove(&it->of_actor);
        tr_unlock(&rt->asks.lock);
        tr_dead_letter(rt, address_of(rt, it), &it->asker.answer, TR_DEAD_OUTSIDE,
                       TROUPE_DEAD_EXPIRED, TROUPE_GONE);
        end(rt, it);
    }
}

/* Takes one that has arrived out of all. The tag of what is in hand from here on is its own. False:
 * it is void. */
static bool take_out(tr_asks *asks, tr_request *it) {
    tr_lock(&asks->lock);
    tr_questions *of = it->of;
    if (of) tr_list_remove(&it->of_actor);
    if (of) {
        of->tag = it->tag;
        of->part = it->part;
        it->part = NULL;
    }
    tr_unlock(&asks->lock);
    return of != NULL;
}

/* Makes it a message of a receiver with that generation, as its envelope was. */
static void stamp(const tr_request *it, troupe_msg *msg, uint32_t generation) {
    const uint32_t how = TR_MSG_COUNTED | TR_MSG_ASK | TR_MSG_STAMP_MASK;
    msg->generation = generation;
    msg->flags = (msg->flags & ~how) | (it->envelope.flags & TR_MSG_STAMP_MASK);
}

/* What `receive` is to have, if no answer came. */
static troupe_msg *say_none(tr_request *it) {
    troupe_msg *none = it->none;
    it->none = NULL;
    if (none) ((struct troupe_unanswered *)tr_msg_body(none))->why = (uint32_t)it->asker.why;
    return none;
}

/* The part of what is in hand; NULL: there is none any more. */
static tr_part *take_part(tr_asks *asks, uint64_t actor) {
    tr_lock(&asks->lock);
    tr_map_entry *entry = tr_map_find(&asks->by_actor, actor);
    tr_questions *of = entry ? TR_OWNER(entry, tr_questions, by_actor) : NULL;
    tr_part *part = of ? of->part : NULL;
    if (of) of->part = NULL;
    tr_unlock(&asks->lock);
    return part;
}

tr_part *tr_request_part(troupe_self *self) {
    return take_part(&self->rt->asks, self->id);
}

bool tr_request_arrived(troupe_self *self, troupe_msg *envelope, tr_answered *out) {
    troupe *rt = self->rt;
    tr_request *it = TR_OWNER(envelope, tr_request, envelope);
    bool valid = take_out(&rt->asks, it);
    if (valid) {
        (void)troupe_cancel(self, it->timer); /* NOTFOUND: it has fired */
        *out = (tr_answered){it->asker.answer, it->asker.why, it->tag, it->then};
        if (!out->msg) out->msg = say_none(it);
        if (out->msg) stamp(it, out->msg, tr_actor_generation(self));
    } else {
        tr_dead_letter(rt, address_of(rt, it), &it->asker.answer, TR_DEAD_IN_HAND,
                       TROUPE_DEAD_EXPIRED, TROUPE_GONE);
    }
    end(rt, it);
    return valid;
}

void tr_request_unwrap(troupe *rt, troupe_msg **msg) {
    if ((*msg)->type != &tr_request_type) return;
    tr_request *it = TR_OWNER(*msg, tr_request, envelope);
    if (take_out(&rt->asks, it)) it->part = take_part(&rt->asks, it->signal.to);
    *msg = it->asker.answer;
    if (*msg) stamp(it, *msg, 0);
    end(rt, it);
}

/* --- Asking ----------------------------------------------------------------------------------- */

/* What an actor has asked so far, under the lock; NULL: nothing. */
static tr_questions *find(tr_asks *asks, uint64_t actor) {
    tr_map_entry *entry = tr_map_find(&asks->by_actor, actor);
    return entry ? TR_OWNER(entry, tr_questions, by_actor) : NULL;
}

/* The same, made if there is none; NULL: no memory. */
static tr_questions *open_questions(troupe *rt, uint64_t actor) {
    tr_asks *asks = &rt->asks;
    tr_questions *of = find(asks, actor);
    if (of) return of;
    of = tr_take(rt->heap, sizeof *of);
    if (!of) return NULL;
    of->part = NULL;
    tr_list_init(&of->requests);
    if (tr_map_add(&asks->by_actor, actor, &of->by_actor)) return of;
    tr_give(rt->heap, of, sizeof *of);
    return NULL;
}

static tr_request *make(troupe_self *self, troupe_ref to, uint64_t tag, troupe_then *then) {
    troupe *rt = self->rt;
    tr_request *it = tr_take_zero(rt->heap, sizeof *it);
    if (!it) return NULL;
    tr_msg_embed(&it->envelope, &tr_request_type);
    it->signal.to = self->id;
    it->asker.to = to;
    tr_list_init(&it->of_actor);
    it->tag = tag;
    it->then = then;
    const struct troupe_unanswered none = {.tag = tag, .who = to};
    if (then || !tr_msg_make(&rt->pool, &troupe_unanswered_type, &none, &it->none)) return it;
    end(rt, it);
    return NULL;
}

/* From here on an answer finds it. False: no memory. */
static bool enter(troupe_self *self, tr_request *it, uint64_t *id) {
    tr_asks *asks = &self->rt->asks;
    self->asks |= TR_ASKS_SOME;
    tr_lock(&asks->lock);
    tr_questions *of = open_questions(self->rt, self->id);
    bool ok = of && tr_ask_enter(asks, &it->asker);
    if (ok) {
        *id = it->asker.id;
        it->of = of;
        tr_list_add(&of->requests, &it->of_actor);
    }
    tr_unlock(&asks->lock);
    return ok;
}

/* Keeps the number of its timer, which ends with it. It may be settled already, or its actor have
 * been given up by its supervisor, and all that it has asked with it. */
static void keep_timer(tr_asks *asks, uint64_t id, troupe_timer timer) {
    tr_lock(&asks->lock);
    tr_asker *asker = tr_ask_find(asks, id);
    if (asker) request_of(asker)->timer = timer;
    tr_unlock(&asks->lock);
}

/* Takes one out of its actor's list, under the lock, so that nothing of it is heard any more. True:
 * the caller has to end it; else who has its envelope will. */
static bool cancel(tr_asks *asks, tr_request *it) {
    tr_list_remove(&it->of_actor);
    it->of = NULL;
    bool waits = it->asker.why == TROUPE_LATER;
    if (waits) tr_map_remove(&asks->by_id, &it->asker.by_id);
    return waits;
}

/* Takes back what was not sent; what it has come to meanwhile is void. */
static void undo(troupe_self *self, uint64_t id, troupe_timer timer) {
    troupe *rt = self->rt;
    tr_request *mine = NULL;
    tr_lock(&rt->asks.lock);
    tr_questions *of = find(&rt->asks, self->id);
    for (tr_list *at = of ? of->requests.prev : NULL; at && at != &of->requests; at = at->prev) {
        tr_request *it = TR_OWNER(at, tr_request, of_actor);
        if (it->asker.id != id) continue;
        if (cancel(&rt->asks, it)) mine = it;
        break;
    }
    tr_unlock(&rt->asks.lock);
    if (mine) end(rt, mine);
    (void)troupe_cancel(self, timer);
}

/* Says whom a request asks, if that was not known before it was sent. */
static void aim(tr_asks *asks, uint64_t id, troupe_ref to) {
    tr_lock(&asks->lock);
    tr_asker *asker = tr_ask_find(asks, id);
    troupe_msg *none = asker ? request_of(asker)->none : NULL;
    if (asker) asker->to = to;
    if (none) ((struct troupe_unanswered *)tr_msg_body(none))->who = to;
    tr_unlock(&asks->lock);
}

static troupe_err ask(troupe_self *self, troupe_ref to, const tr_ask_by *by, troupe_msg **msg,
                      unsigned ms, tr_request *it) {
    troupe *rt = self->rt;
    uint64_t id;
    troupe_timer timer = {0};
    if (!enter(self, it, &id)) {
        end(rt, it);
        return TROUPE_NOMEM;
    }
    troupe_err err = tr_timer_expiry(self, id, ms, &timer);
    if (!err) {
        keep_timer(&rt->asks, id, timer);
        const troupe_ref asker = {rt->node, id};
        err = by ? by->send(by->ctx, asker, msg, &to) : tr_send(rt, asker, to, TR_SEND_ASK, msg);
        if (err == TROUPE_GONE && !by) err = tr_send_ended(rt, to);
        if (!err && by) aim(&rt->asks, id, to);
        if (err) tr_account_add(&rt->accounts.returned);
    }
    if (err) undo(self, id, timer);
    return err;
}

troupe_err tr_request_ask_part(troupe_self *self, troupe_ref to, troupe_msg **msg, unsigned ms,
                               uint64_t tag, troupe_then *then, tr_part *part) {
    troupe_err err = TROUPE_OK;
    if (!*msg || !ms) err = TROUPE_INVALID;
    if (!err && troupe_same(to, tr_actor_ref(self))) err = TROUPE_SELF;
    tr_request *it = err ? NULL : make(self, to, tag, then);
    if (it) {
        it->part = part;
        return ask(self, to, NULL, msg, ms, it);
    }
    if (part) tr_gather_leave(self->rt, part);
    return err ? err : TROUPE_NOMEM;
}

troupe_err tr_request_ask_way(troupe_self *self, tr_ask_by by, troupe_msg **msg, unsigned ms,
                              uint64_t tag) {
    if (!*msg || !ms) return TROUPE_INVALID;
    tr_request *it = make(self, TROUPE_NOBODY, tag, NULL);
    return it ? ask(self, TROUPE_NOBODY, &by, msg, ms, it) : TROUPE_NOMEM;
}

troupe_err troupe_request(troupe_self *self, troupe_ref to, troupe_msg **msg, unsigned timeout_ms,
                          uint64_t tag) {
    return tr_request_ask_part(self, to, msg, timeout_ms, tag, NULL, NULL);
}

troupe_err troupe_request_then(troupe_self *self, troupe_ref to, troupe_msg **msg,
                               unsigned timeout_ms, uint64_t tag, troupe_then *then) {
    if (!then) return TROUPE_INVALID;
    return tr_request_ask_part(self, to, msg, timeout_ms, tag, then, NULL);
}

bool troupe_answered(troupe_self *self, uint64_t *tag) {
    tr_asks *asks = &self->rt->asks;
    if (!(self->asks & TR_ASKS_ANSWER)) return false;
    tr_lock(&asks->lock);
    const tr_questions *of = find(asks, self->id);
    if (of && tag) *tag = of->tag;
    tr_unlock(&asks->lock);
    return of != NULL; /* NULL: its supervisor has given it up */
}

/* --- Ending ----------------------------------------------------------------------------------- */

static void end_all(troupe *rt, tr_list *ended) {
    while (!tr_list_empty(ended)) {
        tr_request *it = TR_OWNER(ended->next, tr_request, of_actor);
        tr_list_remove(&it->of_actor);
        end(rt, it);
    }
}

void tr_requests_forget(tr_asks *asks, uint64_t actor) {
    tr_list ended;
    tr_list_init(&ended);
    tr_lock(&asks->lock);
    tr_questions *of = find(asks, actor);
    while (of && !tr_list_empty(&of->requests)) {
        tr_request *it = TR_OWNER(of->requests.next, tr_request, of_actor);
        if (cancel(asks, it)) tr_list_add(&ended, &it->of_actor);
    }
    if (of) tr_map_remove(&asks->by_actor, &of->by_actor);
    tr_part *part = of ? of->part : NULL;
    tr_unlock(&asks->lock);
    if (part) tr_gather_leave(asks->rt, part);
    tr_give(asks->rt->heap, of, sizeof *of);
    end_all(asks->rt, &ended);
}

/* Ends the requests of one tag or, if that is not NULL, of one gather. False: there are none. */
static bool withdraw(troupe_self *self, uint64_t tag, const struct tr_gather *many) {
    tr_asks *asks = &self->rt->asks;
    bool found = false;
    tr_list ended;
    tr_list_init(&ended);
    tr_lock(&asks->lock);
    tr_questions *of = find(asks, self->id);
    for (tr_list *at = of ? of->requests.next : NULL, *next; of && at != &of->requests; at = next) {
        tr_request *it = TR_OWNER(at, tr_request, of_actor);
        next = at->next;
        if (many ? !it->part || it->part->of != many : it->tag != tag) continue;
        found = true;
        if (cancel(asks, it)) tr_list_add(&ended, &it->of_actor);
    }
    tr_unlock(&asks->lock);
    for (tr_list *at = ended.next; at != &ended; at = at->next)
        (void)troupe_cancel(self, TR_OWNER(at, tr_request, of_actor)->timer);
    end_all(self->rt, &ended);
    return found;
}

troupe_err troupe_withdraw(troupe_self *self, uint64_t tag) {
    return withdraw(self, tag, NULL) ? TROUPE_OK : TROUPE_NOTFOUND;
}

void tr_requests_cancel(troupe_self *self, const struct tr_gather *many) {
    (void)withdraw(self, 0, many);
}

/* --- Passing on ------------------------------------------------------------------------------- */

/* Gives a message of this node's room for a sender on another one. */
static troupe_err make_room(troupe *rt, troupe_msg **msg) {
    troupe_msg *share;
    troupe_err err = tr_msg_share(&rt->pool, msg, &share);
    troupe_drop(&share);
    return err;
}

troupe_err troupe_forward(troupe_self *self, troupe_ref to, troupe_msg **msg) {
    troupe *rt = self->rt;
    const uint32_t in_hand = tr_load32_relaxed(&self->in_hand);
    if (!*msg || !in_hand) return TROUPE_INVALID;
    const troupe_ref from = tr_actor_sender_of(self, in_hand);
    const bool asked = in_hand & TR_MSG_ASK, far = from.id && from.node != rt->node;
    troupe_err err = TROUPE_OK;
    if (far && to.node == rt->node && !((*msg)->flags & TR_MSG_TRAILER)) err = make_room(rt, msg);
    const bool ours = asked && !far && !err; /* who has asked waits here */
    if (ours) tr_ask_redirect(&rt->asks, from.id, to);
    if (!err && (err = tr_send(rt, from, to, asked ? TR_SEND_ASK : 0, msg))) {
        tr_account_add(&rt->accounts.returned);
        if (ours) tr_ask_returned(&rt->asks, from.id, tr_actor_ref(self));
    } else if (ours) {
        tr_ask_redirected(&rt->asks, from.id);
    }
    if (!err) tr_store32_relaxed(&self->in_hand, in_hand & ~(uint32_t)TR_UNANSWERED);
    return err;
}
