/* What a run knows of its actors from outside, and what must hold: order per pair, exact bounds, at
 * most one `down` a monitor, no timer early or twice (but for who failed on one and has it once
 * more). One thread, no runtime's help. */
#ifndef TROUPE_TEST_SIMULATE_LEDGER_H
#define TROUPE_TEST_SIMULATE_LEDGER_H

#include <troupe/remote.h>
#include <troupe/simulation.h>
#include <troupe/troupe.h>

enum { NODES = 3, SLOTS = 48, SENDERS = SLOTS + NODES, MONITORS = 512, TIMERS = 512, TOPS = 32 };

/* What a message asks its receiver to do. */
typedef enum act {
    ACT_NOTHING,
    ACT_PASS, /* send on to somebody */
    ACT_FAN,  /* send on to four */
    ACT_FAIL,
    ACT_EXIT,
    ACT_WATCH,   /* monitor somebody; ... */
    ACT_UNWATCH, /* ... or end a monitor */
    ACT_TIMER,
    ACT_CANCEL,
    ACT_SPAWN,
    ACT_NAME,
    ACT_LINK,   /* link to somebody; ... */
    ACT_UNLINK, /* ... or take it back */
    ACT_SIGNAL, /* send somebody an exit signal */
    ACT_OWN,    /* take memory, and have something run at the end of the life */
    ACT_ANSWER, /* with its number */
    ACTS
} act;

/* A message: who sent it to whom, as slots and their epochs, the how manieth of that pair. */
struct work {
    uint32_t from, from_epoch, to, to_epoch;
    uint32_t number, act, hops;
    uint32_t timer;  /* 1 + which; 0: none */
    uint32_t urgent; /* 1: it was sent so, to whoever takes such or does not */
    uint32_t until;  /* virtual ms by which it is to be handled on its own node; 0: at any time */
};
extern const troupe_type work_type;

/* A place for an actor; each one in it is an epoch. In what is kept by sender, those from SLOTS on
 * are the test itself, by the node that it sends from. */
typedef struct slot {
    troupe_ref ref;
    unsigned node;
    uint32_t epoch, limit, lives;
    bool alive, supervised, far; /* far: somebody on another node has sent to it */
    int running;                 /* callbacks that are inside */
    bool waits;                  /* its supervisor may let it wait between two lives */
    bool tied;                   /* signals may come that `receive` does not see */
    bool hurries;                /* it takes what is urgent before the rest */
    uint64_t received;           /* that `receive` was called for, over all lives */
    uint32_t tries;              /* of its messages, one that fails it; 0: as others */
    uint32_t last_from, last_number, last_tries; /* the last one that came, and how often */
    uint32_t outstanding; /* accepted, and neither handled nor dead; of local senders */
    uint32_t sent[SENDERS], seen[2][SENDERS]; /* numbers of pairs, by the other slot; those seen
                                               * also by whether they were urgent */
    uint32_t seen_epoch[SENDERS];
    uint32_t down_epoch[SENDERS]; /* 1 + the epoch whose end this one was told */
} slot;

typedef struct monitor {
    uint64_t id;
    uint32_t watcher, watcher_epoch, watcher_life, watched, watched_epoch;
    unsigned downs;
    bool over; /* ended by the watcher */
} monitor;

typedef struct timer {
    uint32_t owner, owner_epoch, owner_life;
    troupe_timer id;
    uint64_t due;
    bool set, cancelled, fired;
} timer;

/* A supervisor. */
typedef struct top {
    troupe_ref ref;
    unsigned node;
    bool dynamic;
} top;

typedef struct ledger {
    const troupe_sim_config *config;
    troupe_sim *sim;
    troupe *rt[NODES]; /* NULL: it has crashed */
    troupe_node *node[NODES];
    unsigned nodes;
    bool squeezes;    /* mailboxes may be full without being so */
    uint32_t numbers; /* of the test's own sends */
    slot slot[SLOTS];
    monitor monitor[MONITORS];
    size_t monitors;
    timer timer[TIMERS];
    size_t timers;
    top top[TOPS];   /* the last ones that were started */
    size_t tops;     /* so far */
    size_t cleanups; /* that are to run yet */
} ledger;

extern ledger book;

/* Ends the trial, since something is wrong. */
#define WRONG(...) troupe_sim_wrong(book.config, __VA_ARGS__)
#define MUST(condition)                                                                            \
    do {                                                                                           \
        if (!(condition)) WRONG("%s:%d: %s", __FILE__, __LINE__, #condition);                      \
    } while (0)

/* A slot that nobody lives in, for a new actor on that node; NULL: none is left. */
slot *ledger_place(unsigned node, bool supervised);
/* An actor has ended for good, or may not be relied on any more. */
void ledger_vacate(slot *it);
/* Which slot a slot's address is. */
uint32_t ledger_index(const slot *it);

/* A message that `from` (NULL: the test, on that node) sends to `to` next. */
struct work ledger_work(const slot *from, unsigned node, const slot *to, uint32_t a, uint32_t hops);
/* What became of sending it, on the sender's node. */
void ledger_sent(slot *from, slot *to, unsigned node, const struct work *work, troupe_err err);
/* `to` handles it now. */
void ledger_came(slot *to, const struct work *work);
/* It has become a dead letter. */
void ledger_dead(const struct work *work, troupe_dead reason);
/* A `down` came. */
void ledger_down(slot *to, const struct troupe_down *down);
/* At the end, with nothing left to do: every monitor has had what it must. */
void ledger_check(void);
/* The books of all runtimes balance, and those of each actor say what came to it. */
void ledger_balance(void);

#endif
