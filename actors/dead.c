#include "actors/dead.h"

#include <stdio.h>

#include "actors/actor.h"
#include "actors/group_watch.h"
#include "actors/parcel.h"
#include "actors/report.h"
#include "actors/request.h"
#include "actors/send.h"
#include "serial/codec.h"
#include "serial/share.h"

enum { LINES_MOST = 10 }; /* a second */
#define SECOND (1000 * TR_MS)

const char *troupe_dead_text(troupe_dead reason) {
    switch (reason) {
#define TEXT(name, text)                                                                           \
    case TROUPE_DEAD_##name:                                                                       \
        return text;
        TROUPE_DEAD_REASONS(TEXT)
#undef TEXT
    default:
        return "unknown reason";
    }
}

troupe_dead tr_dead_reason(troupe_ref to, troupe_err why) {
    switch (why) {
    case TROUPE_GONE:
        return tr_ask_id(to.id) ? TROUPE_DEAD_EXPIRED : TROUPE_DEAD_GONE;
    case TROUPE_FULL:
        return TROUPE_DEAD_FULL;
    case TROUPE_NOCONNECTION:
        return TROUPE_DEAD_NODE_LOST;
    case TROUPE_NOMEM:
        return TROUPE_DEAD_NOMEM;
    case TROUPE_TIMEOUT:
        return TROUPE_DEAD_OVERDUE;
    default:
        return TROUPE_DEAD_UNDECODABLE;
    }
}

/* --- The log ---------------------------------------------------------------------------------- */

void tr_deads_init(tr_deads *deads) {
    *deads = (tr_deads){.second = 0};
    tr_mutex_init(&deads->lock);
}

void tr_deads_fini(tr_deads *deads) {
    tr_mutex_fini(&deads->lock);
}

/* What was left out so far, as a line; "": nothing was. Under the lock. */
static void sum_up(tr_deads *deads, char *line, size_t room) {
    line[0] = '\0';
    unsigned long long repeats = deads->repeats, others = deads->others;
    if (repeats && others)
        snprintf(line, room, "dead letters: the last one %llu times more, and %llu others", repeats,
                 others);
    else if (repeats)
        snprintf(line, room, "dead letters: the last one %llu times more", repeats);
    else if (others)
        snprintf(line, room, "dead letters: %llu others", others);
    deads->repeats = deads->others = 0;
}

/* Whether a letter gets a line of its own; `before` gets what is to be said first. Under the lock.
 */
static bool is_news(tr_deads *deads, const troupe_dead_letter *letter, uint64_t now, char *before,
                    size_t room) {
    const troupe_dead_letter *last = &deads->last;
    bool again = last->type == letter->type && last->reason == letter->reason &&
                 troupe_same(last->target, letter->target);
    bool fresh = !deads->lines || now - deads->second >= SECOND;
    before[0] = '\0';
    if (fresh) {
        sum_up(deads, before, room);
        deads->second = now;
        deads->lines = 0;
    } else if (again) {
        deads->repeats++;
        return false;
    } else if (deads->lines >= LINES_MOST) {
        deads->others++;
        return false;
    } else {
        sum_up(deads, before, room);
    }
    deads->last = *letter;
    deads->last.text = NULL;
    deads->last.bytes = NULL;
    deads->lines++;
    return true;
}

static void report(troupe *rt, const troupe_dead_letter *letter) {
    tr_deads *deads = &rt->deads;
    if (TROUPE_INFO >= rt->config.quiet) return;
    char before[128], from[64], to[64];
    uint64_t now = troupe_now(rt);
    tr_lock(&deads->lock);
    bool news = is_news(deads, letter, now, before, sizeof before);
    tr_unlock(&deads->lock);
    if (before[0]) tr_log(rt, TROUPE_INFO, "%s", before);
    if (!news) return;
    tr_ref_text(letter->sender, from, sizeof from);
    tr_ref_text(letter->target, to, sizeof to);
    tr_log(rt, TROUPE_INFO, "dead letter: %s from %s to %s: %s", letter->type, from, to,
           troupe_dead_text(letter->reason));
}

