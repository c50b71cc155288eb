/* Moves, for debugging: who uses a message that was moved on hears where that was.
 *
 *     shop.c:44: `troupe_send` got a message that `troupe_reply` at shop.c:41 has moved on
 *
 * A message that was moved leaves a NULL behind, and to use that is INVALID. Where a source is
 * compiled with TROUPE_DEBUG_MOVES, which CMake defines for who links Troupe in a Debug build, an
 * actor that does so also fails at that place, and its report names both; a plain thread gets a
 * report of its own. All calls that may take a message, by a `troupe_msg **msg`, are macros then,
 * but those of <troupe/remote.h>. The library is the same in each case, so it does not matter how
 * that was compiled; and without the macro nothing of this is there.
 */
#ifndef TROUPE_MOVES_H
#define TROUPE_MOVES_H

#include <troupe/actor.h>
#include <troupe/ask.h>
#include <troupe/delivery.h>
#include <troupe/gather.h>
#include <troupe/group.h>
#include <troupe/join.h>
#include <troupe/machine.h>
#include <troupe/pool.h>
#include <troupe/room.h>
#include <troupe/stash.h>
#include <troupe/topic.h>

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

/* What stands around a call: it has the place first, and then what the call has. */
#define TROUPE_SEEN(call, rt_of_call, actor, arguments, ...)                                       \
    static inline troupe_err call##_seen(const char *file, int line, __VA_ARGS__) {                \
        bool had = *msg != NULL;                                                                   \
        troupe_err err = call arguments;                                                           \
        troupe_moved(rt_of_call, actor, msg, had, #call, file, line);                              \
        return err;                                                                                \
    }
#define TROUPE_AT(call, ...) call##_seen(__FILE__, __LINE__, __VA_ARGS__)

TROUPE_SEEN(troupe_send, NULL, self, (self, to, msg),
            troupe_self *self, troupe_ref to, troupe_msg **msg)
TROUPE_SEEN(troupe_post, rt, NULL, (rt, to, msg), troupe *rt, troupe_ref to, troupe_msg **msg)
TROUPE_SEEN(troupe_reply, NULL, self, (self, msg), troupe_self *self, troupe_msg **msg)
TROUPE_SEEN(troupe_ask, rt, NULL, (rt, to, msg, timeout_ms),
            troupe *rt, troupe_ref to, troupe_msg **msg, unsigned timeout_ms)
TROUPE_SEEN(troupe_send_after, NULL, self, (self, ms, to, msg, timer),
            troupe_self *self, unsigned ms, troupe_ref to, troupe_msg **msg, troupe_timer *timer)
TROUPE_SEEN(troupe_send_every, NULL, self, (self, ms, to, msg, timer),
            troupe_self *self, unsigned ms, troupe_ref to, troupe_msg **msg, troupe_timer *timer)
TROUPE_SEEN(troupe_set_timer, NULL, self, (self, key, ms, every_ms, msg),
            troupe_self *self, uint64_t key, unsigned ms, unsigned every_ms, troupe_msg **msg)
TROUPE_SEEN(troupe_receive_timeout, NULL, self, (self, ms, msg),
            troupe_self *self, unsigned ms, troupe_msg **msg)
TROUPE_SEEN(troupe_request, NULL, self, (self, to, msg, timeout_ms, tag),
            troupe_self *self, troupe_ref to, troupe_msg **msg, unsigned timeout_ms, uint64_t tag)
TROUPE_SEEN(troupe_request_then, NULL, self, (self, to, msg, timeout_ms, tag, then),
            troupe_self *self, troupe_ref to, troupe_msg **msg, unsigned timeout_ms, uint64_t tag,
            troupe_then *then)
TROUPE_SEEN(troupe_forward, NULL, self, (self, to, msg),
            troupe_self *self, troupe_ref to, troupe_msg **msg)
TROUPE_SEEN(troupe_send_with, NULL, self, (self, to, msg, how),
            troupe_self *self, troupe_ref to, troupe_msg **msg, const troupe_delivery *how)
