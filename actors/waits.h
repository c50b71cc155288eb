/* Who waits for whom: what suspends a thread, or an actor that is `blocking`, as a graph in which a
 * circle is a deadlock. All of it is guarded by the asks' lock. README.md, "Waits". */
#ifndef TR_ACTORS_WAITS_H
#define TR_ACTORS_WAITS_H

#include <troupe/observe.h>

#include "base/list.h"
#include "base/map.h"
#include "base/os.h"

enum { TR_WAIT_PATH = 256 };

/* One wait: of a thread, on whose stack it is; or of a supervisor, which is no thread's. */
typedef struct tr_wait {
    tr_list all;           /* in `all` */
    tr_list suspended;     /* the same with `suspended`, of an actor's */
    tr_map_entry by_actor; /* the same by the id of the actor */
    troupe_self *by;       /* whose wait it is; NULL: a plain thread's */
    uint64_t number;       /* they count up */
    uint64_t since;
    tr_list edges;            /* whom it waits for */
    size_t want;              /* answers that end it; 0: all, or failures */
    size_t waiting, answered; /* of its edges */
    tr_cond *wake;            /* what the thread sleeps on; NULL: a supervisor's */
    troupe_err ended;         /* it ends with this, answered or not; OK: it does not */
    bool placed;              /* all that it waits for has been asked */
    bool starting;            /* the start of the actor is not complete */
    bool stops;               /* a supervisor's: it is stopping */
    bool look;                /* it has to look whether it is in a circle */
    bool known;               /* it has looked: what was in its mailbox is known, and its path */
    uint64_t told;            /* which circle was reported as one that it began last; 0: none */
    bool doomed, seen;        /* for who looks */
    struct tr_edge *via;      /* the same: the way on to the one where the circle closes */
    char path[TR_WAIT_PATH];
} tr_wait;

/* What is waited for. */
typedef struct tr_aim {
    troupe_ref whom;
    troupe_wait_kind what;
} tr_aim;

/* One of those that it waits for. */
typedef struct tr_edge {
    tr_list of_wait;
    tr_wait *wait;
    uint64_t asker; /* its one-shot address */
    tr_aim aim;
    uint64_t found_in; /* the number of the wait of `whom` that had the question before it; 0: none
                        * is known */
    bool kept;         /* it was handled without an answer: who will give one is not known */
    uint32_t moving; /* times that it is being passed on: it is in nobody's mailbox yet */
    bool settled;
} tr_edge;

enum { TR_CHANGE_MOST = 16 };

/* The wait of a supervisor, while it starts or stops, for children that do. It sleeps nowhere, and
 * what else it is asked it does meanwhile: so it concerns only who waits for its start or end. */
typedef struct tr_change {
    tr_wait wait;
    tr_edge edge[TR_CHANGE_MOST];
    tr_aim aim[TR_CHANGE_MOST]; /* what these are to be */
    size_t count;
} tr_change;

typedef struct tr_waits {
    tr_list all, suspended; /* the oldest first */
    tr_map by_actor;
    uint64_t number;
    bool over; /* no actor waits any more */
} tr_waits;

/* Makes an empty graph. */
void tr_waits_init(tr_waits *waits, const troupe_heap *heap);
/* Gives its memory back; nobody waits. */
void tr_waits_fini(tr_waits *waits);

/* Whether the calling thread may wait for an actor of this runtime: it is in no callback of it, or
 * in one that has the thread for itself. */
bool tr_waits_allowed(const troupe *rt);

/* Begins a wait of the calling thread, of no edges yet. False: no memory. */
TR_CHECKED bool tr_waits_open(troupe *rt, tr_wait *wait, tr_cond *wake);
/* Adds one that it waits for. */
void tr_waits_add(tr_wait *wait, tr_edge *edge, uint64_t asker, tr_aim aim);
/* All have been asked. */
void tr_waits_place(tr_waits *waits, tr_wait *wait);
/* What it waits for may be another matter by now: it has to look. */
void tr_waits_stir(tr_wait *wait);
/* Sleeps until the wait, which is the calling thread's, has nothing more to wait for, or has ended,
 * or the deadline passes. Takes the asks' lock; all has been asked. */
void tr_waits_sleep(troupe *rt, tr_wait *wait, uint64_t deadline);
/* An edge has its answer, or will get none. */
void tr_waits_settle(tr_edge *edge, bool answered);
/* It waits for another one from here on. */
void tr_waits_move(tr_edge *edge, tr_aim aim);
/* The same, of a question that is about to be sent on; until `tr_waits_moved` it leads nowhere. */
static inline void tr_waits_leave(tr_edge *edge, tr_aim aim) {
    edge->moving++;
    tr_waits_move(edge, aim);
}
/* It has been sent, or was not. */
static inline void tr_waits_moved(tr_edge *edge) {
    edge->moving--;
    tr_waits_stir(edge->wait);
}
/* Ends it. */
void tr_waits_close(tr_waits *waits, tr_wait *wait);
/* Ends the waits of all actors with CLOSED, and those that begin from here on. */
void tr_waits_end(tr_waits *waits);

/* Whether it has all that it waits for, or can't get it any more. */
static inline bool tr_wait_settled(const tr_wait *wait) {
    if (!wait->want) return !wait->waiting;
    return wait->answered >= wait->want || wait->answered + wait->waiting < wait->want;
}

/* Whether an actor waits, or is a supervisor whose change is entered. Under the lock. */
static inline bool tr_waits_has(const tr_waits *waits, uint64_t actor) {
    return tr_map_find(&waits->by_actor, actor) != NULL;
}

/* Enters the change of a supervisor, or says how it is by now: `aim` and `count` say for whom it
 * waits. Looks for a circle. Without memory it is not entered. Under the lock. */
void tr_waits_change(troupe *rt, tr_change *change, troupe_self *self, bool stops);
/* It starts and stops no more. */
void tr_waits_changed(tr_waits *waits, tr_change *change);

/* Looks whether this wait, which is the calling thread's, closes a circle; if so the circle is
 * told, and broken if the configuration says so. Lets the lock go meanwhile. */
void tr_waits_look(troupe *rt, tr_wait *wait);

#endif
