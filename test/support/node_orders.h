/* The messages that node tests and their helper process know. */
#ifndef TROUPE_TEST_NODE_ORDERS_H
#define TROUPE_TEST_NODE_ORDERS_H

#include <troupe/message.h>

/* The n-th message of a sender. */
struct count {
    uint64_t from, n;
};
static const troupe_type count_type =
    TROUPE_TYPE(count, TROUPE_FIELD(count, from), TROUPE_FIELD(count, n));

/* What an actor is told to do. */
enum {
    ORDER_ANSWER, /* answer with count n + 1 */
    ORDER_KEEP,   /* keep the sender */
    ORDER_LATE,   /* answer the kept one with count n */
    ORDER_FAIL,   /* fail for the reason n */
    ORDER_QUIT,   /* end normally */
    ORDER_PASS,   /* send count n to who */
    ORDER_IGNORE, /* nothing */
    ORDER_FLOOD   /* the helper process: send counts to who for ever */
};

struct order {
    uint32_t what;
    uint64_t n;
    troupe_ref who;
};
static const troupe_type order_type =
    TROUPE_TYPE(order, TROUPE_FIELD(order, what), TROUPE_FIELD(order, n), TROUPE_FIELD(order, who));

#endif
