#include "actors/find.h"
#include "actors/send.h"

#include "actors/overflow.h"
#include "actors/peak.h"
#include "actors/report.h"
#include "actors/shutdown.h"
#include "actors/stamp.h"
#include "base/check.h"
#include "serial/codec.h"
#include "serial/share.h"

enum { HOW = TR_MSG_COUNTED | TR_MSG_ASK | TR_MSG_FOREIGN };
#define KEPT (TR_MSG_EMBEDDED | TR_MSG_POOLED | TR_MSG_TRAILER | TR_MSG_SHARED)

/* Writes who sent a message, to whom and how. A ref in two halves here and below: as a structure
 * the compiler stores it in halves and loads it whole, for which the processor waits some 5 ns.
 * `node` 0 is the runtime's own. */
static inline void stamp(troupe *rt, troupe_msg *it, uint64_t node, uint64_t id, uint64_t to,
                         unsigned how) {
    it->sender = id;
    it->generation =
        how & TR_SEND_ASK ? tr_ask_generation((uint32_t)(to >> 32)) : (uint32_t)(to >> 32);
    it->flags = (it->flags & KEPT) | (how & TR_SEND_FREE ? 0 : TR_MSG_COUNTED) |
                (how & TR_SEND_ASK ? TR_MSG_ASK : 0) | tr_stamp_now(&rt->sched);
    if (TR_UNLIKELY(node && node != rt->node && id))
        tr_msg_set_sender(it, rt->node, (troupe_ref){node, id});
}

/* From a thread that is no worker, which may find the coarse clock asleep. */
static TR_COLD tr_push post(troupe *rt, tr_task *task, troupe_msg *it, bool counted) {
    tr_stamp_wake(rt);
    it->flags = (it->flags & ~TR_MSG_STAMP_MASK) | tr_stamp_now(&rt->sched);
    return tr_route_post(&rt->sched, task, &it->link, counted);
}

static TR_INLINE tr_push push(troupe *rt, tr_task *task, troupe_msg *it, bool counted) {
    tr_worker *worker = tr_sched_mine(&rt->sched);
    if (TR_UNLIKELY(!worker)) return post(rt, task, it, counted);
    return tr_route_push_by(worker, task, &it->link, counted);
}

/* A refused message is as if it had never been sent. */
static TR_COLD troupe_err refuse(troupe *rt, troupe_self *self, uint64_t to, tr_push pushed,
                                 troupe_msg **msg) {
    troupe_msg *it = *msg;
    if (tr_sched_mine(&rt->sched)) tr_account_add(&rt->sched.refused);
    if (pushed == TR_PUSH_FULL) tr_peak_full(self, to);
    /* A signal drops nobody, and waits elsewhere. */
    if (pushed == TR_PUSH_FULL && tr_is_mail(it) &&
        (pushed = tr_overflow(rt, self, to, msg)) == TR_PUSH_OK)
        return TROUPE_OK;
    it->sender = 0;
    it->flags &= ~(uint32_t)HOW;
    return pushed == TR_PUSH_FULL ? TROUPE_FULL : TROUPE_GONE;
}

/* To whoever is no actor of this runtime, or none any more: an asker, or another node. */
static TR_COLD troupe_err send_far(troupe *rt, uint64_t node, uint64_t id, troupe_ref to,
                                   unsigned how, troupe_msg **msg) {
    if (to.node == rt->node && !tr_ask_id(to.id)) return TROUPE_GONE;
    if (tr_ask_id(to.id)) how |= TR_SEND_FREE; /* an asker has reserved the place of its answer */
    if (to.node == rt->node) {
        troupe_ref who = id ? (troupe_ref){node ? node : rt->node, id} : TROUPE_NOBODY;
        return tr_ask_answer(&rt->asks, to.id, who, msg);
    }
    if (!to.node) return TROUPE_GONE;
    tr_port *port = tr_runtime_port(rt);
    if (!port) return TROUPE_NOCONNECTION;
    troupe_ref from = id ? (troupe_ref){node ? node : rt->node, id} : TROUPE_NOBODY;
    troupe_err err = port->ops->send(port, from, to, how, msg);
    if (!err) tr_account_add(&rt->accounts.forwarded);
    return err;
}

/* The actor that a ref means, if it lives in this runtime; an asker's id is no actor's place. */
static TR_INLINE troupe_self *find(troupe *rt, troupe_ref to) {
    return TR_LIKELY(to.node == rt->node) ? tr_table_find(&rt->table, to.id) : NULL;
}

