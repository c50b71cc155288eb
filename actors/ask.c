#include "actors/ask.h"

#include <troupe/gather.h>

#include "actors/actor.h"
#include "actors/send.h"
#include "actors/shutdown.h"
#include "base/check.h"
#include "base/heap.h"
#include "serial/share.h"

/* One waiting thread; on its stack. Guarded by the asks' lock. */
typedef struct tr_asking {
    tr_cond settled;
    size_t waiting, answered; /* of its askers */
} tr_asking;

/* One that it has asked. All but `id` and `to` is guarded by the asks' lock. */
typedef struct tr_asker {
    tr_map_entry by_id;
    uint64_t id;
    troupe_ref to;
    tr_asking *of;
    troupe_msg *answer;
    troupe_err why; /* LATER: still waiting */
} tr_asker;

void tr_asks_init(tr_asks *asks, const troupe_heap *heap) {
    asks->asked = 0;
    tr_mutex_init(&asks->lock);
    tr_map_init(&asks->by_id, heap);
}

void tr_asks_fini(tr_asks *asks) {
    tr_map_fini(&asks->by_id);
    tr_mutex_fini(&asks->lock);
}

static uint64_t id_of(uint64_t number) {
    const uint64_t places = UINT32_MAX - TR_PLACE_ASKS + UINT64_C(1);
    return (number / places) << 32 | (TR_PLACE_ASKS + number % places);
}

/* Settles an asker that still waits, under the lock. */
static void settle(tr_asker *asker, troupe_msg *answer, troupe_err why) {
    asker->answer = answer;
    asker->why = why;
    asker->of->waiting--;
    asker->of->answered += !why;
    tr_cond_wake(&asker->of->settled);
}

static tr_asker *find_waiting(tr_asks *asks, uint64_t id) {
    tr_map_entry *entry = tr_map_find(&asks->by_id, id);
    tr_asker *asker = entry ? TR_OWNER(entry, tr_asker, by_id) : NULL;
    return asker && asker->why == TROUPE_LATER ? asker : NULL;
}

troupe_err tr_ask_answer(tr_asks *asks, uint64_t id, troupe_msg **msg) {
    tr_lock(&asks->lock);
    tr_asker *asker = find_waiting(asks, id);
    if (asker) {
        settle(asker, *msg, TROUPE_OK);
        *msg = NULL;
    }
    tr_unlock(&asks->lock);
    return asker ? TROUPE_OK : TROUPE_GONE;
}

void tr_ask_fail(tr_asks *asks, uint64_t id, troupe_err why) {
    tr_lock(&asks->lock);
    tr_asker *asker = find_waiting(asks, id);
    if (asker) settle(asker, NULL, why);
    tr_unlock(&asks->lock);
}

bool tr_asks_wait(tr_asks *asks) {
    tr_lock(&asks->lock);
    bool wait = asks->by_id.count > 0;
    tr_unlock(&asks->lock);
    return wait;
}

static void fail_if_there(void *node, tr_map_entry *entry) {
    tr_asker *asker = TR_OWNER(entry, tr_asker, by_id);
    if (asker->to.node == *(uint64_t *)node && asker->why == TROUPE_LATER)
        settle(asker, NULL, TROUPE_NOCONNECTION);
}

void tr_ask_node_lost(tr_asks *asks, uint64_t node) {
    tr_lock(&asks->lock);
    tr_map_each(&asks->by_id, fail_if_there, &node);
    tr_unlock(&asks->lock);
}

/* --- Asking ----------------------------------------------------------------------------------- */

/* Whether there is nothing more to wait for; `want` 0: until all are settled. */
static bool is_over(const tr_asking *asking, size_t want) {
    if (!want) return !asking->waiting;
    return asking->answered >= want || asking->answered + asking->waiting < want;
}

/* Waits until that is so, or the deadline passes. */
static void wait_for_answers(troupe *rt, tr_asking *asking, size_t want, uint64_t deadline) {
    tr_lock(&rt->asks.lock);
    while (!is_over(asking, want)) {
        if (rt->sched.stepped) {
            tr_unlock(&rt->asks.lock);
            bool moves = tr_runtime_advance(rt, deadline);
            tr_lock(&rt->asks.lock);
            /* Nobody else moves a stepped runtime's actors, so if none can run, none will. */
            if (!moves) break;
        } else if (!tr_cond_wait(&asking->settled, &rt->asks.lock, deadline)) {
            break;
        }
    }
    tr_unlock(&rt->asks.lock);
}

