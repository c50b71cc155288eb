/* Ties: who hears of whose end. A monitor is one tie, a link is two, one each way. Either end may
 * be on another node; at least one is here. README.md, "Ties and signals". */
#ifndef TR_ACTORS_TIE_H
#define TR_ACTORS_TIE_H

#include <troupe/link.h>

#include "base/check.h"
#include "base/list.h"
#include "base/map.h"
#include "base/os.h"
#include "serial/envelope.h"

typedef struct tr_ties {
    tr_mutex lock; /* guards all ties and both lists of every actor */
    tr_map all;    /* monitors by their number and the watcher's node; links by both ends */
    uint64_t last; /* number given */
    /* Scatters them: another node's numbers are of its choice. Odd; constant once one is there. */
    uint64_t secret;
} tr_ties;

/* One direction: `watcher` hears of the end of `who`. It is in `all`, in its watcher's list if that
 * is here, and in the watched actor's list if that is here and has not ended; who takes it out,
 * under the lock, owns it then. */
typedef struct tr_tie {
    tr_map_entry in_all;
    tr_list of_watcher, of_watched;
    uint64_t number;
    troupe_ref watcher, who;
    troupe_msg *signal; /* made with the tie for a watcher of this runtime, until it is sent */
    uint64_t maker;     /* of a link: the node that made it, whose number it has */
    troupe_err why;     /* how `who` ended, for a watcher elsewhere */
    bool link;          /* half of a link; else a monitor */
} tr_tie;

/* What stands behind the body of a signal (a `down` or an exit) until it is received. */
typedef struct tr_signal {
    uint64_t to;      /* the id of the actor that it is for */
    troupe_ref from;  /* who ended, or sent it */
    uint64_t number;  /* of its tie; 0: an exit signal that somebody sent */
    uint32_t epoch;   /* the receiver's, when that was sent */
    uint32_t padding; /* a text follows */
} tr_signal;

/* What has been fired under the lock, and is to be sent without it. */
typedef struct tr_fired {
    tr_fifo here; /* signals */
    tr_list far;  /* ties of watchers elsewhere, and what is just over, by `of_watched` */
} tr_fired;

/* Makes an empty set. */
void tr_ties_init(tr_ties *ties, const troupe_heap *heap);

/* Gives its memory back; no actor may be alive. */
void tr_ties_fini(tr_ties *ties);

/* Tells all who are tied to an actor that it, or one of its lives, ended. For good: its refs must
 * be stale before, so that a tie is either in time for this or finds it GONE. */
void tr_ties_ended(troupe_self *self, troupe_err why);

/* Ends all ties of a life that is over: what they have sent and was not received is void. */
void tr_ties_forget(troupe_self *self);

/* A number for a new tie. */
uint64_t tr_tie_number(tr_ties *ties);

/* A signal of that type for `to`, of this runtime, with so many bytes of room behind it. NOMEM. */
TR_CHECKED troupe_err tr_signal_make(troupe *rt, const troupe_type *type, tr_signal what,
                                     size_t room, troupe_msg **out);

/* What stands behind the body of a signal. */
static inline tr_signal *tr_signal_of(troupe_msg *msg) {
    return (tr_signal *)(void *)((char *)tr_msg_body(msg) + msg->type->size);
}

/* A tie that is in no list yet, without signal; NULL: no memory. */
tr_tie *tr_tie_make(troupe *rt, troupe_ref watcher, troupe_ref who, uint64_t number);

/* Enters a tie, under the lock. `watcher` is its watcher, if that is here; else NULL. GONE: it is
 * entered, but `who` is of this runtime and has ended, so it is to be fired. NOMEM. */
TR_CHECKED troupe_err tr_tie_enter(troupe *rt, tr_tie *tie, troupe_self *watcher);

/* Finds a monitor; NULL: it is over. Under the lock. */
tr_tie *tr_tie_find(tr_ties *ties, uint64_t number, uint64_t watcher_node);

/* Finds a half of a link, or the one after `last`; NULL: there is none. Under the lock. */
tr_tie *tr_tie_find_link(tr_ties *ties, troupe_ref watcher, troupe_ref who, tr_tie *last);

/* Takes a tie out of all lists, under the lock; the caller owns it then. */
void tr_tie_take_out(tr_ties *ties, tr_tie *tie);

/* Frees a tie that is in no list, and its signal. */
void tr_tie_end(troupe *rt, tr_tie *tie);

/* Takes the signal out of a tie that has not fired, under the lock; to be sent afterwards. */
void tr_tie_fire(troupe *rt, tr_tie *tie, troupe_err why, tr_fired *fired);

/* Nothing is fired yet. */
void tr_fired_init(tr_fired *fired);

/* Sends what was fired; without a lock, since it may go to a port. */
void tr_fired_send(troupe *rt, tr_fired *fired);

#endif
