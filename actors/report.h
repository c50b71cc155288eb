/* Lines for the log. */
#ifndef TR_ACTORS_REPORT_H
#define TR_ACTORS_REPORT_H

#include "actors/actor.h"

/* One line, if the runtime wants lines of this level. */
void tr_log(troupe *rt, troupe_level level, const char *format, ...) TROUPE_PRINTF(3, 4);

/* A ref as reports write it. */
void tr_ref_text(troupe_ref ref, char *text, size_t room);

/* The report of a life that failed; `next` says what happens now ("restart 1 of 5 in 10 s"). */
void tr_report_failure(troupe_self *self, troupe_err why, const char *next);

/* The report of a `stop` that failed, with `self->why`, in a life that had ended for `ended`. */
void tr_report_bad_stop(troupe_self *self, troupe_err ended);

#endif
