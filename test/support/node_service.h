/* The one actor of a node that tests stop and kill, in a process of its own or in a simulation. */
#ifndef TROUPE_TEST_NODE_SERVICE_H
#define TROUPE_TEST_NODE_SERVICE_H

#include <troupe/actor.h>

#include "test/support/node_orders.h"

static const troupe_type tick_type = TROUPE_SIGNAL_TYPE("tick");

struct service {
    bool flooding;
    troupe_ref to;
    uint64_t next;
};

/* Sends as much as goes, and goes on in a millisecond. */
static inline troupe_err service_flood(troupe_self *self, struct service *service) {
    for (int i = 0; i < 64; i++) {
        const struct count count = {1, service->next};
        if (troupe_tell(self, service->to, &count_type, &count)) break;
        service->next++;
    }
    troupe_msg *msg;
    troupe_err err = troupe_make(troupe_runtime(self), &tick_type, NULL, &msg);
    if (!err) err = troupe_send_after(self, 1, troupe_me(self), &msg, NULL);
    return err;
}

static inline troupe_err service_receive(troupe_self *self, void *state, troupe_msg **msg) {
    struct service *service = state;
    if (troupe_as(*msg, &tick_type)) return service_flood(self, service);
    const struct order *order = troupe_as(*msg, &order_type);
    if (!order) return TROUPE_OK;
    if (order->what == ORDER_ANSWER)
        return troupe_answer(self, &count_type, &(struct count){0, order->n + 1});
    if (order->what == ORDER_KEEP) (void)troupe_sender(self); /* and never answers */
    if (order->what != ORDER_FLOOD || service->flooding) return TROUPE_OK;
    service->flooding = true;
    service->to = order->who;
    return service_flood(self, service);
}

static const troupe_behaviour node_service = {
    .name = "service", .state_size = sizeof(struct service), .receive = service_receive};

#endif
