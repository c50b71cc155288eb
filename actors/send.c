#include "actors/find.h"
#include "actors/send.h"

#include "actors/overflow.h"
#include "actors/report.h"
#include "base/check.h"
#include "serial/codec.h"

enum { HOW = TR_MSG_COUNTED | TR_MSG_ASK | TR_MSG_FOREIGN };

/* Writes who sent a message, to whom and how. A ref in two halves here and below: as a structure
 * the compiler stores it in halves and loads it whole, for which the processor waits some 5 ns. */
static inline void stamp(troupe *rt, troupe_msg *it, uint64_t node, uint64_t id, uint64_t to,
                         unsigned how) {
    it->sender = id;
    it->generation = (uint32_t)(to >> 32);
    it->flags = (it->flags & ~(uint32_t)HOW) | (how & TR_SEND_FREE ? 0 : TR_MSG_COUNTED) |
                (how & TR_SEND_ASK ? TR_MSG_ASK : 0);
    if (TR_UNLIKELY(node != rt->node && id))
        tr_msg_set_sender(it, rt->node, (troupe_ref){node, id});
}

/* A refused message is as if it had never been sent. */
static TR_COLD troupe_err refuse(troupe *rt, troupe_self *self, uint64_t to, tr_push pushed,
                                 troupe_msg **msg) {
    troupe_msg *it = *msg;
    if (tr_sched_mine(&rt->sched)) tr_account_add(&rt->sched.refused);
    if (pushed == TR_PUSH_FULL && (pushed = tr_overflow(rt, self, to, msg)) == TR_PUSH_OK)
        return TROUPE_OK;
    it->sender = 0;
    it->flags &= ~(uint32_t)HOW;
    return pushed == TR_PUSH_FULL ? TROUPE_FULL : TROUPE_GONE;
}

/* Into the mailbox of an actor of this runtime. */
static TR_INLINE troupe_err deliver(troupe *rt, uint64_t node, uint64_t id, uint64_t to,
                                    unsigned how, troupe_msg **msg) {
    troupe_self *self = tr_table_find(&rt->table, to);
    if (TR_UNLIKELY(!self)) return TROUPE_GONE;
    troupe_msg *it = *msg;
    stamp(rt, it, node, id, to, how);
    tr_push pushed = tr_route_push(&rt->sched, &self->task, &it->link, !(how & TR_SEND_FREE));
    if (TR_UNLIKELY(pushed != TR_PUSH_OK)) return refuse(rt, self, to, pushed, msg);
    *msg = NULL;
    return TROUPE_OK;
}

/* To an asker, or to another node. */
static TR_COLD troupe_err send_far(troupe *rt, uint64_t node, uint64_t id, troupe_ref to,
                                   unsigned how, troupe_msg **msg) {
    if (tr_ask_id(to.id)) how |= TR_SEND_FREE; /* an asker has reserved the place of its answer */
    if (to.node == rt->node) {
        troupe_err err = tr_ask_answer(&rt->asks, to.id, msg);
        if (!err) tr_account_add(&rt->accounts.answers);
        return err;
    }
    if (!to.node) return TROUPE_GONE;
    tr_port *port = tr_runtime_port(rt);
    if (!port) return TROUPE_NOCONNECTION;
    troupe_err err = port->ops->send(port, (troupe_ref){node, id}, to, how, msg);
    if (!err) tr_account_add(&rt->accounts.forwarded);
    return err;
}

static TR_INLINE troupe_err send_it(troupe *rt, uint64_t node, uint64_t id, troupe_ref to,
                                    unsigned how, troupe_msg **msg) {
    if (TR_LIKELY(to.node == rt->node && !tr_ask_id(to.id)))
        return deliver(rt, node, id, to.id, how, msg);
    return send_far(rt, node, id, to, how, msg);
}

troupe_err tr_send(troupe *rt, troupe_ref from, troupe_ref to, unsigned how, troupe_msg **msg) {
    return send_it(rt, from.node, from.id, to, how, msg);
}

/* A signal says generation 0, which no actor has: so who receives it leaves the common path, and
 * looks at what stands behind its body. */
troupe_err tr_send_signal(troupe *rt, troupe_msg **msg) {
    troupe_msg *it = *msg;
    const tr_signal *signal = tr_signal_of(it);
    troupe_self *self = tr_table_find(&rt->table, signal->to);
    if (!self) return TROUPE_GONE;
    stamp(rt, it, signal->from.node, signal->from.id, 0, TR_SEND_FREE);
    tr_push pushed = tr_route_push(&rt->sched, &self->task, &it->link, false);
    if (pushed != TR_PUSH_OK) return refuse(rt, self, signal->to, pushed, msg);
    *msg = NULL;
    return TROUPE_OK;
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
    troupe_err err = send_it(self->rt, self->rt->node, self->id, to, 0, msg);
    return TR_UNLIKELY(err) ? give_back(self->rt, err) : TROUPE_OK;
}

troupe_err troupe_post(troupe *rt, troupe_ref to, troupe_msg **msg) {
    if (TR_UNLIKELY(!*msg)) return TROUPE_INVALID;
    troupe_err err = send_it(rt, 0, 0, to, 0, msg);
    return TR_UNLIKELY(err) ? give_back(rt, err) : TROUPE_OK;
}

troupe_err troupe_tell(troupe_self *self, troupe_ref to, const troupe_type *type,
                       const void *body) {
    troupe_msg *msg = NULL;
    troupe_err err = tr_msg_make(&self->rt->pool, type, body, &msg);
    if (err) return err;
    err = send_it(self->rt, self->rt->node, self->id, to, 0, &msg);
    if (TR_LIKELY(!err)) return TROUPE_OK;
    tr_msg_drop(msg);
    return give_back(self->rt, err);
}

troupe_ref troupe_sender(troupe_self *self) {
    return self->in_hand ? self->sender : TROUPE_NOBODY;
}

troupe_err troupe_reply(troupe_self *self, troupe_msg **msg) {
    if (!*msg) return TROUPE_INVALID;
    troupe_err err = tr_send(self->rt, tr_actor_ref(self), self->sender, 0, msg);
    if (err == TROUPE_GONE || err == TROUPE_NOCONNECTION) {
        (*msg)->flags &= ~(uint32_t)TR_MSG_ASK; /* it is an answer now */
        tr_dead_letter(self->rt, self->sender, msg, TR_DEAD_OUTSIDE,
                       tr_dead_reason(self->sender, err), err);
        err = TROUPE_OK;
    }
    if (err) return give_back(self->rt, err);
    self->answered = true;
    return TROUPE_OK;
}

troupe_err troupe_answer(troupe_self *self, const troupe_type *type, const void *body) {
    troupe_msg *msg = NULL;
    troupe_err err = tr_msg_make(&self->rt->pool, type, body, &msg);
    if (!err) err = troupe_reply(self, &msg);
    troupe_drop(&msg);
    return err;
}

troupe_err troupe_make(troupe *rt, const troupe_type *type, const void *body, troupe_msg **out) {
    return tr_msg_make(&rt->pool, type, body, out);
}

troupe_err troupe_copy(troupe *rt, const troupe_msg *msg, troupe_msg **out) {
    *out = NULL;
    return msg ? tr_msg_make(&rt->pool, msg->type, msg + 1, out) : TROUPE_INVALID;
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
