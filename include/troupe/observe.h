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
    X(UNDECODABLE, "it could not be decoded")                                                      \
    X(NODE_LOST, "the node was lost")                                                              \
    X(NOMEM, "there was no memory for it")                                                         \
    X(FLUSHED, "its actor was started again without its mail")                                     \
    X(QUARANTINED, "its actor failed on it again and again")

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
 * over restarts, stops, closing and the loss of nodes. A message counts as sent once for each
 * mailbox that it is put into: one that is passed on was handled, and sent again. Signals (a
 * `down`, say) count like all others; a timer's message is sent when it fires. */
typedef struct troupe_account {
    uint64_t sent;      /* given to the runtime by a send call or a timer, or arrived
                                       * from another node */
    uint64_t handled;   /* `receive` has returned for it; or an asker has its answer */
    uint64_t returned;  /* refused by an error: the sender has it still */
    uint64_t forwarded; /* handed to the connection to another node */
    uint64_t dead[TROUPE_DEAD_KINDS]; /* dead letters by reason */
    uint64_t queued;                  /* in a mailbox now */
} troupe_account;

/* The account of a whole runtime. What is being sent or handled while this counts (in a callback
 * that is at least its own message) may be missing from one side. The queued messages are counted
 * one by one, so it takes time: some 10 ms for a million actors or messages. Any thread. */
TROUPE_API void troupe_account_all(troupe *rt, troupe_account *out);

/* The account of one living actor of this runtime: what came into its mailbox so far, over all its
 * lives; `returned` and `forwarded` are 0, and what is QUARANTINED or FLUSHED counts as FAILED. Any
 * thread. GONE. */
TROUPE_CHECKED troupe_err troupe_account_of(troupe *rt, troupe_ref who, troupe_account *out);

/* Messages that are in none of the places of an account where one that was sent must be; 0: it
 * balances. Negative: there are more than were sent. Any thread. */
TROUPE_API int64_t troupe_account_missing(const troupe_account *account);

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
