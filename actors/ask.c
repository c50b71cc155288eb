#include "actors/ask.h"

#include <troupe/gather.h>

#include "actors/actor.h"
#include "actors/parcel.h"
#include "actors/request.h"
#include "actors/send.h"
#include "actors/shutdown.h"
#include "base/check.h"
#include "base/heap.h"
#include "serial/share.h"

/* One waiting thread; on its stack. Guarded by the asks' lock. */
typedef struct tr_asking {
    tr_cond settled;
    tr_wait wait;
} tr_asking;

void tr_asks_init(tr_asks *asks, troupe *rt, const troupe_heap *heap) {
    asks->rt = rt;
    asks->asked = 0;
    tr_mutex_init(&asks->lock);
    tr_map_init(&asks->by_id, heap);
    tr_waits_init(&asks->waits, heap);
    tr_map_init(&asks->by_actor, heap);
}

void tr_asks_fini(tr_asks *asks) {
    tr_map_fini(&asks->by_actor);
    tr_waits_fini(&asks->waits);
    tr_map_fini(&asks->by_id);
    tr_mutex_fini(&asks->lock);
}

static uint64_t id_of(uint64_t number) {
    const uint64_t places = UINT32_MAX - TR_PLACE_ASKS + UINT64_C(1);
    return (number / places) << 32 | (TR_PLACE_ASKS + number % places);
}

bool tr_ask_enter(tr_asks *asks, tr_asker *asker) {
    asker->why = TROUPE_LATER;
    asker->id = id_of(asks->asked++);
    return tr_map_add(&asks->by_id, asker->id, &asker->by_id);
}

/* Settles an asker that still waits, under the lock. What an actor is to hear goes to `arrived`,
 * and is to be sent without it. */
static void settle(tr_asks *asks, tr_asker *asker, troupe_msg *answer, troupe_err why,
                   tr_fifo *arrived) {
    asker->answer = answer;
    asker->why = why;
    if (!asker->of) {
        tr_map_remove(&asks->by_id, &asker->by_id);
        tr_fifo_put(arrived, tr_request_link(asker));
        return;
    }
    tr_waits_settle(&asker->edge, !why);
    tr_cond_wake(&asker->of->settled);
}

tr_asker *tr_ask_find(tr_asks *asks, uint64_t id) {
    tr_map_entry *entry = tr_map_find(&asks->by_id, id);
    tr_asker *asker = entry ? TR_OWNER(entry, tr_asker, by_id) : NULL;
    return asker && asker->why == TROUPE_LATER ? asker : NULL;
}

troupe_err tr_ask_answer(tr_asks *asks, uint64_t id, troupe_ref from, troupe_msg **msg) {
    tr_fifo arrived = {NULL, NULL};
    tr_lock(&asks->lock);
    tr_asker *asker = tr_ask_find(asks, id);
    if (asker && asker->of)
        tr_account_add(&asks->rt->accounts.answers); /* an actor's is counted as it is received */
    else if (asker)
        tr_request_sign(asks->rt, *msg, from);
    if (asker) {
        settle(asks, asker, *msg, TROUPE_OK, &arrived);
        *msg = NULL;
    }
    tr_unlock(&asks->lock);
    tr_requests_send(asks->rt, &arrived);
    return asker ? TROUPE_OK : TROUPE_GONE;
}

void tr_ask_fail(tr_asks *asks, uint64_t id, troupe_err why) {
    tr_fifo arrived = {NULL, NULL};
    tr_lock(&asks->lock);
    tr_asker *asker = tr_ask_find(asks, id);
    if (asker) settle(asks, asker, NULL, why, &arrived);
    tr_unlock(&asks->lock);
    tr_requests_send(asks->rt, &arrived);
}

bool tr_asks_wait(tr_asks *asks) {
    tr_lock(&asks->lock);
    bool wait = asks->by_id.count > 0;
    tr_unlock(&asks->lock);
    return wait;
}

void tr_ask_redirect(tr_asks *asks, uint64_t id, troupe_ref to) {
    tr_lock(&asks->lock);
    tr_asker *asker = tr_ask_find(asks, id);
    if (asker) asker->to = to;
    if (asker && asker->of) tr_waits_leave(&asker->edge, (tr_aim){to, TROUPE_WAIT_ANSWER});
    tr_unlock(&asks->lock);
}

void tr_ask_redirected(tr_asks *asks, uint64_t id) {
    tr_lock(&asks->lock);
    tr_asker *asker = tr_ask_find(asks, id);
    if (asker && asker->of) tr_waits_moved(&asker->edge);
    tr_unlock(&asks->lock);
}

void tr_ask_returned(tr_asks *asks, uint64_t id, troupe_ref to) {
    tr_lock(&asks->lock);
    tr_asker *asker = tr_ask_find(asks, id);
    if (asker) asker->to = to;
    if (asker && asker->of) {
        tr_waits_move(&asker->edge, (tr_aim){to, TROUPE_WAIT_ANSWER});
        tr_waits_moved(&asker->edge);
    }
    tr_unlock(&asks->lock);
}

