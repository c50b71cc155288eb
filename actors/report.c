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

/* What the actor says of its failure, and where; "" if it said nothing. */
static void words_of(const tr_failure *failure, char *words, size_t room) {
    char unmet[128] = "", place[128] = "";
    words[0] = '\0';
    if (!failure || (!failure->file && !failure->text[0])) return;
    if (failure->condition) snprintf(unmet, sizeof unmet, "not so: %s: ", failure->condition);
    if (failure->file) snprintf(place, sizeof place, " at %s:%d", failure->file, failure->line);
    const char *quote = failure->file ? "\"" : "";
    snprintf(words, room, ": %s%s%s%s%s", unmet, quote, failure->text, quote, place);
}

void tr_report_failure(troupe_self *self, troupe_err why, const char *next) {
    char path[256], from[64], words[480];
    tr_actor_path(self, path, sizeof path);
    const tr_failure *failure = self->failure;
    tr_ref_text(failure ? failure->from : TROUPE_NOBODY, from, sizeof from);
    words_of(failure, words, sizeof words);
    tr_log(self->rt, TROUPE_ERROR,
           "actor failed: %s (life %u) in %s from %s: %s (%s)%s; %s; %u messages kept", path,
           self->lives, failure && failure->doing ? failure->doing : "start", from,
           troupe_errname(why), troupe_strerror(why), words, next,
           tr_mailbox_count(&self->task.box));
}

void tr_report_bad_stop(troupe_self *self, troupe_err ended) {
    char path[256], words[480];
    tr_actor_path(self, path, sizeof path);
    words_of(self->failure, words, sizeof words);
    const troupe_err why = (troupe_err)self->why;
    tr_log(self->rt, TROUPE_ERROR,
           "actor failed: %s (life %u) in its stop: %s (%s)%s; its life had ended with %s", path,
           self->lives, troupe_errname(why), troupe_strerror(why), words, troupe_errname(ended));
}
