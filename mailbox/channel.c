/* The channel for plain threads. One lock guards all of it but what a waiter sleeps on; README.md
 * has the invariants. */
#include <troupe/channel.h>

#include <stdbool.h>

#include "base/check.h"
#include "base/heap.h"
#include "base/list.h"
#include "base/os.h"
#include "base/place.h"

typedef struct troupe_channel troupe_channel;

struct troupe_tx {
    troupe_channel *of;
};

struct troupe_rx {
    troupe_channel *of;
};

/* A thread that waits, on its own stack. Guarded by the lock, but for `told`; once something is
 * decided it belongs to who decided, until told. */
typedef struct waiter {
    tr_list link;       /* in `waiting`; then with those to be told */
    void *item;         /* to be sent; NULL: it wants a permit, or is the receiver */
    troupe_err outcome; /* LATER: nothing is decided */
    tr_atomic32 told;   /* 1: it may go; what it sleeps on */
} waiter;

struct troupe_channel {
    troupe_tx tx; /* what all handles of a side point to */
    troupe_rx rx;
    troupe_heap heap;
    void (*drop)(void *item);
    uint32_t capacity;
    tr_mutex lock; /* guards what follows */
    uint32_t first, items, permits;
    uint64_t senders;
    bool closed;      /* nothing new comes in */
    bool ending;      /* nothing comes in */
    bool ended;       /* the receiver has gone */
    tr_list waiting;  /* senders, who came first is first */
    waiter *receiver; /* it sleeps; else NULL */
    void *item[];     /* a ring of `capacity`: `items` of them from `first` on */
};

/* Its bytes; 0: there can't be so many. */
static size_t size_of(size_t capacity) {
    const size_t most = (SIZE_MAX - sizeof(troupe_channel)) / sizeof(void *);
    return capacity > most ? 0 : sizeof(troupe_channel) + capacity * sizeof(void *);
}

/* --- Under the lock --------------------------------------------------------------------------- */

static bool has_room(const troupe_channel *channel) {
    return channel->items + channel->permits < channel->capacity;
}

/* Nothing is there, and nothing will come. */
static bool is_over(const troupe_channel *channel) {
    return (channel->closed || !channel->senders) && !channel->items && !channel->permits;
}

static void put(troupe_channel *channel, void *item) {
    size_t at = (size_t)channel->first + channel->items++;
    channel->item[at < channel->capacity ? at : at - channel->capacity] = item;
}

static void *take(troupe_channel *channel) {
    void *item = channel->item[channel->first];
    if (++channel->first == channel->capacity) channel->first = 0;
    channel->items--;
    return item;
}

/* Takes a free slot for an item or, if that is NULL, for a permit. */
static void occupy(troupe_channel *channel, void *item) {
    if (item)
        put(channel, item);
    else
        channel->permits++;
}

/* Whether one who comes now may take a slot. Nobody waits while there is a free one. */
static troupe_err admit(const troupe_channel *channel) {
    if (channel->closed) return TROUPE_CLOSED;
    return has_room(channel) ? TROUPE_OK : TROUPE_FULL;
}

static void decide(waiter *who, troupe_err outcome, tr_list *decided) {
    who->outcome = outcome;
    tr_list_remove(&who->link);
    tr_list_add(decided, &who->link);
}

/* Makes true again what holds whenever the lock is free: no sender waits while there is room or
 * after a close, and the receiver does not sleep over an item or the end. */
static void settle(troupe_channel *channel, tr_list *decided) {
    while (!tr_list_empty(&channel->waiting) && (channel->closed || has_room(channel))) {
        waiter *next = TR_OWNER(channel->waiting.next, waiter, link);
        if (!channel->closed) occupy(channel, next->item);
        decide(next, channel->closed ? TROUPE_CLOSED : TROUPE_OK, decided);
    }
    if (channel->receiver && (channel->items || is_over(channel))) {
        decide(channel->receiver, TROUPE_OK, decided);
        channel->receiver = NULL;
    }
}

/* --- Leaving the lock ------------------------------------------------------------------------- */

/* Tells those about whom something was decided. One who is told may be gone at once, so of him only
 * the address is used then. */
static void tell(tr_list *decided) {
    while (!tr_list_empty(decided)) {
        waiter *who = TR_OWNER(decided->next, waiter, link);
        tr_list_remove(&who->link);
        tr_store32_release(&who->told, 1); /* partner: the load of `told` */
        tr_futex_wake(&who->told, 1);
    }
}

