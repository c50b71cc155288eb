/* A channel takes its memory when it is opened: that can fail, and nothing else asks for any. */
#include <criterion/criterion.h>
#include <troupe/channel.h>

#include "test/support/exhaust.h"

static counting_heap heap;
static troupe_tx *tx;
static troupe_rx *rx;
static int things[4];

static troupe_err open_it(uint32_t capacity) {
    tx = NULL;
    rx = NULL;
    return troupe_channel_open(capacity, NULL, &heap.heap, &tx, &rx);
}

Test(oom, troupe_channel_open) {
    for (exhaust x = {0}; exhaust_next(&x);) {
        counting_heap_init(&heap);
        exhaust_from(&x, &heap);
        troupe_err err = open_it(8);
        bool refused = exhaust_to(&x);
        cr_assert_eq(err, refused ? TROUPE_NOMEM : TROUPE_OK);
        cr_assert(!refused || (!tx && !rx));
        troupe_channel_drop(&tx);
        (void)troupe_channel_end(&rx);
        cr_assert(counting_heap_fini(&heap));
    }
}

/* All calls on a channel of 2, none of which waits. */
static void use(void *ctx) {
    (void)ctx;
    void *item = &things[0], *batch[2];
    troupe_permit permit;
    uint32_t room;
    size_t n;
    troupe_tx *other = troupe_channel_clone(tx);
    cr_assert_eq(troupe_channel_try_send(tx, &item), TROUPE_OK);
    item = &things[1];
    cr_assert_eq(troupe_channel_send(other, &item, 0), TROUPE_OK);
    item = &things[2];
    cr_assert_eq(troupe_channel_send(other, &item, 1), TROUPE_TIMEOUT);
    cr_assert_eq(troupe_channel_try_recv(rx, &batch[0]), TROUPE_OK);
    cr_assert_eq(troupe_channel_recv(rx, &batch[0], 0), TROUPE_OK);
    cr_assert_eq(troupe_channel_recv(rx, &batch[0], 1), TROUPE_TIMEOUT);
    cr_assert_eq(troupe_channel_try_reserve(tx, &permit), TROUPE_OK);
    cr_assert_eq(troupe_channel_send_reserved(&permit, &item), TROUPE_OK);
    cr_assert_eq(troupe_channel_reserve(tx, &permit, 0), TROUPE_OK);
    troupe_channel_room(tx, &room, NULL);
    cr_assert_eq(room, 0);
    troupe_channel_give_back(&permit);
    cr_assert_eq(troupe_channel_recv_many(rx, batch, 2, 0, &n), TROUPE_OK);
    cr_assert_eq(n, 1);
    troupe_channel_close(rx);
    troupe_channel_drop(&other);
    troupe_channel_drop(&tx);
    cr_assert_eq(troupe_channel_end(&rx), 0);
}

static void takes_nothing(void) {
    counting_heap_init(&heap);
    cr_assert_eq(open_it(2), TROUPE_OK);
    exhaust_nothing(&heap, use, NULL);
    cr_assert(counting_heap_fini(&heap));
}

Test(takes_nothing, troupe_channel_clone) {
    takes_nothing();
}
Test(takes_nothing, troupe_channel_drop) {
    takes_nothing();
}
Test(takes_nothing, troupe_channel_try_send) {
    takes_nothing();
}
Test(takes_nothing, troupe_channel_send) {
    takes_nothing();
}
Test(takes_nothing, troupe_channel_try_reserve) {
    takes_nothing();
}
Test(takes_nothing, troupe_channel_reserve) {
    takes_nothing();
}
Test(takes_nothing, troupe_channel_send_reserved) {
    takes_nothing();
}
Test(takes_nothing, troupe_channel_give_back) {
    takes_nothing();
}
Test(takes_nothing, troupe_channel_room) {
    takes_nothing();
}
Test(takes_nothing, troupe_channel_try_recv) {
    takes_nothing();
}
Test(takes_nothing, troupe_channel_recv) {
    takes_nothing();
}
Test(takes_nothing, troupe_channel_recv_many) {
    takes_nothing();
}
Test(takes_nothing, troupe_channel_close) {
    takes_nothing();
}
Test(takes_nothing, troupe_channel_end) {
    takes_nothing();
}
