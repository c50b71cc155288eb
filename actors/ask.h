/* Askers: one-shot addresses of plain threads, which wait on them, and of actors (request.h). An
 * asker's id has a place from TR_PLACE_ASKS on; its 60 other bits count up and never come again. */
#ifndef TR_ACTORS_ASK_H
#define TR_ACTORS_ASK_H

#include <troupe/actor.h>

#include "actors/table.h"
#include "actors/waits.h"
#include "base/check.h"
#include "base/map.h"
#include "base/os.h"

typedef struct tr_asks {
    troupe *rt;
    tr_mutex lock; /* guards all below, and every asker in the map */
    tr_map by_id;
    tr_map by_actor;  /* request.c */
    uint64_t asked;   /* so far */
    tr_waits waits;   /* of threads */
    tr_atomic32 open; /* askers; others read it too, as old news */
} tr_asks;

/* One who waits for one answer. All but `id` and `to` is guarded by the asks' lock. */
typedef struct tr_asker {
    tr_map_entry by_id; /* a thread's: until the thread goes on; an actor's: until it is settled */
    uint64_t id;
    troupe_ref to;
    struct tr_asking *of; /* the waiting thread; NULL: it is an actor's */
    tr_edge edge;         /* of that thread's wait */
    troupe_msg *answer;
    troupe_err why; /* LATER: still waiting */
} tr_asker;

/* Makes an empty register. */
void tr_asks_init(tr_asks *asks, troupe *rt, const troupe_heap *heap);

/* Gives its memory back; nobody may be waiting. */
void tr_asks_fini(tr_asks *asks);

/* Whether an id is an asker's. */
static inline bool tr_ask_id(uint64_t id) {
    return (uint32_t)id >= TR_PLACE_ASKS;
}

/* Enters an asker that is to wait, under the lock, and gives it its id. False: no memory. */
TR_CHECKED bool tr_ask_enter(tr_asks *asks, tr_asker *asker);

/* An asker that still waits; NULL: there is none. Under the lock. */
tr_asker *tr_ask_find(tr_asks *asks, uint64_t id);

/* Gives the answer of `from` to an asker. GONE: it no longer waits; the message is still the
 * caller's. */
TR_CHECKED troupe_err tr_ask_answer(tr_asks *asks, uint64_t id, troupe_ref from, troupe_msg **msg);

/* Tells an asker of this runtime that nobody will answer; does nothing if it no longer waits. */
void tr_ask_fail(tr_asks *asks, uint64_t id, troupe_err why);

/* `troupe_ask`, also while the runtime takes no new work. */
TR_CHECKED troupe_err tr_ask_wait(troupe *rt, troupe_ref to, troupe_msg **msg, unsigned timeout_ms);

/* `troupe_ask`, by somebody who waits for something that follows from the answer. */
TR_CHECKED troupe_err tr_ask_for(troupe *rt, troupe_ref to, tr_aim aim, troupe_msg **msg,
                                 unsigned timeout_ms);

/* How a question is sent, if not simply to somebody: by `asker`; says to whom. */
typedef struct tr_ask_by {
    troupe_err (*send)(void *ctx, troupe_ref asker, troupe_msg **msg, troupe_ref *to);
    void *ctx;
} tr_ask_by;

/* `troupe_ask`, so. */
TR_CHECKED troupe_err tr_ask_way(troupe *rt, tr_ask_by by, troupe_msg **msg, unsigned timeout_ms);

/* What a waiting thread of this runtime waits for is this now; does nothing if it waits no longer.
 */
void tr_ask_aim(tr_asks *asks, uint64_t id, tr_aim aim);

/* Ends the waits of all actors (tr_waits_end). */
void tr_asks_end(tr_asks *asks);

/* Whether somebody waits for an answer. */
bool tr_asks_wait(tr_asks *asks);

/* What an asker of this runtime waits for is about to be passed on to `to`. Does nothing if it no
 * longer waits. */
void tr_ask_redirect(tr_asks *asks, uint64_t id, troupe_ref to);
/* It has been sent there. By then it may have been passed on again. */
void tr_ask_redirected(tr_asks *asks, uint64_t id);
/* It could not be sent, and is with `to` still. */
void tr_ask_returned(tr_asks *asks, uint64_t id, troupe_ref to);

/* Fails all asks that wait for an actor of that node. */
void tr_ask_node_lost(tr_asks *asks, uint64_t node);

#endif
