/* A task: what the scheduler sees of an actor. One cache line. */
#ifndef TR_ACTORS_TASK_H
#define TR_ACTORS_TASK_H

#include "mailbox/mailbox.h"

/* Requests to a task and its idle marks, in the low half of `control`; the high half is the
 * generation, so that a request can never reach the next actor in the same place. */
enum {
    TR_CONTROL_START = 1, /* begin a life */
    TR_CONTROL_STOP = 2,  /* end it in good order */
    TR_CONTROL_KILL = 4,  /* end it now */
    TR_CONTROL_BURY = 8,  /* end for good; only while held */
    /* Its supervisor waits for it no more: it ends by itself, once its callback returns. */
    TR_CONTROL_ABANDONED = 1024,
    TR_CONTROL_URGED = 524288, /* urgent mail has come: it goes before the other */
    /* It is waited for: if it is a supervisor, it says for whom it waits itself. */
    TR_CONTROL_SAY = 2097152,
    TR_CONTROL_REQUESTS = 15 | TR_CONTROL_ABANDONED | TR_CONTROL_URGED | TR_CONTROL_SAY,
    TR_CONTROL_FROZEN = 16, /* the call is here: only a request has it run */
    TR_CONTROL_VACANT = 32, /* nobody has this generation yet: a ref that says so is made up */
    /* What its end has to see to; set once, by who made it so, and told by tr_table_retire. */
    TR_CONTROL_NAMED = 64,     /* it may have a name */
    TR_CONTROL_WATCHED = 128,  /* it may have watchers */
    TR_CONTROL_TOP = 256,      /* it has no supervisor; constant for one actor */
    TR_CONTROL_BLOCKING = 512, /* it will never have a home; constant for one actor */
    /* Who may still abandon it, and whom it may still tell: README.md, "Abandoned". */
    TR_CONTROL_ENDING = 2048,  /* its life ends by itself, until the next START */
    TR_CONTROL_TELLING = 4096, /* it tells by its bond, or reads there, for a moment */
    TR_CONTROL_TOLD = 8192,    /* it has, or does, until the next START */
    TR_CONTROL_LEFT = 16384,   /* who abandoned it touches it no more */
    /* Its overflow policy; both constant for one actor. */
    TR_CONTROL_DROP_NEWEST = 32768,
    TR_CONTROL_DROP_OLDEST = 65536,      /* its line may be changed by senders: see route.c */
    TR_CONTROL_COALESCE = 32768 | 65536, /* both: as DROP_OLDEST, of those that are alike */
    TR_CONTROL_STAYS = 131072,           /* its `stopping` said LATER, until the next START */
    TR_CONTROL_TAKES_URGENT = 262144,    /* it lets urgent mail go first; constant for one actor */
    /* With VACANT: the one that had the place last has ended in good order. */
    TR_CONTROL_ENDED_WELL = 1048576
};

/* The home of a task that has none: it is run by a thread of its own (blocking.h), or not yet. */
#define TR_NOWHERE UINT32_MAX

/* Fields without a remark are the home's: guarded by the bias of the worker whose number `home` is;
 * for a task without home they belong to whoever runs it. */
typedef struct tr_task {
    tr_mailbox box;            /* shared; see mailbox/ */
    _Alignas(16) tr_link wake; /* in a worker's `wakes`, while the call is on its way there */
    tr_link run;               /* in a run queue, while queued and not running */
    tr_atomic64 control;       /* shared: generation << 32 | TR_CONTROL_* */
    tr_atomic32 home;          /* a worker's index; changed under the bias of the worker it names */
    bool queued;               /* in a run queue, or running */
    bool called;               /* the call is here */
    bool frozen;               /* held: mail does not have it run */
} tr_task;

#endif
