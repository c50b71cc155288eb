#include "actors/report.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void tr_log(troupe *rt, troupe_level level, const char *format, ...) {
    if (level >= rt->config.quiet) return;
    char line[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(line, sizeof line, format, args);
    va_end(args);
    if (rt->config.log)
        rt->config.log(rt->config.log_ctx, level, line);
    else
        fprintf(stderr, "troupe: %s\n", line);
}

void tr_actor_path(const troupe_self *self, char *path, size_t room) {
    size_t used = 0;
    if (self->bond && self->bond->parent) { /* without one it was abandoned, and has its path */
        tr_actor_path(self->bond->parent, path, room);
        used = strlen(path);
    }
    const char *own = self->what->name ? self->what->name : "actor";
    if (self->bond && self->bond->id) own = self->bond->id;
    tr_lock(&self->rt->names.lock); /* at the top the registered name says more */
    if (!self->bond && self->name) own = self->name;
    snprintf(path + used, room - used, used ? "/%s" : "%s", own);
    tr_unlock(&self->rt->names.lock);
}

void tr_ref_text(troupe_ref ref, char *text, size_t room) {
    if (troupe_same(ref, TROUPE_NOBODY))
        snprintf(text, room, "outside");
    else if (tr_ask_id(ref.id))
        snprintf(text, room, "an asking thread");
    else
        snprintf(text, room, "%08llx:%u.%u", (unsigned long long)ref.node >> 32,
                 (unsigned)(uint32_t)ref.id, (unsigned)(ref.id >> 32));
}

/* --- Telling ---------------------------------------------------------------------------------- */

void tr_report_now(troupe *rt, const troupe_report *report) {
    char text[4096];
    if (rt->config.report) {
        rt->config.report(rt->config.report_ctx, report);
    } else if (report->level < rt->config.quiet) {
        (void)troupe_report_text(report, text, sizeof text);
        fprintf(stderr, "%s\n", text);
    }
}

/* To where reports go; `line` is what a log gets. */
static void tell(troupe *rt, troupe_report *report, const char *line) {
    if (rt->config.log && !rt->config.report)
        tr_log(rt, report->level, "%s", line);
    else if (!tr_teller_take(&rt->teller, report))
        tr_report_now(rt, report);
}

/* Nothing is known but what makes reports alike. */
static void tell_folded(troupe *rt, const tr_fold *fold) {
    char line[320], name[48];
    troupe_report report = tr_report_blank(fold->kind, TROUPE_WARN);
    report.behaviour = fold->behaviour;
    report.why = fold->why;
    report.file = fold->file;
    report.line = fold->line;
    report.more = fold->more;
    report.at = troupe_now(rt);
    snprintf(name, sizeof name, "%s", troupe_errname(fold->why));
    snprintf(line, sizeof line, "%llu reports more of actors of the behaviour %s, %s%s%s",
             (unsigned long long)fold->more, fold->behaviour, name, *fold->file ? " at " : "",
             fold->file);
    tell(rt, &report, line);
}

void tr_report_tell(troupe *rt, troupe_report *report, const char *format, ...) {
    tr_fold over = {.more = 0};
    report->at = troupe_now(rt);
    if (rt->config.fold_ms != TROUPE_FOLD_NOTHING &&
        !tr_folds_tell(&rt->folds, report, rt->config.fold_ms * TR_MS, &over))
        return;
    if (over.more) tell_folded(rt, &over);
    char line[1024];
    int used;
    va_list args;
    va_start(args, format);
    used = vsnprintf(line, sizeof line, format, args);
    va_end(args);
    if (report->more && used > 0 && (size_t)used < sizeof line)
        snprintf(line + used, sizeof line - (size_t)used, "; %llu more like this before",
                 (unsigned long long)report->more);
    tell(rt, report, line);
}

void tr_report_tell_each(troupe *rt, troupe_report *report, const char *format, ...) {
    char line[1024];
    va_list args;
    report->at = troupe_now(rt);
    va_start(args, format);
    vsnprintf(line, sizeof line, format, args);
    va_end(args);
    tell(rt, report, line);
}

void tr_reports_sum_up(troupe *rt) {
    tr_fold fold;
    while (tr_folds_take(&rt->folds, &fold)) tell_folded(rt, &fold);
}

/* --- What is known ---------------------------------------------------------------------------- */

static const char *behaviour_of(const troupe_self *self) {
    return self->what->name ? self->what->name : "actor";
}

/* What is known of an actor, whatever has happened. */
static troupe_report about(const troupe_self *self, troupe_report_kind kind, const char *path) {
    troupe_report report = tr_report_blank(kind, TROUPE_ERROR);
    report.path = path;
    report.behaviour = behaviour_of(self);
    report.who = tr_actor_ref(self);
    report.life = tr_load32_relaxed(&self->lives);
    return report;
}

void tr_report_of(const tr_task *task, troupe_report_kind kind, troupe_report *report, char *path) {
    const troupe_self *self = (const troupe_self *)(const void *)task; /* it is the first member */
    tr_actor_path(self, path, TR_PATH_ROOM);
    *report = about(self, kind, path);
    report->level = TROUPE_WARN;
    report->doing = tr_actor_doing(self);
}

/* What the actor says of its failure; "" if it said nothing. */
static void words_of(const tr_failure *failure, char *words, size_t room) {
    words[0] = '\0';
    if (!failure) return;
    if (failure->condition)
        snprintf(words, room, "not so: %s%s%s", failure->condition, failure->text[0] ? ": " : "",
                 failure->text);
    else
        snprintf(words, room, "%s", failure->text);
}