void tr_deads_sum_up(troupe *rt) {
    char line[128];
    tr_lock(&rt->deads.lock);
    sum_up(&rt->deads, line, sizeof line);
    tr_unlock(&rt->deads.lock);
    if (line[0]) tr_log(rt, TROUPE_INFO, "%s", line);
}

/* --- Dead letters ----------------------------------------------------------------------------- */

/* Ends a message as that letter says; tells its asker `why`. */
static void end(troupe *rt, const troupe_dead_letter *letter, troupe_msg **msg, tr_dead_where where,
                troupe_err why) {
    troupe_msg *it = *msg;
    tr_account_add(&rt->accounts.dead[letter->reason]);
    tr_account_add(&rt->accounts.died[where]);
    if (it->flags & TR_MSG_ASK) {
        it->flags &= ~(uint32_t)TR_MSG_ASK; /* whoever takes it owes no answer any more */
        tr_ask_unanswered(rt, letter->sender, why);
    }
    report(rt, letter);
    /* Else it is a signal, and not anybody's to keep. */
    bool own = !(it->flags & TR_MSG_EMBEDDED) || tr_msg_is_shared(it);
    if (own && rt->config.dead_letter)
        rt->config.dead_letter(rt->config.dead_letter_ctx, letter, msg);
    troupe_drop(msg);
}

static troupe_dead_letter letter_of(troupe *rt, troupe_ref to, const troupe_msg *it,
                                    troupe_dead reason) {
    return (troupe_dead_letter){.sender = tr_msg_sender(it, rt->node),
                                .target = to,
                                .type = troupe_type_name(it),
                                .reason = reason};
}

void tr_dead_letter(troupe *rt, troupe_ref to, troupe_msg **msg, tr_dead_where where,
                    troupe_dead reason, troupe_err why) {
    if (!*msg) return;
    tr_timer_unwrap(rt, msg);
    if (*msg) tr_topic_unwrap(rt, msg);
    if (*msg) tr_group_news_unwrap(rt, msg);
    if (*msg) tr_parcel_unwrap(rt, msg);
    if (*msg) tr_request_unwrap(rt, msg);
    if (!*msg) { /* one that is void: nobody's letter, but it was in a mailbox */
        tr_account_add(&rt->accounts.dead[reason]);
        tr_account_add(&rt->accounts.died[where]);
        return;
    }
    const troupe_dead_letter letter = letter_of(rt, to, *msg, reason);
    end(rt, &letter, msg, where, why);
}

void tr_dead_letter_queued(troupe_self *self, troupe_msg **msg, troupe_dead reason,
                           troupe_err why) {
    if (tr_actor_is_meant(self, *msg))
        tr_dead_letter(self->rt, tr_actor_ref(self), msg, TR_DEAD_QUEUED, reason, why);
    else
        tr_dead_letter(self->rt, TROUPE_NOBODY, msg, TR_DEAD_QUEUED, TROUPE_DEAD_GONE, TROUPE_GONE);
}

void tr_dead_letter_failed(troupe_self *self, troupe_msg **msg, troupe_dead reason,
                           troupe_err why) {
    troupe *rt = self->rt;
    troupe_dead_letter letter = letter_of(rt, tr_actor_ref(self), *msg, reason);
    letter.why = why;
    if (self->failure && self->failure->file) letter.text = self->failure->text;
    tr_buffer bytes = {.heap = rt->heap};
    const troupe_msg *what = tr_msg_content(*msg);
    if (reason == TROUPE_DEAD_QUARANTINED && rt->config.dead_letter &&
        !tr_pack(what->type, what + 1, TR_MSG_LIMIT, &bytes)) {
        letter.bytes = bytes.data;
        letter.size = bytes.size;
    }
    end(rt, &letter, msg, TR_DEAD_IN_HAND, TROUPE_FAILED);
    tr_buffer_fini(&bytes);
}
