/* Actors: private state, a bounded mailbox, and callbacks that run one at a time.
 *
 * Functions that act *as* an actor take its `troupe_self *`, which is valid only inside that
 * actor's callback. All others take the runtime and may be called from any thread, callbacks
 * included; those that wait say so, take a deadline, and are for plain threads only, or for those
 * and the callbacks of `blocking` actors. */
#ifndef TROUPE_ACTOR_H
#define TROUPE_ACTOR_H

#include <troupe/heap.h>
#include <troupe/message.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct troupe_self troupe_self; /* the running actor; never outlives a callback */

enum {
    TROUPE_MAILBOX_DEFAULT = 256,   /* messages, for a behaviour that says 0 */
    TROUPE_MAILBOX_MAX = 262143,    /* the largest bound of a mailbox */
    TROUPE_NAME_MAX = 63            /* bytes of a registered name or child id, without the NUL */
};

/* What becomes of a message that finds its mailbox full. It is never a signal that is dropped (a
 * `down`, a timer's message to oneself, an answer): those hold no place of the bound. What is
 * dropped is a dead letter with the reason DROPPED (<troupe/observe.h>); its asker hears FULL. */
typedef enum troupe_overflow {
    TROUPE_REJECT,      /* FULL: its sender has it still, and can shed, wait or slow down */
    TROUPE_DROP_NEWEST, /* it is dropped, and its sender goes on as if it were in */
    /* The oldest message that waits is dropped, and the new one goes in, behind all others. If none
     * waits, since those that hold the places are being handled: as TROUPE_DROP_NEWEST. */
    TROUPE_DROP_OLDEST,
    /* A message that waits and has the same `key` as the new one is dropped for it, the oldest if
     * there are several, and the new one goes in, behind all others. If there is none, or the
     * messages that have it are being handled: as TROUPE_REJECT. For news of which only the latest
     * counts, of each of many things: as there are at most so many things as places, the mailbox
     * holds them all. What timers send is refused, not merged. */
    TROUPE_COALESCE
} troupe_overflow;

/* What a fatal signal (SEGV, BUS, FPE, ILL, ABRT) in a callback does. For all but IGNORE handlers
 * are installed when the first such actor is made, and taken away when the last runtime that has
 * made one is closed; what is in no such callback goes to whoever was installed before. Under a
 * sanitizer nothing is installed. */
typedef enum troupe_fatal {
    TROUPE_FATAL_IGNORE, /* nothing of ours: it does what it does in the program without Troupe */
    /* One line on standard error, with path, message type, signal and address; then the signal
     * takes its course, so that a core file shows the place. */
    TROUPE_FATAL_REPORT,
    /* Fails the actor with SIGNALLED, and nobody else. The callback is left on the spot by a jump:
     * what the runtime knows of is given back, but no lock is unlocked that the callback held, and
     * malloc, stdio or a library in whose middle it was stay as they are. If a wild pointer has
     * written to memory of others before, that is not undone. It is for actors that compute on
     * their own state; who needs certainty puts them into a process. */
    TROUPE_FATAL_FAIL
} troupe_fatal;

/* What an actor does. Keep it `static const`; members left out take their defaults. The callbacks
 * of one actor never run at the same time, and what one wrote the next one sees, whichever worker
 * either ran on. Callbacks of different actors run in parallel. */
