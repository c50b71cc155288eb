#include "mailbox_world.h"

#include <string.h>

#include "base/check.h"

/* What the explorer itself keeps book of; its accesses are no part of the model. */
#define BOOK __attribute__((no_sanitize("thread"), noinline))

tr_mailbox box;
tr_bias bias;
tr_atomic32 bell, flag;
item items[SENDERS][MESSAGES];
struct book book;

/* --- The book --------------------------------------------------------------------------------- */

BOOK void note_begin(uint32_t sender) {
    uint32_t known = 0;
    for (uint32_t i = 0; i < book.handling; i++) known += ex_knows(book.handled[i]);
    book.known[sender] = known;
    book.peak[sender] = book.accepted - known;
}

/* FULL is true only if the box was full at some time during the call, as far as the sender can
 * tell: what it can't know to be handled may be there still. */
BOOK void note_end(uint32_t sender, tr_push pushed) {
    if (pushed == TR_PUSH_OK || pushed == TR_PUSH_WAKE) {
        book.sent[sender]++;
        book.accepted++;
        ex_check(book.accepted - book.handling <= book.limit);
        for (int i = 0; i < SENDERS; i++)
            if (book.peak[i] < book.accepted - book.known[i])
                book.peak[i] = book.accepted - book.known[i];
    }
    if (pushed == TR_PUSH_FULL) ex_check(book.peak[sender] >= book.limit);
    book.wakes += pushed == TR_PUSH_WAKE;
}

BOOK static uint32_t next_number(uint32_t sender) {
    return book.sent[sender];
}

BOOK static void note_received(uint32_t sender, uint32_t number) {
    ex_check(number == book.received[sender]);
    book.received[sender]++;
}

BOOK void note_handling(void) {
    book.handled[book.handling++] = (ex_moment){0, UINT16_MAX}; /* which nobody knows */
}

BOOK void note_handled(bool room) {
    book.handled[book.handling - 1] = ex_now();
    book.rooms += room;
}

BOOK void note_park(void) {
    book.parks++;
    ex_check(book.parks == book.wakes + 1);
}

BOOK void note_kick(void) {
    book.wakes++;
    ex_check(book.parks == book.wakes);
}

BOOK void note_want(bool granted) {
    book.wants += granted;
}

/* --- What threads do -------------------------------------------------------------------------- */

item *fresh(uint32_t sender) {
    item *it = &items[sender][next_number(sender)];
    it->sender = sender;
    it->number = next_number(sender);
    return it;
}

void ring(void) {
    tr_store32_seq(&bell, 1);
    tr_futex_wake(&bell, 1);
}

tr_push push(uint32_t sender) {
    item *it = fresh(sender);
    note_begin(sender);
    tr_push pushed = tr_mailbox_push(&box, &it->link, true);
    note_end(sender, pushed);
    if (pushed == TR_PUSH_WAKE) ring();
    return pushed;
}

/* As a sender does that does not take FULL for an answer while places lie idle. Between a refusal
 * and the look at what is reserved somebody may have given that back: so FULL is final only if the
 * count is full still. */
tr_push push_exact(uint32_t sender) {
    item *it = fresh(sender);
    note_begin(sender);
    tr_push pushed;
    while ((pushed = tr_mailbox_push(&box, &it->link, true)) == TR_PUSH_FULL) {
        if (tr_mailbox_reserved(&box)) {
            tr_bias_take(&bias);
            tr_mailbox_reclaim(&box);
            tr_bias_give(&bias);
        } else if (tr_mailbox_count(&box) >= book.limit) {
            break;
        }
    }
    note_end(sender, pushed);
    if (pushed == TR_PUSH_WAKE) ring();
    return pushed;
}

tr_push push_home(uint32_t sender) {
    item *it = fresh(sender);
    note_begin(sender);
    bool lightly = tr_bias_enter(&bias);
    tr_push pushed = tr_mailbox_push_home(&box, &it->link, true);
    note_end(sender, pushed);
    tr_bias_leave(&bias, lightly);
    ex_check(pushed != TR_PUSH_WAKE);
    return pushed;
}

void look_at(tr_link *link) {
    item *it = TR_OWNER(link, item, link);
    note_received(it->sender, it->number);
    it->number = UINT32_MAX; /* it is the receiver's now */
}

void handled(void) {
    note_handling();
    note_handled(tr_mailbox_handled(&box));
}

/* The home takes one message, if there is one, and handles it. */
bool take(void) {
    bool lightly = tr_bias_enter(&bias);
    tr_link *link = tr_mailbox_pop(&box);
    tr_bias_leave(&bias, lightly);
    if (!link) return false;
    look_at(link);
    lightly = tr_bias_enter(&bias);
    handled();
    tr_bias_leave(&bias, lightly);
    return true;
}

void sleep_until_called(void) {
    while (!tr_swap32_seq(&bell, 0)) (void)tr_futex_wait(&bell, 0, TR_NEVER);
}

/* Takes so many messages, and sleeps while there is none. */
void receive(int messages) {
    while (messages) {
        if (take()) {
            messages--;
            continue;
        }
        if (!tr_mailbox_park(&box)) continue;
        note_park();
        sleep_until_called();
    }
}

/* --- Worlds ----------------------------------------------------------------------------------- */

void setup(uint32_t limit) {
    memset(&box, 0, sizeof box);
    memset(&bias, 0, sizeof bias);
    memset(&bell, 0, sizeof bell);
    memset(&flag, 0, sizeof flag);
    memset(items, 0, sizeof items);
    memset(&book, 0, sizeof book);
    book.limit = limit;
    tr_mailbox_open(&box, limit, false);
    tr_bias_init(&bias);
    tr_bias_return(&bias);
    EX_NAME(items);
    ex_name(&box.word, 8, "word");
    ex_name(&box.line, sizeof box.line, "line");
    ex_name(&box.limit, 4, "limit");
    ex_name(&box.reserved, 4, "reserved");
    ex_name(&bias.inside, 4, "inside");
    ex_name(&bias.revoked, 4, "revoked");
    ex_name(&bias.mutex, sizeof bias.mutex, "mutex");
    EX_NAME(bell);
    EX_NAME(flag);
}

/* What was accepted is received, and nothing else. */
void all_is_received(void) {
    for (tr_link *link; (link = tr_mailbox_pop(&box));) {
        look_at(link);
        handled();
    }
    tr_mailbox_reclaim(&box);
    ex_check(tr_mailbox_count(&box) == 0 && tr_mailbox_reserved(&box) == 0);
    ex_check(book.accepted == book.handling);
    for (int i = 0; i < SENDERS; i++) ex_check(book.received[i] == book.sent[i]);
}
