/* Accounts: what became of the messages of a runtime. README.md, "Accounts". */
#ifndef TR_ACTORS_ACCOUNT_H
#define TR_ACTORS_ACCOUNT_H

#include <troupe/observe.h>

#include "base/atomic.h"

/* Where a message was when it became a dead letter. */
typedef enum tr_dead_where {
    TR_DEAD_OUTSIDE, /* in no mailbox: a timer's, an answer's, or one that came from a node */
    TR_DEAD_QUEUED,  /* in its mailbox */
    TR_DEAD_IN_HAND  /* out of it, and counted as handled */
} tr_dead_where;

/* What is counted beside the workers' own counts. All of it happens seldom, or costs much more than
 * a count anyway; written by any thread. */
typedef struct tr_accounts {
    tr_atomic64 returned, forwarded;
    tr_atomic64 answers; /* that an asker got */
    tr_atomic64 dead[TROUPE_DEAD_KINDS];
    tr_atomic64 died[TR_DEAD_IN_HAND + 1]; /* the same by tr_dead_where */
} tr_accounts;

/* One more, in a count that any thread writes. */
static inline void tr_account_add(tr_atomic64 *count) {
    (void)tr_add64_relaxed(count, 1);
}

#endif
