#include "actors/timer.h"

#include "actors/actor.h"
#include "actors/send.h"
#include "actors/stamp.h"
#include "base/check.h"
#include "base/heap.h"

struct tr_timer {
    tr_map_entry by_id;
    tr_list of_owner;
    uint64_t deadline, id;
    size_t at; /* in the heap */
    troupe_self *owner;
    troupe_ref to;
    troupe_msg *msg;
};

void tr_timers_init(tr_timers *timers, troupe *rt) {
    *timers = (tr_timers){.rt = rt};
    tr_mutex_init(&timers->lock);
    tr_cond_init(&timers->changed);
    tr_map_init(&timers->by_id, rt->heap);
}

static bool before(const tr_timer *a, const tr_timer *b) {
    return a->deadline != b->deadline ? a->deadline < b->deadline : a->id < b->id;
}

static void set(tr_timers *timers, size_t at, tr_timer *timer) {
    timers->heap[at] = timer;
    timer->at = at;
}

/* Moves a timer to its place among its parents or children. */
static void settle(tr_timers *timers, tr_timer *timer) {
    size_t at = timer->at;
    for (size_t up; at > 0 && before(timer, timers->heap[up = (at - 1) / 2]); at = up)
        set(timers, at, timers->heap[up]);
    for (size_t down; (down = 2 * at + 1) < timers->count; at = down) {
        if (down + 1 < timers->count && before(timers->heap[down + 1], timers->heap[down])) down++;
        if (!before(timers->heap[down], timer)) break;
        set(timers, at, timers->heap[down]);
    }
    set(timers, at, timer);
}

static uint64_t earliest(const tr_timers *timers) {
    return timers->count ? timers->heap[0]->deadline : TR_NEVER;
}

/* Has the alarm say what is true, under the lock. */
static void follow(tr_timers *timers) {
    uint64_t next = earliest(timers);
    if (!timers->alarm || timers->muted || next == timers->set) return;
    tr_alarm_at(timers->alarm, next);
    timers->set = next;
}

/* Takes a timer out, under the lock; the caller owns it then. */
static void take_out(tr_timers *timers, tr_timer *timer) {
    tr_timer *last = timers->heap[--timers->count];
    if (last != timer) {
        set(timers, timer->at, last);
        settle(timers, last);
    }
    tr_map_remove(&timers->by_id, &timer->by_id);
    tr_list_remove(&timer->of_owner);
    follow(timers);
}

static void end(tr_timers *timers, tr_timer *timer) {
    troupe_drop(&timer->msg);
    tr_give(timers->rt->heap, timer, sizeof *timer);
}

bool tr_timers_fire(tr_timers *timers) {
    troupe *rt = timers->rt;
    uint64_t now = troupe_now(rt);
    tr_stamp_tick(&rt->sched, now); /* who steps a runtime comes by here at each step */
    tr_lock(&timers->lock);
    tr_timer *timer = timers->count ? timers->heap[0] : NULL;
    if (!timer || timer->deadline > now) {
        tr_unlock(&timers->lock);
        return false;
    }
    bool own = troupe_same(timer->to, tr_actor_ref(timer->owner));
    take_out(timers, timer);
    tr_unlock(&timers->lock);
    troupe_err err = tr_send(rt, TROUPE_NOBODY, timer->to, own ? TR_SEND_FREE : 0, &timer->msg);
    if (err)
        tr_dead_letter(rt, timer->to, &timer->msg, TR_DEAD_OUTSIDE, tr_dead_reason(timer->to, err),
                       err);
    end(timers, timer);
    return true;
}

uint64_t tr_timers_next(tr_timers *timers) {
    tr_lock(&timers->lock);
    uint64_t next = earliest(timers);
    tr_unlock(&timers->lock);
    return next;
}

void tr_timers_follow(tr_timers *timers, tr_alarm *alarm) {
    tr_lock(&timers->lock);
    timers->alarm = alarm;
    timers->set = TR_NEVER;
    tr_unlock(&timers->lock);
}

void tr_timers_mute(tr_timers *timers) {
    tr_lock(&timers->lock);
    timers->muted = true;
    tr_unlock(&timers->lock);
}

bool tr_timers_settle(tr_timers *timers) {
    tr_lock(&timers->lock);
    timers->muted = false;
    follow(timers);
    uint64_t next = earliest(timers);
    tr_unlock(&timers->lock);
    return next <= troupe_now(timers->rt);
}

uint64_t tr_timers_last(tr_timers *timers) {
    tr_lock(&timers->lock);
    uint64_t last = timers->last_id;
    tr_unlock(&timers->lock);
    return last;
}

