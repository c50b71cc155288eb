#include "actors/parcel.h"

#include "actors/abandon.h"
#include "actors/find.h"
#include "actors/promise.h"
#include "actors/send.h"
#include "actors/shutdown.h"
#include "actors/unread.h"

const troupe_type tr_parcel_type = TROUPE_SIGNAL_TYPE("parcel");

_Static_assert(offsetof(tr_parcel, signal) == sizeof(troupe_msg), "see tr_signal_of");

static tr_parcel *parcel_of(troupe_msg *envelope) {
    return TR_OWNER(envelope, tr_parcel, envelope);
}

/* --- Sending ---------------------------------------------------------------------------------- */

static bool takes_urgent(const troupe *rt, troupe_ref to) {
    const troupe_self *self = tr_table_find(&rt->table, to.id);
    if (!self) return false;
    uint64_t control = tr_load64_acquire(&self->task.control);
    return control >> 32 == to.id >> 32 && (control & TR_CONTROL_TAKES_URGENT);
}

static uint64_t deadline_in(troupe *rt, unsigned ms) {
    return ms ? tr_after_ms(troupe_now(rt), ms) : TR_NEVER;
}

/* Puts a message into a new parcel. */
static troupe_err wrap(troupe *rt, const tr_terms *terms, tr_signal signal, troupe_msg *inside,
                       troupe_msg **out) {
    troupe_err err =
        tr_msg_take(&rt->pool, &tr_parcel_type, sizeof(tr_parcel) - sizeof(troupe_msg), out);
    if (err) return err;
    tr_parcel *parcel = parcel_of(*out);
    parcel->signal = signal;
    parcel->inside = inside;
    parcel->deadline = terms->deadline;
    parcel->urgent = terms->urgent;
    return TROUPE_OK;
}

/* The message has to be in its mailbox before its receiver is asked to look for it there. */
static void urge(troupe *rt, uint64_t to) {
    troupe_self *self = tr_table_find(&rt->table, to);
    if (!self) return;
    (void)tr_route_request(&rt->sched, &self->task, (uint32_t)(to >> 32), TR_CONTROL_URGED);
}

troupe_err tr_parcel_deliver(troupe *rt, unsigned how, troupe_msg **envelope) {
    const bool urgent = parcel_of(*envelope)->urgent;
    const uint64_t to = parcel_of(*envelope)->signal.to;
    troupe_err err = tr_send_signal(rt, how, envelope);
    if (!err && urgent) urge(rt, to);
    return err;
}

unsigned tr_parcel_how(const troupe_delivery *as) {
    return as ? (as->urgent ? TR_SEND_URGENT : 0) | tr_send_within(as->within_ms) : 0;
}

/* To an actor of another node. */
static bool is_far(const troupe *rt, troupe_ref to) {
    return to.node != rt->node && !tr_ask_id(to.id);
}

troupe_err tr_parcel_send(troupe *rt, troupe_ref from, troupe_ref to, unsigned how,
                          const troupe_delivery *as, troupe_msg **msg) {
    if (is_far(rt, to)) return tr_send(rt, from, to, how | tr_parcel_how(as), msg);
    const bool here = as && to.node == rt->node && !tr_ask_id(to.id);
    const bool urgent = here && as->urgent && takes_urgent(rt, to);
    if (!here || (!urgent && !as->within_ms)) return tr_send(rt, from, to, how, msg);
    const tr_terms terms = {deadline_in(rt, as->within_ms), urgent};
    troupe_msg *envelope;
    troupe_err err =
        wrap(rt, &terms, (tr_signal){.to = to.id, .from = from}, *msg, &envelope);
    if (err) return err;
    err = tr_parcel_deliver(rt, how, &envelope);
    if (err)
        tr_msg_drop(envelope);
    else
        *msg = NULL;
    return err;
}

/* A send call ends with an error: its caller has the message back. */
static troupe_err settle(troupe *rt, troupe_err err) {
    if (err) tr_account_add(&rt->accounts.returned);
    return err;
}

troupe_err troupe_send_with(troupe_self *self, troupe_ref to, troupe_msg **msg,
                            const troupe_delivery *how) {
    if (!*msg) return TROUPE_INVALID;
    if (how && how->promise) return settle(self->rt, tr_promise_send(self, to, msg, how));
    return settle(self->rt, tr_parcel_send(self->rt, tr_actor_ref(self), to, 0, how, msg));
}

