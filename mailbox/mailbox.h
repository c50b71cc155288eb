/* A bounded mailbox: many senders, one receiver, no lock. It moves links and knows neither actors
 * nor messages. README.md holds the protocol, its invariants, and each atomic's partner.
 *
 * A mailbox has a *home*: whoever holds the lock that guards its private part (a worker's bias), or
 * simply the receiver, if it has no such lock. The calls marked "home" may be made only there; all
 * others by any thread. */
#ifndef TR_MAILBOX_MAILBOX_H
#define TR_MAILBOX_MAILBOX_H

#include <stdbool.h>
#include <stdint.h>

#include "base/atomic.h"
#include "base/check.h"
#include "base/list.h"

enum { TR_MAILBOX_LIMIT_MAX = (1 << 18) - 1 };

/* The word: one atomic holds all that senders and receiver share. For this room only.
 *
 *     bit 63     62      61..44   43..0
 *         closed wanted  count    address of the newest link / 16
 *
 * Addresses have 48 bits on the machines we run on, and links are aligned to 16. Two values of the
 * address are no addresses: TR_MAILBOX_NOTHING and TR_MAILBOX_PARKED. */
#define TR_MAILBOX_CLOSED (UINT64_C(1) << 63)
#define TR_MAILBOX_WANTED (UINT64_C(1) << 62)
#define TR_MAILBOX_COUNT_SHIFT 44
#define TR_MAILBOX_COUNT_ONE (UINT64_C(1) << TR_MAILBOX_COUNT_SHIFT)
#define TR_MAILBOX_COUNT_MASK ((uint64_t)TR_MAILBOX_LIMIT_MAX << TR_MAILBOX_COUNT_SHIFT)
#define TR_MAILBOX_ADDRESS_MASK (TR_MAILBOX_COUNT_ONE - 1)
#define TR_MAILBOX_NOTHING UINT64_C(0) /* no mail; the receiver runs, or is about to */
#define TR_MAILBOX_PARKED UINT64_C(1)  /* no mail; whoever replaces this has the receiver run */
#define TR_MAILBOX_MAIL (TR_MAILBOX_ADDRESS_MASK & ~TR_MAILBOX_PARKED) /* any: there is mail */

/* `reserved`: a number of places; above it how long the home is shy, that is, takes each place
 * singly and keeps none, since others had to have its reserve given back; and whether it keeps
 * any. */
#define TR_MAILBOX_KEEPS (UINT32_C(1) << 31)
#define TR_MAILBOX_SHY_ONE (UINT32_C(1) << 16)
#define TR_MAILBOX_PLACES (TR_MAILBOX_SHY_ONE - 1)
enum { TR_MAILBOX_KEEP = 32 }; /* places that it keeps, at most */

typedef struct tr_mailbox {
    tr_atomic64 word;     /* newest link | count | wanted | closed; see above */
    tr_fifo line;         /* home's: what is to be handled, oldest first */
    tr_atomic32 limit;    /* set by open; atomic only because a late pusher may read beside that */
    tr_atomic32 reserved; /* places of the count that no message has, and KEEPS; the home's, others
                           * peek */
} tr_mailbox;

/* What became of a push. */
typedef enum tr_push {
    TR_PUSH_OK,
    TR_PUSH_WAKE, /* it is in, the receiver was parked, and the caller must now have it run */
    TR_PUSH_FULL,
    TR_PUSH_CLOSED
} tr_push;

/* Makes a mailbox empty and open. `parked`: the first push or kick is told WAKE; else the caller is
 * responsible for the receiver's first run. 1 <= limit <= TR_MAILBOX_LIMIT_MAX. A late push to what
 * was in this memory before may still come: it goes in or is refused, whole. */
void tr_mailbox_open(tr_mailbox *box, uint32_t limit, bool parked);

/* Puts a link in, which must be aligned to 16 bytes. `counted`: it takes a place of the bound until
 * `handled` gives it back; otherwise it always fits. FULL is final only if `tr_mailbox_reserved` is
 * 0 then; else the home holds places that it can give back (`reclaim`). */
tr_push tr_mailbox_push(tr_mailbox *box, tr_link *link, bool counted);

/* Puts `count` counted links in at once, which are a list from `newest` to `oldest` by `next`: all
 * of them, or none, and then they are that list still. FULL is not final: some of them may fit. */
tr_push tr_mailbox_push_list(tr_mailbox *box, tr_link *newest, tr_link *oldest, uint32_t count);

/* The slow halves of the inline functions below; for this room only. Takes all mail out of the word
 * and puts it behind the line, oldest first. */
void tr_mailbox_drain(tr_mailbox *box);
/* Takes places out of the count: one to use now, the others to keep. False: it is full. */
bool tr_mailbox_reserve(tr_mailbox *box);
/* `handled`, when something may have to be given back or told. */
bool tr_mailbox_handled_slowly(tr_mailbox *box);

static inline uint32_t tr_mailbox_count_of(uint64_t word) {
    return (uint32_t)((word & TR_MAILBOX_COUNT_MASK) >> TR_MAILBOX_COUNT_SHIFT);
}

/* The bound. */
static inline uint32_t tr_mailbox_limit(const tr_mailbox *box) {
    return tr_load32_relaxed(&box->limit);
}

/* Places that the home has reserved, and that no message has taken. Who is refused and then reads 0
 * must look at the count again: they may have been given back in between. */
static inline uint32_t tr_mailbox_reserved(const tr_mailbox *box) {
    return tr_load32_relaxed(&box->reserved) & TR_MAILBOX_PLACES;
}

/* Home: like push, without an atomic read-modify-write, as long as places are reserved. What other
 * threads have pushed before goes before it. Never WAKE; FULL is final. */