typedef struct troupe_behaviour {
    const char *name;       /* for reports; not unique */
    size_t state_size;      /* bytes of private state, all zero before every start */
    uint32_t mailbox_limit; /* messages accepted and not yet handled; 0: TROUPE_MAILBOX_DEFAULT */
    troupe_overflow overflow;
    /* With TROUPE_COALESCE: what a message is about. Called by senders, on any thread, and only
     * while the mailbox is full, once for the new message and for each that waits, up to the first
     * that is alike. It must be quick, read nothing but the message, and call nothing of the
     * runtime but what reads a message (`troupe_as`, say): it runs under a lock. */
    uint64_t (*key)(const troupe_msg *msg);
    /* Its callbacks wait (for a file, a lock, a library) or compute for long: they run on one of
     * `config.blocking_threads` of their own, so that nobody has to wait behind them. A message to
     * it costs more. Not on a stepped runtime. They may wait for other actors too: with
     * `troupe_ask`, `troupe_ask_many`, `troupe_post_wait`, `troupe_join` and what waits for a
     * supervisor. If those wait in turn, that is found at once: <troupe/observe.h>. In a simulation
     * it has no thread of its own, and may not. */
    bool blocking;
    /* Bytes that one life may have, of state and `troupe_alloc` together; 0: no limit. */
    size_t memory_limit;
    /* Each callback must return within so many milliseconds: one that took longer has failed its
     * actor, with TOO_SLOW. It is not interrupted. 0: no limit. Costs two looks at the clock a
     * callback, only where it is set. In a simulation callbacks take no time. */
    unsigned deadline_ms;
    troupe_fatal fatal; /* what a fatal signal in a callback does; costs some ns a callback */
    /* Messages that it may set aside (<troupe/stash.h>), at most its mailbox_limit; 0: one less, so
     * that there is always a place for somebody else. */
    uint32_t stash_limit;
    /* Messages that their senders call urgent go before all others (<troupe/delivery.h>). */
    bool takes_urgent;

    /* Makes the state ready. `arg` is the spawner's and is only read here. An error means that the
     * actor does not come to life; `stop` is not called then. TROUPE_LATER: the actor runs, but
     * its supervisor waits until it calls `troupe_ready`. TROUPE_IGNORE: nothing is to be started,
     * which for a supervisor is no failure; it goes on without. Optional. */
    troupe_err (*start)(troupe_self *self, void *state, const void *arg);

    /* Handles one message. `*msg` is yours: move it on, or leave it and it is dropped afterwards.
     * An error fails this actor, and nobody else. */
    troupe_err (*receive)(troupe_self *self, void *state, troupe_msg **msg);

    /* Somebody asked this actor to stop. TROUPE_OK: stop now. TROUPE_LATER: go on receiving and
     * end by `troupe_exit` once done; the asker's time-out runs on. Optional: stop now. */
    troupe_err (*stopping)(troupe_self *self, void *state);

    /* The last act of every life that was started, with the reason; not called after a kill (but
     * with the reason KILLED for who ends by the kill of a linked one). What fails in it is told
     * and changes nothing: the life has ended, for its reason. Optional. */
    void (*stop)(troupe_self *self, void *state, troupe_err why);
} troupe_behaviour;

/* How loud a line of the log is. */
typedef enum troupe_level {
    TROUPE_ERROR = 1,
    TROUPE_WARN,
    TROUPE_INFO,
    TROUPE_DEBUG
} troupe_level;

/* Number of workers of a runtime that has none: its owner runs it by `troupe_step`. */
#define TROUPE_STEPPED (~0u)

struct troupe_dead_letter;
struct troupe_report;

/* For `fold_ms`: every report is told. */
#define TROUPE_FOLD_NOTHING (~0u)

/* How a runtime is set up; all zero is the default. */
typedef struct troupe_config {
    unsigned workers;  /* threads that run actors; 0: one a core; TROUPE_STEPPED: none */
    unsigned close_ms; /* how long `troupe_close` lets actors stop; 0: 5000 */
    /* Workers that may be added while all others are held by callbacks that do not return; each is
     * started when it is needed. 0: 16 */
    unsigned spares;
    unsigned blocking_threads; /* for `blocking` actors; started when needed. 0: 64 */
    /* A callback that holds its worker for longer is named in the log, as a warning, with its actor
     * and message; others have long taken over the worker's other work then. 0: 1000 */
    unsigned slow_ms;
    /* Called with one line without its newline, from any thread; NULL: to standard error, reports
     * as texts of several lines. */
    void (*log)(void *ctx, troupe_level level, const char *line);
    void *log_ctx;
    /* Sees each report (<troupe/report.h>) that is told, instead of the log, from any thread. It
     * must not wait. Optional. */
    void (*report)(void *ctx, const struct troupe_report *report);
    void *report_ctx;
    /* Of actors that wait for each other in a circle (<troupe/observe.h>) the one whose wait began
     * last gets DEADLOCK from it at once. false: that is reported, and each waits until its
     * deadline. */
    bool break_deadlocks;
    unsigned fold_ms; /* of reports that are alike one is told within this time. 0: 10000 */
    troupe_level quiet;  /* lines from this level on are left out; 0: TROUPE_DEBUG */
    /* Sees every block that the runtime takes. All NULL: malloc and free, and for messages and the
     * state of actors pools of small blocks on pages of the system, which threads take from and
     * give to without a lock. */
    troupe_heap heap;
    uint64_t (*now)(void *ctx); /* monotonic nanoseconds, only with TROUPE_STEPPED; NULL: the OS */
    void *now_ctx;
    /* Sees each message that nobody will handle (<troupe/observe.h>), on the thread that finds so,
     * and may take it (`*msg`), or leave it to be dropped. It must not wait. Optional. The log
     * tells of dead letters too, with repeats folded and at most 10 lines a second, as INFO. */
    void (*dead_letter)(void *ctx, const struct troupe_dead_letter *letter, troupe_msg **msg);
    void *dead_letter_ctx;
} troupe_config;