TROUPE_SEEN(troupe_post_with, rt, NULL, (rt, to, msg, how),
            troupe *rt, troupe_ref to, troupe_msg **msg, const troupe_delivery *how)
TROUPE_SEEN(troupe_deliver, rt, NULL, (rt, to, msg, how, timeout_ms),
            troupe *rt, troupe_ref to, troupe_msg **msg, const troupe_delivery *how,
            unsigned timeout_ms)
TROUPE_SEEN(troupe_ask_with, rt, NULL, (rt, to, msg, how, timeout_ms),
            troupe *rt, troupe_ref to, troupe_msg **msg, const troupe_delivery *how, unsigned
            timeout_ms)
TROUPE_SEEN(troupe_ask_many, rt, NULL, (rt, asked, count, msg, want, timeout_ms),
            troupe *rt, troupe_asked *asked, size_t count, troupe_msg **msg, size_t want, unsigned
            timeout_ms)
TROUPE_SEEN(troupe_gather, NULL, self, (self, who, count, msg, want, timeout_ms, tag, then),
            troupe_self *self, const troupe_ref *who, size_t count, troupe_msg **msg, size_t want,
            unsigned timeout_ms, uint64_t tag, troupe_gathered *then)
TROUPE_SEEN(troupe_send_group, NULL, self, (self, group, msg, reach),
            troupe_self *self, const char *group, troupe_msg **msg, troupe_reach *reach)
TROUPE_SEEN(troupe_post_group, rt, NULL, (rt, group, msg, reach),
            troupe *rt, const char *group, troupe_msg **msg, troupe_reach *reach)
TROUPE_SEEN(troupe_send_any, NULL, self, (self, group, msg),
            troupe_self *self, const char *group, troupe_msg **msg)
TROUPE_SEEN(troupe_post_any, rt, NULL, (rt, group, msg),
            troupe *rt, const char *group, troupe_msg **msg)
TROUPE_SEEN(troupe_send_least, NULL, self, (self, group, msg),
            troupe_self *self, const char *group, troupe_msg **msg)
TROUPE_SEEN(troupe_post_least, rt, NULL, (rt, group, msg),
            troupe *rt, const char *group, troupe_msg **msg)
TROUPE_SEEN(troupe_send_keyed, NULL, self, (self, group, key, msg),
            troupe_self *self, const char *group, uint64_t key, troupe_msg **msg)
TROUPE_SEEN(troupe_post_keyed, rt, NULL, (rt, group, key, msg),
            troupe *rt, const char *group, uint64_t key, troupe_msg **msg)
TROUPE_SEEN(troupe_exit_with, NULL, self, (self, msg), troupe_self *self, troupe_msg **msg)
TROUPE_SEEN(troupe_state_timeout, NULL, self, (self, ms, msg),
            troupe_self *self, unsigned ms, troupe_msg **msg)
TROUPE_SEEN(troupe_pool_send, NULL, self, (self, pool, msg),
            troupe_self *self, troupe_pool *pool, troupe_msg **msg)
TROUPE_SEEN(troupe_pool_post, troupe_pool_runtime(pool), NULL, (pool, msg),
            troupe_pool *pool, troupe_msg **msg)
TROUPE_SEEN(troupe_pool_ask, troupe_pool_runtime(pool), NULL, (pool, msg, timeout_ms),
            troupe_pool *pool, troupe_msg **msg, unsigned timeout_ms)
TROUPE_SEEN(troupe_pool_request, NULL, self, (self, pool, msg, timeout_ms, tag),
            troupe_self *self, troupe_pool *pool, troupe_msg **msg, unsigned timeout_ms, uint64_t
            tag)
TROUPE_SEEN(troupe_post_wait, rt, NULL, (rt, to, msg, timeout_ms),
            troupe *rt, troupe_ref to, troupe_msg **msg, unsigned timeout_ms)