void tr_ask_aim(tr_asks *asks, uint64_t id, tr_aim aim) {
    tr_lock(&asks->lock);
    tr_asker *asker = tr_ask_find(asks, id);
    if (asker && asker->of) tr_waits_move(&asker->edge, aim);
    tr_unlock(&asks->lock);
}

void tr_asks_end(tr_asks *asks) {
    tr_lock(&asks->lock);
    tr_waits_end(&asks->waits);
    tr_unlock(&asks->lock);
}

/* A node that is lost, and what actors are to hear. */
typedef struct tr_loss {
    tr_asks *asks;
    uint64_t node;
    tr_fifo arrived;
} tr_loss;

static void fail_if_there(void *ctx, tr_map_entry *entry) {
    tr_loss *loss = ctx;
    tr_asker *asker = TR_OWNER(entry, tr_asker, by_id);
    if (asker->to.node == loss->node && asker->why == TROUPE_LATER)
        settle(loss->asks, asker, NULL, TROUPE_NOCONNECTION, &loss->arrived);
}

void tr_ask_node_lost(tr_asks *asks, uint64_t node) {
    tr_loss loss = {.asks = asks, .node = node};
    tr_lock(&asks->lock);
    tr_map_each(&asks->by_id, fail_if_there, &loss);
    tr_unlock(&asks->lock);
    tr_requests_send(asks->rt, &loss.arrived);
}

/* --- Asking ----------------------------------------------------------------------------------- */

/* Takes askers that were made out of the register, under the lock. */
static void remove_askers(tr_asks *asks, tr_asker *asker, size_t count) {
    for (size_t i = 0; i < count; i++) tr_map_remove(&asks->by_id, &asker[i].by_id);
    tr_store32_relaxed(&asks->open, (uint32_t)asks->by_id.count);
}

/* Makes askers of a thread, each of which waits for `aim`, or whom it asks if that is NULL. False:
 * no memory, and there are none. */
static bool open_askers(troupe *rt, tr_asking *asking, tr_asker *asker, size_t count, size_t want,
                        const tr_aim *aim) {
    tr_asks *asks = &rt->asks;
    size_t n = 0;
    tr_cond_init(&asking->settled);
    tr_lock(&asks->lock);
    bool opened = tr_waits_open(rt, &asking->wait, &asking->settled);
    asking->wait.want = want;
    for (; opened && n < count; n++) {
        const tr_aim answer = {asker[n].to, TROUPE_WAIT_ANSWER};
        asker[n].of = asking;
        if (!tr_ask_enter(asks, &asker[n])) break;
        tr_waits_add(&asking->wait, &asker[n].edge, asker[n].id, aim ? *aim : answer);
    }
    bool ok = opened && n == count;
    if (!ok) remove_askers(asks, asker, n);
    if (!ok && opened) tr_waits_close(&asks->waits, &asking->wait);
    tr_store32_relaxed(&asks->open, (uint32_t)asks->by_id.count);
    tr_unlock(&asks->lock);
    if (!ok) tr_cond_fini(&asking->settled);
    return ok;
}

/* From here on no answer comes to them. */
static void close_askers(troupe *rt, tr_asking *asking, tr_asker *asker, size_t count) {
    tr_lock(&rt->asks.lock);
    remove_askers(&rt->asks, asker, count);
    tr_waits_close(&rt->asks.waits, &asking->wait);
    tr_unlock(&rt->asks.lock);
    tr_cond_fini(&asking->settled);
}

static troupe_err send_ask(troupe *rt, const tr_asker *asker, const troupe_delivery *how,
                           troupe_msg **msg) {
    const troupe_ref from = {rt->node, asker->id};
    troupe_err err = tr_parcel_send(rt, from, asker->to, TR_SEND_ASK, how, msg);
    return err == TROUPE_GONE ? tr_send_ended(rt, asker->to) : err;
}

/* What an asker comes to that has not heard by the end of the wait. */
static troupe_err unheard(const tr_wait *wait) {
    return wait->ended ? wait->ended : TROUPE_TIMEOUT;
}

static troupe_err ask_by(troupe *rt, tr_asker *asker, const tr_aim *aim, const tr_ask_by *by,
                         const troupe_delivery *how, troupe_msg **msg, unsigned timeout_ms) {
    if (!tr_waits_allowed(rt)) return TROUPE_INVALID;
    tr_asking asking;
    troupe_ref to = asker->to;
    if (!open_askers(rt, &asking, asker, 1, 1, aim)) return TROUPE_NOMEM;
    troupe_err err = by ? by->send(by->ctx, (troupe_ref){rt->node, asker->id}, msg, &to)
                        : send_ask(rt, asker, how, msg);
    if (!err && by) tr_ask_aim(&rt->asks, asker->id, (tr_aim){to, TROUPE_WAIT_ANSWER});
    if (!err)
        tr_waits_sleep(rt, &asking.wait, tr_after_ms(tr_runtime_clock(rt), timeout_ms));
    else
        tr_account_add(&rt->accounts.returned);
    close_askers(rt, &asking, asker, 1);
    if (err) return err;
    *msg = asker->answer;
    return asker->why == TROUPE_LATER ? unheard(&asking.wait) : asker->why;
}

