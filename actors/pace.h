/* How fast a worker is, and whether others should share its work. README.md, "Sharing work".
 *
 * Atomic fields are the worker's to write, unless they say otherwise, and old news to all others.
 * The other ones are under its bias. */
#ifndef TR_ACTORS_PACE_H
#define TR_ACTORS_PACE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/atomic.h"
#include "base/check.h"

/* What a worker has done so far. */
typedef struct tr_done {
    uint64_t handled, sent; /* messages */
} tr_done;

typedef struct tr_pace {
    tr_atomic64 handled; /* messages so far: also tells the watch that something moves */
    tr_atomic64 sent;    /* the same, by what ran here, whatever became of them */
    tr_atomic64 look_at; /* `handled` at the next look; the watch may make it 0: at once */
    tr_atomic64 stop_at; /* `handled` at which the runner must think: a look, or the turn's end */
    tr_atomic32 paid;    /* looks in a row at which it would have paid to share */
    uint32_t others;     /* constant: workers beside this one */
    /* As it was at the last look, about 200 us of running ago. */
    uint64_t then;
    tr_done done;
    uint32_t taken, length; /* tasks taken out of the queue so far, and in it */
    const void *task;       /* that ran */
    /* As that look has it until the next one. */
    uint32_t every;  /* messages between two looks, fitted to how long they take */
    uint32_t enough; /* tasks: if more wait they are too many; said once between two looks */
    bool hurried;    /* the next look comes early, since they are */
} tr_pace;

/* Makes one, for a worker that has `others` beside it. */
void tr_pace_init(tr_pace *pace, uint32_t others);

/* Counts a message that was handled. */
static inline void tr_pace_handled(tr_pace *pace) {
    tr_store64_relaxed(&pace->handled, tr_load64_relaxed(&pace->handled) + 1);
}
/* A turn that ends there goes on. */
static inline void tr_pace_until(tr_pace *pace, uint64_t ends) {
    uint64_t look_at = tr_load64_relaxed(&pace->look_at);
    tr_store64_relaxed(&pace->stop_at, look_at < ends ? look_at : ends);
}
/* A turn begins that may handle `budget` messages. Returns `handled` at its end. */
static inline uint64_t tr_pace_begin(tr_pace *pace, unsigned budget) {
    uint64_t ends = tr_load64_relaxed(&pace->handled) + budget;
    tr_pace_until(pace, ends);
    return ends;
}
/* Whether nothing is due once the message in hand is counted. */
static inline bool tr_pace_goes_on(const tr_pace *pace) {
    return tr_load64_relaxed(&pace->handled) + 1 < tr_load64_relaxed(&pace->stop_at);
}
/* Whether a look at the clock is due. */
static inline bool tr_pace_look_due(const tr_pace *pace) {
    return tr_load64_relaxed(&pace->handled) >= tr_load64_relaxed(&pace->look_at);
}
/* The next look comes at the next message. Any thread; lost at worst until the next turn. */
static inline void tr_pace_look_soon(tr_pace *pace) {
    tr_store64_relaxed(&pace->look_at, 0);
    tr_store64_relaxed(&pace->stop_at, 0);
}
/* Counts a message that is sent. Also outside of the bias. */
static inline void tr_pace_sent(tr_pace *pace) {
    tr_store64_relaxed(&pace->sent, tr_load64_relaxed(&pace->sent) + 1);
}

/* What it has done so far. Any thread. */
tr_done tr_pace_done(const tr_pace *pace);
/* Whether it pays that others share work which took `ns` and did as much since `before`. Any
 * thread. */
bool tr_pace_pays(const tr_pace *pace, tr_done before, uint64_t ns);

/* More wait than `enough`: the next look comes at the next message. */
TR_COLD void tr_pace_hurry(tr_pace *pace);
/* A look at the clock (`now`) and the queue, by the worker. True: the task that runs has had its
 * time. `*late`: what waits should be shared. */
bool tr_pace_look(tr_pace *pace, uint64_t now, uint32_t taken, uint32_t length, const void *task,
                  bool *late);
/* The worker goes on after it had nothing to do, which says nothing of its pace. */
void tr_pace_resume(tr_pace *pace, uint64_t now);
/* About how long `waiting` tasks take, in ns, if each has one message: by the last look, or by what
 * came after it if that was slower. The worker. */
uint64_t tr_pace_backlog(const tr_pace *pace, uint64_t now, uint32_t waiting);

#endif