bool tr_timers_due(tr_timers *timers, uint64_t last, uint64_t until) {
    bool due = false;
    tr_lock(&timers->lock);
    for (size_t i = 0; i < timers->count && !due; i++)
        due = timers->heap[i]->id <= last && timers->heap[i]->deadline <= until;
    tr_unlock(&timers->lock);
    return due;
}

static void *wait_and_fire(void *arg) {
    tr_timers *timers = arg;
    tr_lock(&timers->lock);
    while (!timers->over) {
        uint64_t next = earliest(timers);
        if (next <= tr_clock()) {
            tr_unlock(&timers->lock);
            while (tr_timers_fire(timers)) {
            }
            tr_lock(&timers->lock);
        } else {
            (void)tr_cond_wait(&timers->changed, &timers->lock, next);
        }
    }
    tr_unlock(&timers->lock);
    return NULL;
}

troupe_err tr_timers_start(tr_timers *timers) {
    timers->has_thread = tr_thread_start(&timers->thread, "troupe:timers", wait_and_fire, timers);
    return timers->has_thread ? TROUPE_OK : TROUPE_SYSTEM;
}

void tr_timers_end(tr_timers *timers) {
    if (!timers->has_thread) return;
    tr_lock(&timers->lock);
    timers->over = true;
    tr_cond_wake(&timers->changed);
    tr_unlock(&timers->lock);
    tr_thread_join(&timers->thread);
    timers->has_thread = false;
}

void tr_timers_fini(tr_timers *timers) {
    while (timers->count) {
        tr_timer *timer = timers->heap[0];
        take_out(timers, timer);
        end(timers, timer);
    }
    tr_give(timers->rt->heap, timers->heap, timers->room * sizeof *timers->heap);
    tr_map_fini(&timers->by_id);
    tr_cond_fini(&timers->changed);
    tr_mutex_fini(&timers->lock);
}

void tr_timers_forget(tr_timers *timers, troupe_self *self) {
    tr_lock(&timers->lock);
    while (!tr_list_empty(&self->timers)) {
        tr_timer *timer = TR_OWNER(self->timers.next, tr_timer, of_owner);
        take_out(timers, timer);
        end(timers, timer);
    }
    tr_unlock(&timers->lock);
}

/* Puts a timer in, under the lock. False: no memory. */
static bool put_in(tr_timers *timers, tr_timer *timer) {
    void *heap = timers->heap;
    bool ok =
        tr_grow(timers->rt->heap, &heap, &timers->room, timers->count + 1, sizeof *timers->heap);
    timers->heap = heap;
    if (!ok || !tr_map_add(&timers->by_id, timer->id, &timer->by_id)) return false;
    set(timers, timers->count++, timer);
    settle(timers, timer);
    tr_list_add(&timer->owner->timers, &timer->of_owner);
    if (timer->at == 0) tr_cond_wake(&timers->changed);
    follow(timers);
    return true;
}

troupe_err troupe_send_after(troupe_self *self, unsigned ms, troupe_ref to, troupe_msg **msg,
                             troupe_timer *out) {
    tr_timers *timers = &self->rt->timers;
    if (!*msg || (to.node != self->rt->node && to.node != 0)) return TROUPE_INVALID;
    tr_timer *timer = tr_take_zero(self->rt->heap, sizeof *timer);
    if (!timer) return TROUPE_NOMEM;
    timer->deadline = tr_after_ms(troupe_now(self->rt), ms);
    self->has_timers = true;
    timer->owner = self;
    timer->to = to;
    timer->msg = *msg;
    tr_list_init(&timer->of_owner);
    tr_lock(&timers->lock);
    timer->id = ++timers->last_id;
    uint64_t id = timer->id;
    bool ok = put_in(timers, timer);
    tr_unlock(&timers->lock);
    if (!ok) {
        tr_give(self->rt->heap, timer, sizeof *timer);
        return TROUPE_NOMEM;
    }
    *msg = NULL;
    if (out) out->id = id;
    return TROUPE_OK;
}

troupe_err troupe_cancel(troupe_self *self, troupe_timer wanted) {
    tr_timers *timers = &self->rt->timers;
    tr_lock(&timers->lock);
    tr_map_entry *entry = tr_map_find(&timers->by_id, wanted.id);
    tr_timer *timer = entry ? TR_OWNER(entry, tr_timer, by_id) : NULL;
    bool mine = timer && timer->owner == self;
    if (mine) take_out(timers, timer);
    tr_unlock(&timers->lock);
    if (!mine) return TROUPE_NOTFOUND;
    end(timers, timer);
    return TROUPE_OK;
}