static inline tr_push tr_mailbox_push_home(tr_mailbox *box, tr_link *link, bool counted) {
    uint64_t word = tr_load64_acquire(&box->word);
    if (__builtin_expect((word & (TR_MAILBOX_CLOSED | TR_MAILBOX_MAIL)) != 0, 0)) {
        if (word & TR_MAILBOX_CLOSED) return TR_PUSH_CLOSED;
        tr_mailbox_drain(box);
    }
    if (counted) {
        uint32_t reserved = tr_load32_relaxed(&box->reserved);
        if (reserved & TR_MAILBOX_PLACES)
            tr_store32_relaxed(&box->reserved, reserved - 1);
        else if (!tr_mailbox_reserve(box))
            return TR_PUSH_FULL;
    }
    tr_fifo_put(&box->line, link);
    return TR_PUSH_OK;
}

/* Home: gives all reserved places back to the count, since others need them, and is shy for a
 * while. */
void tr_mailbox_reclaim(tr_mailbox *box);

/* Wakes the receiver without mail. True: it was parked, and the caller must now have it run. */
bool tr_mailbox_kick(tr_mailbox *box);

/* Whether the receiver is parked at this moment. */
bool tr_mailbox_parked(const tr_mailbox *box);

/* Whether links have been pushed that were not drained yet; old news. */
static inline bool tr_mailbox_mail(const tr_mailbox *box) {
    return (tr_load64_seq(&box->word) & TR_MAILBOX_ADDRESS_MASK) > TR_MAILBOX_PARKED;
}

/* Whether it was asked so, and has not said so yet: it has not been half empty since. Anybody. */
static inline bool tr_mailbox_wanted(const tr_mailbox *box) {
    return (tr_load64_acquire(&box->word) & TR_MAILBOX_WANTED) != 0;
}

/* Asks that `handled` (or `close`) says so once a full mailbox is half empty; only right after
 * `reclaim`, or with nothing reserved. False: it is not full now, or closed. */
bool tr_mailbox_want(tr_mailbox *box);

/* Messages that hold a place at this moment. */
uint32_t tr_mailbox_count(const tr_mailbox *box);

/* Home: takes the oldest link; NULL: none is there. */
static TR_INLINE tr_link *tr_mailbox_pop(tr_mailbox *box) {
    if (!box->line.head) {
        if ((tr_load64_relaxed(&box->word) & TR_MAILBOX_ADDRESS_MASK) <= TR_MAILBOX_PARKED)
            return NULL;
        tr_mailbox_drain(box);
    }
    tr_link *link = tr_fifo_get(&box->line);
    __builtin_prefetch(box->line.head); /* while this one is handled */
    return link;
}

/* Home: puts the link back that was popped last, as the oldest; its place was not given back. */
static inline void tr_mailbox_unpop(tr_mailbox *box, tr_link *link) {
    tr_fifo_put_first(&box->line, link);
}

/* Home: puts links before all others, the first one first. */
static inline void tr_mailbox_put_first(tr_mailbox *box, tr_fifo links) {
    if (!links.head) return;
    if (box->line.head)
        links.tail->next = box->line.head;
    else
        box->line.tail = links.tail;
    box->line.head = links.head;
}

/* Home: takes all links out at once. */
tr_fifo tr_mailbox_take_all(tr_mailbox *box);

/* Home: takes the oldest link out that `may(link, ctx)` be, and puts `link` in behind all others,
 * with the place of the bound that the old one had. NULL: there is none, nothing has changed. */
tr_link *tr_mailbox_replace(tr_mailbox *box, tr_link *link,
                            bool (*may)(const tr_link *link, void *ctx), void *ctx);

/* Home: whether one of the links in it is what `is` says of it and `key`; walks along them. */
bool tr_mailbox_any(const tr_mailbox *box, bool (*is)(const tr_link *link, uint64_t key),
                    uint64_t key);

/* Home: how many links are in it, counted ones and others; walks along all of them. */
uint64_t tr_mailbox_length(const tr_mailbox *box);

/* Home: the link that is to be popped next; NULL: none. Walks along what was not drained yet. */
const tr_link *tr_mailbox_peek(const tr_mailbox *box);

/* Home: sets the bound, also to 0, and gives all reserved places back. True: somebody wanted room,
 * and now there is. */
bool tr_mailbox_set_limit(tr_mailbox *box, uint32_t limit);

/* Home: gives the place of one counted link back. True: somebody wanted room, and there is. */
static TR_INLINE bool tr_mailbox_handled(tr_mailbox *box) {
    uint32_t reserved = tr_load32_relaxed(&box->reserved) + 1;
    tr_store32_relaxed(&box->reserved, reserved);
    uint64_t word = tr_load64_relaxed(&box->word);
    /* One comparison for "it keeps, and not too many": whoever keeps is not shy. And one for "it is
     * not full, nor wanted, nor closed": those bits are above the count. */
    bool quiet = reserved - TR_MAILBOX_KEEPS <= TR_MAILBOX_KEEP &&
                 word >> TR_MAILBOX_COUNT_SHIFT < tr_mailbox_limit(box);
    return quiet ? false : tr_mailbox_handled_slowly(box);
}

/* Who has the receiver's call, with an empty line: gives it to the mailbox. False: mail has come,
 * or it is closed; go on. True: the push or kick that finds it parked has it run again. */
bool tr_mailbox_park(tr_mailbox *box);

/* Home: refuses everything from now on; what is in stays to be popped. True: somebody wanted room,
 * and should learn that there is none. */
bool tr_mailbox_close(tr_mailbox *box);

#endif
