/* Folding: of reports that are alike one is told, and the others are counted. */
#ifndef TR_ACTORS_FOLD_H
#define TR_ACTORS_FOLD_H

#include <stdbool.h>
#include <troupe/report.h>

#include "base/os.h"

enum { TR_FOLDS = 16 }; /* kinds of reports that are folded at the same time */

/* What makes two reports alike, and how many of them were not told. */
typedef struct tr_fold {
    troupe_report_kind kind;
    const char *behaviour, *file; /* static texts: compared by address, which is enough */
    int line;
    troupe_err why;
    uint64_t since; /* when one was told, nanoseconds */
    uint64_t more;  /* that were not, since then */
} tr_fold;

typedef struct tr_folds {
    tr_mutex lock; /* guards what follows */
    tr_fold fold[TR_FOLDS];
    unsigned used;
} tr_folds;

/* Makes it ready, with nothing folded. */
void tr_folds_init(tr_folds *folds);
/* Gives its memory back. */
void tr_folds_fini(tr_folds *folds);

/* Whether a report, made at `report->at`, is to be told: none like it was in the last `within`
 * nanoseconds. Sets its `more` then. `*out` is what there is no room for any more, if its `more` is
 * not 0. Any thread. */
bool tr_folds_tell(tr_folds *folds, troupe_report *report, uint64_t within, tr_fold *out);

/* Takes out one that was counted and not told. False: there is none. */
bool tr_folds_take(tr_folds *folds, tr_fold *out);

#endif
