/* The members of a pool as those see them who send to it: without a lock. README.md, "Pools". */
#ifndef TR_ACTORS_POOL_ROSTER_H
#define TR_ACTORS_POOL_ROSTER_H

#include <troupe/pool.h>

#include "base/atomic.h"
#include "base/check.h"
#include "base/os.h"

/* Senders that are about to put something into the mailbox of one member; in a line of its own. */
typedef struct tr_pin {
    tr_atomic32 held;
    uint32_t apart[15];
} tr_pin;

/* Written under the pool's lock, read by anybody, but for `turn` and the pins. */
typedef struct tr_roster {
    troupe *rt;
    tr_mutex *lock;  /* the pool's */
    tr_atomic64 *id; /* of each member; 0: there is none. The first `count` of `room` are used */
    tr_pin *pin;     /* of the place of each */
    uint32_t room;
    tr_atomic32 count;
    tr_atomic32 changes; /* odd while it changes */
    tr_atomic32 turn;    /* whose it is */
} tr_roster;

/* What members have to do. */
typedef struct tr_roster_load {
    uint32_t members;
    uint64_t busy; /* that have a message, waiting or in hand */
    uint64_t mail; /* messages, of all of them */
} tr_roster_load;

/* What is to be sent, and how a member is chosen for it; not TROUPE_PICK_ALL. */
typedef struct tr_roster_mail {
    troupe_ref from;
    unsigned how; /* TR_SEND_* */
    troupe_pick pick;
    uint64_t key; /* for TROUPE_PICK_KEY */
} tr_roster_mail;

/* Makes one with room for so many. NOMEM. */
TR_CHECKED troupe_err tr_roster_init(tr_roster *roster, troupe *rt, tr_mutex *lock, uint32_t room);

/* Gives its memory back. */
void tr_roster_fini(tr_roster *roster);

/* Enters a member, under the lock, if it is not there. False: there is no room. */
bool tr_roster_enter(tr_roster *roster, uint64_t id);

/* Takes one out, under the lock: nobody sends to it any more, and what was sent before is in its
 * mailbox. False: it is not there. */
bool tr_roster_leave(tr_roster *roster, uint64_t id);

/* Takes all out, under the lock. */
void tr_roster_clear(tr_roster *roster);

/* The member with the least to do, under the lock; 0: there is none. */
uint64_t tr_roster_idlest(tr_roster *roster);

/* Looks at each. Under the lock. */
tr_roster_load tr_roster_look(tr_roster *roster);

/* Sends to one member, which is `*to` then, without the lock. FULL: all who may have it are.
 * GONE: there is none. */
TR_CHECKED troupe_err tr_roster_send(tr_roster *roster, const tr_roster_mail *mail,
                                     troupe_msg **msg, troupe_ref *to);

/* Sends to each member, or to nobody if one has a full mailbox, under the lock under which all send
 * then. FULL, GONE, as above. NOMEM: nobody was reached for want of memory. */
TR_CHECKED troupe_err tr_roster_send_all(tr_roster *roster, troupe_ref from, troupe_msg **msg);

#endif
