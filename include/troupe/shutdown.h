/* The end of a service in good order: it takes no new work, works off what it has, and stops its
 * actors in order, all of that under one deadline. `troupe_close` (<troupe/actor.h>) is the last
 * part alone.
 *
 *     troupe_err why = troupe_await_end(rt, root, TROUPE_FOREVER);
 *     troupe_err in_order = troupe_shutdown(&rt, 10000, 0, NULL);
 *
 * Who holds it up is named, each by a report of the kind STRAGGLER (<troupe/report.h>): its path,
 * the callback or type of message that it is at (of one that waits for its turn, or its next life:
 * the oldest message in its mail), how many messages it has not read, and for how long it has been
 * waited for, so since `at` less `for_ms`. They are not folded; after 32 the rest is counted. */
#ifndef TROUPE_SHUTDOWN_H
#define TROUPE_SHUTDOWN_H

#include <troupe/observe.h>

#ifdef __cplusplus
extern "C" {
#endif

/* How a shutdown went. */
typedef struct troupe_farewell {
    bool drained;    /* all that was taken on has been worked off */
    bool stopped;    /* all actors have stopped in order; else those that had not were killed */
    bool ended;      /* all have ended, and everything was given back */
    uint32_t busy;   /* actors that had something to do when draining had to end */
    uint32_t late;   /* actors that were asked to stop, and were killed then */
    uint32_t left;   /* of these, in callbacks that do not return: memory and thread are theirs */
    uint64_t refused; /* calls that were QUIESCED */
    unsigned drain_ms, stop_ms; /* how long both parts took */
    /* Dead letters since the runtime took no new work, by reason: what was left in mailboxes is
     * TROUPE_DEAD_STOPPED there. */
    uint64_t dead[TROUPE_DEAD_KINDS];
} troupe_farewell;

/* From here on the runtime takes no new work from outside, for good: `troupe_post` and `troupe_ask`
 * from threads that are in no callback of this runtime, their `troupe_spawn`, `troupe_supervise`
 * and new children for supervisors, and `troupe_connect` return QUIESCED; a node that would
 * connect is REFUSED. A call that has begun before this returns may still get through. Its actors
 * go on: they send, spawn, are restarted, set timers and talk with nodes that are connected; what
 * was asked before is answered, and children can be listed, restarted and terminated. The second
 * call does nothing. Any thread, callbacks included; never waits. */
TROUPE_API void troupe_quiesce(troupe *rt);

/* Quiesces, and waits up to `timeout_ms` until what was taken on has been worked off:
 *
 *   - no message is in a mailbox, and no callback runs;
 *   - nobody waits for the answer to a `troupe_ask`;
 *   - no timer waits that was set before the runtime was quiesced and is due within `timeout_ms`.
 *     One that is set afterwards does not count: so who sets his timer anew each time it fires is
 *     waited for once, and a timer for later than that not at all.
 *
 * Mail of a child that waits for its next life counts, also of one that is held. Actors that send
 * to each other for ever are never done: then `timeout_ms` is what it takes. Nothing is stopped. It
 * looks once a millisecond. A stepped runtime steps meanwhile, as far as that leads: in a
 * simulation to the end of `timeout_ms`.
 * A plain thread. TIMEOUT: there was not time enough; who had something to do is reported, and
 * counted in `*busy` (which may be NULL). INVALID: from a callback. */
TROUPE_CHECKED troupe_err troupe_drain(troupe *rt, unsigned timeout_ms, uint32_t *busy);

/* Drains, stops and closes within `within_ms` (0: `close_ms` of the configuration), and makes the
 * pointer NULL. Draining may take `drain_ms` of that (0: half of it; at most three quarters, so
 * that there is time to stop); if it is done sooner, there is more for the rest. Then actors are
 * stopped as by `troupe_close`: supervisors first, the last one first, each its children in reverse
 * order; who has not ended when an eighth of the time is left, but at most a second, is reported
 * and killed. Always returns, then at the latest: who is in a callback that does not return is
 * reported, and memory and threads of the runtime are left to it. Connections to other nodes get
 * what is left of the time for what is on its way; nng may need up to 2 s more to end one, and the
 * system half a second to end a process that was killed.
 * `*out`, which may be NULL, says how it went.
 * A plain thread that is in no other call of this runtime. OK: drained, and stopped in order.
 * TIMEOUT: not so, but it is closed. INVALID, and nothing has happened: from a callback, no
 * runtime, or `within_ms` is TROUPE_FOREVER. */
TROUPE_CHECKED troupe_err troupe_shutdown(troupe **rt, unsigned within_ms, unsigned drain_ms,
                                          troupe_farewell *out);

#ifdef __cplusplus
}
#endif
#endif