troupe_err troupe_post_with(troupe *rt, troupe_ref to, troupe_msg **msg,
                            const troupe_delivery *how) {
    if (!*msg) return TROUPE_INVALID;
    if (tr_shutdown_refuses(rt)) return settle(rt, TROUPE_QUIESCED);
    if (how && how->promise) return settle(rt, tr_promise_post(rt, to, msg, how));
    return settle(rt, tr_parcel_send(rt, TROUPE_NOBODY, to, 0, how, msg));
}

/* --- From other nodes ------------------------------------------------------------------------- */

tr_terms tr_port_terms(troupe *rt, troupe_ref to, unsigned how) {
    return (tr_terms){deadline_in(rt, tr_send_ms(how)),
                      how & TR_SEND_URGENT && takes_urgent(rt, to)};
}

bool tr_port_time_left(troupe *rt, uint64_t deadline, unsigned *how) {
    if (deadline == TR_NEVER) return true;
    const uint64_t now = troupe_now(rt);
    if (now > deadline) return false;
    const uint64_t left = (deadline - now) / TR_MS + 1; /* 0 would be for ever */
    const unsigned ms = left < UINT32_MAX ? (unsigned)left : UINT32_MAX;
    *how = (*how & (TR_SEND_LONG - 1u)) | tr_send_within(ms);
    return true;
}

troupe_err tr_port_wrap(troupe *rt, troupe_ref from, troupe_ref to, const tr_terms *terms,
                        troupe_msg **msg) {
    troupe_msg *envelope;
    troupe_err err = wrap(rt, terms, (tr_signal){.to = to.id, .from = from}, *msg, &envelope);
    if (!err) *msg = envelope;
    return err;
}

/* --- Arriving --------------------------------------------------------------------------------- */

/* Takes the message out, which is then as if it had come as it is. */
static troupe_msg *take_out(const troupe *rt, tr_parcel *parcel, uint32_t generation) {
    const uint32_t how = TR_MSG_COUNTED | TR_MSG_ASK | TR_MSG_STAMP_MASK;
    troupe_msg *msg = parcel->inside;
    tr_msg_set_sender(msg, rt->node, tr_msg_sender(&parcel->envelope, rt->node));
    msg->flags = (msg->flags & ~how) | (parcel->envelope.flags & how);
    msg->generation = msg->flags & TR_MSG_ASK ? tr_ask_generation(generation) : generation;
    tr_msg_drop(&parcel->envelope);
    return msg;
}

troupe_msg *tr_parcel_arrived(troupe_self *self, troupe_msg *envelope) {
    troupe *rt = self->rt;
    const uint64_t deadline = parcel_of(envelope)->deadline;
    troupe_msg *msg = take_out(rt, parcel_of(envelope), tr_actor_generation(self));
    if (deadline == TR_NEVER || troupe_now(rt) <= deadline) return msg;
    tr_dead_letter(rt, tr_actor_ref(self), &msg, TR_DEAD_IN_HAND, TROUPE_DEAD_OVERDUE,
                   TROUPE_TIMEOUT);
    return NULL;
}

void tr_parcel_unwrap(const troupe *rt, troupe_msg **msg) {
    if ((*msg)->type == &tr_parcel_type) *msg = take_out(rt, parcel_of(*msg), 0);
}

/* --- What is urgent --------------------------------------------------------------------------- */

/* The mail of an actor in its new order. */
static tr_fifo sorted(const troupe_self *self, tr_fifo mail) {
    tr_fifo first = {NULL, NULL}, rest = {NULL, NULL};
    if (mail.head && tr_unread_is_again(self, tr_msg_of(mail.head)))
        tr_fifo_put(&first, tr_fifo_get(&mail));
    for (tr_link *link; (link = tr_fifo_get(&mail));)
        tr_fifo_put(tr_parcel_is_urgent(tr_msg_of(link)) ? &first : &rest, link);
    for (tr_link *link; (link = tr_fifo_get(&rest));) tr_fifo_put(&first, link);
    return first;
}

void tr_parcel_sort(troupe_self *self) {
    tr_sched *sched = &self->rt->sched;
    if (!tr_abandon_may_tell(self, 0)) return; /* the bond and the mail are not its own any more */
    tr_hold hold = tr_route_hold(sched, &self->task);
    tr_mailbox_put_first(&self->task.box, sorted(self, tr_mailbox_take_all(&self->task.box)));
    tr_route_let_go(sched, hold);
    tr_abandon_told(self);
}