/* The same and the place, for a line. */
static void said(const tr_failure *failure, char *words, size_t room) {
    char unmet[128] = "", place[128] = "";
    words[0] = '\0';
    if (!failure || (!failure->file && !failure->text[0])) return;
    if (failure->condition) snprintf(unmet, sizeof unmet, "not so: %s: ", failure->condition);
    if (failure->file) snprintf(place, sizeof place, " at %s:%d", failure->file, failure->line);
    const char *quote = failure->file ? "\"" : "";
    snprintf(words, room, ": %s%s%s%s%s", unmet, quote, failure->text, quote, place);
}

static void add_failure(troupe_report *report, const tr_failure *failure, const char *words) {
    report->text = words;
    if (!failure) return;
    report->doing = failure->doing;
    report->message = failure->message;
    report->from = failure->from;
    report->waited_ms = failure->waited_ms;
    if (failure->file) report->file = failure->file;
    report->line = failure->line;
    report->caller = failure->caller;
    report->callers = failure->callers;
}

static troupe_report_kind kind_of(const troupe_self *self, troupe_err why, const tr_fate *fate) {
    const tr_failure *failure = self->failure;
    if (fate->kind != TROUPE_REPORT_FAILED) return fate->kind;
    if (self->is_supervisor && why == TROUPE_GAVE_UP) return TROUPE_REPORT_GAVE_UP;
    if (failure && failure->quarantined) return TROUPE_REPORT_QUARANTINED;
    if (failure && strcmp(failure->doing, "start") == 0) return TROUPE_REPORT_START_FAILED;
    return TROUPE_REPORT_FAILED;
}

static const char *line_of(const tr_fate *fate) {
    return fate->line ? fate->line : fate->next;
}

void tr_report_failure(troupe_self *self, troupe_err why, const tr_fate *fate) {
    char path[TR_PATH_ROOM], above[TR_PATH_ROOM] = "", from[64], words[400], more[480];
    const tr_failure *failure = self->failure;
    tr_actor_path(self, path, sizeof path);
    if (self->bond && self->bond->parent) tr_actor_path(self->bond->parent, above, sizeof above);
    words_of(failure, words, sizeof words);
    said(failure, more, sizeof more);
    troupe_report report = about(self, kind_of(self, why, fate), path);
    add_failure(&report, failure, words);
    report.why = why;
    report.kept = tr_mailbox_count(&self->task.box);
    report.limit = tr_mailbox_limit(&self->task.box);
    report.supervisor = above;
    report.restarts = fate->restarts;
    report.max_restarts = fate->max_restarts;
    report.within_ms = fate->within_ms;
    report.next = fate->next;
    if (!words[0]) report.hint = troupe_hint(why); /* who says more knows more */
    tr_ref_text(report.from, from, sizeof from);
    tr_report_tell(self->rt, &report,
                   "actor failed: %s (life %u) in %s from %s: %s (%s)%s; %s; %u messages kept",
                   path, report.life, failure ? failure->doing : "start", from, troupe_errname(why),
                   troupe_strerror(why), more, line_of(fate), report.kept);
}

void tr_report_bad_stop(troupe_self *self, troupe_err ended) {
    char path[TR_PATH_ROOM], words[400], more[480], next[80];
    tr_actor_path(self, path, sizeof path);
    words_of(self->failure, words, sizeof words);
    said(self->failure, more, sizeof more);
    snprintf(next, sizeof next, "nothing changes: its life had ended with %s",
             troupe_errname(ended));
    troupe_report report = about(self, TROUPE_REPORT_FAILED, path);
    add_failure(&report, self->failure, words);
    report.doing = "stop";
    report.why = (troupe_err)self->why;
    report.next = next;
    tr_report_tell(self->rt, &report,
                   "actor failed: %s (life %u) in its stop: %s (%s)%s; its life had ended with %s",
                   path, report.life, troupe_errname(report.why), troupe_strerror(report.why), more,
                   troupe_errname(ended));
}

void tr_report_unmade(const troupe_self *supervisor, const troupe_behaviour *what, const char *id,
                      troupe_err why, const tr_fate *fate) {
    char above[TR_PATH_ROOM], path[2 * TR_PATH_ROOM];
    tr_actor_path(supervisor, above, sizeof above);
    snprintf(path, sizeof path, "%s/%s", above, id);
    troupe_report report = about(supervisor, TROUPE_REPORT_START_FAILED, path);
    report.who = TROUPE_NOBODY;
    report.life = 0;
    report.behaviour = what->name ? what->name : "actor";
    report.why = why;
    report.text = "it can't be made";
    report.supervisor = above;
    report.restarts = fate->restarts;
    report.max_restarts = fate->max_restarts;
    report.within_ms = fate->within_ms;
    report.next = fate->next;
    report.hint = troupe_hint(why);
    tr_report_tell(supervisor->rt, &report, "%s can't be made: %s; %s", path, troupe_strerror(why),
                   line_of(fate));
}

void tr_report_unnamed(const troupe_self *self, const char *name, troupe_err why) {
    char path[TR_PATH_ROOM], text[TROUPE_NAME_MAX + 32];
    tr_actor_path(self, path, sizeof path);
    snprintf(text, sizeof text, "it can't be called \"%s\"", name);
    troupe_report report = about(self, TROUPE_REPORT_MISTAKE, path);
    report.why = why;
    report.text = text;
    report.next = "its start has failed";
    report.hint = troupe_hint(why);
    tr_report_tell(self->rt, &report, "%s can't be called \"%s\": %s", path, name,
                   troupe_strerror(why));
}