/* Opens a runtime. `config` may be NULL. Several runtimes may live in one process; nothing is
 * shared between them. Any thread that is not a worker.
 * NOMEM. INVALID: half an allocator, or a clock for a runtime with workers. SYSTEM: no threads. */
TROUPE_CHECKED troupe_err troupe_open(const troupe_config *config, troupe **out);

/* Stops all actors (top-level supervisors first, one after the other in reverse order of their
 * start, each its children in reverse order; then all others), waits for them up to `close_ms`,
 * then reports who of them was asked to stop and did not (STRAGGLER), ends those that are left
 * without their `stop`, gives everything back and makes the pointer NULL. What waits in mailboxes
 * ends as dead letters: `troupe_shutdown` (<troupe/shutdown.h>) works it off before. Always
 * returns: an actor whose callback never does is named in the log, and the memory of
 * the runtime is left to it. A plain thread that is in no other call of this runtime. Does nothing
 * to NULL. */
TROUPE_API void troupe_close(troupe **rt);

/* Runs up to `most` turns (a timer or some mail of one actor each) of a runtime that was opened
 * with TROUPE_STEPPED and returns how many it ran; 0: nothing is due. One thread at a time. When to
 * call it: <troupe/embed.h>. */
TROUPE_API size_t troupe_step(troupe *rt, size_t most);

/* The runtime of a running actor. */
TROUPE_API troupe *troupe_runtime(troupe_self *self);

/* The running actor's own address. */
TROUPE_API troupe_ref troupe_me(troupe_self *self);

/* Starts an actor: `start` runs on the calling thread before this returns. `arg` is only read
 * during the call. Any thread, callbacks included. NOMEM; INVALID: no `receive`, a mailbox_limit
 * over TROUPE_MAILBOX_MAX, a stash_limit over that, a memory_limit under the state_size, an
 * `overflow` that is none, TROUPE_COALESCE without `key`, or `blocking` on a stepped runtime;
 * SYSTEM: no thread for a blocking actor; QUIESCED: from outside, while no new work is taken
 * (<troupe/shutdown.h>); CLOSED: the runtime is closing; or whatever `start` returned. */
TROUPE_CHECKED troupe_err troupe_spawn(troupe *rt, const troupe_behaviour *what, const void *arg,
                                       troupe_ref *out);

/* Moves `*msg` into a mailbox; never waits. What one actor sends to another arrives in the order
 * sent.
 * A message to oneself is handled in a later turn: others that wait for the worker go first.
 * FULL: the mailbox is at its bound and its `overflow` is TROUPE_REJECT, or TROUPE_COALESCE and no
 * message that waits is alike; or, on another node,
 * whatever its `overflow`, its credit is used up: shed, retry later or slow down. GONE: the actor
 * has ended. NOCONNECTION: its node is not connected.
 * TOOBIG, NOMEM: only for another node. In each case the message is still yours. */
TROUPE_CHECKED troupe_err troupe_send(troupe_self *self, troupe_ref to, troupe_msg **msg);

/* The same from a plain thread, with TROUPE_NOBODY as sender. Also QUIESCED, from outside: no new
 * work is taken (<troupe/shutdown.h>). */
TROUPE_CHECKED troupe_err troupe_post(troupe *rt, troupe_ref to, troupe_msg **msg);

/* Makes a message of `type` out of `*body` and sends it; on an error nothing is left behind.
 * The errors of `troupe_make` and `troupe_send`. */
TROUPE_CHECKED troupe_err troupe_tell(troupe_self *self, troupe_ref to, const troupe_type *type,
                                      const void *body);

/* Who sent the message being handled; TROUPE_NOBODY for a plain thread's `troupe_post` and for
 * timers. To answer later keep this ref: for an ask it is the asker's one-shot address. Whoever has
 * read it may answer an ask later, so nobody is told BROKEN then (<troupe/ask.h>). */
TROUPE_API troupe_ref troupe_sender(troupe_self *self);

