#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <troupe/report.h>
#include <troupe/supervisor.h>

#include "actors/report.h"
#include "base/sheet.h"
#include "base/symbol.h"

enum {
    WIDTH = 78,       /* of the heading, columns */
    CALLERS_MOST = 8, /* lines for callers */
    QUOTE_MOST = 400  /* bytes of a quoted text in a line */
};

static const char *word_of(troupe_report_kind kind) {
    switch (kind) {
#define WORD(name, word, heading)                                                                  \
    case TROUPE_REPORT_##name:                                                                     \
        return word;
        TROUPE_REPORTS(WORD)
#undef WORD
    default:
        return "unknown";
    }
}

static const char *heading_of(troupe_report_kind kind) {
    switch (kind) {
#define HEADING(name, word, heading)                                                               \
    case TROUPE_REPORT_##name:                                                                     \
        return heading;
        TROUPE_REPORTS(HEADING)
#undef HEADING
    default:
        return "UNKNOWN REPORT";
    }
}

const char *troupe_hint(troupe_err why) {
    switch (why) {
    case TROUPE_FULL:
        return "a full mailbox is an answer, not a failure: shed the message, slow down, or say "
               "`overflow` or a larger `mailbox_limit` in the receiver's behaviour";
    case TROUPE_GONE:
        return "the receiver has ended: monitor it, or look it up by name before each talk";
    case TROUPE_STOPPED:
        return "who was asked has ended as it should: ask whoever has its work now, or give up";
    case TROUPE_BADTYPE:
        return "its `receive` does not know this type: handle it, or return OK to ignore it";
    case TROUPE_TIMEOUT:
        return "who was asked is slow, or waits itself: look at its mailbox and its callbacks";
    case TROUPE_TAKEN:
        return "the name is another actor's: names are unique in a runtime";
    case TROUPE_NOMEM:
        return "memory is used up: look at mailbox limits, and at who keeps messages";
    case TROUPE_UNKNOWN_TYPE:
        return "call `troupe_register_type` for it on the receiving node, with the same fields";
    case TROUPE_REFUSED:
        return "both nodes must be opened with the same `secret`";
    case TROUPE_DEADLOCK:
        return "let one of them send and go on, or ask with a shorter deadline; or set "
               "`break_deadlocks`, and handle DEADLOCK";
    case TROUPE_START_FAILED:
        return "the report before this one says which child, and why";
    case TROUPE_INVALID:
        return "a call got what makes no sense: a NULL message was sent on already, and an actor "
               "that asks would wait for ever";
    default:
        return "";
    }
}

/* --- For people ------------------------------------------------------------------------------- */

static void put_heading(tr_sheet *to, const troupe_report *it) {
    char life[32] = "";
    const char *heading = heading_of(it->kind);
    if (it->life) snprintf(life, sizeof life, " (life %" PRIu32 ")", it->life);
    size_t used = strlen(heading) + strlen(it->path) + strlen(life) + 5;
    tr_sheet_put(to, "-- %s ", heading);
    do {
        tr_sheet_put(to, "-");
    } while (++used < WIDTH);
    tr_sheet_put(to, " %s%s\n", it->path, life);
}

static void put_from(tr_sheet *to, troupe_ref from, int64_t waited_ms) {
    char who[64];
    tr_ref_text(from, who, sizeof who);
    tr_sheet_put(to, ", from %s", who);
    if (waited_ms >= 0) tr_sheet_put(to, ", waited %" PRId64 " ms", waited_ms);
}

static void put_doing(tr_sheet *to, const troupe_report *it) {
    if (!*it->doing) return;
    tr_sheet_put(to, "\n%-15s %s", *it->message ? "While handling" : "In",
                 *it->message ? it->message : it->doing);
    if (*it->message) put_from(to, it->from, it->waited_ms);
    if (it->for_ms && it->kind != TROUPE_REPORT_DEADLOCK) /* whose circle says more */
        tr_sheet_put(to, ", for %" PRIu64 " ms", it->for_ms);
}

/* Where callers are written, and what stands before the next one. */
typedef struct callers {
    tr_sheet *to;
    const char *before, *between;
} callers;

static void put_caller(void *ctx, const tr_symbol *symbol) {
    callers *it = ctx;
    tr_sheet_put(it->to, "%s%s", it->before, symbol->function ? symbol->function : "?");
    it->before = it->between;
    if (symbol->file)
        tr_sheet_put(it->to, " (%s:%d)", symbol->file, symbol->line);
    else
        tr_sheet_put(it->to, " (%s+0x%" PRIxPTR ")", symbol->module ? symbol->module : "",
                     symbol->offset);
}

/* At most so many lines. */
static void put_callers(tr_sheet *to, const troupe_report *it, const char *before,
                        const char *between, unsigned most) {
    callers ctx = {to, before, between};
    unsigned shown = it->callers > most ? most - 1 : it->callers;
    if (shown) tr_symbol_find(it->caller, shown, put_caller, &ctx);
    if (shown < it->callers) tr_sheet_put(to, "%s... and %u more", between, it->callers - shown);
}

/* Each wait in a line of its own. */
static void put_circle(tr_sheet *to, const char *text) {
    const char *before = "Circle";
    for (const char *end; *text; text = *end ? end + 2 : end, before = "") {
        end = strstr(text, "; ");
        if (!end) end = text + strlen(text);
        tr_sheet_put(to, "\n%-15s %.*s", before, (int)(end - text), text);
    }
}

