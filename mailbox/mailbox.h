/* A bounded mailbox: many senders, one receiver, no lock. It moves links and knows neither actors
 * nor messages. README.md holds the protocol, its invariants, and each atomic's partner.
 *
 * The receiver's calls (pop, handled, park, close, open) may be made only by whoever runs the
 * receiver at that moment; all others by any thread. */
#ifndef TR_MAILBOX_MAILBOX_H
#define TR_MAILBOX_MAILBOX_H

#include <stdbool.h>
#include <stdint.h>

#include "base/atomic.h"
#include "base/list.h"

enum { TR_MAILBOX_LIMIT_MAX = (1 << 18) - 1 };

typedef struct tr_mailbox {
    tr_atomic64 word;  /* newest link | count | wanted | closed; see mailbox.c */
    tr_fifo drained;   /* the receiver's: taken out of `word`, oldest first */
    tr_atomic32 limit; /* set by open; atomic only because a late pusher may read beside that */
    uint32_t peak;     /* the receiver's: most that ever waited */
} tr_mailbox;

/* What became of a push. */
typedef enum tr_push {
    TR_PUSH_OK,
    TR_PUSH_WAKE, /* it is in, the receiver was parked, and the caller must now run it */
    TR_PUSH_FULL,
    TR_PUSH_CLOSED
} tr_push;

/* Makes a mailbox empty and open, with the receiver running. 1 <= limit <= TR_MAILBOX_LIMIT_MAX.
 * A late push to what was in this memory before may still come: it goes in or is refused, whole. */
void tr_mailbox_open(tr_mailbox *box, uint32_t limit);

/* Puts a link in, which must be aligned to 16 bytes. `counted`: it takes a place of the bound until
 * `handled` gives it back; otherwise it always fits. */
tr_push tr_mailbox_push(tr_mailbox *box, tr_link *link, bool counted);

/* Wakes the receiver without mail. True: it was parked, and the caller must now run it. */
bool tr_mailbox_kick(tr_mailbox *box);

/* Asks that `handled` (or `close`) says so once a full mailbox is half empty. False: it is not full
 * now, or closed. */
bool tr_mailbox_want(tr_mailbox *box);

/* The bound. */
uint32_t tr_mailbox_limit(const tr_mailbox *box);

/* Messages that hold a place at this moment. */
uint32_t tr_mailbox_count(const tr_mailbox *box);

/* Receiver: takes the oldest link; NULL: none is there. */
tr_link *tr_mailbox_pop(tr_mailbox *box);

/* Receiver: gives the place of one counted link back. True: somebody wanted room, and there is. */
bool tr_mailbox_handled(tr_mailbox *box);

/* Receiver: stops running. False: mail has come, go on. True: the receiver may no longer touch what
 * it shares with its next run; the push or kick that finds it parked runs it again. */
bool tr_mailbox_park(tr_mailbox *box);

/* Receiver: refuses everything from now on; what is in stays to be popped. True: somebody wanted
 * room, and should learn that there is none. */
bool tr_mailbox_close(tr_mailbox *box);

#endif
