#include "mailbox/mailbox.h"

#include "base/check.h"

enum {
    BATCH = 16, /* places that the home reserves at once, at most */
    SHY = 1000  /* places that it takes singly after others had to have the reserve given back */
};

static uint64_t address_of(const tr_link *link) {
    uint64_t address = (uint64_t)(uintptr_t)link;
    TR_ASSERT(address % 16 == 0 && address >> 4 <= TR_MAILBOX_ADDRESS_MASK &&
              address >> 4 > TR_MAILBOX_PARKED);
    return address >> 4;
}

static tr_link *link_at(uint64_t word) {
    return (tr_link *)(uintptr_t)((word & TR_MAILBOX_ADDRESS_MASK) << 4);
}

void tr_mailbox_open(tr_mailbox *box, uint32_t limit, bool parked) {
    TR_CHECK(limit >= 1 && limit <= TR_MAILBOX_LIMIT_MAX);
    box->line = (tr_fifo){NULL, NULL};
    tr_store32_relaxed(&box->limit, limit);
    tr_store32_relaxed(&box->reserved, 0);
    /* Release: a late pusher that reads this word must see the limit. */
    tr_store64_release(&box->word, parked ? TR_MAILBOX_PARKED : TR_MAILBOX_NOTHING);
}

/* --- Any thread ------------------------------------------------------------------------------- */

tr_push tr_mailbox_push(tr_mailbox *box, tr_link *link, bool counted) {
    uint64_t address = address_of(link);
    uint64_t word = tr_load64_acquire(&box->word), next;
    do {
        if (word & TR_MAILBOX_CLOSED) return TR_PUSH_CLOSED;
        if (counted && tr_mailbox_count_of(word) >= tr_mailbox_limit(box)) return TR_PUSH_FULL;
        uint64_t newest = word & TR_MAILBOX_ADDRESS_MASK;
        link->next = newest > TR_MAILBOX_PARKED ? link_at(word) : NULL;
        next = ((word & ~TR_MAILBOX_ADDRESS_MASK) | address) + (counted ? TR_MAILBOX_COUNT_ONE : 0);
    } while (!tr_cas64_seq(&box->word, &word, next));
    return (word & TR_MAILBOX_ADDRESS_MASK) == TR_MAILBOX_PARKED ? TR_PUSH_WAKE : TR_PUSH_OK;
}

tr_push tr_mailbox_push_list(tr_mailbox *box, tr_link *newest, tr_link *oldest, uint32_t count) {
    uint64_t address = address_of(newest);
    uint64_t word = tr_load64_acquire(&box->word), next;
    do {
        const bool closed = word & TR_MAILBOX_CLOSED;
        if (closed || tr_mailbox_count_of(word) + count > tr_mailbox_limit(box)) {
            oldest->next = NULL; /* it may be linked already, by a try that lost its race */
            return closed ? TR_PUSH_CLOSED : TR_PUSH_FULL;
        }
        uint64_t before = word & TR_MAILBOX_ADDRESS_MASK;
        oldest->next = before > TR_MAILBOX_PARKED ? link_at(word) : NULL;
        next = ((word & ~TR_MAILBOX_ADDRESS_MASK) | address) + count * TR_MAILBOX_COUNT_ONE;
    } while (!tr_cas64_seq(&box->word, &word, next));
    return (word & TR_MAILBOX_ADDRESS_MASK) == TR_MAILBOX_PARKED ? TR_PUSH_WAKE : TR_PUSH_OK;
}

bool tr_mailbox_kick(tr_mailbox *box) {
    uint64_t word = tr_load64_seq(&box->word);
    do {
        if ((word & TR_MAILBOX_ADDRESS_MASK) != TR_MAILBOX_PARKED) return false;
    } while (!tr_cas64_seq(&box->word, &word, word & ~TR_MAILBOX_ADDRESS_MASK));
    return true;
}

bool tr_mailbox_parked(const tr_mailbox *box) {
    return (tr_load64_seq(&box->word) & TR_MAILBOX_ADDRESS_MASK) == TR_MAILBOX_PARKED;
}

bool tr_mailbox_want(tr_mailbox *box) {
    uint64_t word = tr_load64_acquire(&box->word);
    do {
        if ((word & TR_MAILBOX_CLOSED) || tr_mailbox_count_of(word) < tr_mailbox_limit(box))
            return false;
    } while (!tr_cas64_seq(&box->word, &word, word | TR_MAILBOX_WANTED));
    return true;
}

uint32_t tr_mailbox_count(const tr_mailbox *box) {
    uint32_t count = tr_mailbox_count_of(tr_load64_acquire(&box->word)),
             reserved = tr_mailbox_reserved(box);
    return count > reserved ? count - reserved : 0;
}

/* --- Home ------------------------------------------------------------------------------------- */

void tr_mailbox_drain(tr_mailbox *box) {
    uint64_t word = tr_and64_seq(&box->word, ~TR_MAILBOX_ADDRESS_MASK);
    tr_link *newest = link_at(word), *oldest = NULL, *last = newest;
    while (newest) {
        tr_link *older = newest->next;
        newest->next = oldest;
        oldest = newest;
        newest = older;
    }
    if (box->line.head)
        box->line.tail->next = oldest;
    else
        box->line.head = oldest;
    box->line.tail = last;
}

tr_fifo tr_mailbox_take_all(tr_mailbox *box) {
    if (tr_mailbox_mail(box)) tr_mailbox_drain(box);
    tr_fifo all = box->line;
    box->line = (tr_fifo){NULL, NULL};
    return all;
}