/* Makes askers of a thread. False: no memory, and there are none. */
static bool open_askers(troupe *rt, tr_asking *asking, tr_asker *asker, size_t count) {
    tr_asks *asks = &rt->asks;
    size_t n = 0;
    *asking = (tr_asking){.waiting = count};
    tr_cond_init(&asking->settled);
    tr_lock(&asks->lock);
    for (; n < count; n++) {
        asker[n].of = asking;
        asker[n].why = TROUPE_LATER;
        asker[n].id = id_of(asks->asked++);
        if (!tr_map_add(&asks->by_id, asker[n].id, &asker[n].by_id)) break;
    }
    bool ok = n == count;
    while (!ok && n > 0) tr_map_remove(&asks->by_id, &asker[--n].by_id);
    tr_unlock(&asks->lock);
    if (!ok) tr_cond_fini(&asking->settled);
    return ok;
}

/* From here on no answer comes to them. */
static void close_askers(troupe *rt, tr_asking *asking, tr_asker *asker, size_t count) {
    tr_lock(&rt->asks.lock);
    for (size_t i = 0; i < count; i++) tr_map_remove(&rt->asks.by_id, &asker[i].by_id);
    tr_unlock(&rt->asks.lock);
    tr_cond_fini(&asking->settled);
}

static troupe_err send_ask(troupe *rt, const tr_asker *asker, troupe_msg **msg) {
    return tr_send(rt, (troupe_ref){rt->node, asker->id}, asker->to, TR_SEND_ASK, msg);
}

troupe_err troupe_ask(troupe *rt, troupe_ref to, troupe_msg **msg, unsigned timeout_ms) {
    if (!tr_shutdown_refuses(rt)) return tr_ask_wait(rt, to, msg, timeout_ms);
    tr_account_add(&rt->accounts.returned);
    return TROUPE_QUIESCED;
}

troupe_err tr_ask_wait(troupe *rt, troupe_ref to, troupe_msg **msg, unsigned timeout_ms) {
    if (tr_sched_inside(&rt->sched)) return TROUPE_INVALID;
    tr_asking asking;
    tr_asker asker = {.to = to};
    if (!open_askers(rt, &asking, &asker, 1)) return TROUPE_NOMEM;
    troupe_err err = send_ask(rt, &asker, msg);
    if (!err)
        wait_for_answers(rt, &asking, 1, tr_after_ms(tr_runtime_clock(rt), timeout_ms));
    else
        tr_account_add(&rt->accounts.returned);
    close_askers(rt, &asking, &asker, 1);
    if (err) return err;
    *msg = asker.answer;
    return asker.why == TROUPE_LATER ? TROUPE_TIMEOUT : asker.why;
}

/* --- Asking many ------------------------------------------------------------------------------ */

/* Asks all. False: nobody was, for want of memory. */
static bool scatter(troupe *rt, tr_asker *asker, size_t count, troupe_msg **msg) {
    size_t starved = 0;
    for (size_t i = 0; i < count; i++) {
        troupe_msg *share;
        troupe_err err = tr_msg_share(&rt->pool, msg, &share);
        starved += err == TROUPE_NOMEM;
        if (!err) err = send_ask(rt, &asker[i], &share);
        if (err) tr_ask_fail(&rt->asks, asker[i].id, err);
        troupe_drop(&share);
    }
    return starved < count;
}

/* Writes down how it went, once nothing can change it. */
static troupe_err result(const tr_asking *asking, const tr_asker *asker, troupe_asked *asked,
                         size_t count, size_t want) {
    bool over = is_over(asking, want);
    for (size_t i = 0; i < count; i++) {
        asked[i].answer = asker[i].answer;
        asked[i].err = asker[i].why == TROUPE_LATER && !over ? TROUPE_TIMEOUT : asker[i].why;
    }
    if (!over) return TROUPE_TIMEOUT;
    return asking->answered >= want ? TROUPE_OK : TROUPE_FAILED;
}

troupe_err troupe_ask_many(troupe *rt, troupe_asked *asked, size_t count, troupe_msg **msg,
                           size_t want, unsigned timeout_ms) {
    if (!*msg || !count || want > count || tr_sched_inside(&rt->sched)) return TROUPE_INVALID;
    if (count > SIZE_MAX / sizeof(tr_asker)) return TROUPE_NOMEM;
    const uint64_t deadline = tr_after_ms(tr_runtime_clock(rt), timeout_ms);
    tr_asking asking;
    tr_asker *asker = tr_take_zero(rt->heap, count * sizeof *asker);
    if (!asker) return TROUPE_NOMEM;
    for (size_t i = 0; i < count; i++) asker[i].to = asked[i].to;
    troupe_err err = TROUPE_NOMEM;
    if (open_askers(rt, &asking, asker, count)) {
        bool sent = scatter(rt, asker, count, msg);
        if (sent) wait_for_answers(rt, &asking, want, deadline);
        close_askers(rt, &asking, asker, count);
        if (sent) {
            err = result(&asking, asker, asked, count, want);
            troupe_drop(msg);
        }
    }
    tr_give(rt->heap, asker, count * sizeof *asker);
    return err;
}