static TR_INLINE troupe_err send_it(troupe *rt, uint64_t node, uint64_t id, troupe_ref to,
                                    unsigned how, troupe_msg **msg) {
    troupe_self *self = find(rt, to);
    if (TR_UNLIKELY(!self)) return send_far(rt, node, id, to, how, msg);
    stamp(rt, *msg, node, id, to.id, how);
    tr_push pushed = push(rt, &self->task, *msg, !(how & TR_SEND_FREE));
    if (TR_UNLIKELY(pushed != TR_PUSH_OK)) return refuse(rt, self, to.id, pushed, msg);
    *msg = NULL;
    return TROUPE_OK;
}

troupe_err tr_send(troupe *rt, troupe_ref from, troupe_ref to, unsigned how, troupe_msg **msg) {
    return send_it(rt, from.node, from.id, to, how, msg);
}

void tr_send_address(troupe *rt, troupe_ref from, uint64_t to, unsigned how, troupe_msg *msg) {
    tr_stamp_wake(rt); /* as in `post` */
    stamp(rt, msg, from.node, from.id, to, how);
}

bool tr_send_list(troupe *rt, troupe_ref to, troupe_msg *newest, troupe_msg *oldest,
                  uint32_t count) {
    troupe_self *self = find(rt, to);
    if (!self) return false;
    return tr_route_post_list(&rt->sched, &self->task, &newest->link, &oldest->link, count) ==
           TR_PUSH_OK;
}

/* A signal says generation 0, which no actor has: so who receives it leaves the common path, and
 * looks at what stands behind its body. */
troupe_err tr_send_signal(troupe *rt, unsigned how, troupe_msg **msg) {
    troupe_msg *it = *msg;
    const tr_signal *signal = tr_signal_of(it);
    troupe_self *self = tr_table_find(&rt->table, signal->to);
    if (!self) return TROUPE_GONE;
    stamp(rt, it, signal->from.node, signal->from.id, 0, how);
    it->generation = 0; /* also of a question */
    tr_push pushed = push(rt, &self->task, it, !(how & TR_SEND_FREE));
    if (pushed != TR_PUSH_OK) return refuse(rt, self, signal->to, pushed, msg);
    *msg = NULL;
    return TROUPE_OK;
}

troupe_err tr_send_ended(troupe *rt, troupe_ref who) {
    if (who.node == rt->node) return tr_table_ended(&rt->table, who.id);
    tr_port *port = who.node ? tr_runtime_port(rt) : NULL;
    return port ? port->ops->ended(port, who) : TROUPE_GONE;
}

void tr_ask_unanswered(troupe *rt, troupe_ref asker, troupe_err why) {
    if (asker.node == rt->node) {
        tr_ask_fail(&rt->asks, asker.id, why);
        return;
    }
    tr_port *port = tr_runtime_port(rt);
    if (port) port->ops->ask_failed(port, asker, why);
}

/* A send call ends with an error: its caller has the message back. */
static TR_COLD troupe_err give_back(troupe *rt, troupe_err err) {
    tr_account_add(&rt->accounts.returned);
    return err;
}

troupe_err troupe_send(troupe_self *self, troupe_ref to, troupe_msg **msg) {
    if (TR_UNLIKELY(!*msg)) return TROUPE_INVALID;
    troupe_err err = send_it(self->rt, 0, self->id, to, 0, msg);
    return TR_UNLIKELY(err) ? give_back(self->rt, err) : TROUPE_OK;
}

troupe_err troupe_post(troupe *rt, troupe_ref to, troupe_msg **msg) {
    if (TR_UNLIKELY(!*msg)) return TROUPE_INVALID;
    if (TR_UNLIKELY(tr_load32_acquire(&rt->quiesced)) && tr_shutdown_refuses(rt))
        return give_back(rt, TROUPE_QUIESCED);
    troupe_err err = send_it(rt, 0, 0, to, 0, msg);
    return TR_UNLIKELY(err) ? give_back(rt, err) : TROUPE_OK;
}

/* `troupe_tell` when it is not as simple as mostly. */
static TR_COLD troupe_err tell_slowly(troupe_self *self, troupe_ref to, const troupe_type *type,
                                      const void *body) {
    troupe_msg *msg = NULL;
    troupe_err err = troupe_make(self->rt, type, body, &msg);
    if (err) return err;
    err = troupe_send(self, to, &msg);
    troupe_drop(&msg);
    return err;
}

static TR_COLD troupe_err tell_refused(troupe_self *self, troupe_self *who, uint64_t to,
                                       tr_push pushed, troupe_msg *msg) {
    troupe_err err = refuse(self->rt, who, to, pushed, &msg);
    troupe_drop(&msg);
    return err ? give_back(self->rt, err) : TROUPE_OK;
}

