/* Moves, for debugging: who uses a message that was moved on hears where that was.
 *
 *     shop.c:44: `troupe_send` got a message that `troupe_reply` at shop.c:41 has moved on
 *
 * A message that was moved leaves a NULL behind, and to use that is INVALID. Where a source is
 * compiled with TROUPE_DEBUG_MOVES, which CMake defines for who links Troupe in a Debug build, an
 * actor that does so also fails at that place, and its report names both; a plain thread gets a
 * report of its own. The calls below are macros then. The library is the same in each case, so it
 * does not matter how that was compiled; and without the macro nothing of this is there. */
#ifndef TROUPE_MOVES_H
#define TROUPE_MOVES_H

#include <troupe/actor.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What the macros call after `call` at `file`:`line`, by an actor `self`, or by a plain thread on
 * `rt` with `self` NULL; `msg` is the caller's variable, and `had` says that a message was in it.
 * A message that has gone was moved: where is kept, for the last 8 of a thread. If there was none
 * before, and that variable is known to have been moved in the same callback, the actor fails with
 * INVALID; a plain thread is told as a MISTAKE. Takes no memory but for that. */
TROUPE_API void troupe_moved(troupe *rt, troupe_self *self, troupe_msg *const *msg, bool had,
                             const char *call, const char *file, int line);

#ifdef TROUPE_DEBUG_MOVES

/* `troupe_send`, seen. */
static inline troupe_err troupe_send_seen(troupe_self *self, troupe_ref to, troupe_msg **msg,
                                          const char *file, int line) {
    bool had = *msg != NULL;
    troupe_err err = troupe_send(self, to, msg);
    troupe_moved(NULL, self, msg, had, "troupe_send", file, line);
    return err;
}

/* `troupe_post`, seen. */
static inline troupe_err troupe_post_seen(troupe *rt, troupe_ref to, troupe_msg **msg,
                                          const char *file, int line) {
    bool had = *msg != NULL;
    troupe_err err = troupe_post(rt, to, msg);
    troupe_moved(rt, NULL, msg, had, "troupe_post", file, line);
    return err;
}

/* `troupe_reply`, seen. */
static inline troupe_err troupe_reply_seen(troupe_self *self, troupe_msg **msg, const char *file,
                                           int line) {
    bool had = *msg != NULL;
    troupe_err err = troupe_reply(self, msg);
    troupe_moved(NULL, self, msg, had, "troupe_reply", file, line);
    return err;
}

/* `troupe_send_after`, seen. */
static inline troupe_err troupe_send_after_seen(troupe_self *self, unsigned ms, troupe_ref to,
                                                troupe_msg **msg, troupe_timer *timer,
                                                const char *file, int line) {
    bool had = *msg != NULL;
    troupe_err err = troupe_send_after(self, ms, to, msg, timer);
    troupe_moved(NULL, self, msg, had, "troupe_send_after", file, line);
    return err;
}

#define troupe_send(self, to, msg) troupe_send_seen(self, to, msg, __FILE__, __LINE__)
#define troupe_post(rt, to, msg) troupe_post_seen(rt, to, msg, __FILE__, __LINE__)
#define troupe_reply(self, msg) troupe_reply_seen(self, msg, __FILE__, __LINE__)
#define troupe_send_after(self, ms, to, msg, timer)                                                \
    troupe_send_after_seen(self, ms, to, msg, timer, __FILE__, __LINE__)

#endif

#ifdef __cplusplus
}
#endif
#endif
