/* Fatal signals in a callback: SEGV, BUS, FPE, ILL and ABRT. Handlers are installed only while
 * somebody wants them, and pass on to those before them whatever is in no frame.
 *
 * A frame stands around a callback, on the stack of its thread. If a signal comes in it, either one
 * line is written and the signal takes its course, or the frame is jumped back to:
 *
 *     tr_fatal_frame frame = {.catches = true, .path = path, .doing = &doing};
 *     tr_fatal_enter(&frame);
 *     if (tr_fatal_catch(&frame)) ... what is left of the callback's stack is gone ...
 *     else ... the callback ...
 *     tr_fatal_leave(&frame);
 *
 * The jump restores neither locks nor anything else that the callback held. */
#ifndef TR_BASE_FATAL_H
#define TR_BASE_FATAL_H

#include <setjmp.h>
#include <stdbool.h>

#include "base/atomic.h"
#include "base/backtrace.h"
#include "base/place.h"

typedef struct tr_fatal_frame {
    struct tr_fatal_frame *outer;
    const char *path;          /* who it is, for the line; it must stay as it is */
    const tr_atomic64 *doing;  /* address of a constant text: what it does; NULL: nothing to say */
    const tr_atomic32 *inside; /* not 0: it is in the middle of what can't be left; NULL: never */
    bool catches;              /* it is jumped back to */
    bool wants_callers;        /* and knows then from where */
    int signal;                /* that was caught */
    void *address;             /* that it is about */
    unsigned callers;          /* how many are known, the innermost first; see backtrace.h */
    uintptr_t caller[TR_BACKTRACE_MOST];
    tr_place place;
    sigjmp_buf back;
} tr_fatal_frame;

/* Installs the handlers, if nobody has yet. False: the system will not, or a sanitizer has handlers
 * of its own. Each success wants one `tr_fatal_uninstall`. Any thread. */
bool tr_fatal_install(void);
/* Puts back what was there before, with the last one, if nobody has installed anything since. */
void tr_fatal_uninstall(void);

/* Begins a frame, on a thread that gets a stack of its own for handlers, if it has none. */
void tr_fatal_enter(tr_fatal_frame *frame);
/* Ends the innermost one. */
void tr_fatal_leave(const tr_fatal_frame *frame);
/* True when it returns for the second time: a signal was caught. */
#define tr_fatal_catch(frame) (sigsetjmp((frame)->back, 0) != 0)

/* Nobody's callback from here on: a signal is passed on. Returns what to show again. */
tr_fatal_frame *tr_fatal_hide(void);
/* Somebody's again. */
void tr_fatal_show(tr_fatal_frame *frame);

/* Takes from the calling thread what frames have given it, a stack for handlers and signals let
 * through: it is not ours, and has its own way to go. Does nothing inside a frame. */
void tr_fatal_vacate(void);

/* The name of one of these signals, "SIGSEGV". Static storage. */
const char *tr_fatal_name(int signal);

#endif
