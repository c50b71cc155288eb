/* Channels: a bounded queue between threads, with many senders and one receiver. Needs no runtime.
 *
 * Plain threads wait at it, with a deadline; an actor's callback does not, and uses the calls that
 * begin with `try_`. It is what Rust has as `std::sync::mpsc::sync_channel` and as
 * `tokio::sync::mpsc`, whose permits and whose two-step close these are.
 *
 * What goes through are pointers with an owner, and one rule of ownership holds as for messages. A
 * function that takes a `void **item` to send may take the item: if it did, your pointer is NULL
 * afterwards; if it did not, the item is still yours. What was written to it before the send is
 * seen by the receiver.
 *
 * Order: if one send has returned before another one begins, its item is received first; so order
 * per sender, and also between two senders of whom the second began because of the first. Senders
 * that wait get room in the order in which they came, and nobody overtakes them.
 *
 * Conservation: an item that was taken is received, or it is dropped when the receiver ends, who is
 * told how many. The capacity is exact, and all memory is taken by `troupe_channel_open`. */
#ifndef TROUPE_CHANNEL_H
#define TROUPE_CHANNEL_H

#include <stddef.h>
#include <stdint.h>
#include <troupe/error.h>
#include <troupe/heap.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct troupe_tx troupe_tx; /* a sender's handle */
typedef struct troupe_rx troupe_rx; /* the receiver's handle, the only one */

/* A slot that is set aside, to be used or given back, once, by any thread. It outlives the handle
 * that it came from. `of` is NULL once it is used. */
typedef struct troupe_permit {
    struct troupe_channel *of;
} troupe_permit;

/* --- Making one ------------------------------------------------------------------------------- */

/* Makes a channel for exactly `capacity` items, permits included, with one sender and the receiver.
 * `drop` ends each item that is left when the receiver ends (`free` will do); NULL: nothing is to
 * be done. `heap` may be NULL for malloc and free; it is copied, and used here and at the very end
 * only. Any thread. NOMEM. INVALID: a capacity of 0, or half an allocator.
 * As `sync_channel(n)`, but without its rendezvous at 0. */
TROUPE_CHECKED troupe_err troupe_channel_open(uint32_t capacity, void (*drop)(void *item),
                                              const troupe_heap *heap, troupe_tx **tx,
                                              troupe_rx **rx);

/* One more sender, to be dropped like the first. Any thread. As `Sender::clone`. */
TROUPE_CHECKED troupe_tx *troupe_channel_clone(troupe_tx *tx);

/* Ends a sender and makes the pointer NULL; nobody is in a call with this handle. After the last
 * one, and the last permit, the receiver gets what is queued and then CLOSED; if it sleeps, it
 * wakes at once. Does nothing to NULL. Any thread. */
TROUPE_API void troupe_channel_drop(troupe_tx **tx);

/* --- Sending: any thread, and several at once through one handle ------------------------------ */

/* Sends `*item` if there is room. FULL: there is none, or others wait for it. CLOSED: the receiver
 * has closed or ended. INVALID: `*item` is NULL. As `try_send` of both. */
TROUPE_CHECKED troupe_err troupe_channel_try_send(troupe_tx *tx, void **item);

/* Sends `*item`, and waits for room up to `timeout_ms` milliseconds, in the order in which senders
 * came. TIMEOUT: there was none. CLOSED: the receiver has closed or ended, at once also for those
 * who wait already. INVALID: `*item` is NULL, or the caller is in an actor's callback, which must
 * not wait, whether there is room or not; only a `blocking` actor may, on its own thread (all its
 * callbacks but a `start` that another thread runs).
 * As `SyncSender::send`, but never without a deadline. */
TROUPE_CHECKED troupe_err troupe_channel_send(troupe_tx *tx, void **item, unsigned timeout_ms);

/* Sets a slot aside, if there is room, so that a later send can't be refused. FULL and CLOSED as
 * for `troupe_channel_try_send`. As tokio's `try_reserve_owned`. */
TROUPE_CHECKED troupe_err troupe_channel_try_reserve(troupe_tx *tx, troupe_permit *permit);

/* The same, and waits for room in one line with those who send. TIMEOUT, CLOSED, and INVALID (the
 * caller must not wait) as for `troupe_channel_send`. As tokio's `reserve_owned`. */
TROUPE_CHECKED troupe_err troupe_channel_reserve(troupe_tx *tx, troupe_permit *permit,
                                                 unsigned timeout_ms);

/* Sends `*item` through a permit, also after the receiver has closed; never waits. The permit is
 * used up, unless INVALID: it was used before, or `*item` is NULL. CLOSED: the receiver has ended,
 * so the item is still yours. Any thread. As tokio's `Permit::send`, which drops it then. */
TROUPE_CHECKED troupe_err troupe_channel_send_reserved(troupe_permit *permit, void **item);

/* Gives the slot back without a send; who waits longest gets it. Does nothing to a permit that was
 * used. Any thread. */
TROUPE_API void troupe_channel_give_back(troupe_permit *permit);

/* How much room there is at this moment: `*free` slots of `*capacity`, which never changes; either
 * may be NULL. A slot is taken by a queued item or by a permit. Any thread. As tokio's `capacity`
 * and `max_capacity`. */
TROUPE_API void troupe_channel_room(troupe_tx *tx, uint32_t *free, uint32_t *capacity);

/* --- Receiving: one thread at a time ---------------------------------------------------------- */

/* Receives the oldest item, which is the caller's from now on. `*item` is NULL on an error.
 * EMPTY: nothing is queued now. CLOSED: nothing is queued and nothing will be, since there is no
 * permit out, and the receiver has closed or there is no sender; it comes again and again. */
TROUPE_CHECKED troupe_err troupe_channel_try_recv(troupe_rx *rx, void **item);

/* The same, and waits for an item up to `timeout_ms` milliseconds. TIMEOUT: none came. CLOSED: see
 * above, at once also for one who waits already. INVALID: the caller is in a callback, as for
 * `troupe_channel_send`; or another thread waits here. As `Receiver::recv_timeout`. */
TROUPE_CHECKED troupe_err troupe_channel_recv(troupe_rx *rx, void **item, unsigned timeout_ms);

/* Receives up to `most` items in the order of single receives into `item[0]`, `item[1]`, ... and
 * stores their number in `*received`. Waits as `troupe_channel_recv` does if there is none, and for
 * no more once there is one. OK: at least one, or `most` is 0, which returns at once. The errors of
 * `troupe_channel_recv`, with none received. As tokio's `recv_many`. */
TROUPE_CHECKED troupe_err troupe_channel_recv_many(troupe_rx *rx, void **item, size_t most,
                                                   unsigned timeout_ms, size_t *received);

/* Lets nothing new in: from now on senders get CLOSED, those who wait as well. What is queued can
 * still be received, and what is sent through permits that are out; CLOSED comes after the last of
 * both. Any thread, also while another one receives. As tokio's `Receiver::close`. */
TROUPE_API void troupe_channel_close(troupe_rx *rx);

/* Closes, drops what is queued, ends the receiver and makes the pointer NULL; nobody is in another
 * call with it. Returns how many items were dropped. The memory is given back when the last sender
 * and the last permit are gone as well. Does nothing to NULL. Any thread. */
TROUPE_API size_t troupe_channel_end(troupe_rx **rx);

#ifdef __cplusplus
}
#endif
#endif