/* Answers the message being handled: `troupe_send` to its sender. If nobody waits for the answer
 * any more (an asker's deadline has passed, the actor has ended, its node is lost), that is no
 * error of the answering actor: the message is counted as a dead letter, and the call returns OK.
 * FULL, and for another node TOOBIG and NOMEM: the message is still yours. */
TROUPE_CHECKED troupe_err troupe_reply(troupe_self *self, troupe_msg **msg);

/* Makes a message of `type` out of `*body` and answers with it; on an error nothing is left behind.
 * The errors of `troupe_make` and `troupe_reply`. */
TROUPE_CHECKED troupe_err troupe_answer(troupe_self *self, const troupe_type *type,
                                        const void *body);

/* Sends `*msg` and waits for the answer, which takes its place and is yours. A plain thread, or the
 * callback of a `blocking` actor, whose other mail waits meanwhile. An answer that comes after the
 * deadline is dropped. The errors of `troupe_post`, NOMEM for any actor, and INVALID when called
 * from any other callback: the message is still yours. And, with `*msg` NULL then:
 * TIMEOUT: no answer within `timeout_ms`. FAILED: the actor failed on it, or its mail was flushed.
 * STOPPED: the actor ended in good order (OK or SHUTDOWN) before it handled it, or while it did. At
 * once, with the message yours still, if it had ended so before, as long as that is known: until
 * another one gets its place; of an actor of another node, while they are connected.
 * GONE: it ended otherwise (it was killed, say, or failed for good) before it handled it; or, at
 * once, there is no such actor, and no more is known. NOCONNECTION: its node was lost meanwhile.
 * BROKEN: the actor has handled it, and neither answered nor kept its sender nor passed it on.
 * UNKNOWN_TYPE, NOMEM: its node does not know the message's type, or had no memory for it.
 * DEADLOCK, only by a blocking actor: `to` waits for it in turn, were it by way of others, and
 * `config.break_deadlocks` is set. CLOSED, the same: the runtime is closing and waits no longer.
 * On a stepped runtime the call steps it, and TIMEOUT comes as soon as nothing is left to run. */
TROUPE_CHECKED troupe_err troupe_ask(troupe *rt, troupe_ref to, troupe_msg **msg,
                                     unsigned timeout_ms);

/* Asks an actor to stop, ahead of its mail: `stopping`, then `stop` with the reason SHUTDOWN. Mail
 * that it has not handled goes to dead letters. Returns at once. A supervised actor that is stopped
 * so is treated by its restart rule: SHUTDOWN is a clean end. GONE: it has ended. Of an actor of
 * another node that is not known here: OK then, and a monitor tells. NOCONNECTION: its node is not
 * connected. Any thread. */
TROUPE_API troupe_err troupe_stop(troupe *rt, troupe_ref ref);

/* Ends an actor, on any node, as soon as its running callback returns, without `stop`; reason
 * KILLED. GONE and NOCONNECTION as `troupe_stop`. Any thread. */
TROUPE_API troupe_err troupe_kill(troupe *rt, troupe_ref ref);

/* Ends the running actor once this callback has returned: TROUPE_OK is a normal end, SHUTDOWN a
 * clean one, anything else a failure. The first call counts. */
TROUPE_API void troupe_exit(troupe_self *self, troupe_err why);

/* Says that a `start` that returned TROUPE_LATER is complete. */
TROUPE_API void troupe_ready(troupe_self *self);

/* Fails the running actor once this callback has returned, with a text and the place for the
 * report; returns `why`, so `return troupe_fail(self, TROUPE_INVALID, "ratio is %d", n);`. */
#define troupe_fail(self, why, ...) troupe_fail_at(self, why, __FILE__, __LINE__, __VA_ARGS__)

/* What `troupe_fail` calls. `why` TROUPE_OK is taken as TROUPE_FAILED. Without memory the actor
 * fails all the same, and the report lacks text and place. */
TROUPE_API troupe_err troupe_fail_at(troupe_self *self, troupe_err why, const char *file, int line,
                                     const char *format, ...) TROUPE_PRINTF(5, 6);

/* Fails the running actor with UNMET unless `condition` holds, and returns that error from the
 * function in which it stands, so that nothing more is done with a state that is not as it must be:
 * `TROUPE_REQUIRE(self, n < s->most, "n is %d", n);`. The report has condition, text and place. For
 * callbacks and functions that return a troupe_err; `stop` says `troupe_fail`. */
