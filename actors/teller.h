/* The teller: a thread that tells of failures whose callers are to be named, since that takes
 * longer than a worker has. It is started with the first one; a stepped runtime has none and tells
 * at once. What comes while something waits waits behind it, so that the order stays. */
#ifndef TR_ACTORS_TELLER_H
#define TR_ACTORS_TELLER_H

#include <troupe/report.h>

#include "base/check.h"
#include "base/list.h"
#include "base/os.h"

typedef struct tr_teller {
    tr_mutex lock; /* guards what follows */
    tr_cond changed;
    tr_fifo line;     /* reports, with all that they point at */
    unsigned waiting; /* in it, and the one that is being told */
    bool started, over;
    tr_thread thread;
    troupe *rt;
} tr_teller;

/* Makes it ready, without a thread. */
void tr_teller_init(tr_teller *teller, troupe *rt);
/* Tells all that waits, and ends the thread. What comes later is told at once. */
void tr_teller_end(tr_teller *teller);
/* Gives the rest back. */
void tr_teller_fini(tr_teller *teller);

/* Takes a copy of a report, to be told by the thread. False: it is to be told at once, since it
 * need not wait; or without memory or a thread, and then it has lost its callers. Any thread. */
TR_CHECKED bool tr_teller_take(tr_teller *teller, troupe_report *report);

#endif
