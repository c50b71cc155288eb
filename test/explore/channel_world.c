#include "channel_world.h"

#include <string.h>

#include "base/check.h"

/* What the explorer itself keeps book of; its accesses are no part of the model. */
#define BOOK __attribute__((no_sanitize("thread"), noinline))

enum { MS = 1000 };

troupe_tx *tx, *handle[SENDERS];
troupe_rx *rx;
troupe_permit permit[SENDERS];
tr_atomic32 flag;
struct book book;

static cell cells[SENDERS][ITEMS];
static const cell *waits[9]; /* by thread: what it is about to send, if it may have to wait */
static uint64_t before[SENDERS][ITEMS]; /* those that must be received before */

/* --- Memory: taken once, and given back when nobody looks at it any more ---------------------- */

BOOK static void *take(void *ctx, size_t size) {
    (void)ctx;
    book.takes++;
    return ex_alloc(size);
}

BOOK static void give(void *ctx, void *memory, size_t size) {
    (void)ctx;
    book.gives++;
    for (size_t i = 0; i < size; i += 8) ex_write((char *)memory + i);
    memset(memory, 0xdd, size);
}

/* --- The book --------------------------------------------------------------------------------- */

static uint64_t bit(const cell *it) {
    return UINT64_C(1) << (it - &cells[0][0]);
}

/* Somebody asks for a slot; what was freed by then. */
BOOK static uint32_t note_asks(const cell *it) {
    book.entered++;
    int self = ex_now().thread;
    for (int i = 1; it && i < 9; i++)
        if (i != self && waits[i] && ex_asleep(i)) before[it->sender][it->number] |= bit(waits[i]);
    waits[self] = it;
    return book.left;
}

/* FULL is true only if there could have been as many slots taken during the call. */
BOOK static void note_answer(troupe_err err, uint32_t left, bool may_wait) {
    waits[ex_now().thread] = NULL;
    if (err) book.entered--;
    book.accepted += !err;
    ex_check(book.accepted <= book.capacity + book.left + book.leaving);
    if (err == TROUPE_FULL) ex_check(!may_wait && book.entered - left >= book.capacity);
    if (err == TROUPE_TIMEOUT) ex_check(may_wait && !book.patient);
    if (err) ex_check(err == TROUPE_FULL || err == TROUPE_TIMEOUT || err == TROUPE_CLOSED);
}

BOOK static void note_frees(uint32_t slots) {
    book.leaving += slots;
}

BOOK static void note_freed(uint32_t slots, uint32_t of) {
    book.leaving -= of - slots;
    book.left += slots;
}

BOOK static void note_received(const cell *it) {
    ex_check(it->number >= book.next[it->sender]);
    book.next[it->sender] = it->number + 1;
    book.received++;
    for (uint32_t i = 0; book.patient && i < SENDERS * ITEMS; i++)
        if (before[it->sender][it->number] >> i & 1) ex_check(cells[i / ITEMS][i % ITEMS].ended);
}

BOOK static uint32_t next_number(uint32_t sender) {
    ex_check(book.made[sender] < ITEMS);
    return book.made[sender]++;
}

BOOK static void count(uint32_t *counter) {
    ++*counter;
}

/* --- Items ------------------------------------------------------------------------------------ */

static cell *make(uint32_t sender) {
    uint32_t number = next_number(sender);
    cell *it = &cells[sender][number];
    it->sender = sender;
    it->number = number;
    it->made = 1;
    return it;
}

static void end(cell *it) {
    ex_check(it->made == 1 && !it->ended);
    it->ended = 1;
}

static void drop(void *item) {
    count(&book.dropped);
    end(item);
}

/* An item was sent and is somebody else's, or it is still ours. */
static void look_after(troupe_err err, void *item, cell *it) {
    ex_check(item == (err ? it : NULL));
    count(err ? &book.handed_back : &book.sent);
    if (err) end(it);
}

/* --- Calls ------------------------------------------------------------------------------------ */

troupe_err try_send(uint32_t sender) {
    cell *it = make(sender);
    void *item = it;
    uint32_t left = note_asks(it);
    troupe_err err = troupe_channel_try_send(handle[sender], &item);
    note_answer(err, left, false);
    look_after(err, item, it);
    return err;
}

