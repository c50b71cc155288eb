#include "actors/supervisor_admin.h"

#include "actors/send.h"

/* From troupe_supervise: tell me when all children have started. */
static const troupe_type await_type = TROUPE_SIGNAL_TYPE("troupe_await");

struct started {
    uint32_t err;
};
static const troupe_type started_type = TROUPE_TYPE(started, TROUPE_FIELD(started, err));

/* --- In the supervisor ------------------------------------------------------------------------ */

void tr_admin_tell_waiter(troupe_self *self, tr_supervisor *sup, troupe_err err) {
    if (troupe_same(sup->waiter, TROUPE_NOBODY)) return;
    troupe_msg *msg = NULL;
    struct started body = {.err = (uint32_t)err};
    troupe_err made = tr_msg_make(&self->rt->pool, &started_type, &body, &msg);
    if (made)
        tr_ask_unanswered(self->rt, sup->waiter, made);
    else if (tr_send(self->rt, tr_actor_ref(self), sup->waiter, TR_SEND_FREE, &msg))
        troupe_drop(&msg); /* its deadline has passed */
    sup->waiter = TROUPE_NOBODY;
}

bool tr_admin_receive(troupe_self *self, tr_supervisor *sup, const troupe_msg *msg) {
    if (msg->type != &await_type) return false; /* by address: a stranger may have such a type */
    sup->waiter = troupe_sender(self);
    if (sup->phase == PHASE_RUNNING) tr_admin_tell_waiter(self, sup, TROUPE_OK);
    return true;
}

/* --- In plain threads ------------------------------------------------------------------------- */

troupe_err troupe_supervise(troupe *rt, const troupe_supervision *what, unsigned timeout_ms,
                            troupe_ref *out) {
    if (!tr_waits_allowed(rt)) return TROUPE_INVALID;
    const uint64_t deadline = tr_after_ms(tr_runtime_clock(rt), timeout_ms);
    troupe_ref ref;
    troupe_msg *msg = NULL;
    troupe_err err = troupe_make(rt, &await_type, NULL, &msg);
    if (err) return err;
    err = troupe_spawn(rt, &troupe_supervisor, what, &ref);
    if (err) {
        troupe_drop(&msg);
        return err;
    }
    err = tr_ask_for(rt, ref, (tr_aim){ref, TROUPE_WAIT_START}, &msg, timeout_ms);
    const struct started *started = troupe_as(msg, &started_type);
    if (!err) err = started ? (troupe_err)started->err : TROUPE_BADTYPE;
    troupe_drop(&msg);
    /* It ended before it was asked. */
    if (err == TROUPE_GONE || err == TROUPE_STOPPED) err = TROUPE_START_FAILED;
    if (!err) {
        *out = ref;
        return TROUPE_OK;
    }
    (void)troupe_stop(rt, ref); /* it may have ended already */
    return tr_runtime_wait(rt, ref.id, deadline) ? err : TROUPE_TIMEOUT;
}
