/* What tests of waits look for. */
#ifndef TROUPE_TEST_WAITS_SCENE_H
#define TROUPE_TEST_WAITS_SCENE_H

#include <sched.h>

#include "actors/runtime.h"
#include "test/support/stage.h"

/* Waits until so many actors wait, and have looked; or a deadlock is told. */
static inline void await_looks(size_t count) {
    tr_asks *asks = &stage_rt()->asks;
    for (size_t looked = 0; looked != count && !stage_logged("deadlock"); sched_yield()) {
        looked = 0;
        tr_lock(&asks->lock);
        tr_list *all = &asks->waits.suspended;
        for (tr_list *at = all->next; at != all; at = at->next) {
            const tr_wait *wait = TR_OWNER(at, tr_wait, suspended);
            looked += wait->placed && !wait->look;
        }
        tr_unlock(&asks->lock);
    }
}

#endif