static troupe_err ask(troupe *rt, troupe_ref to, const tr_aim *aim, const troupe_delivery *how,
                      troupe_msg **msg, unsigned timeout_ms) {
    tr_asker asker = {.to = to};
    return ask_by(rt, &asker, aim, NULL, how, msg, timeout_ms);
}

troupe_err tr_ask_wait(troupe *rt, troupe_ref to, troupe_msg **msg, unsigned timeout_ms) {
    return ask(rt, to, NULL, NULL, msg, timeout_ms);
}

static troupe_err refuse(troupe *rt) {
    tr_account_add(&rt->accounts.returned);
    return TROUPE_QUIESCED;
}

troupe_err tr_ask_for(troupe *rt, troupe_ref to, tr_aim aim, troupe_msg **msg,
                      unsigned timeout_ms) {
    return tr_shutdown_refuses(rt) ? refuse(rt) : ask(rt, to, &aim, NULL, msg, timeout_ms);
}

troupe_err tr_ask_way(troupe *rt, tr_ask_by by, troupe_msg **msg, unsigned timeout_ms) {
    tr_asker asker = {.to = TROUPE_NOBODY};
    return tr_shutdown_refuses(rt) ? refuse(rt)
                                   : ask_by(rt, &asker, NULL, &by, NULL, msg, timeout_ms);
}

troupe_err troupe_ask(troupe *rt, troupe_ref to, troupe_msg **msg, unsigned timeout_ms) {
    return tr_shutdown_refuses(rt) ? refuse(rt) : ask(rt, to, NULL, NULL, msg, timeout_ms);
}

troupe_err troupe_ask_with(troupe *rt, troupe_ref to, troupe_msg **msg, const troupe_delivery *how,
                           unsigned timeout_ms) {
    return tr_shutdown_refuses(rt) ? refuse(rt) : ask(rt, to, NULL, how, msg, timeout_ms);
}

/* --- Asking many ------------------------------------------------------------------------------ */

/* Asks all. False: nobody was, for want of memory. */
static bool scatter(troupe *rt, tr_asker *asker, size_t count, troupe_msg **msg) {
    size_t starved = 0;
    for (size_t i = 0; i < count; i++) {
        troupe_msg *share;
        troupe_err err = tr_msg_share(&rt->pool, msg, &share);
        starved += err == TROUPE_NOMEM;
        if (!err) err = send_ask(rt, &asker[i], NULL, &share);
        if (err) tr_ask_fail(&rt->asks, asker[i].id, err);
        troupe_drop(&share);
    }
    return starved < count;
}

/* Writes down how it went, once nothing can change it. */
static troupe_err result(const tr_wait *wait, const tr_asker *asker, troupe_asked *asked,
                         size_t count) {
    bool over = tr_wait_settled(wait);
    for (size_t i = 0; i < count; i++) {
        asked[i].answer = asker[i].answer;
        asked[i].err = asker[i].why == TROUPE_LATER && !over ? unheard(wait) : asker[i].why;
    }
    if (!over) return unheard(wait);
    return wait->answered >= wait->want ? TROUPE_OK : TROUPE_FAILED;
}

troupe_err troupe_ask_many(troupe *rt, troupe_asked *asked, size_t count, troupe_msg **msg,
                           size_t want, unsigned timeout_ms) {
    if (!*msg || !count || want > count || !tr_waits_allowed(rt)) return TROUPE_INVALID;
    if (count > SIZE_MAX / sizeof(tr_asker)) return TROUPE_NOMEM;
    const uint64_t deadline = tr_after_ms(tr_runtime_clock(rt), timeout_ms);
    tr_asking asking;
    tr_asker *asker = tr_take_zero(rt->heap, count * sizeof *asker);
    if (!asker) return TROUPE_NOMEM;
    for (size_t i = 0; i < count; i++) asker[i].to = asked[i].to;
    troupe_err err = TROUPE_NOMEM;
    if (open_askers(rt, &asking, asker, count, want, NULL)) {
        bool sent = scatter(rt, asker, count, msg);
        if (sent) tr_waits_sleep(rt, &asking.wait, deadline);
        close_askers(rt, &asking, asker, count);
        if (sent) {
            err = result(&asking.wait, asker, asked, count);
            troupe_drop(msg);
        }
    }
    tr_give(rt->heap, asker, count * sizeof *asker);
    return err;
}
