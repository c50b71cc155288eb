/* The world of the mailbox models: a mailbox, its home's lock, messages with numbers, and a book of
 * what was promised, which fails an execution when a promise is broken. */
#ifndef EX_MAILBOX_WORLD_H
#define EX_MAILBOX_WORLD_H

#include "base/bias.h"
#include "explore.h"
#include "mailbox/mailbox.h"

enum { SENDERS = 4, MESSAGES = 4 };
enum { FIRST, SECOND, HOME, MOVER }; /* senders */

typedef struct item {
    _Alignas(16) tr_link link;
    uint32_t sender, number;
} item;

extern tr_mailbox box;
extern tr_bias bias;     /* guards the home's part, in models where others reach for it */
extern tr_atomic32 bell; /* a futex: who sleeps is called */
extern tr_atomic32 flag;
extern item items[SENDERS][MESSAGES];
extern struct book {
    uint32_t sent[SENDERS];     /* accepted */
    uint32_t received[SENDERS]; /* in order, or it would have failed */
    uint32_t accepted;          /* by all of them */
    uint32_t handling;          /* the calls of handled that have begun */
    ex_moment handled[SENDERS * MESSAGES];
    uint32_t peak[SENDERS]; /* see note_end; since the sender's push began */
    uint32_t known[SENDERS];
    uint32_t parks, wakes, wants, rooms;
    uint32_t limit;
} book;

/* A mailbox with that bound, a home, and nothing in it. */
void setup(uint32_t limit);
/* What was accepted is received, and nothing else. */
void all_is_received(void);

/* The book: what threads must say of the steps that they make by themselves. */
void note_begin(uint32_t sender);
void note_end(uint32_t sender, tr_push pushed);
void note_handling(void);
void note_handled(bool room);
void note_park(void);
void note_kick(void);
void note_want(bool granted);

/* The next message of a sender. */
item *fresh(uint32_t sender);
/* Wakes the receiver's thread. */
void ring(void);
/* Sends one from anywhere, and rings if told to. */
tr_push push(uint32_t sender);
tr_push push_exact(uint32_t sender);
/* Sends one at home. */
tr_push push_home(uint32_t sender);
/* Receives a link: it must be its sender's next. */
void look_at(tr_link *link);
/* The home's `handled`. */
void handled(void);
/* The home takes one message, if there is one, and handles it. */
bool take(void);
/* Until somebody rings. */
void sleep_until_called(void);
/* Takes so many messages, and sleeps while there is none. */
void receive(int messages);

#define THREAD(name) static void name(__attribute__((unused)) void *arg)
#define M(model, begin, bound, end, ...)                                                           \
    {                                                                                              \
        .name = "mailbox." model, .setup = begin, .preemptions = bound, .finish = end,             \
        .membarrier = true, .thread = {                                                            \
            __VA_ARGS__                                                                            \
        }                                                                                          \
    }

#endif
