#include "actors/gather.h"

#include <troupe/ask.h>

#include "actors/actor.h"
#include "actors/request.h"
#include "base/heap.h"
#include "serial/share.h"

/* What an actor has asked of many. Whoever runs the actor has it for itself, but for `uses`. */
typedef struct tr_gather {
    tr_atomic32 uses; /* requests of it that have not ended, and one while it is being made */
    size_t count, want, waiting, answered;
    uint64_t tag;
    troupe_gathered *then;
    bool late; /* a deadline has passed */
    tr_part *part;
    troupe_asked asked[];
} tr_gather;

static size_t size_of(size_t count) {
    return sizeof(tr_gather) + count * (sizeof(troupe_asked) + sizeof(tr_part));
}

static tr_gather *make(troupe *rt, const troupe_ref *who, size_t count) {
    const size_t most = (SIZE_MAX - sizeof(tr_gather)) / (sizeof(troupe_asked) + sizeof(tr_part));
    tr_gather *it = count > most ? NULL : tr_take_zero(rt->heap, size_of(count));
    if (!it) return NULL;
    tr_store32_relaxed(&it->uses, 1);
    it->count = count;
    it->part = (tr_part *)(void *)&it->asked[count];
    for (size_t i = 0; i < count; i++) {
        it->asked[i] = (troupe_asked){.to = who[i], .err = TROUPE_LATER};
        it->part[i] = (tr_part){it, i};
    }
    return it;
}

static void leave(troupe *rt, tr_gather *it) {
    if (tr_sub32_seq(&it->uses, 1) != 1) return;
    for (size_t i = 0; i < it->count; i++) troupe_drop(&it->asked[i].answer);
    tr_give(rt->heap, it, size_of(it->count));
}

void tr_gather_leave(troupe *rt, tr_part *part) {
    leave(rt, part->of);
}

static bool is_over(const tr_gather *it) {
    if (!it->want) return !it->waiting;
    return it->answered >= it->want || it->answered + it->waiting < it->want;
}

/* How it went, once it is over; and what those have come to that are not waited for. */
static troupe_err result(tr_gather *it) {
    const bool enough = it->answered >= it->want && !(it->late && !it->want);
    const troupe_err err = enough ? TROUPE_OK : it->late ? TROUPE_TIMEOUT : TROUPE_FAILED;
    for (size_t i = 0; i < it->count; i++)
        if (it->asked[i].err == TROUPE_LATER && it->late && err) it->asked[i].err = TROUPE_TIMEOUT;
    return err;
}

/* What came of one of them; with the last one that counts, what came of all. */
static troupe_err hear(troupe_self *self, void *state, uint64_t tag, troupe_err err,
                       troupe_msg **answer) {
    tr_part *part = tr_request_part(self);
    if (!part) return TROUPE_OK; /* its supervisor has given it up */
    tr_gather *it = part->of;
    troupe *rt = self->rt;
    it->asked[part->nth].err = err;
    it->asked[part->nth].answer = *answer;
    *answer = NULL;
    it->waiting--;
    it->answered += !err;
    it->late = it->late || err == TROUPE_TIMEOUT;
    err = TROUPE_OK;
    if (is_over(it)) {
        tr_requests_cancel(self, it);
        const troupe_err how = result(it);
        err = it->then(self, state, tag, how, it->asked, it->count);
    }
    leave(rt, it);
    return err;
}

/* Asks each. What could not be asked is known at once. */
static void scatter(troupe_self *self, tr_gather *it, troupe_msg **msg, unsigned ms) {
    troupe *rt = self->rt;
    for (size_t i = 0; i < it->count; i++) {
        troupe_msg *share;
        troupe_err err = tr_msg_share(&rt->pool, msg, &share);
        (void)tr_add32_seq(&it->uses, 1);
        if (!err)
            err =
                tr_request_ask_part(self, it->asked[i].to, &share, ms, it->tag, hear, &it->part[i]);
        else
            tr_gather_leave(rt, &it->part[i]);
        it->waiting += !err;
        if (err) it->asked[i].err = err;
        troupe_drop(&share);
    }
}

troupe_err troupe_gather(troupe_self *self, const troupe_ref *who, size_t count, troupe_msg **msg,
                         size_t want, unsigned timeout_ms, uint64_t tag, troupe_gathered *then) {
    troupe *rt = self->rt;
    if (!*msg || !count || want > count || !timeout_ms || !then) return TROUPE_INVALID;
    tr_gather *it = make(rt, who, count);
    if (!it) return TROUPE_NOMEM;
    it->want = want;
    it->tag = tag;
    it->then = then;
    scatter(self, it, msg, timeout_ms);
    troupe_err err = TROUPE_OK;
    if (is_over(it)) { /* it can't succeed any more: nothing has come of those that were asked */
        for (size_t i = 0; i < count && (!err || err == TROUPE_LATER); i++) err = it->asked[i].err;
        tr_requests_cancel(self, it);
    } else {
        troupe_drop(msg);
    }
    leave(rt, it);
    return err;
}
