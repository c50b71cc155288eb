#include "actors/ask.h"

#include "actors/actor.h"
#include "actors/send.h"
#include "actors/shutdown.h"
#include "base/check.h"

/* One waiting thread; on its stack. All but `id` and `to` is guarded by the asks' lock. */
typedef struct tr_asker {
    tr_map_entry by_id;
    uint64_t id;
    troupe_ref to;
    tr_cond answered;
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
    tr_cond_wake(&asker->answered);
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

/* Waits until the asker is settled or the deadline passes. */
static void wait_for_answer(troupe *rt, tr_asker *asker, uint64_t deadline) {
    tr_lock(&rt->asks.lock);
    while (asker->why == TROUPE_LATER) {
        if (rt->sched.stepped) {
            tr_unlock(&rt->asks.lock);
            bool moves = tr_runtime_advance(rt, deadline);
            tr_lock(&rt->asks.lock);
            /* Nobody else moves a stepped runtime's actors, so if none can run, none will. */
            if (!moves) break;
        } else if (!tr_cond_wait(&asker->answered, &rt->asks.lock, deadline)) {
            break;
        }
    }
    tr_map_remove(&rt->asks.by_id, &asker->by_id);
    tr_unlock(&rt->asks.lock);
}

troupe_err troupe_ask(troupe *rt, troupe_ref to, troupe_msg **msg, unsigned timeout_ms) {
    if (!tr_shutdown_refuses(rt)) return tr_ask_wait(rt, to, msg, timeout_ms);
    tr_account_add(&rt->accounts.returned);
    return TROUPE_QUIESCED;
}

troupe_err tr_ask_wait(troupe *rt, troupe_ref to, troupe_msg **msg, unsigned timeout_ms) {
    if (tr_sched_inside(&rt->sched)) return TROUPE_INVALID;
    tr_asker asker = {.to = to, .why = TROUPE_LATER};
    tr_cond_init(&asker.answered);
    tr_lock(&rt->asks.lock);
    asker.id = id_of(rt->asks.asked++);
    bool ok = tr_map_add(&rt->asks.by_id, asker.id, &asker.by_id);
    tr_unlock(&rt->asks.lock);

    troupe_err err =
        ok ? tr_send(rt, (troupe_ref){rt->node, asker.id}, to, TR_SEND_ASK, msg) : TROUPE_NOMEM;
    if (!err) {
        wait_for_answer(rt, &asker, tr_after_ms(tr_runtime_clock(rt), timeout_ms));
        err = asker.why == TROUPE_LATER ? TROUPE_TIMEOUT : asker.why;
        *msg = asker.answer;
    } else if (ok) {
        tr_account_add(&rt->accounts.returned);
        tr_lock(&rt->asks.lock);
        tr_map_remove(&rt->asks.by_id, &asker.by_id);
        tr_unlock(&rt->asks.lock);
    }
    tr_cond_fini(&asker.answered);
    return err;
}
