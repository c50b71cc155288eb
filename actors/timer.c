#include "actors/timer.h"

#include "actors/actor.h"
#include "actors/send.h"
#include "actors/stamp.h"
#include "base/check.h"
#include "base/heap.h"
#include "serial/share.h"

const troupe_type tr_timer_type = TROUPE_SIGNAL_TYPE("timer");

void tr_timers_init(tr_timers *timers, troupe *rt) {
    *timers = (tr_timers){.rt = rt};
    tr_mutex_init(&timers->lock);
    tr_cond_init(&timers->changed);
    tr_map_init(&timers->by_id, rt->heap);
    tr_map_init(&timers->by_key, rt->heap);
    tr_list_init(&timers->voids);
}

_Static_assert(offsetof(tr_timer, signal) == sizeof(troupe_msg), "see tr_signal_of");

static tr_timer *timer_of(troupe_msg *envelope) {
    return TR_OWNER(envelope, tr_timer, envelope);
}

/* --- What it is due for ----------------------------------------------------------------------- */

/* How often a receive time-out is looked at: so much later than it says it may come. */
static uint64_t glance(const tr_timer *timer) {
    uint64_t part = timer->silence / 8;
    return part > TR_MS ? part : TR_MS;
}

/* Starts a receive time-out anew, when its owner will have handled so many. */
static void listen(tr_timers *timers, tr_timer *timer, uint64_t handled, uint64_t now) {
    timer->seen = handled;
    timer->since = now;
    uint64_t next = glance(timer) < timer->silence ? glance(timer) : timer->silence;
    tr_timer_put_back(timers, timer, now + next);
}

/* Whether its owner has been silent for long enough; else it is set for the next look. */
static bool is_silence(tr_timers *timers, tr_timer *timer, uint64_t now) {
    uint64_t handled = tr_load64_relaxed(&timer->owner->handled);
    if (handled != timer->seen) {
        listen(timers, timer, handled, now);
        return false;
    }
    uint64_t end = timer->since + timer->silence, next = now + glance(timer);
    if (end <= now) return true;
    tr_timer_put_back(timers, timer, end < next ? end : next);
    return false;
}

/* Sets a periodic one again, on its grid: what it has missed is one with what comes next. */
static void set_next(tr_timers *timers, tr_timer *timer, uint64_t now) {
    uint64_t last = timer->since;
    uint64_t missed = now > last ? (now - last) / timer->period : 0;
    timer->since = last + (missed + 1) * timer->period;
    tr_timer_put_back(timers, timer, timer->since);
}

/* --- Firing ----------------------------------------------------------------------------------- */

/* Makes its message one that nobody has sent, of a receiver of that generation. */
static void stamp(const tr_timer *timer, troupe_msg *msg, uint32_t generation) {
    const uint32_t how = TR_MSG_COUNTED | TR_MSG_ASK | TR_MSG_FOREIGN | TR_MSG_STAMP_MASK;
    const uint32_t kept = TR_MSG_COUNTED | TR_MSG_STAMP_MASK; /* of the envelope */
    msg->sender = 0;
    msg->generation = generation;
    msg->flags = (msg->flags & ~how) | (timer->envelope.flags & kept);
}

/* Whom it is for. */
static troupe_ref target(const troupe *rt, const tr_timer *timer) {
    return (troupe_ref){timer->signal.to ? rt->node : 0, timer->signal.to};
}

/* It was refused. By who has its envelope. */
static void refused(tr_timers *timers, tr_timer *timer, troupe_err err) {
    troupe *rt = timers->rt;
    tr_lock(&timers->lock);
    bool again = timer->owner && timer->period && err == TROUPE_FULL;
    bool is_void = !timer->owner;
    if (again)
        set_next(timers, timer, troupe_now(rt));
    else if (is_void)
        tr_list_remove(&timer->of_owner);
    else
        tr_timer_take_out(timers, timer);
    tr_unlock(&timers->lock);
    if (again) return;
    if (!is_void) {
        stamp(timer, timer->msg, 0);
        troupe_ref to = target(rt, timer);
        tr_dead_letter(rt, to, &timer->msg, TR_DEAD_OUTSIDE, tr_dead_reason(to, err), err);
    }
    tr_timer_end(timers, timer);
}

