#include "actors/pace.h"

#include <stddef.h>

#define LOOK_NS UINT64_C(200000) /* between two looks, if it can be had */
#define HELP_NS UINT64_C(100000) /* what takes longer is more than enough */
#define WAY_NS UINT64_C(200)     /* of a cache line from core to core: 30 to 400 */
enum {
    EVERY_MAX = 16384, /* messages between two looks, at most */
    ENOUGH_MOST = 8    /* tasks: they may have more to do than those before */
};

void tr_pace_init(tr_pace *pace, uint32_t others) {
    pace->others = others;
    pace->every = 1;
    pace->enough = UINT32_MAX;
    tr_store64_relaxed(&pace->look_at, 1);
}

tr_done tr_pace_done(const tr_pace *pace) {
    return (tr_done){tr_load64_relaxed(&pace->handled), tr_load64_relaxed(&pace->sent)};
}

/* What sends to each other is quick as long as it stays on one core; apart, each message has a way
 * to go. So `n` cores are quicker than one only if n * cost > cost + way. */
bool tr_pace_pays(const tr_pace *pace, tr_done before, uint64_t ns) {
    tr_done now = tr_pace_done(pace);
    uint64_t handled = now.handled - before.handled, sent = now.sent - before.sent;
    return ns * pace->others > (handled > sent ? handled : sent) * WAY_NS;
}

void tr_pace_hurry(tr_pace *pace) {
    pace->enough = UINT32_MAX;
    pace->hurried = true;
    tr_pace_look_soon(pace);
}

/* Messages between two looks, by how long the last ones took. */
static uint32_t fit(const tr_pace *pace, uint64_t span) {
    uint64_t handled = tr_load64_relaxed(&pace->handled) - pace->done.handled;
    uint64_t fitting = handled * LOOK_NS / (span + 1);
    return fitting < 1 ? 1 : fitting > EVERY_MAX ? EVERY_MAX : (uint32_t)fitting;
}

/* Whether it pays to share, at this look and the one before: once is chance, such as memory that is
 * touched for the first time, and what is apart does not come together soon. */
static bool pays_again(tr_pace *pace, uint64_t span, bool early) {
    bool pays = tr_pace_pays(pace, pace->done, span);
    uint32_t paid = tr_load32_relaxed(&pace->paid);
    if (!early) tr_store32_relaxed(&pace->paid, pays ? paid + 1 : 0);
    return pays && paid > 0;
}

bool tr_pace_look(tr_pace *pace, uint64_t now, uint32_t taken, uint32_t length, const void *task,
                  bool *late) {
    uint64_t span = now - pace->then;
    bool early = span < LOOK_NS / 2, same = !early && pace->task == task;
    /* Somebody was there at the last look and still is. Counted in turns, not in time: a worker
     * that had to wait for its core is not overloaded by that. */
    bool overdue = !early && taken - pace->taken < pace->length;
    bool pays = pays_again(pace, span, early);
    bool soon = span < LOOK_NS / 8; /* too short a time to tell how long messages take */
    *late = pays && !soon && (pace->hurried || overdue);
    uint32_t fitting = fit(pace, span);
    pace->every = early && fitting > 2 * pace->every ? 2 * pace->every : fitting;
    pace->hurried = pace->hurried && soon;
    if (!early) {
        uint32_t enough = (uint32_t)(pace->every * HELP_NS / LOOK_NS);
        pace->enough = pays && enough < ENOUGH_MOST ? enough : ENOUGH_MOST;
        pace->then = now;
        pace->done = tr_pace_done(pace);
        pace->taken = taken;
        pace->length = length;
        pace->task = task;
    }
    tr_store64_relaxed(&pace->look_at, tr_load64_relaxed(&pace->handled) + pace->every);
    return same;
}

void tr_pace_resume(tr_pace *pace, uint64_t now) {
    pace->then = now;
    pace->done = tr_pace_done(pace);
    pace->length = 0;
    pace->task = NULL;
}

uint64_t tr_pace_backlog(const tr_pace *pace, uint64_t now, uint32_t waiting) {
    uint64_t handled = tr_load64_relaxed(&pace->handled) - pace->done.handled;
    uint64_t before = LOOK_NS / pace->every, since = (now - pace->then) / (handled + 1);
    return waiting * (since > before ? since : before);
}
