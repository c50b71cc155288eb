/* The heap of timers, and how one is found. All under the lock of the timers. */
#include "actors/actor.h"
#include "base/heap.h"

enum { WIDTH = 4 }; /* children of a place: half the levels, and they share a cache line */

static bool before(tr_timer_due a, tr_timer_due b) {
    if (a.deadline != b.deadline) return a.deadline < b.deadline;
    return a.timer->by_id.key < b.timer->by_id.key;
}

static void set(tr_timers *timers, size_t at, tr_timer_due due) {
    timers->heap[at] = due;
    due.timer->at = at;
}

/* Finds the place of one that is due then among its parents or children, from `at` on. */
static void settle(tr_timers *timers, size_t at, tr_timer_due due) {
    for (size_t up; at > 0 && before(due, timers->heap[up = (at - 1) / WIDTH]); at = up)
        set(timers, at, timers->heap[up]);
    for (size_t first; (first = WIDTH * at + 1) < timers->count;) {
        size_t least = first, end = first + WIDTH < timers->count ? first + WIDTH : timers->count;
        for (size_t down = first + 1; down < end; down++)
            if (before(timers->heap[down], timers->heap[least])) least = down;
        if (!before(timers->heap[least], due)) break;
        set(timers, at, timers->heap[least]);
        at = least;
    }
    set(timers, at, due);
}

void tr_timer_alarm(tr_timers *timers) {
    uint64_t next = tr_timer_earliest(timers);
    if (!timers->alarm || timers->muted || next == timers->set) return;
    tr_alarm_at(timers->alarm, next);
    timers->set = next;
}

void tr_timer_put_back(tr_timers *timers, tr_timer *timer, uint64_t deadline) {
    timer->fired = false;
    settle(timers, timers->count++, (tr_timer_due){deadline, timer});
    if (timer->at == 0) tr_cond_wake(&timers->changed);
    tr_timer_alarm(timers);
}

void tr_timer_leave_heap(tr_timers *timers, tr_timer *timer) {
    tr_timer_due last = timers->heap[--timers->count];
    if (last.timer != timer) settle(timers, timer->at, last);
    tr_timer_alarm(timers);
}

/* --- Finding ---------------------------------------------------------------------------------- */

static uint64_t hash(const troupe_self *self, uint64_t key, bool silence) {
    uint64_t mixed = (key + silence) * UINT64_C(0x9E3779B97F4A7C15) ^ self->id;
    mixed *= UINT64_C(0xBF58476D1CE4E5B9);
    return mixed ^ mixed >> 32;
}

tr_timer *tr_timer_keyed(tr_timers *timers, const troupe_self *self, uint64_t key, bool silence) {
    tr_map_entry *entry = tr_map_find(&timers->by_key, hash(self, key, silence));
    for (; entry; entry = tr_map_same(entry)) {
        tr_timer *timer = TR_OWNER(entry, tr_timer, by_key);
        if (timer->owner == self && timer->key == key && !timer->silence == !silence) return timer;
    }
    return NULL;
}

/* --- In and out ------------------------------------------------------------------------------- */

bool tr_timer_put_in(tr_timers *timers, tr_timer *timer, uint64_t deadline) {
    void *heap = timers->heap;
    bool ok = tr_grow(timers->rt->heap, &heap, &timers->room, timers->by_id.count + 1,
                      sizeof *timers->heap);
    timers->heap = heap;
    if (!ok || !tr_map_add(&timers->by_id, ++timers->last_id, &timer->by_id)) return false;
    if (timer->keyed &&
        !tr_map_add(&timers->by_key, hash(timer->owner, timer->key, timer->silence != 0),
                    &timer->by_key)) {
        tr_map_remove(&timers->by_id, &timer->by_id);
        return false;
    }
    tr_list_add(&timer->owner->timers, &timer->of_owner);
    tr_timer_put_back(timers, timer, deadline);
    return true;
}

void tr_timer_take_out(tr_timers *timers, tr_timer *timer) {
    if (!timer->fired) tr_timer_leave_heap(timers, timer);
    tr_map_remove(&timers->by_id, &timer->by_id);
    if (timer->keyed) tr_map_remove(&timers->by_key, &timer->by_key);
    tr_list_remove(&timer->of_owner);
    timer->owner = NULL;
}

void tr_timer_end(tr_timers *timers, tr_timer *timer) {
    troupe_drop(&timer->msg);
    tr_give(timers->rt->heap, timer, sizeof *timer);
}
