/* The world of the channel models: a channel, items with numbers, and a book of what was promised,
 * which fails an execution when a promise is broken. */
#ifndef EX_CHANNEL_WORLD_H
#define EX_CHANNEL_WORLD_H

#include <troupe/channel.h>

#include "explore.h"

enum { SENDERS = 6, ITEMS = 10 };
enum { A, B, C, D, E, FIRST }; /* senders; the last one is the setup */

/* An item: plain, so that whoever sees it without having been shown is a race. */
typedef struct cell {
    uint32_t sender, number;
    uint32_t made, ended;
} cell;

extern troupe_tx *tx, *handle[SENDERS]; /* each thread has a handle of its own */
extern troupe_rx *rx;
extern troupe_permit permit[SENDERS]; /* what the setup has reserved, and threads reserve */
extern tr_atomic32 flag;

extern struct book {
    uint32_t capacity;
    bool patient;           /* nobody gives up, so who waits longer must be first */
    uint32_t made[SENDERS]; /* items */
    uint32_t next[SENDERS]; /* no older one may be received */
    uint32_t sent, received, dropped, handed_back;
    uint32_t entered, accepted; /* slots: asked for and not refused; granted */
    uint32_t leaving, left;     /* being freed; freed */
    uint32_t takes, gives;
} book;

/* A channel of that capacity, with `items` in it, a handle for each thread, and a permit for each
 * of the first `permits`. */
void setup(uint32_t capacity, uint32_t items, uint32_t permits);
/* Ends what is left; each item has come to one end, and the memory was given back, once. */
void all_came_to_an_end(void);

/* Calls; each fails the execution if the book says that its answer is wrong. */
troupe_err try_send(uint32_t sender);
troupe_err wait_to_send(uint32_t sender);
troupe_err try_reserve(uint32_t sender);
troupe_err wait_to_reserve(uint32_t sender);
troupe_err send_reserved(uint32_t sender);
void give_back(uint32_t sender);
troupe_err try_recv(void);
troupe_err wait_to_recv(void);
troupe_err wait_to_recv_many(size_t most, size_t *received);
/* Receives until it is closed, and again. */
void recv_to_the_end(void);

#endif