#define TROUPE_REQUIRE(self, condition, ...)                                                       \
    do {                                                                                           \
        if (!(condition))                                                                          \
            return troupe_unmet_at(self, #condition, __FILE__, __LINE__, __VA_ARGS__);             \
    } while (0)

/* What TROUPE_REQUIRE calls when its condition does not hold; returns UNMET. */
TROUPE_API troupe_err troupe_unmet_at(troupe_self *self, const char *condition, const char *file,
                                      int line, const char *format, ...) TROUPE_PRINTF(5, 6);

/* Memory that belongs to this life of the running actor: what it has not given back by then is
 * given back when the life ends, however it ends, a kill and a failed start included, after `stop`
 * and all cleanups. Aligned to 16, not cleared. No other actor may use it. NULL: there is none, or
 * `size` is 0; or it is more than `behaviour.memory_limit` allows, and then the actor also fails,
 * with OVER_BUDGET, once this callback has returned. */
TROUPE_API void *troupe_alloc(troupe_self *self, size_t size);

/* Moves what `troupe_alloc` gave to memory of another size, with as much of its contents as fits;
 * `memory` NULL: the same as `troupe_alloc`. NULL, as for that: the old memory is still there,
 * unchanged. Only the new size counts against the limit. */
TROUPE_API void *troupe_resize(troupe_self *self, void *memory, size_t size);

/* Gives memory of this life back; does nothing to NULL. What is not this actor's, or was given back
 * already, stops a debug build. */
TROUPE_API void troupe_free(troupe_self *self, void *memory);

/* Has `run(arg)` called when this life of the running actor ends, however it ends, a kill and a
 * failed start included: after `stop`, the last one asked for first, while state and memory of the
 * life are still there. It runs where the actor ran, and must not wait, nor use `troupe_self`; what
 * takes the runtime may be called. NOMEM: it will not be called. INVALID: `run` is NULL. */
TROUPE_CHECKED troupe_err troupe_defer(troupe_self *self, void (*run)(void *arg), void *arg);

/* Takes that back without calling it: the latest `troupe_defer` of this life with the same `run`
 * and `arg`. NOTFOUND: there is none. */
TROUPE_API troupe_err troupe_undefer(troupe_self *self, void (*run)(void *arg), void *arg);

/* The body of the message that a monitor sends when the actor it watches ends. */
struct troupe_down {
    uint64_t monitor; /* what troupe_monitor gave */
    troupe_ref who;   /* of troupe_monitor_name: its node, with the id 0 */
    uint32_t why;     /* a troupe_err: how it ended; GONE: it was no more; NOCONNECTION */
    const char *name; /* by which it was watched; NULL: by its ref */
};
/* Its type: `const struct troupe_down *down = troupe_as(*msg, &troupe_down_type);` */
TROUPE_API extern const troupe_type troupe_down_type;

/* Watches an actor, on any node: exactly one `troupe_down` message comes when it ends, behind its
 * last message to this actor, once its name is free. It never fails for a full mailbox, and its
 * place is allocated here. Monitors stack: each has its own number and its own `down`. A supervised
 * actor that fails and is restarted has ended for its monitors. To watch one that has ended gives
 * a `down` with GONE at once. The monitors of an actor end with it, and with each of its lives, and
 * so do `down`s that it has not received. NOMEM. INVALID: `who` is nobody. */
TROUPE_CHECKED troupe_err troupe_monitor(troupe_self *self, troupe_ref who, uint64_t *monitor);

/* The same for the actor of this runtime that has that name now; its `down` says the name. Who has
 * the name later is not watched. A free name gives a `down` with GONE at once. NOMEM. INVALID:
 * empty or longer than TROUPE_NAME_MAX. */
TROUPE_CHECKED troupe_err troupe_monitor_name(troupe_self *self, const char *name,
                                              uint64_t *monitor);

/* Ends a monitor of this actor; a `down` that is queued already still comes. NOTFOUND: it is not
 * this actor's, or its `down` was sent. */
TROUPE_API troupe_err troupe_demonitor(troupe_self *self, uint64_t monitor);

/* The same, but no `down` comes any more: one that is queued is void. NOTFOUND: it is not this
 * actor's, or its `down` was received. */
TROUPE_API troupe_err troupe_demonitor_flush(troupe_self *self, uint64_t monitor);

typedef struct troupe_timer {
    uint64_t id;
} troupe_timer;

/* --- Timers. They are the running actor's own, and end with this life of it. A timer that has been
 * cancelled, replaced or has ended with its actor delivers nothing any more, also if its message is
 * in a mailbox already (as gen_statem's and Akka's timers). What a timer sends to its own actor
 * holds no place of the bound, so a full mailbox can't refuse it. To another actor it is sent like
 * anything else; its message has no sender. --- */

/* Sends `*msg` to `to` (an actor of this runtime) once, after `ms` milliseconds. If that is another
 * actor with a full mailbox, the message is a dead letter, as it is if that actor has ended.
 * `timer` may be NULL. In both cases the message is still yours: NOMEM; INVALID: no message, or an
 * actor of another node. */
TROUPE_CHECKED troupe_err troupe_send_after(troupe_self *self, unsigned ms, troupe_ref to,
                                            troupe_msg **msg, troupe_timer *timer);

/* Sends `*msg` again and again, each `ms` milliseconds by the clock: what comes late does not move
 * what comes after it. Each time it is a message of its own, around the same body (`troupe_share`).
 * At most one waits in the mailbox: periods that pass meanwhile are missed, as are those in which
 * another actor's mailbox is full, or in which there is no memory. That `to` has ended ends the
 * timer, and is one dead letter. NOMEM; INVALID: as `troupe_send_after`, and for `ms` 0, or if `to`
 * is one who asks. */
TROUPE_CHECKED troupe_err troupe_send_every(troupe_self *self, unsigned ms, troupe_ref to,
                                            troupe_msg **msg, troupe_timer *timer);

/* Ends a timer of this actor and drops its message. NOTFOUND: it has no such timer, or that has
 * been handled, and was to fire once. */
TROUPE_API troupe_err troupe_cancel(troupe_self *self, troupe_timer timer);

/* Has `*msg` come to this actor after `ms` milliseconds, and then, unless `every_ms` is 0, each so
 * many, as `troupe_send_every` says. `key` is any number of yours: a timer of this actor that has
 * the same one is replaced, as if cancelled. NOMEM: that one goes on. INVALID: no message. */
TROUPE_CHECKED troupe_err troupe_set_timer(troupe_self *self, uint64_t key, unsigned ms,
                                           unsigned every_ms, troupe_msg **msg);

/* Cancels the timer of this actor that has that key. NOTFOUND: there is none. */
TROUPE_API troupe_err troupe_end_timer(troupe_self *self, uint64_t key);

/* Has `*msg` come to this actor whenever it has handled nothing for `ms` milliseconds, until that
 * is ended or set anew. Never sooner, and at most an eighth of `ms`, but at least a millisecond,
 * later, since the time of each message is not looked at. What waits in the mailbox comes first,
 * and then there was no silence. Timers' messages count as messages, this one too. NOMEM: what was
 * set goes on. INVALID: no message, or `ms` is 0. */
TROUPE_CHECKED troupe_err troupe_receive_timeout(troupe_self *self, unsigned ms, troupe_msg **msg);

/* Ends that. NOTFOUND: it is not set. */
TROUPE_API troupe_err troupe_end_receive_timeout(troupe_self *self);

/* Gives a living actor of this runtime a name; it is free again when the actor ends (a restart by
 * its supervisor keeps it), before anybody gets a `down` or hears that it is GONE. One name an
 * actor; to give it the same one again does nothing, so it may be done in `start`. TAKEN: the name
 * is another's, or the actor has another one. GONE. INVALID: empty or longer than TROUPE_NAME_MAX.
 * NOMEM. */
TROUPE_CHECKED troupe_err troupe_register(troupe *rt, troupe_ref who, const char *name);

/* Finds a living actor of this runtime by name. NOTFOUND. */
TROUPE_CHECKED troupe_err troupe_whereis(troupe *rt, const char *name, troupe_ref *out);

/* Monotonic nanoseconds by the runtime's clock. */
TROUPE_API uint64_t troupe_now(troupe *rt);

/* 64 random bits: from the system, or from the seed of a simulation. Any thread. */
TROUPE_API uint64_t troupe_random(troupe *rt);

/* How full a mailbox is at this moment: `*waiting` messages of at most `*limit`; either may be
 * NULL. GONE. */
TROUPE_CHECKED troupe_err troupe_mailbox(troupe *rt, troupe_ref who, uint32_t *waiting,
                                         uint32_t *limit);

#ifdef __cplusplus
}
#endif
#endif
