/* What is told of a runtime: reports, and lines of the log. */
#ifndef TR_ACTORS_REPORT_H
#define TR_ACTORS_REPORT_H

#include <troupe/report.h>

#include "actors/actor.h"

enum { TR_PATH_ROOM = 256 };

/* One line, if the runtime wants lines of this level. */
void tr_log(troupe *rt, troupe_level level, const char *format, ...) TROUPE_PRINTF(3, 4);

/* A ref as reports write it. */
void tr_ref_text(troupe_ref ref, char *text, size_t room);

/* A report that says nothing yet. */
static inline troupe_report tr_report_blank(troupe_report_kind kind, troupe_level level) {
    return (troupe_report){.kind = kind,
                           .level = level,
                           .path = "",
                           .behaviour = "",
                           .doing = "",
                           .message = "",
                           .waited_ms = -1,
                           .text = "",
                           .file = "",
                           .supervisor = "",
                           .next = "",
                           .hint = ""};
}

/* Tells of something, unless the like was told a short time ago: to who wants reports, else the log
 * by one line, which is that text, else standard error. Any thread. */
void tr_report_tell(troupe *rt, troupe_report *report, const char *format, ...) TROUPE_PRINTF(3, 4);

/* The same, whatever was told before. */
void tr_report_tell_each(troupe *rt, troupe_report *report, const char *format, ...)
    TROUPE_PRINTF(3, 4);

/* Tells a report to who wants reports, else as a text on standard error, at once. Any thread that
 * has the time. */
void tr_report_now(troupe *rt, const troupe_report *report);

/* Tells how many reports were not told. */
void tr_reports_sum_up(troupe *rt);

/* Fills in what is known of a task that a callback of runs; `path`, of TR_PATH_ROOM, gets its path.
 * Who may read it: by the guard of its home, or since it does not return. */
void tr_report_of(const tr_task *task, troupe_report_kind kind, troupe_report *report, char *path);

/* What its supervisor decides about an actor whose life has failed. */
typedef struct tr_fate {
    troupe_report_kind kind;
    const char *next; /* in words */
    const char *line; /* the same for a line of the log, with the numbers; NULL: `next` */
    /* That it is one of so many restarts within so many milliseconds; 0: it is none. */
    uint32_t restarts, max_restarts, within_ms;
} tr_fate;

/* The report of a life that failed. */
void tr_report_failure(troupe_self *self, troupe_err why, const tr_fate *fate);

/* The report of a child that could not be made. */
void tr_report_unmade(const troupe_self *supervisor, const troupe_behaviour *what, const char *id,
                      troupe_err why, const tr_fate *fate);

/* The report of an actor that could not get its name. */
void tr_report_unnamed(const troupe_self *self, const char *name, troupe_err why);

/* The report of a `stop` that failed, with `self->why`, in a life that had ended for `ended`. */
void tr_report_bad_stop(troupe_self *self, troupe_err ended);

#endif