/* Sends it to an asker, whose answer it is; or to nobody. Without a message: its time is over. */
static void answer(tr_timers *timers, tr_timer *timer) {
    troupe *rt = timers->rt;
    troupe_ref to = target(rt, timer);
    troupe_err err = TROUPE_OK;
    if (timer->msg)
        err = tr_send(rt, TROUPE_NOBODY, to, 0, &timer->msg);
    else
        tr_ask_fail(&rt->asks, to.id, TROUPE_TIMEOUT);
    if (err) tr_dead_letter(rt, to, &timer->msg, TR_DEAD_OUTSIDE, tr_dead_reason(to, err), err);
    tr_timer_end(timers, timer);
}

bool tr_timers_fire(tr_timers *timers) {
    troupe *rt = timers->rt;
    uint64_t now = troupe_now(rt);
    tr_stamp_tick(&rt->sched, now); /* who steps a runtime comes by here at each step */
    tr_lock(&timers->lock);
    tr_timer *timer = timers->count ? timers->heap[0].timer : NULL;
    if (!timer || timers->heap[0].deadline > now) {
        tr_unlock(&timers->lock);
        return false;
    }
    bool own = timer->owner->id == timer->signal.to, far = tr_ask_id(timer->signal.to);
    if (far)
        tr_timer_take_out(timers, timer);
    else
        tr_timer_leave_heap(timers, timer);
    timer->fired = true;
    if (timer->silence && !is_silence(timers, timer, now)) {
        tr_unlock(&timers->lock);
        return true;
    }
    tr_unlock(&timers->lock);
    if (far) {
        answer(timers, timer);
        return true;
    }
    troupe_msg *envelope = &timer->envelope;
    troupe_err err = tr_send_signal(rt, own ? TR_SEND_FREE : 0, &envelope);
    if (err) refused(timers, timer, err);
    return true;
}

/* --- Arriving --------------------------------------------------------------------------------- */

/* Sets one again that has been taken out of a mailbox; under the lock. False: it is to be ended.
 * `self`: who will handle its message; NULL: nobody. */
static bool set_again(tr_timers *timers, tr_timer *timer, const troupe_self *self) {
    uint64_t now = troupe_now(timers->rt);
    if (timer->silence)
        listen(timers, timer, tr_load64_relaxed(&timer->owner->handled) + (self ? 1 : 0), now);
    else if (timer->period)
        set_next(timers, timer, now);
    else
        return false;
    return true;
}

/* Takes the message out of an envelope; NULL: it is void. */
static troupe_msg *open_envelope(troupe *rt, tr_timer *timer, troupe_self *self) {
    tr_timers *timers = &rt->timers;
    troupe_msg *msg = NULL;
    bool again = timer->period || timer->silence;
    /* Without memory for one more envelope this time is missed. */
    if (again && tr_msg_share(&rt->pool, &timer->msg, &msg)) msg = NULL;
    tr_lock(&timers->lock);
    bool is_void = !timer->owner;
    if (!is_void && timer->silence &&
        timer->seen != tr_load64_relaxed(&timer->owner->handled)) { /* it waited behind others */
        troupe_drop(&msg);
        (void)set_again(timers, timer, NULL);
    } else if (is_void) {
        tr_list_remove(&timer->of_owner);
        troupe_drop(&msg);
    } else if (!again || !set_again(timers, timer, msg ? self : NULL)) {
        tr_timer_take_out(timers, timer);
        msg = timer->msg;
        timer->msg = NULL;
    }
    if (msg) stamp(timer, msg, self ? tr_actor_generation(self) : 0);
    tr_unlock(&timers->lock);
    if (!again || is_void) tr_timer_end(timers, timer);
    return msg;
}

troupe_msg *tr_timer_arrived(troupe_self *self, troupe_msg *envelope) {
    return open_envelope(self->rt, timer_of(envelope), self);
}

void tr_timer_unwrap(troupe *rt, troupe_msg **msg) {
    if ((*msg)->type == &tr_timer_type) *msg = open_envelope(rt, timer_of(*msg), NULL);
}

/* --- The thread ------------------------------------------------------------------------------- */

