/* Asks of plain threads: one-shot addresses that a thread waits on. An asker's id has a place from
 * TR_PLACE_ASKS on; its 60 other bits count up and never come again. */
#ifndef TR_ACTORS_ASK_H
#define TR_ACTORS_ASK_H

#include <troupe/actor.h>

#include "actors/table.h"
#include "base/check.h"
#include "base/map.h"
#include "base/os.h"

typedef struct tr_asks {
    tr_mutex lock; /* guards all below, and every asker in the map */
    tr_map by_id;
    uint64_t asked; /* so far */
} tr_asks;

/* Makes an empty register. */
void tr_asks_init(tr_asks *asks, const troupe_heap *heap);

/* Gives its memory back; nobody may be waiting. */
void tr_asks_fini(tr_asks *asks);

/* Whether an id is an asker's. */
static inline bool tr_ask_id(uint64_t id) {
    return (uint32_t)id >= TR_PLACE_ASKS;
}

/* Gives an answer to an asker. GONE: it no longer waits; the message is still the caller's. */
TR_CHECKED troupe_err tr_ask_answer(tr_asks *asks, uint64_t id, troupe_msg **msg);

/* Tells an asker of this runtime that nobody will answer; does nothing if it no longer waits. */
void tr_ask_fail(tr_asks *asks, uint64_t id, troupe_err why);

/* `troupe_ask`, also while the runtime takes no new work. */
TR_CHECKED troupe_err tr_ask_wait(troupe *rt, troupe_ref to, troupe_msg **msg, unsigned timeout_ms);

/* Whether somebody waits for an answer. */
bool tr_asks_wait(tr_asks *asks);

/* Fails all asks that wait for an actor of that node. */
void tr_ask_node_lost(tr_asks *asks, uint64_t node);

#endif
