/* Seeing what a runtime does: what became of its messages, and those that nobody will handle. */
#ifndef TROUPE_OBSERVE_H
#define TROUPE_OBSERVE_H

#include <troupe/actor.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Why a message became a dead letter: X(name, text). */
#define TROUPE_DEAD_REASONS(X)                                                                     \
    X(GONE, "its actor had ended")                                                                 \
    X(STOPPED, "its actor ended before it came to it")                                             \
    X(FAILED, "its actor failed on it")                                                            \
    X(FULL, "the mailbox was full")                                                                \
    X(DROPPED, "the mailbox was full, and its overflow policy dropped it")                         \
    X(EXPIRED, "nobody waits for the answer any more")                                             \
    X(UNDECODABLE, "it could not be decoded")                                                      \
    X(NODE_LOST, "the node was lost")                                                              \
    X(NOMEM, "there was no memory for it")                                                         \
    X(FLUSHED, "its actor was started again without its mail")                                     \
    X(QUARANTINED, "its actor failed on it again and again")                                       \
    X(OVERDUE, "its deadline had passed when its turn came")

typedef enum troupe_dead {
#define TROUPE_DEAD_ENUM(name, text) TROUPE_DEAD_##name,
    TROUPE_DEAD_REASONS(TROUPE_DEAD_ENUM)
#undef TROUPE_DEAD_ENUM
        TROUPE_DEAD_KINDS /* how many there are */
} troupe_dead;

/* The reason as a short English text, never NULL. Static storage. Any thread. */
TROUPE_API const char *troupe_dead_text(troupe_dead reason);

/* What became of messages, in counts since the runtime was opened. Nothing is lost without an
 * account; at any moment at which nothing runs,
 *
 *     sent == handled + returned + forwarded + all of dead + queued
 *
 * over restarts, stops, closing and the loss of nodes. A message that was on the way when a node
 * was lost is a dead letter here, NODE_LOST, and may have been handled there: not more than the
 * credit of its target, which its mailbox gives. A message counts as sent once for each mailbox
 * that it is put into: one that is passed on was handled, and sent again. Signals (a `down`, say)
 * count like all others; a timer's message is sent when it fires. */
typedef struct troupe_account {
    uint64_t sent;      /* given to the runtime by a send call or a timer, or arrived
                                       * from another node */
    uint64_t handled;   /* `receive` has returned for it; or an asker has its answer */
    uint64_t returned;  /* refused by an error: the sender has it still */
    uint64_t forwarded; /* handed to the connection to another node, and not lost with it */
    uint64_t dead[TROUPE_DEAD_KINDS]; /* dead letters by reason */
    uint64_t queued;                  /* in a mailbox now */
} troupe_account;

/* The account of a whole runtime. What is being sent or handled while this counts (in a callback
 * that is at least its own message) may be missing from one side. The queued messages are counted
 * one by one, so it takes time: some 10 ms for a million actors or messages. Any thread. */
TROUPE_API void troupe_account_all(troupe *rt, troupe_account *out);

/* The account of one living actor of this runtime: what came into its mailbox so far, over all its
 * lives, and what its `overflow` dropped; `returned` and `forwarded` are 0, what is QUARANTINED
 * counts as FAILED, and what was OVERDUE is not in it. Any thread. GONE. */
TROUPE_CHECKED troupe_err troupe_account_of(troupe *rt, troupe_ref who, troupe_account *out);

/* Messages that are in none of the places of an account where one that was sent must be; 0: it
 * balances. Negative: there are more than were sent. Any thread. */
TROUPE_API int64_t troupe_account_missing(const troupe_account *account);

/* The most messages that the mailbox of a living actor of this runtime has held at once, over all
 * its lives: how much of its limit it has ever needed. Known as of now, of each moment at which a
 * turn of it began or was cut short, and of each message that was refused or dropped because it was
 * full; what came and was handled within one turn in between may be missing. `*peak` is its limit
 * (`troupe_mailbox`) just if it was ever seen full. Any thread. GONE. */
TROUPE_CHECKED troupe_err troupe_mailbox_peak(troupe *rt, troupe_ref who, uint32_t *peak);

/* --- Waits. Who is suspended until another one does something is on record, so that it can be
 * seen, and so that a deadlock is found when its last wait begins: actors that wait for each other
 * in a circle are reported (DEADLOCK in <troupe/report.h>) by name and age, and one of them is
 * freed if `config.break_deadlocks` says so. Suspended are plain threads and, in a callback,
 * `blocking` actors; an actor that goes on with its other mail while it expects an answer is not.
 * Nobody can wait for a plain thread, so one is never in a circle, whatever it waits for.
 * A wait for several answers is in a circle if those who are not can't end it; one for room is
 * while the mailbox is full, since who waits handles nothing that would make some.
 *
 * A question counts for a circle while it is in the mailbox or in the hand of who was asked; not
 * once that one has read `troupe_sender` or passed it on: then somebody else may answer it. So
 * what is reported is a deadlock. A wait for the start or the end of a supervisor is one for those
 * of its children that start or stop, however far below. Not found are circles through other
 * nodes. --- */

/* What is waited for: X(name, text). */
#define TROUPE_WAITS(X)                                                                            \
    X(ANSWER, "an answer")                                                                         \
    X(START, "its start") /* that it is complete; or that of a supervisor's children */            \
    X(STOP, "its stop")   /* its supervisor stops it, and then does what it was asked for */       \
    X(END, "its end")     /* `troupe_join` */                                                      \
    X(ROOM, "room in its mailbox") /* `troupe_post_wait` */

typedef enum troupe_wait_kind {
#define TROUPE_WAIT_ENUM(name, text) TROUPE_WAIT_##name,
    TROUPE_WAITS(TROUPE_WAIT_ENUM)
#undef TROUPE_WAIT_ENUM
        TROUPE_WAIT_KINDS /* how many there are */
} troupe_wait_kind;

/* The kind as a short English text, never NULL. Static storage. Any thread. */
TROUPE_API const char *troupe_wait_text(troupe_wait_kind what);

/* One who waits for one. */
typedef struct troupe_wait {
    troupe_ref who;  /* TROUPE_NOBODY: a plain thread */
    troupe_ref whom; /* of a request to a supervisor: the child that has to start or stop first */
    troupe_wait_kind what;
    uint64_t for_ms; /* milliseconds so far */
} troupe_wait;

/* Stores up to `room` of the waits of this moment, the oldest first, and returns how many there
 * are; `out` may be NULL if `room` is 0. Any thread. */
TROUPE_API size_t troupe_waits(troupe *rt, troupe_wait *out, size_t room);

/* A message that nobody will handle, as `troupe_config.dead_letter` sees it. */
typedef struct troupe_dead_letter {
    troupe_ref sender; /* TROUPE_NOBODY: a plain thread, or a timer */
    troupe_ref target;
    const char *type; /* the name of its type */
    troupe_dead reason;
    /* Of one that is FAILED or QUARANTINED: how its actor failed on it. */
    troupe_err why;
    const char *text; /* from troupe_fail; NULL: none, or no memory for it */
    /* Of one that is QUARANTINED: its body as msgpack, an array of its fields; NULL: there was no
     * memory for that. These go after the call. */
    const void *bytes;
    size_t size;
} troupe_dead_letter;

#ifdef __cplusplus
}
#endif
#endif
