#include <stdio.h>
#include <troupe/moves.h>

#include "actors/report.h"

enum { KEPT = 8 };

/* A move: of which variable, in which callback, and where. A callback is known by its actor and how
 * many messages that had handled, since the next one may find the same variable at work again. */
typedef struct move {
    troupe_msg *const *variable;
    const troupe_self *self;
    uint64_t handled;
    const char *call, *file;
    int line;
} move;

/* The last ones of the calling thread; only there if they are used, and then made by the system. */
static _Thread_local move kept[KEPT];
static _Thread_local unsigned moves; /* so far */

static uint64_t handled_by(const troupe_self *self) {
    return self ? tr_load64_relaxed(&self->handled) : 0;
}

static const move *find(const troupe_self *self, troupe_msg *const *msg) {
    for (unsigned n = moves; n > 0 && moves - n < KEPT; n--) {
        const move *it = &kept[(n - 1) % KEPT];
        if (it->variable == msg && it->self == self && it->handled == handled_by(self)) return it;
    }
    return NULL;
}

/* A plain thread can't fail. */
static void tell(troupe *rt, const char *text, const char *file, int line) {
    troupe_report report = tr_report_blank(TROUPE_REPORT_MISTAKE, TROUPE_ERROR);
    report.path = "a plain thread";
    report.why = TROUPE_INVALID;
    report.text = text;
    report.file = file;
    report.line = line;
    report.next = "the call has done nothing";
    tr_report_tell(rt, &report, "mistake: %s:%d: %s", file, line, text);
}

void troupe_moved(troupe *rt, troupe_self *self, troupe_msg *const *msg, bool had, const char *call,
                  const char *file, int line) {
    char text[200];
    if (had) {
        const move it = {msg, self, handled_by(self), call, file, line};
        if (!*msg) kept[moves++ % KEPT] = it;
        return;
    }
    const move *before = find(self, msg);
    if (!before) return;
    snprintf(text, sizeof text, "%s got a message that %s at %s:%d has moved on", call,
             before->call, before->file, before->line);
    if (self)
        (void)troupe_fail_at(self, TROUPE_INVALID, file, line, "%s", text);
    else
        tell(rt, text, file, line);
}