tr_link *tr_mailbox_replace(tr_mailbox *box, tr_link *link,
                            bool (*may)(const tr_link *link, void *ctx), void *ctx) {
    if (tr_mailbox_mail(box)) tr_mailbox_drain(box);
    tr_link *before = NULL, *old = box->line.head;
    while (old && !may(old, ctx)) {
        before = old;
        old = old->next;
    }
    if (!old) return NULL;
    (void)tr_fifo_take_behind(&box->line, before);
    tr_fifo_put(&box->line, link);
    return old;
}

const tr_link *tr_mailbox_peek(const tr_mailbox *box) {
    if (box->line.head || !tr_mailbox_mail(box)) return box->line.head;
    const tr_link *link = link_at(tr_load64_acquire(&box->word));
    while (link->next) link = link->next;
    return link;
}

bool tr_mailbox_any(const tr_mailbox *box, bool (*is)(const tr_link *link, uint64_t key),
                    uint64_t key) {
    uint64_t word = tr_load64_acquire(&box->word); /* partner: the push's CAS, for `next` */
    const tr_link *newest =
        (word & TR_MAILBOX_ADDRESS_MASK) > TR_MAILBOX_PARKED ? link_at(word) : NULL;
    for (const tr_link *link = newest; link; link = link->next)
        if (is(link, key)) return true;
    for (const tr_link *link = box->line.head; link; link = link->next)
        if (is(link, key)) return true;
    return false;
}

uint64_t tr_mailbox_length(const tr_mailbox *box) {
    uint64_t n = 0, word = tr_load64_acquire(&box->word); /* partner: the push's CAS, for `next` */
    const tr_link *newest =
        (word & TR_MAILBOX_ADDRESS_MASK) > TR_MAILBOX_PARKED ? link_at(word) : NULL;
    for (const tr_link *link = newest; link; link = link->next) n++;
    for (const tr_link *link = box->line.head; link; link = link->next) n++;
    return n;
}

bool tr_mailbox_reserve(tr_mailbox *box) {
    uint32_t limit = tr_mailbox_limit(box), batch = 1;
    uint32_t nothing = tr_load32_relaxed(&box->reserved); /* no places, and whether it keeps any */
    uint32_t shy = nothing & (TR_MAILBOX_KEEPS - TR_MAILBOX_SHY_ONE);
    uint64_t word = tr_load64_relaxed(&box->word);
    do {
        uint32_t count = tr_mailbox_count_of(word);
        if (count >= limit) {
            tr_store32_relaxed(&box->reserved, nothing);
            return false;
        }
        if (shy) continue;
        batch = (limit - count + 1) / 2; /* the rest is for others, who need no home then */
        if (batch > BATCH) batch = BATCH;
        /* Before the count, so that who is refused for it sees that something is reserved. */
        tr_store32_relaxed(&box->reserved, TR_MAILBOX_KEEPS | (batch - 1));
    } while (!tr_cas64_seq(&box->word, &word, word + batch * TR_MAILBOX_COUNT_ONE));
    if (shy) tr_store32_relaxed(&box->reserved, shy - TR_MAILBOX_SHY_ONE);
    return true;
}

/* `kept` is what `reserved` is then. */
static uint64_t give_back(tr_mailbox *box, uint32_t kept) {
    uint64_t places = tr_mailbox_reserved(box) * TR_MAILBOX_COUNT_ONE;
    uint64_t word = tr_sub64_release(&box->word, places);
    TR_ASSERT((word & TR_MAILBOX_COUNT_MASK) >= places);
    tr_store32_relaxed(&box->reserved, kept); /* after the count, as in `reserve` */
    return word - places;
}

void tr_mailbox_reclaim(tr_mailbox *box) {
    if (tr_mailbox_reserved(box)) (void)give_back(box, SHY * TR_MAILBOX_SHY_ONE);
}

bool tr_mailbox_park(tr_mailbox *box) {
    uint64_t word = tr_load64_relaxed(&box->word);
    do {
        if ((word & TR_MAILBOX_ADDRESS_MASK) != TR_MAILBOX_NOTHING || (word & TR_MAILBOX_CLOSED))
            return false;
    } while (!tr_cas64_seq(&box->word, &word, word | TR_MAILBOX_PARKED));
    return true;
}

bool tr_mailbox_close(tr_mailbox *box) {
    return (tr_or64_seq(&box->word, TR_MAILBOX_CLOSED) & TR_MAILBOX_WANTED) != 0;
}

/* Whether who wanted room is to be told now. */
static bool tell_room(tr_mailbox *box, uint64_t word) {
    if (!(word & TR_MAILBOX_WANTED) || tr_mailbox_count_of(word) > tr_mailbox_limit(box) / 2)
        return false;
    return (tr_and64_seq(&box->word, ~TR_MAILBOX_WANTED) & TR_MAILBOX_WANTED) != 0;
}

bool tr_mailbox_handled_slowly(tr_mailbox *box) {
    uint32_t kept = tr_load32_relaxed(&box->reserved) & ~TR_MAILBOX_PLACES;
    return tell_room(box, give_back(box, kept));
}

bool tr_mailbox_set_limit(tr_mailbox *box, uint32_t limit) {
    TR_CHECK(limit <= TR_MAILBOX_LIMIT_MAX);
    tr_mailbox_reclaim(box);
    tr_store32_relaxed(&box->limit, limit);
    return limit && tell_room(box, tr_load64_relaxed(&box->word));
}