/* Mostly a worker sends a small body to an actor of its runtime: that is done here in one go. */
troupe_err troupe_tell(troupe_self *self, troupe_ref to, const troupe_type *type,
                       const void *body) {
    troupe *rt = self->rt;
    tr_worker *worker = tr_sched_mine(&rt->sched);
    troupe_self *who = TR_LIKELY(worker != NULL) ? find(rt, to) : NULL;
    if (TR_UNLIKELY(!who)) return tell_slowly(self, to, type, body);
    troupe_msg *msg =
        tr_msg_make_at_once(&worker->cache, type, body, TR_MSG_COUNTED | tr_stamp_now(&rt->sched));
    if (TR_UNLIKELY(!msg)) return tell_slowly(self, to, type, body);
    msg->sender = self->id;
    msg->generation = (uint32_t)(to.id >> 32);
    tr_push pushed = tr_route_push_by(worker, &who->task, &msg->link, true);
    return TR_LIKELY(pushed == TR_PUSH_OK) ? TROUPE_OK
                                           : tell_refused(self, who, to.id, pushed, msg);
}

/* Who asks may be answered later by who has read its address: see receive_question. */
troupe_ref troupe_sender(troupe_self *self) {
    const uint32_t in_hand = tr_load32_relaxed(&self->in_hand);
    if (in_hand & TR_MSG_ASK) tr_store32_relaxed(&self->in_hand, in_hand | TR_KEPT);
    return in_hand ? tr_actor_sender_of(self, in_hand) : TROUPE_NOBODY;
}

troupe_err troupe_reply(troupe_self *self, troupe_msg **msg) {
    if (!*msg) return TROUPE_INVALID;
    const uint32_t handling = tr_load32_relaxed(&self->in_hand);
    const troupe_ref to = handling ? tr_actor_sender_of(self, handling) : TROUPE_NOBODY;
    troupe_err err = tr_send(self->rt, tr_actor_ref(self), to, 0, msg);
    if (err == TROUPE_GONE || err == TROUPE_NOCONNECTION) {
        (*msg)->flags &= ~(uint32_t)TR_MSG_ASK; /* it is an answer now */
        tr_dead_letter(self->rt, to, msg, TR_DEAD_OUTSIDE, tr_dead_reason(to, err), err);
        err = TROUPE_OK;
    }
    if (err) return give_back(self->rt, err);
    const uint32_t in_hand = tr_load32_relaxed(&self->in_hand);
    tr_store32_relaxed(&self->in_hand, in_hand & ~(uint32_t)TR_UNANSWERED);
    return TROUPE_OK;
}

troupe_err troupe_answer(troupe_self *self, const troupe_type *type, const void *body) {
    troupe_msg *msg = NULL;
    troupe_err err = troupe_make(self->rt, type, body, &msg);
    if (!err) err = troupe_reply(self, &msg);
    troupe_drop(&msg);
    return err;
}

troupe_err troupe_make(troupe *rt, const troupe_type *type, const void *body, troupe_msg **out) {
    tr_worker *worker = tr_sched_mine(&rt->sched);
    *out = worker ? tr_msg_make_at_once(&worker->cache, type, body, 0) : NULL;
    return TR_LIKELY(*out != NULL) ? TROUPE_OK : tr_msg_make(&rt->pool, type, body, out);
}

troupe_err troupe_share(troupe *rt, troupe_msg **msg, troupe_msg **out) {
    return tr_msg_share(&rt->pool, msg, out);
}

troupe_err troupe_copy(troupe *rt, const troupe_msg *msg, troupe_msg **out) {
    *out = NULL;
    if (!msg) return TROUPE_INVALID;
    const troupe_msg *what = tr_msg_content(msg);
    return tr_msg_make(&rt->pool, what->type, what + 1, out);
}

troupe_err troupe_decode(troupe *rt, const troupe_type *type, const void *bytes, size_t size,
                         troupe_msg **out, char *why, size_t room) {
    return tr_unpack(&rt->pool, type, bytes, size, out, why, room);
}

troupe_err troupe_register_type(troupe *rt, const troupe_type *type) {
    char why[160] = "";
    troupe_err err = tr_type_check(type, why, sizeof why);
    if (err) tr_log(rt, TROUPE_ERROR, "type %s: %s", type->name ? type->name : "?", why);
    if (TR_DEBUG && !err && tr_type_gap(type, why, sizeof why))
        tr_log(rt, TROUPE_WARN, "type %s: they do not travel between nodes", why);
    return err ? err : tr_types_add(&rt->types, type);
}

troupe_err troupe_mailbox(troupe *rt, troupe_ref who, uint32_t *waiting, uint32_t *limit) {
    troupe_self *self = who.node == rt->node ? tr_table_find(&rt->table, who.id) : NULL;
    if (!self) return TROUPE_GONE;
    if (waiting) *waiting = tr_mailbox_count(&self->task.box);
    if (limit) *limit = tr_mailbox_limit(&self->task.box);
    return TROUPE_OK;
}