TROUPE_SEEN(troupe_stash, NULL, self, (self, msg), troupe_self *self, troupe_msg **msg)
TROUPE_SEEN(troupe_publish, rt, NULL, (rt, topic, msg, reach),
            troupe *rt, const char *topic, troupe_msg **msg, troupe_reach *reach)
TROUPE_SEEN(troupe_set_value, rt, NULL, (rt, topic, msg, reach),
            troupe *rt, const char *topic, troupe_msg **msg, troupe_reach *reach)

#define troupe_send(...) TROUPE_AT(troupe_send, __VA_ARGS__)
#define troupe_post(...) TROUPE_AT(troupe_post, __VA_ARGS__)
#define troupe_reply(...) TROUPE_AT(troupe_reply, __VA_ARGS__)
#define troupe_ask(...) TROUPE_AT(troupe_ask, __VA_ARGS__)
#define troupe_send_after(...) TROUPE_AT(troupe_send_after, __VA_ARGS__)
#define troupe_send_every(...) TROUPE_AT(troupe_send_every, __VA_ARGS__)
#define troupe_set_timer(...) TROUPE_AT(troupe_set_timer, __VA_ARGS__)
#define troupe_receive_timeout(...) TROUPE_AT(troupe_receive_timeout, __VA_ARGS__)
#define troupe_request(...) TROUPE_AT(troupe_request, __VA_ARGS__)
#define troupe_request_then(...) TROUPE_AT(troupe_request_then, __VA_ARGS__)
#define troupe_forward(...) TROUPE_AT(troupe_forward, __VA_ARGS__)
#define troupe_send_with(...) TROUPE_AT(troupe_send_with, __VA_ARGS__)
#define troupe_post_with(...) TROUPE_AT(troupe_post_with, __VA_ARGS__)
#define troupe_deliver(...) TROUPE_AT(troupe_deliver, __VA_ARGS__)
#define troupe_ask_with(...) TROUPE_AT(troupe_ask_with, __VA_ARGS__)
#define troupe_ask_many(...) TROUPE_AT(troupe_ask_many, __VA_ARGS__)
#define troupe_gather(...) TROUPE_AT(troupe_gather, __VA_ARGS__)
#define troupe_send_group(...) TROUPE_AT(troupe_send_group, __VA_ARGS__)
#define troupe_post_group(...) TROUPE_AT(troupe_post_group, __VA_ARGS__)
#define troupe_send_any(...) TROUPE_AT(troupe_send_any, __VA_ARGS__)
#define troupe_post_any(...) TROUPE_AT(troupe_post_any, __VA_ARGS__)
#define troupe_send_least(...) TROUPE_AT(troupe_send_least, __VA_ARGS__)
#define troupe_post_least(...) TROUPE_AT(troupe_post_least, __VA_ARGS__)
#define troupe_send_keyed(...) TROUPE_AT(troupe_send_keyed, __VA_ARGS__)
#define troupe_post_keyed(...) TROUPE_AT(troupe_post_keyed, __VA_ARGS__)
#define troupe_exit_with(...) TROUPE_AT(troupe_exit_with, __VA_ARGS__)
#define troupe_state_timeout(...) TROUPE_AT(troupe_state_timeout, __VA_ARGS__)
#define troupe_pool_send(...) TROUPE_AT(troupe_pool_send, __VA_ARGS__)
#define troupe_pool_post(...) TROUPE_AT(troupe_pool_post, __VA_ARGS__)
#define troupe_pool_ask(...) TROUPE_AT(troupe_pool_ask, __VA_ARGS__)
#define troupe_pool_request(...) TROUPE_AT(troupe_pool_request, __VA_ARGS__)
#define troupe_post_wait(...) TROUPE_AT(troupe_post_wait, __VA_ARGS__)
#define troupe_stash(...) TROUPE_AT(troupe_stash, __VA_ARGS__)
#define troupe_publish(...) TROUPE_AT(troupe_publish, __VA_ARGS__)
#define troupe_set_value(...) TROUPE_AT(troupe_set_value, __VA_ARGS__)

#endif

#ifdef __cplusplus
}
#endif
#endif