uint64_t tr_timers_next(tr_timers *timers) {
    tr_lock(&timers->lock);
    uint64_t next = tr_timer_earliest(timers);
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
    tr_timer_alarm(timers);
    uint64_t next = tr_timer_earliest(timers);
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
    for (size_t i = 0; i < timers->count && !due; i++) {
        const tr_timer *timer = timers->heap[i].timer;
        bool once = !timer->period && !timer->silence;
        due = once && timer->by_id.key <= last && timers->heap[i].deadline <= until;
    }
    tr_unlock(&timers->lock);
    return due;
}

static void *wait_and_fire(void *arg) {
    tr_timers *timers = arg;
    tr_lock(&timers->lock);
    while (!timers->over) {
        uint64_t next = tr_timer_earliest(timers);
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

static void end_entry(void *ctx, tr_map_entry *entry) {
    tr_timer *timer = TR_OWNER(entry, tr_timer, by_id);
    tr_timer_take_out(ctx, timer);
    tr_timer_end(ctx, timer);
}

void tr_timers_fini(tr_timers *timers) {
    tr_map_each(&timers->by_id, end_entry, timers);
    while (!tr_list_empty(&timers->voids)) {
        tr_timer *timer = TR_OWNER(timers->voids.next, tr_timer, of_owner);
        tr_list_remove(&timer->of_owner);
        tr_timer_end(timers, timer);
    }
    tr_give(timers->rt->heap, timers->heap, timers->room * sizeof *timers->heap);
    tr_map_fini(&timers->by_id);
    tr_map_fini(&timers->by_key);
    tr_cond_fini(&timers->changed);
    tr_mutex_fini(&timers->lock);
}

/* --- Setting and cancelling ------------------------------------------------------------------- */

/* Cancels one, under the lock. True: the caller has to end it; else who has its envelope will. */
static bool cancel(tr_timers *timers, tr_timer *timer) {
    tr_timer_take_out(timers, timer);
    if (timer->fired) tr_list_add(&timers->voids, &timer->of_owner);
    return !timer->fired;
}

void tr_timers_forget(tr_timers *timers, troupe_self *self) {
    tr_lock(&timers->lock);
    while (!tr_list_empty(&self->timers)) {
        tr_timer *timer = TR_OWNER(self->timers.next, tr_timer, of_owner);
        if (cancel(timers, timer)) tr_timer_end(timers, timer);
    }
    tr_unlock(&timers->lock);
}

/* How a timer is to be; what is left out is 0. */
typedef struct tr_setting {
    troupe_ref to;
    unsigned ms, every_ms, silence_ms;
    bool keyed;
    uint64_t key;
} tr_setting;

static tr_timer *make(troupe_self *self, const tr_setting *how, troupe_msg *msg) {
    tr_timer *timer = tr_take_zero(self->rt->heap, sizeof *timer);
    if (!timer) return NULL;
    tr_msg_embed(&timer->envelope, &tr_timer_type);
    timer->signal.to = how->to.node ? how->to.id : 0;
    tr_list_init(&timer->of_owner);
    timer->owner = self;
    timer->msg = msg;
    timer->period = how->every_ms * TR_MS;
    timer->silence = how->silence_ms * TR_MS;
    timer->keyed = how->keyed;
    timer->key = how->key;
    return timer;
}

/* Enters a timer in the place of the one with its key, under the lock, and gives that if it is to
 * be ended. False: no memory. */
static bool enter(tr_timers *timers, tr_timer *timer, uint64_t deadline, tr_timer **old) {
    troupe_self *self = timer->owner;
    if (timer->keyed) *old = tr_timer_keyed(timers, self, timer->key, timer->silence != 0);
    if (!tr_timer_put_in(timers, timer, deadline)) {
        *old = NULL;
        return false;
    }
    if (*old && !cancel(timers, *old)) *old = NULL;
    return true;
}

static troupe_err set(troupe_self *self, const tr_setting *how, troupe_msg **msg,
                      troupe_timer *out) {
    tr_timers *timers = &self->rt->timers;
    if (!*msg || (how->to.node != self->rt->node && how->to.node != 0)) return TROUPE_INVALID;
    tr_timer *timer = make(self, how, *msg), *old = NULL;
    if (!timer) return TROUPE_NOMEM;
    self->has_timers = true;
    const uint64_t now = troupe_now(self->rt);
    uint64_t deadline = tr_after_ms(now, how->ms);
    timer->since = timer->silence ? now : deadline;
    timer->seen = tr_load64_relaxed(&self->handled) + (tr_load32_relaxed(&self->in_hand) ? 1 : 0);
    if (timer->silence)
        deadline = now + (glance(timer) < timer->silence ? glance(timer) : timer->silence);
    tr_lock(&timers->lock);
    bool ok = enter(timers, timer, deadline, &old);
    uint64_t id = timer->by_id.key;
    tr_unlock(&timers->lock);
    if (old) tr_timer_end(timers, old);
    if (!ok) {
        tr_give(self->rt->heap, timer, sizeof *timer);
        return TROUPE_NOMEM;
    }
    *msg = NULL;
    if (out) out->id = id;
    return TROUPE_OK;
}

troupe_err troupe_send_after(troupe_self *self, unsigned ms, troupe_ref to, troupe_msg **msg,
                             troupe_timer *out) {
    return set(self, &(tr_setting){.to = to, .ms = ms}, msg, out);
}

troupe_err troupe_send_every(troupe_self *self, unsigned ms, troupe_ref to, troupe_msg **msg,
                             troupe_timer *out) {
    if (!ms || tr_ask_id(to.id)) return TROUPE_INVALID;
    return set(self, &(tr_setting){.to = to, .ms = ms, .every_ms = ms}, msg, out);
}

troupe_err troupe_set_timer(troupe_self *self, uint64_t key, unsigned ms, unsigned every_ms,
                            troupe_msg **msg) {
    const tr_setting how = {
        .to = tr_actor_ref(self), .ms = ms, .every_ms = every_ms, .keyed = true, .key = key};
    return set(self, &how, msg, NULL);
}

troupe_err troupe_receive_timeout(troupe_self *self, unsigned ms, troupe_msg **msg) {
    const tr_setting how = {.to = tr_actor_ref(self), .silence_ms = ms, .keyed = true};
    return ms ? set(self, &how, msg, NULL) : TROUPE_INVALID;
}

troupe_err tr_timer_expiry(troupe_self *self, uint64_t asker, unsigned ms, troupe_timer *out) {
    tr_timers *timers = &self->rt->timers;
    const tr_setting how = {.to = {self->rt->node, asker}};
    tr_timer *timer = make(self, &how, NULL), *old = NULL;
    if (!timer) return TROUPE_NOMEM;
    self->has_timers = true;
    const uint64_t deadline = tr_after_ms(troupe_now(self->rt), ms);
    tr_lock(&timers->lock);
    bool ok = enter(timers, timer, deadline, &old);
    out->id = timer->by_id.key;
    tr_unlock(&timers->lock);
    if (!ok) tr_give(self->rt->heap, timer, sizeof *timer);
    return ok ? TROUPE_OK : TROUPE_NOMEM;
}

/* Cancels the timer that was found under the lock, and gives that back. */
static troupe_err end_found(tr_timers *timers, tr_timer *timer) {
    bool mine = timer && cancel(timers, timer);
    tr_unlock(&timers->lock);
    if (!timer) return TROUPE_NOTFOUND;
    if (mine) tr_timer_end(timers, timer);
    return TROUPE_OK;
}

troupe_err troupe_cancel(troupe_self *self, troupe_timer wanted) {
    tr_timers *timers = &self->rt->timers;
    tr_lock(&timers->lock);
    tr_map_entry *entry = tr_map_find(&timers->by_id, wanted.id);
    tr_timer *timer = entry ? TR_OWNER(entry, tr_timer, by_id) : NULL;
    return end_found(timers, timer && timer->owner == self ? timer : NULL);
}

troupe_err troupe_end_timer(troupe_self *self, uint64_t key) {
    tr_timers *timers = &self->rt->timers;
    tr_lock(&timers->lock);
    return end_found(timers, tr_timer_keyed(timers, self, key, false));
}

troupe_err troupe_end_receive_timeout(troupe_self *self) {
    tr_timers *timers = &self->rt->timers;
    tr_lock(&timers->lock);
    return end_found(timers, tr_timer_keyed(timers, self, 0, true));
}
