#include "actors/send.h"

#include "actors/report.h"
#include "base/check.h"

/* Into the mailbox of an actor of this runtime. */
static troupe_err deliver(troupe *rt, troupe_ref from, troupe_ref to, unsigned how,
                          troupe_msg **msg) {
    troupe_self *self = tr_table_find(&rt->table, to.id);
    if (!self) return TROUPE_GONE;
    bool counted = !(how & TR_SEND_FREE);
    troupe_msg *it = *msg;
    troupe_ref sender_before = it->sender;
    uint32_t flags_before = it->flags;
    it->sender = from;
    it->generation = (uint32_t)(to.id >> 32);
    it->flags = (it->flags & TR_MSG_EMBEDDED) | (counted ? TR_MSG_COUNTED : 0) |
                (how & TR_SEND_ASK ? TR_MSG_ASK : 0);
    tr_push pushed = tr_mailbox_push(&self->box, &it->link, counted);
    if (pushed == TR_PUSH_OK || pushed == TR_PUSH_WAKE) {
        *msg = NULL;
        if (pushed == TR_PUSH_WAKE) tr_sched_submit(&rt->sched, self);
        return TROUPE_OK;
    }
    it->sender = sender_before;
    it->flags = flags_before;
    return pushed == TR_PUSH_FULL ? TROUPE_FULL : TROUPE_GONE;
}

troupe_err tr_send(troupe *rt, troupe_ref from, troupe_ref to, unsigned how, troupe_msg **msg) {
    if (tr_ask_id(to.id)) how |= TR_SEND_FREE; /* an asker has reserved the place of its answer */
    if (to.node == rt->node)
        return tr_ask_id(to.id) ? tr_ask_answer(&rt->asks, to.id, msg)
                                : deliver(rt, from, to, how, msg);
    if (!to.node) return TROUPE_GONE;
    tr_port *port = tr_runtime_port(rt);
    return port ? port->ops->send(port, from, to, how, msg) : TROUPE_NOCONNECTION;
}

void tr_ask_unanswered(troupe *rt, troupe_ref asker, troupe_err why) {
    if (asker.node == rt->node) {
        tr_ask_fail(&rt->asks, asker.id, why);
        return;
    }
    tr_port *port = tr_runtime_port(rt);
    if (port) port->ops->ask_failed(port, asker, why);
}

void tr_dead_letter(troupe *rt, troupe_ref to, troupe_msg **msg, troupe_err why) {
    if (!*msg) return;
    (void)tr_add64_relaxed(&rt->dead_letters, 1);
    tr_log(rt, TROUPE_DEBUG, "dead letter: %s to %llx:%llx: %s", troupe_type_name(*msg),
           (unsigned long long)to.node, (unsigned long long)to.id, troupe_strerror(why));
    if ((*msg)->flags & TR_MSG_ASK) tr_ask_unanswered(rt, (*msg)->sender, why);
    troupe_drop(msg);
}

troupe_err troupe_send(troupe_self *self, troupe_ref to, troupe_msg **msg) {
    return *msg ? tr_send(self->rt, tr_actor_ref(self), to, 0, msg) : TROUPE_INVALID;
}

troupe_err troupe_post(troupe *rt, troupe_ref to, troupe_msg **msg) {
    return *msg ? tr_send(rt, TROUPE_NOBODY, to, 0, msg) : TROUPE_INVALID;
}

troupe_err troupe_tell(troupe_self *self, troupe_ref to, const troupe_type *type,
                       const void *body) {
    troupe_msg *msg = NULL;
    troupe_err err = tr_msg_make(self->rt->heap, type, body, &msg);
    if (!err) err = troupe_send(self, to, &msg);
    troupe_drop(&msg);
    return err;
}

troupe_ref troupe_sender(troupe_self *self) {
    return self->sender;
}

troupe_err troupe_reply(troupe_self *self, troupe_msg **msg) {
    if (!*msg) return TROUPE_INVALID;
    troupe_err err = tr_send(self->rt, tr_actor_ref(self), self->sender, 0, msg);
    if (err == TROUPE_GONE || err == TROUPE_NOCONNECTION) {
        (*msg)->flags &= ~(uint32_t)TR_MSG_ASK; /* it is an answer now */
        tr_dead_letter(self->rt, self->sender, msg, err);
        err = TROUPE_OK;
    }
    if (!err) self->answered = true;
    return err;
}

troupe_err troupe_answer(troupe_self *self, const troupe_type *type, const void *body) {
    troupe_msg *msg = NULL;
    troupe_err err = tr_msg_make(self->rt->heap, type, body, &msg);
    if (!err) err = troupe_reply(self, &msg);
    troupe_drop(&msg);
    return err;
}

troupe_err troupe_make(troupe *rt, const troupe_type *type, const void *body, troupe_msg **out) {
    return tr_msg_make(rt->heap, type, body, out);
}

troupe_err troupe_register_type(troupe *rt, const troupe_type *type) {
    char why[160] = "";
    troupe_err err = tr_type_check(type, why, sizeof why);
    if (err) tr_log(rt, TROUPE_ERROR, "type %s: %s", type->name ? type->name : "?", why);
    return err ? err : tr_types_add(&rt->types, type);
}

troupe_err troupe_mailbox(troupe *rt, troupe_ref who, uint32_t *waiting, uint32_t *limit) {
    troupe_self *self = who.node == rt->node ? tr_table_find(&rt->table, who.id) : NULL;
    if (!self) return TROUPE_GONE;
    if (waiting) *waiting = tr_mailbox_count(&self->box);
    if (limit) *limit = tr_mailbox_limit(&self->box);
    return TROUPE_OK;
}