/* Lets the lock go after a change. Who is told is told without it, since a wake takes long. */
static void leave(troupe_channel *channel) {
    tr_list decided;
    tr_list_init(&decided);
    settle(channel, &decided);
    tr_unlock(&channel->lock);
    tell(&decided);
}

/* The same after the end of a handle or a permit; the last one ends the channel. */
static void leave_for_good(troupe_channel *channel) {
    bool last = channel->ended && !channel->senders && !channel->permits;
    leave(channel);
    if (!last) return;
    troupe_heap heap = channel->heap;
    tr_mutex_fini(&channel->lock);
    tr_give(&heap, channel, size_of(channel->capacity));
}

/* Waits until told or until the deadline, and returns what was decided. An outcome that came before
 * the deadline was noticed stands: then whoever decided it is about to tell. */
static troupe_err wait(troupe_channel *channel, waiter *me, uint64_t deadline) {
    while (!tr_load32_acquire(&me->told)) { /* partner: the store of `told` */
        if (tr_futex_wait(&me->told, 0, deadline)) continue;
        tr_lock(&channel->lock);
        bool undecided = me->outcome == TROUPE_LATER;
        if (undecided) tr_list_remove(&me->link);
        if (undecided && channel->receiver == me) channel->receiver = NULL;
        tr_unlock(&channel->lock);
        if (undecided) return TROUPE_TIMEOUT;
        deadline = TR_NEVER;
    }
    return me->outcome;
}

static uint64_t deadline_in(unsigned timeout_ms) {
    return tr_after_ms(tr_clock(), timeout_ms);
}

/* --- Opening and ending ----------------------------------------------------------------------- */

troupe_err troupe_channel_open(uint32_t capacity, void (*drop)(void *), const troupe_heap *heap,
                               troupe_tx **tx, troupe_rx **rx) {
    if (!heap || (!heap->take && !heap->give)) heap = &tr_heap_default;
    if (!capacity || !heap->take || !heap->give) return TROUPE_INVALID;
    troupe_channel *channel = tr_take(heap, size_of(capacity));
    if (!channel) return TROUPE_NOMEM;
    *channel = (troupe_channel){
        .tx.of = channel,
        .rx.of = channel,
        .heap = *heap,
        .drop = drop,
        .capacity = capacity,
        .senders = 1,
    };
    tr_mutex_init(&channel->lock);
    tr_list_init(&channel->waiting);
    *tx = &channel->tx;
    *rx = &channel->rx;
    return TROUPE_OK;
}

troupe_tx *troupe_channel_clone(troupe_tx *tx) {
    tr_lock(&tx->of->lock);
    tx->of->senders++;
    tr_unlock(&tx->of->lock);
    return tx;
}

void troupe_channel_drop(troupe_tx **tx) {
    if (!*tx) return;
    troupe_channel *channel = (*tx)->of;
    *tx = NULL;
    tr_lock(&channel->lock);
    TR_ASSERT(channel->senders > 0); /* or a handle was dropped twice */
    channel->senders--;
    leave_for_good(channel);
}

void troupe_channel_close(troupe_rx *rx) {
    tr_lock(&rx->of->lock);
    rx->of->closed = true;
    leave(rx->of);
}

size_t troupe_channel_end(troupe_rx **rx) {
    if (!*rx) return 0;
    troupe_channel *channel = (*rx)->of;
    *rx = NULL;
    size_t dropped = 0;
    tr_lock(&channel->lock);
    channel->closed = channel->ending = true;
    for (; channel->items; dropped++) {
        void *item = take(channel);
        leave(channel); /* `drop` may take its time, and may use the channel */
        if (channel->drop) channel->drop(item);
        tr_lock(&channel->lock);
    }
    channel->ended = true;
    leave_for_good(channel);
    return dropped;
}

/* --- Sending ---------------------------------------------------------------------------------- */

static troupe_err try_occupy(troupe_channel *channel, void *item) {
    tr_lock(&channel->lock);
    troupe_err err = admit(channel);
    if (!err) occupy(channel, item);
    leave(channel);
    return err;
}

