/* Reports: what went wrong, as a structure for hooks, a text for people, and a line for machines.
 *
 * One failure is one report. Those that are alike (the same kind, behaviour, reason and place in
 * the source) are folded: the first is told at once, the others are counted, and the next one that
 * is told says how many there were. A report goes to `troupe_config.report`; without that, to
 * `troupe_config.log` as one line; without that, as a text to standard error. */
#ifndef TROUPE_REPORT_H
#define TROUPE_REPORT_H

#include <troupe/actor.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What happened: X(name, word, heading). */
#define TROUPE_REPORTS(X)                                                                          \
    X(FAILED, "failed", "ACTOR FAILED")                  /* a life ended by a failure */           \
    X(START_FAILED, "start_failed", "START FAILED")      /* a life did not begin */                \
    X(GAVE_UP, "gave_up", "SUPERVISOR GAVE UP")          /* a limit of restarts was reached */     \
    X(HELD, "held", "CHILD IS HELD")                     /* its own limit was */                   \
    X(QUARANTINED, "quarantined", "MESSAGE QUARANTINED") /* an actor failed on it repeatedly */    \
    X(SLOW, "slow", "CALLBACK DOES NOT RETURN")          /* it has run for `config.slow_ms` */     \
    X(STRAGGLER, "straggler", "STRAGGLER")               /* an actor did not end in time */        \
    X(DEADLOCK, "deadlock", "DEADLOCK")                  /* actors wait in a circle */             \
    X(MISTAKE, "mistake", "MISTAKE")                     /* a call that makes no sense */          \
    X(PEER, "peer", "TROUBLE WITH A NODE")               /* something came that may not be */

typedef enum troupe_report_kind {
#define TROUPE_REPORT_ENUM(name, word, heading) TROUPE_REPORT_##name,
    TROUPE_REPORTS(TROUPE_REPORT_ENUM)
#undef TROUPE_REPORT_ENUM
        TROUPE_REPORT_KINDS /* how many there are */
} troupe_report_kind;

/* A report. Texts are never NULL, and "" says that there is nothing to say; they last as long as
 * the call that gets the report. */
typedef struct troupe_report {
    troupe_report_kind kind;
    troupe_level level;
    const char *path;      /* in the tree, of whom it is about: "shop/accounts/7" */
    const char *behaviour; /* the name of its behaviour */
    troupe_ref who;
    uint32_t life;       /* which of its lives, from 1; 0: none has begun */
    const char *doing;   /* the callback, or the type of the message being handled */
    const char *message; /* that message, as `troupe_print` writes it */
    troupe_ref from;     /* its sender; TROUPE_NOBODY: a plain thread, or no message */
    /* How long that message waited until its handling began, milliseconds (modulo 4.6 hours, by
     * a clock that is read every half one); of a `blocking` actor: until the report. -1: none */
    int64_t waited_ms;
    uint64_t for_ms; /* SLOW, STRAGGLER, DEADLOCK (its oldest wait): for how long, milliseconds */
    troupe_err why;
    /* What the program said: of `troupe_fail`. DEADLOCK: "a waits for b: an answer, 12 ms; b ...",
     * from the youngest of these waits on, which is that of `who`. */
    const char *text;
    const char *file; /* where it said so */
    int line;
    /* Return addresses from that place to the callback, the innermost first, as far as the compiler
     * made calls of them and no jumps; see `troupe_report_callers`. 0: not known. */
    const uintptr_t *caller;
    unsigned callers;
    uint32_t kept, limit;   /* messages that wait for its next life, of at most; 0: none has come */
    const char *supervisor; /* its path */
    uint32_t restarts;      /* this one included, within the supervisor's `within_ms`, ... */
    uint32_t max_restarts;  /* ... of at most */
    uint32_t within_ms;
    const char *next; /* what happens now: "is restarted" */
    const char *hint; /* what usually helps; `troupe_hint` */
    uint64_t more;    /* reports like this one that were folded since the last that was told */
    uint64_t at;      /* when, nanoseconds by the runtime's clock */
} troupe_report;

/* What usually is behind an error that an actor fails with, and what helps; "" if that is for the
 * program to know. Static storage. Any thread. */
TROUPE_API const char *troupe_hint(troupe_err why);

/* Writes a report for people: at most 20 lines, without a newline at the end. Writes at most `room`
 * bytes, a NUL with them; what does not fit ends in "...". Returns the length without the NUL. Any
 * thread. */
TROUPE_API size_t troupe_report_text(const troupe_report *report, char *text, size_t room);

/* Writes the callers of a report, one a line: `function (file:line)`, as far as there is debug
 * information and the library knows libdw; else `function (module+0x1234)`. Reads files for some
 * milliseconds and takes memory of libc's, so it is nothing for a callback: the hook of a runtime
 * with threads gets reports that have callers on a thread of its own for that.
 * `troupe_report_text` writes the first ones so. Writes and returns as that does; "" if there are
 * none. Any thread. */
TROUPE_API size_t troupe_report_callers(const troupe_report *report, char *text, size_t room);

/* Writes it as one line of logfmt: `report=failed path=shop/accounts/7 life=3 why=BADTYPE ...`;
 * fields that have nothing to say are left out, and so are callers. Any thread. */
TROUPE_API size_t troupe_report_line(const troupe_report *report, char *text, size_t room);

#ifdef __cplusplus
}
#endif
#endif
