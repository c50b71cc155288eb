#include "actors/guard.h"

#include "actors/actor.h"
#include "base/check.h"

typedef struct tr_guard {
    troupe_behaviour what; /* the guarded one */
    const troupe_behaviour *real;
} tr_guard;

static const troupe_behaviour *real_of(const troupe_self *self) {
    return TR_OWNER((troupe_behaviour *)(uintptr_t)self->what, tr_guard, what)->real;
}

/* --- Around a callback ------------------------------------------------------------------------ */

/* When the callback began; 0 if nobody wants to know. */
static uint64_t begin(const troupe_self *self) {
    return self->what->deadline_ms ? troupe_now(self->rt) : 0;
}

/* What comes of a callback that returned `err`. One that has ended its life anyway has its own
 * reason. */
static troupe_err end(troupe_self *self, uint64_t since, troupe_err err) {
    const unsigned most = self->what->deadline_ms;
    bool failed = self->ending || (err && err != TROUPE_LATER && err != TROUPE_IGNORE);
    if (!most || failed) return err;
    uint64_t took = troupe_now(self->rt) - since;
    if (took <= most * TR_MS) return err;
    tr_actor_fail(self, TROUPE_TOO_SLOW, "%llu us, of %u ms at most",
                  (unsigned long long)(took / 1000), most);
    return TROUPE_TOO_SLOW;
}

static troupe_err start(troupe_self *self, void *state, const void *arg) {
    uint64_t since = begin(self);
    return end(self, since, real_of(self)->start(self, state, arg));
}

static troupe_err receive(troupe_self *self, void *state, troupe_msg **msg) {
    uint64_t since = begin(self);
    return end(self, since, real_of(self)->receive(self, state, msg));
}

static troupe_err stopping(troupe_self *self, void *state) {
    uint64_t since = begin(self);
    return end(self, since, real_of(self)->stopping(self, state));
}

static void stop(troupe_self *self, void *state, troupe_err why) {
    uint64_t since = begin(self);
    real_of(self)->stop(self, state, why);
    (void)end(self, since, TROUPE_OK);
}

/* --- Making and freeing ----------------------------------------------------------------------- */

const troupe_behaviour *tr_guard_make(troupe *rt, const troupe_behaviour *what) {
    if (!what->deadline_ms) return what;
    tr_guard *guard = tr_pool_take(&rt->pool, sizeof *guard);
    if (!guard) return NULL;
    *guard = (tr_guard){.what = *what, .real = what};
    guard->what.start = what->start ? start : NULL;
    guard->what.receive = receive;
    guard->what.stopping = what->stopping ? stopping : NULL;
    guard->what.stop = what->stop ? stop : NULL;
    return &guard->what;
}

void tr_guard_free(troupe *rt, const troupe_behaviour *what) {
    if (what->receive != receive) return;
    tr_guard *guard = TR_OWNER((troupe_behaviour *)(uintptr_t)what, tr_guard, what);
    tr_pool_give(&rt->pool, guard, sizeof *guard);
}
