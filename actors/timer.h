/* Timers: a heap by deadline, and the thread that waits for the earliest. README.md, "Timers". */
#ifndef TR_ACTORS_TIMER_H
#define TR_ACTORS_TIMER_H

#include <troupe/actor.h>

#include "actors/tie.h"
#include "base/check.h"
#include "base/alarm.h"
#include "base/list.h"
#include "base/map.h"
#include "base/os.h"

typedef struct tr_timer {
    _Alignas(16) troupe_msg envelope; /* in a mailbox while it has fired; of tr_timer_type */
    tr_signal signal;                 /* directly behind it: whom it is for */
    tr_map_entry by_id, by_key;       /* the latter if it is keyed */
    tr_list of_owner;                 /* its owner's, or those that are void */
    size_t at;                        /* in the heap, unless it has fired */
    troupe_self *owner;               /* NULL: void */
    troupe_msg *msg;                  /* while it has fired, of who has the envelope */
    uint64_t period;                  /* nanoseconds; 0: once. Constant, as the next two */
    uint64_t silence;                 /* for a receive time-out: how long it must be; else 0 */
    uint64_t key;
    uint64_t seen, since; /* of a receive time-out: what its owner had handled when it was looked at
                           * last, and since when that is so */
    bool fired, keyed;
} tr_timer;

/* A place in the heap. */
typedef struct tr_timer_due {
    uint64_t deadline;
    tr_timer *timer;
} tr_timer_due;

typedef struct tr_timers {
    troupe *rt;
    tr_mutex lock;      /* guards all below, and all of each timer but what is said otherwise */
    tr_cond changed;    /* the earliest deadline has changed, or it is over */
    tr_timer_due *heap; /* `count` of them, four children each, by deadline, then number */
    size_t count, room; /* room is for those that have fired, too */
    tr_map by_id, by_key;
    tr_list voids; /* that had fired: who has their envelope ends them */
    uint64_t last_id;
    tr_alarm *alarm; /* of a stepped runtime that is waited for; NULL: none */
    uint64_t set;    /* when it is to be readable */
    bool muted;      /* it is set later */
    bool over;
    bool has_thread;
    tr_thread thread;
} tr_timers;

/* The type of what a timer puts into a mailbox; nobody's `receive` sees it. */
extern const troupe_type tr_timer_type;

/* The type of what is put around messages that are urgent or have a deadline (parcel.h). */
extern const troupe_type tr_parcel_type;

/* Whether what is in a mailbox is mail. A signal is not: it is dealt with, or is over, by rules of
 * its own (tie.h). The timer of another actor is, and holds a place. */
static inline bool tr_is_mail(const troupe_msg *msg) {
    if (msg->type == &tr_parcel_type) return true;
    return msg->generation || (msg->type == &tr_timer_type && (msg->flags & TR_MSG_COUNTED));
}

/* Makes an empty set. */
void tr_timers_init(tr_timers *timers, troupe *rt);

/* Starts the thread; not for a stepped runtime. SYSTEM. */
TR_CHECKED troupe_err tr_timers_start(tr_timers *timers);

/* Ends the thread. */
void tr_timers_end(tr_timers *timers);

/* Drops what is left and gives the memory back. */
void tr_timers_fini(tr_timers *timers);

/* Fires the earliest timer if it is due. False: none is due. */
bool tr_timers_fire(tr_timers *timers);

/* When the earliest is due; TR_NEVER: there is none. */
uint64_t tr_timers_next(tr_timers *timers);

/* Has an alarm follow the earliest deadline, from the next `settle` on; NULL: none. */
void tr_timers_follow(tr_timers *timers, tr_alarm *alarm);
/* Has it stay as it is for now. */
void tr_timers_mute(tr_timers *timers);
/* Sets it again. Returns whether a timer is due. */
TR_CHECKED bool tr_timers_settle(tr_timers *timers);

/* The number of the last one that was set. */
uint64_t tr_timers_last(tr_timers *timers);

/* Whether one waits whose number is at most `last`, and is due until then. */
bool tr_timers_due(tr_timers *timers, uint64_t last, uint64_t until);

/* Ends all timers of an actor; what they have put into mailboxes is void. */
void tr_timers_forget(tr_timers *timers, troupe_self *self);

/* After `ms` milliseconds an asker of this actor's is told that its time is over. NOMEM. */
TR_CHECKED troupe_err tr_timer_expiry(troupe_self *self, uint64_t asker, unsigned ms,
                                      troupe_timer *out);

/* What a timer has put into an actor's mailbox has come out of it: the message that it is for the
 * actor from here on; NULL: nothing, since it was cancelled meanwhile. By whoever runs the actor.
 * */
troupe_msg *tr_timer_arrived(troupe_self *self, troupe_msg *envelope);

/* The same, but nobody will handle it. Does nothing to any other message. */
void tr_timer_unwrap(troupe *rt, troupe_msg **msg);

/* --- Between timer.c and timer_heap.c, under the lock --- */

/* Enters a timer that is due then. False: no memory. */
TR_CHECKED bool tr_timer_put_in(tr_timers *timers, tr_timer *timer, uint64_t deadline);

/* When the earliest is due; TR_NEVER: there is none. */
static inline uint64_t tr_timer_earliest(const tr_timers *timers) {
    return timers->count ? timers->heap[0].deadline : TR_NEVER;
}

/* Has the alarm, if there is one, say what is true. */
void tr_timer_alarm(tr_timers *timers);

/* Puts one back into the heap that has been taken out of that alone, for which there is room. */
void tr_timer_put_back(tr_timers *timers, tr_timer *timer, uint64_t deadline);

/* Takes one out of the heap alone. */
void tr_timer_leave_heap(tr_timers *timers, tr_timer *timer);

/* Takes one out of all; the caller owns it then. */
void tr_timer_take_out(tr_timers *timers, tr_timer *timer);

/* Gives a timer and its message back; without the lock or with it. */
void tr_timer_end(tr_timers *timers, tr_timer *timer);

/* The timer of an actor that has that key; NULL: there is none. `silence`: its receive time-out. */
tr_timer *tr_timer_keyed(tr_timers *timers, const troupe_self *self, uint64_t key, bool silence);

#endif