static troupe_err occupy_in_time(troupe_channel *channel, void *item, unsigned timeout_ms) {
    if (!tr_place_may_wait()) return TROUPE_INVALID;
    tr_lock(&channel->lock);
    troupe_err err = admit(channel);
    if (err != TROUPE_FULL) {
        if (!err) occupy(channel, item);
        leave(channel);
        return err;
    }
    waiter me = {.item = item, .outcome = TROUPE_LATER};
    tr_list_add(&channel->waiting, &me.link);
    tr_unlock(&channel->lock);
    return wait(channel, &me, deadline_in(timeout_ms));
}

troupe_err troupe_channel_try_send(troupe_tx *tx, void **item) {
    troupe_err err = *item ? try_occupy(tx->of, *item) : TROUPE_INVALID;
    if (!err) *item = NULL;
    return err;
}

troupe_err troupe_channel_send(troupe_tx *tx, void **item, unsigned timeout_ms) {
    troupe_err err = *item ? occupy_in_time(tx->of, *item, timeout_ms) : TROUPE_INVALID;
    if (!err) *item = NULL;
    return err;
}

troupe_err troupe_channel_try_reserve(troupe_tx *tx, troupe_permit *permit) {
    troupe_err err = try_occupy(tx->of, NULL);
    permit->of = err ? NULL : tx->of;
    return err;
}

troupe_err troupe_channel_reserve(troupe_tx *tx, troupe_permit *permit, unsigned timeout_ms) {
    troupe_err err = occupy_in_time(tx->of, NULL, timeout_ms);
    permit->of = err ? NULL : tx->of;
    return err;
}

troupe_err troupe_channel_send_reserved(troupe_permit *permit, void **item) {
    troupe_channel *channel = permit->of;
    if (!channel || !*item) return TROUPE_INVALID;
    permit->of = NULL;
    tr_lock(&channel->lock);
    bool sends = !channel->ending;
    channel->permits--;
    if (sends) put(channel, *item);
    leave_for_good(channel);
    if (!sends) return TROUPE_CLOSED;
    *item = NULL;
    return TROUPE_OK;
}

void troupe_channel_give_back(troupe_permit *permit) {
    troupe_channel *channel = permit->of;
    if (!channel) return;
    permit->of = NULL;
    tr_lock(&channel->lock);
    channel->permits--;
    leave_for_good(channel);
}

void troupe_channel_room(troupe_tx *tx, uint32_t *free, uint32_t *capacity) {
    troupe_channel *channel = tx->of;
    tr_lock(&channel->lock);
    if (free) *free = channel->capacity - channel->items - channel->permits;
    tr_unlock(&channel->lock);
    if (capacity) *capacity = channel->capacity;
}

/* --- Receiving -------------------------------------------------------------------------------- */

/* Takes what is there, up to `most`, under the lock. */
static troupe_err take_some(troupe_channel *channel, void **item, size_t most, size_t *taken) {
    size_t n = 0;
    while (n < most && channel->items) item[n++] = take(channel);
    *taken = n;
    if (n) return TROUPE_OK;
    return is_over(channel) ? TROUPE_CLOSED : TROUPE_EMPTY;
}

troupe_err troupe_channel_try_recv(troupe_rx *rx, void **item) {
    size_t taken;
    *item = NULL;
    tr_lock(&rx->of->lock);
    troupe_err err = take_some(rx->of, item, 1, &taken);
    leave(rx->of);
    return err;
}

troupe_err troupe_channel_recv_many(troupe_rx *rx, void **item, size_t most, unsigned timeout_ms,
                                    size_t *received) {
    troupe_channel *channel = rx->of;
    *received = 0;
    if (!tr_place_may_wait()) return TROUPE_INVALID;
    if (!most) return TROUPE_OK;
    for (uint64_t deadline = 0;;) {
        tr_lock(&channel->lock);
        troupe_err err = take_some(channel, item, most, received);
        if (err == TROUPE_EMPTY && channel->receiver) err = TROUPE_INVALID;
        if (err != TROUPE_EMPTY) {
            leave(channel);
            return err;
        }
        waiter me = {.outcome = TROUPE_LATER};
        tr_list_init(&me.link);
        channel->receiver = &me;
        tr_unlock(&channel->lock);
        if (!deadline) deadline = deadline_in(timeout_ms);
        err = wait(channel, &me, deadline);
        if (err) return err;
    }
}

troupe_err troupe_channel_recv(troupe_rx *rx, void **item, unsigned timeout_ms) {
    size_t received;
    *item = NULL;
    return troupe_channel_recv_many(rx, item, 1, timeout_ms, &received);
}
