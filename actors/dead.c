#include "actors/dead.h"

#include <stdio.h>

#include "actors/report.h"
#include "actors/send.h"

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

void tr_dead_letter(troupe *rt, troupe_ref to, troupe_msg **msg, tr_dead_where where,
                    troupe_dead reason, troupe_err why) {
    troupe_msg *it = *msg;
    if (!it) return;
    tr_account_add(&rt->accounts.dead[reason]);
    tr_account_add(&rt->accounts.died[where]);
    const troupe_dead_letter letter = {tr_msg_sender(it, rt->node), to, troupe_type_name(it),
                                       reason};
    if (it->flags & TR_MSG_ASK) {
        it->flags &= ~(uint32_t)TR_MSG_ASK; /* whoever takes it owes no answer any more */
        tr_ask_unanswered(rt, letter.sender, why);
    }
    report(rt, &letter);
    bool own = !(it->flags & TR_MSG_EMBEDDED); /* else it is a signal, and not anybody's to keep */
    if (own && rt->config.dead_letter)
        rt->config.dead_letter(rt->config.dead_letter_ctx, &letter, msg);
    troupe_drop(msg);
}
