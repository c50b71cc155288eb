#include "mailbox/mailbox.h"

#include "base/check.h"

/* The word: one atomic holds all that senders and receiver share.
 *
 *     bit 63     62      61..44   43..0
 *         closed wanted  count    address of the newest link / 16
 *
 * Addresses have 48 bits on the machines we run on, and links are aligned to 16. Two values of the
 * address are no addresses: NOTHING and PARKED. */
#define CLOSED (UINT64_C(1) << 63)
#define WANTED (UINT64_C(1) << 62)
#define COUNT_SHIFT 44
#define COUNT_ONE (UINT64_C(1) << COUNT_SHIFT)
#define COUNT_MASK ((uint64_t)TR_MAILBOX_LIMIT_MAX << COUNT_SHIFT)
#define ADDRESS_MASK (COUNT_ONE - 1)
#define NOTHING UINT64_C(0) /* no mail; the receiver runs, or is about to */
#define PARKED UINT64_C(1)  /* no mail; whoever replaces this runs the receiver */

static uint64_t address_of(const tr_link *link) {
    uint64_t address = (uint64_t)(uintptr_t)link;
    TR_ASSERT(address % 16 == 0 && address >> 4 <= ADDRESS_MASK && address >> 4 > PARKED);
    return address >> 4;
}

static tr_link *link_at(uint64_t word) {
    return (tr_link *)(uintptr_t)((word & ADDRESS_MASK) << 4);
}

static uint32_t count_of(uint64_t word) {
    return (uint32_t)((word & COUNT_MASK) >> COUNT_SHIFT);
}

void tr_mailbox_open(tr_mailbox *box, uint32_t limit) {
    TR_CHECK(limit >= 1 && limit <= TR_MAILBOX_LIMIT_MAX);
    box->drained = (tr_fifo){NULL, NULL};
    tr_store32_relaxed(&box->limit, limit);
    box->peak = 0;
    /* Release: a late pusher that reads this word must see the limit. */
    tr_store64_release(&box->word, NOTHING);
}

tr_push tr_mailbox_push(tr_mailbox *box, tr_link *link, bool counted) {
    uint64_t address = address_of(link);
    uint64_t word = tr_load64_acquire(&box->word), next;
    do {
        if (word & CLOSED) return TR_PUSH_CLOSED;
        if (counted && count_of(word) >= tr_mailbox_limit(box)) return TR_PUSH_FULL;
        uint64_t newest = word & ADDRESS_MASK;
        link->next = newest > PARKED ? link_at(word) : NULL;
        next = ((word & ~ADDRESS_MASK) | address) + (counted ? COUNT_ONE : 0);
    } while (!tr_cas64_seq(&box->word, &word, next));
    return (word & ADDRESS_MASK) == PARKED ? TR_PUSH_WAKE : TR_PUSH_OK;
}

bool tr_mailbox_kick(tr_mailbox *box) {
    uint64_t word = tr_load64_seq(&box->word);
    do {
        if ((word & ADDRESS_MASK) != PARKED) return false;
    } while (!tr_cas64_seq(&box->word, &word, word & ~ADDRESS_MASK));
    return true;
}

bool tr_mailbox_want(tr_mailbox *box) {
    uint64_t word = tr_load64_acquire(&box->word);
    do {
        if ((word & CLOSED) || count_of(word) < tr_mailbox_limit(box)) return false;
    } while (!tr_cas64_seq(&box->word, &word, word | WANTED));
    return true;
}

uint32_t tr_mailbox_limit(const tr_mailbox *box) {
    return tr_load32_relaxed(&box->limit);
}

uint32_t tr_mailbox_count(const tr_mailbox *box) {
    return count_of(tr_load64_relaxed(&box->word));
}

/* Takes all mail out of the word and puts it behind what was drained before, oldest first. */
static void drain(tr_mailbox *box) {
    if ((tr_load64_relaxed(&box->word) & ADDRESS_MASK) <= PARKED) return;
    uint64_t word = tr_and64_seq(&box->word, ~ADDRESS_MASK);
    tr_link *newest = link_at(word), *oldest = NULL;
    tr_link *tail = newest;
    while (newest) {
        tr_link *older = newest->next;
        newest->next = oldest;
        oldest = newest;
        newest = older;
    }
    TR_ASSERT(!box->drained.head);
    box->drained = (tr_fifo){oldest, tail};
}

tr_link *tr_mailbox_pop(tr_mailbox *box) {
    if (!box->drained.head) drain(box);
    return tr_fifo_get(&box->drained);
}

bool tr_mailbox_handled(tr_mailbox *box) {
    uint64_t word = tr_sub64_release(&box->word, COUNT_ONE);
    uint32_t count = count_of(word);
    TR_ASSERT(count > 0);
    if (count > box->peak) box->peak = count; /* a peak is always followed by a `handled` */
    if (!(word & WANTED) || count - 1 > tr_mailbox_limit(box) / 2) return false;
    return (tr_and64_seq(&box->word, ~WANTED) & WANTED) != 0;
}

bool tr_mailbox_park(tr_mailbox *box) {
    if (box->drained.head) return false;
    uint64_t word = tr_load64_relaxed(&box->word);
    do {
        if ((word & ADDRESS_MASK) != NOTHING) return false;
    } while (!tr_cas64_seq(&box->word, &word, word | PARKED));
    return true;
}

bool tr_mailbox_close(tr_mailbox *box) {
    return (tr_or64_seq(&box->word, CLOSED) & WANTED) != 0;
}