static void put_reason(tr_sheet *to, const troupe_report *it) {
    if (it->why) {
        tr_sheet_put(to, "\n%-15s %s (%s)", "Reason", troupe_errname(it->why),
                     troupe_strerror(it->why));
        if (it->why >= TROUPE_USER) tr_sheet_put(to, ", number %d", (int)it->why);
    }
    if (it->kind == TROUPE_REPORT_DEADLOCK) {
        put_circle(to, it->text);
    } else if (*it->text) {
        tr_sheet_put(to, "\n%-15s ", it->why ? "" : "Reason");
        tr_sheet_quote(to, it->text, QUOTE_MOST); /* who knows where the program has it from */
    }
    if (*it->file) tr_sheet_put(to, "\n%-15s %s:%d", "At", it->file, it->line);
    put_callers(to, it, "\nCallers         ", "\n                ", CALLERS_MOST);
}

static void put_restarts(tr_sheet *to, const troupe_report *it) {
    tr_sheet_put(to, ": restart %" PRIu32, it->restarts);
    if (it->max_restarts != TROUPE_UNLIMITED)
        tr_sheet_put(to, " of %" PRIu32 " in %g s", it->max_restarts, it->within_ms / 1000.0);
}

static void put_rest(tr_sheet *to, const troupe_report *it) {
    if (it->limit)
        tr_sheet_put(to, "\n%-15s %" PRIu32 " of %" PRIu32 " messages are kept", "Mailbox",
                     it->kept, it->limit);
    if (*it->supervisor) tr_sheet_put(to, "\n%-15s %s", "Supervisor", it->supervisor);
    if (it->restarts) put_restarts(to, it);
    if (*it->next) tr_sheet_put(to, "\n%-15s %s", "Next", it->next);
    if (*it->hint) tr_sheet_put(to, "\n%-15s %s", "Hint", it->hint);
    if (it->more)
        tr_sheet_put(to, "\n%-15s %" PRIu64 " more like this since the last report", "Folded",
                     it->more);
}

size_t troupe_report_callers(const troupe_report *report, char *text, size_t room) {
    if (!room) return 0;
    tr_sheet to = tr_sheet_on(text, room);
    put_callers(&to, report, "", "\n", UINT_MAX);
    tr_sheet_end(&to);
    return to.used;
}

size_t troupe_report_text(const troupe_report *report, char *text, size_t room) {
    if (!room) return 0;
    tr_sheet to = tr_sheet_on(text, room);
    put_heading(&to, report);
    put_doing(&to, report);
    put_reason(&to, report);
    put_rest(&to, report);
    tr_sheet_end(&to);
    return to.used;
}

/* --- For machines ----------------------------------------------------------------------------- */

/* A value that holds a blank, a quote or nothing visible is quoted. */
static void put_value(tr_sheet *to, const char *key, const char *value) {
    if (!*value) return;
    tr_sheet_put(to, " %s=", key);
    bool plain = true;
    for (const char *at = value; *at; at++)
        plain = plain && *at > ' ' && *at != '"' && *at != '=' && *at != '\\' && *at != 0x7F;
    if (plain)
        tr_sheet_put(to, "%s", value);
    else
        tr_sheet_quote(to, value, QUOTE_MOST);
}

static void put_number(tr_sheet *to, const char *key, uint64_t value) {
    if (value) tr_sheet_put(to, " %s=%" PRIu64, key, value);
}

static void put_ref(tr_sheet *to, const char *key, troupe_ref ref) {
    char who[64];
    if (troupe_same(ref, TROUPE_NOBODY)) return;
    tr_ref_text(ref, who, sizeof who);
    put_value(to, key, who);
}

size_t troupe_report_line(const troupe_report *report, char *text, size_t room) {
    if (!room) return 0;
    tr_sheet to = tr_sheet_on(text, room);
    tr_sheet_put(&to, "report=%s", word_of(report->kind));
    put_value(&to, "path", report->path);
    put_ref(&to, "ref", report->who);
    put_value(&to, "behaviour", report->behaviour);
    put_number(&to, "life", report->life);
    put_value(&to, "doing", report->doing);
    put_value(&to, "message", report->message);
    put_ref(&to, "from", report->from);
    if (report->waited_ms > 0) put_number(&to, "waited_ms", (uint64_t)report->waited_ms);
    put_number(&to, "for_ms", report->for_ms);
    if (report->why) put_value(&to, "why", troupe_errname(report->why));
    if (report->why >= TROUPE_USER) put_number(&to, "number", (uint64_t)report->why);
    put_value(&to, "text", report->text);
    put_value(&to, "file", report->file);
    put_number(&to, "line", (uint64_t)report->line);
    put_number(&to, "kept", report->kept);
    put_number(&to, "limit", report->limit);
    put_value(&to, "supervisor", report->supervisor);
    put_number(&to, "restart", report->restarts);
    put_number(&to, "of", report->max_restarts);
    put_number(&to, "within_ms", report->within_ms);
    put_value(&to, "next", report->next);
    put_number(&to, "more", report->more);
    tr_sheet_end(&to);
    return to.used;
}