troupe_err wait_to_send(uint32_t sender) {
    cell *it = make(sender);
    void *item = it;
    uint32_t left = note_asks(it);
    troupe_err err = troupe_channel_send(handle[sender], &item, MS);
    note_answer(err, left, true);
    look_after(err, item, it);
    return err;
}

troupe_err try_reserve(uint32_t sender) {
    uint32_t left = note_asks(NULL);
    troupe_err err = troupe_channel_try_reserve(handle[sender], &permit[sender]);
    note_answer(err, left, false);
    return err;
}

troupe_err wait_to_reserve(uint32_t sender) {
    uint32_t left = note_asks(NULL);
    troupe_err err = troupe_channel_reserve(handle[sender], &permit[sender], MS);
    note_answer(err, left, true);
    return err;
}

troupe_err send_reserved(uint32_t sender) {
    cell *it = make(sender);
    void *item = it;
    note_frees(1); /* unless it is sent, its slot is free */
    troupe_err err = troupe_channel_send_reserved(&permit[sender], &item);
    note_freed(err ? 1 : 0, 1);
    ex_check(!err || err == TROUPE_CLOSED);
    look_after(err, item, it);
    return err;
}

void give_back(uint32_t sender) {
    note_frees(1);
    troupe_channel_give_back(&permit[sender]);
    note_freed(1, 1);
}

static void look_at(void *const *item, size_t n) {
    for (size_t i = 0; i < n; i++) {
        cell *it = item[i];
        note_received(it);
        end(it);
    }
}

troupe_err try_recv(void) {
    void *item;
    note_frees(1);
    troupe_err err = troupe_channel_try_recv(rx, &item);
    ex_check(err ? !item && (err == TROUPE_EMPTY || err == TROUPE_CLOSED) : item != NULL);
    if (!err) look_at(&item, 1);
    note_freed(err ? 0 : 1, 1);
    return err;
}

troupe_err wait_to_recv_many(size_t most, size_t *received) {
    void *item[4];
    note_frees((uint32_t)most);
    troupe_err err = troupe_channel_recv_many(rx, item, most, MS, received);
    ex_check(*received <= most && (err == TROUPE_OK) == (*received > 0));
    ex_check(!err || err == TROUPE_CLOSED || (err == TROUPE_TIMEOUT && !book.patient));
    look_at(item, *received);
    note_freed((uint32_t)*received, (uint32_t)most);
    return err;
}

troupe_err wait_to_recv(void) {
    size_t received;
    return wait_to_recv_many(1, &received);
}

void recv_to_the_end(void) {
    troupe_err err = TROUPE_OK;
    while (err != TROUPE_CLOSED) err = wait_to_recv();
    ex_check(try_recv() == TROUPE_CLOSED);
    ex_check(wait_to_recv() == TROUPE_CLOSED);
}

/* --- Beginning and end ------------------------------------------------------------------------ */

void setup(uint32_t capacity, uint32_t items, uint32_t permits) {
    static const troupe_heap heap = {take, give, NULL};
    memset(&book, 0, sizeof book);
    memset(cells, 0, sizeof cells);
    memset(before, 0, sizeof before);
    memset(waits, 0, sizeof waits);
    memset(permit, 0, sizeof permit);
    memset(&flag, 0, sizeof flag);
    book.capacity = capacity;
    book.patient = true;
    EX_NAME(flag);
    EX_NAME(cells);
    ex_check(!troupe_channel_open(capacity, drop, &heap, &tx, &rx));
    for (int i = 0; i < SENDERS; i++) handle[i] = tx;
    ex_name(tx, 512, "channel");
    for (uint32_t i = 0; i < items; i++) ex_check(!try_send(FIRST));
    for (uint32_t i = 0; i < permits; i++) ex_check(!try_reserve(i));
}

void all_came_to_an_end(void) {
    for (uint32_t i = 0; i < SENDERS; i++) give_back(i);
    uint32_t dropped = book.dropped;
    if (rx) ex_check(troupe_channel_end(&rx) + dropped == book.dropped);
    troupe_channel_drop(&tx);
    for (uint32_t i = 0; i < SENDERS * ITEMS; i++) {
        const cell *it = &cells[i / ITEMS][i % ITEMS];
        ex_check(it->made == it->ended);
    }
    ex_check(book.sent == book.received + book.dropped);
    ex_check(book.takes == 1 && book.gives == 1);
}
