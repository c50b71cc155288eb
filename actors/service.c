#include <troupe/service.h>

#include "actors/actor.h"
#include "actors/life.h"
#include "base/signals.h"

/* Who waits: a thread, and the actor that watches the root for it. In the thread's memory: the
 * actor is gone before the thread goes on. */
typedef struct tr_waiter {
    tr_signals signals;
    troupe_ref root;
    tr_atomic32 why; /* how the root has ended; set before `signals` is woken */
} tr_waiter;

static troupe_err start(troupe_self *self, void *state, const void *arg) {
    tr_waiter *waiter = (tr_waiter *)(uintptr_t)arg;
    *(tr_waiter **)state = waiter;
    return troupe_monitor(self, waiter->root, NULL);
}

static troupe_err receive(troupe_self *self, void *state, troupe_msg **msg) {
    tr_waiter *waiter = *(tr_waiter **)state;
    const struct troupe_down *down = troupe_as(*msg, &troupe_down_type);
    if (!down) return TROUPE_OK;
    tr_store32_release(&waiter->why, down->why);
    tr_signals_wake(&waiter->signals);
    troupe_exit(self, TROUPE_OK);
    return TROUPE_OK;
}

static const troupe_behaviour watcher = {
    .name = "await_end", .state_size = sizeof(tr_waiter *), .start = start, .receive = receive};

void troupe_hold_signals(void) {
    tr_signals_hold();
}

troupe_err troupe_await_end(troupe *rt, troupe_ref root, unsigned timeout_ms) {
    uint64_t deadline =
        timeout_ms == TROUPE_FOREVER ? TR_NEVER : tr_after_ms(tr_clock(), timeout_ms);
    if (rt->sched.stepped || tr_sched_inside(&rt->sched)) return TROUPE_INVALID;
    tr_waiter waiter = {.root = root};
    troupe_ref who;
    if (!tr_signals_open(&waiter.signals)) return TROUPE_SYSTEM;
    tr_signals_hold();
    troupe_err err = tr_life_spawn(rt, &watcher, &waiter, NULL, &who);
    if (!err) {
        int come = tr_signals_wait(&waiter.signals, deadline);
        (void)troupe_kill(rt, who);
        (void)tr_runtime_wait(rt, who.id, TR_NEVER); /* it can't be in a callback after this */
        err = come < 0    ? TROUPE_TIMEOUT
              : come == 0 ? (troupe_err)tr_load32_acquire(&waiter.why)
                          : TROUPE_SHUTDOWN;
        if (come > 0) tr_signals_release();
    }
    tr_signals_close(&waiter.signals);
    return err;
}
