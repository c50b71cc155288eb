/* Pools: actors that are all alike, under one address, for work that any of them may do.
 *
 *     static const troupe_pool_plan plan = {
 *         .name = "render", .member = {.what = &renderer, .poison_after = 3},
 *         .min = 2, .max = 8, .pick = TROUPE_PICK_LEAST, .limit = 64, .grow_at = 4};
 *     troupe_pool *pool;
 *     if (troupe_pool_open(rt, &plan, 1000, &pool) || troupe_pool_post(pool, &msg)) ...
 *
 * A pool is a group (<troupe/group.h>) of dynamic children of a supervisor (<troupe/supervisor.h>),
 * and keeps their rules: a member that fails is started again, with its mail. It admits a number of
 * messages, then FULL comes back at once, with the message: so it answers all the time, however
 * much is asked of it. A send takes no lock and looks at no member but the one that it chooses,
 * unless the pool is at its limit, or has to grow; docs/performance.md has figures. */
#ifndef TROUPE_POOL_H
#define TROUPE_POOL_H

#include <troupe/ask.h>
#include <troupe/supervisor.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct troupe_pool troupe_pool;

/* Which member gets a message. */
typedef enum troupe_pick {
    TROUPE_PICK_NEXT,  /* the next one round; one whose mailbox is full is passed over */
    TROUPE_PICK_LEAST, /* who has the fewest messages; looks at each until one has none */
    /* To whom the message's key belongs, which is the same one as long as the members are the same;
     * if its mailbox is full, nobody else is tried. */
    TROUPE_PICK_KEY,
    /* Of two that are drawn who has fewer: nearly as even as LEAST, and as cheap as NEXT
     * (Mitzenmacher, 2001). If it is full, the others are tried. */
    TROUPE_PICK_TWO,
    TROUPE_PICK_ALL /* each of them, or nobody: if one has a full mailbox it is FULL */
} troupe_pick;

/* What a pool is to be; all it points to but `member.arg` is copied. */
typedef struct troupe_pool_plan {
    /* Registered for its supervisor, and that of its group; at most TROUPE_NAME_MAX - 5 bytes. */
    const char *name;
    /* Each member: `what`, which must not drop messages (`overflow`), its `arg`, and what is said
     * there of start, stop and back-off; `id`, `name`, `restart`, `significant`, `hold` and the
     * limits of its own are not used. `poison_after` says what becomes of work that a member fails
     * on: 0: it is a dead letter, and its asker hears FAILED; else it is done again, so many times
     * in all. A message that it leaves waiting is kept for its next life in any case. */
    troupe_child member;
    uint32_t min, max; /* members; 0: 1; 0: as `min` */
    troupe_pick pick;
    uint64_t (*key)(const troupe_msg *msg); /* of a message, for TROUPE_PICK_KEY; any thread */
    /* Messages that members have at a time; 0: as many as their mailboxes hold. The pool sees what
     * is sent to a member otherwise only when it looks. */
    uint32_t limit;
    /* Once each member has so many messages on average, another one is started, up to `max`.
     * 0: only `troupe_pool_resize` does. */
    uint32_t grow_at;
    /* Whenever it has had nothing to do for so long, looked at that often, one member over `min`
     * is stopped. 0: only `troupe_pool_resize` does. */
    unsigned shrink_ms;
    /* More restarts of members within `within_ms` (0: 5000) make the pool give up and end, as a
     * supervisor does. 0: TROUPE_UNLIMITED. */
    unsigned max_restarts, within_ms;
    /* A supervisor that it is to be a child of, with `name` as its id; TROUPE_NOBODY: it is at the
     * top of a tree. */
    troupe_ref above;
} troupe_pool_plan;

/* Starts a pool and waits until `min` members are ready. It ends with its supervisor
 * (`troupe_pool_ref`), or at the close, which gives the memory of all pools back; so `*out` stays
 * valid until then, and what is sent through it after its end is GONE. A plain thread, or the
 * callback of a `blocking` actor. INVALID: no name, or one too long, `max` under `min`, no key, a
 * member that makes no sense or drops messages. TAKEN: its name. NOMEM. The errors of
 * `troupe_supervise`, or of `troupe_start_child`. */
TROUPE_CHECKED troupe_err troupe_pool_open(troupe *rt, const troupe_pool_plan *plan,
                                           unsigned timeout_ms, troupe_pool **out);

/* Its supervisor, to be stopped, linked or monitored. Any thread. */
TROUPE_API troupe_ref troupe_pool_ref(const troupe_pool *pool);

/* The runtime that it is in. Any thread. */
TROUPE_API troupe *troupe_pool_runtime(const troupe_pool *pool);

/* Sends `*msg` to a member, or to all. FULL: the pool is at its limit, or the mailboxes that it may
 * go to are full. GONE: it has ended, or has no member at this moment, since it is being started
 * again. INVALID: no message. NOMEM, only with TROUPE_PICK_ALL. In each case the message is still
 * yours. */
TROUPE_CHECKED troupe_err troupe_pool_send(troupe_self *self, troupe_pool *pool, troupe_msg **msg);

/* The same from a plain thread, with TROUPE_NOBODY as sender. Also QUIESCED, from outside: no new
 * work is taken (<troupe/shutdown.h>). */
TROUPE_CHECKED troupe_err troupe_pool_post(troupe_pool *pool, troupe_msg **msg);

/* Sends `*msg` to a member and waits for the answer, as `troupe_ask` does, with its errors and
 * those above. INVALID also with TROUPE_PICK_ALL: `troupe_ask_many` is for that. */
TROUPE_CHECKED troupe_err troupe_pool_ask(troupe_pool *pool, troupe_msg **msg, unsigned timeout_ms);

/* The same from an actor, which goes on: what comes of it is a message with that tag, as
 * `troupe_request` has it (<troupe/ask.h>), with its errors and those above. */
TROUPE_CHECKED troupe_err troupe_pool_request(troupe_self *self, troupe_pool *pool,
                                              troupe_msg **msg, unsigned timeout_ms, uint64_t tag);

/* Has it have that many members, and returns at once. One that is too many gets nothing new, does
 * what it has, and is stopped then. Any thread. INVALID: not between `min` and `max`. GONE. NOMEM:
 * nothing changes. */
TROUPE_CHECKED troupe_err troupe_pool_resize(troupe_pool *pool, uint32_t members);

/* What a pool has, and has done. */
typedef struct troupe_pool_stats {
    uint32_t members; /* that get work */
    uint32_t wanted;  /* as many as there are to be */
    uint64_t working; /* members that have work; 0: it is idle */
    uint64_t waiting; /* messages that wait behind it */
    uint64_t sent;    /* messages that it took so far; one to all counts once */
    uint64_t shed;    /* that were FULL */
    uint64_t redone;  /* times that one was begun again, since a member had failed on it */
} troupe_pool_stats;

/* Any thread. */
TROUPE_API void troupe_pool_look(const troupe_pool *pool, troupe_pool_stats *out);

#ifdef __cplusplus
}
#endif
#endif
