#include "actors/promise.h"

#include "actors/account.h"
#include "actors/parcel.h"
#include "actors/send.h"
#include "actors/shutdown.h"

const troupe_type troupe_delivered_type =
    TROUPE_TYPE(troupe_delivered, TROUPE_FIELD(troupe_delivered, tag),
                TROUPE_FIELD(troupe_delivered, to), TROUPE_FIELD(troupe_delivered, why));

/* To an actor of another node. An answer to who asks from there needs no promise, and has none. */
static troupe_err promise_far(troupe *rt, troupe_ref from, troupe_ref to,
                              const tr_promise_order *order, troupe_msg **msg) {
    if (!to.node) return TROUPE_GONE;
    if (tr_ask_id(to.id)) return TROUPE_INVALID;
    tr_port *port = tr_runtime_port(rt);
    if (!port || !port->ops->promise) return TROUPE_NOCONNECTION;
    troupe_err err = port->ops->promise(port, from, to, order, msg);
    if (!*msg) tr_account_add(&rt->accounts.forwarded);
    return err;
}

/* In the same runtime it is in the mailbox when it is sent. */
static troupe_err send_here(troupe *rt, troupe_ref from, troupe_ref to, const troupe_delivery *how,
                            troupe_msg **msg) {
    return tr_parcel_send(rt, from, to, 0, how, msg);
}

troupe_err tr_promise_send(troupe_self *self, troupe_ref to, troupe_msg **msg,
                           const troupe_delivery *how) {
    troupe *rt = self->rt;
    const troupe_ref me = tr_actor_ref(self);
    const struct troupe_delivered body = {how->tag, to, TROUPE_OK};
    troupe_msg *news;
    troupe_err err = troupe_make(rt, &troupe_delivered_type, &body, &news);
    if (err) return err;
    if (to.node == rt->node) {
        err = send_here(rt, me, to, how, msg);
        if (!err && tr_send(rt, TROUPE_NOBODY, me, TR_SEND_FREE, &news)) {
            /* it has ended, and needs none */
        }
    } else {
        const tr_promise_order order = {.again = how->promise == TROUPE_REDELIVERED,
                                        .how = tr_parcel_how(how),
                                        .news = &news,
                                        .teller = me};
        err = promise_far(rt, me, to, &order, msg);
    }
    troupe_drop(&news);
    return err;
}

troupe_err tr_promise_post(troupe *rt, troupe_ref to, troupe_msg **msg,
                           const troupe_delivery *how) {
    const tr_promise_order order = {.again = how->promise == TROUPE_REDELIVERED,
                                    .how = tr_parcel_how(how)};
    if (to.node == rt->node) return send_here(rt, TROUPE_NOBODY, to, how, msg);
    return promise_far(rt, TROUPE_NOBODY, to, &order, msg);
}

troupe_err troupe_deliver(troupe *rt, troupe_ref to, troupe_msg **msg, const troupe_delivery *how,
                          unsigned timeout_ms) {
    if (!*msg || tr_sched_inside(&rt->sched)) return TROUPE_INVALID;
    const tr_promise_order order = {.again = how && how->promise == TROUPE_REDELIVERED,
                                    .how = tr_parcel_how(how),
                                    .waits = true,
                                    .timeout_ms = timeout_ms};
    troupe_err err = TROUPE_QUIESCED;
    if (!tr_shutdown_refuses(rt))
        err = to.node == rt->node ? send_here(rt, TROUPE_NOBODY, to, how, msg)
                                  : promise_far(rt, TROUPE_NOBODY, to, &order, msg);
    if (*msg) tr_account_add(&rt->accounts.returned);
    return err;
}
