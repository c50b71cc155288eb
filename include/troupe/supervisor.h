/* Supervisors: actors that start other actors in order, restart those that fail, and stop them in
 * reverse order. The semantics are those of OTP's supervisor, but that a restarted child keeps its
 * ref, its name and its unread mail. A supervisor is a behaviour like any other, so a tree is made
 * by listing `troupe_supervisor` as a child. */
#ifndef TROUPE_SUPERVISOR_H
#define TROUPE_SUPERVISOR_H

#include <troupe/actor.h>

#ifdef __cplusplus
extern "C" {
#endif

/* When a child that ended is started again. Ends with OK and SHUTDOWN are clean. */
typedef enum troupe_restart {
    TROUPE_PERMANENT, /* always */
    TROUPE_TRANSIENT, /* only if its end was not clean */
    TROUPE_TEMPORARY  /* never; once it has ended its supervisor forgets it */
} troupe_restart;

/* `shutdown_ms` values beside a time: how long a child may take to stop before it is killed. One
 * whose callback has not returned after as long again (a second, for these two) is abandoned: the
 * log names it, for all others it has ended as KILLED, and the tree goes on. It keeps its thread
 * and its memory until it returns; if it is started again, with a group, it gets a new ref. */
#define TROUPE_FOREVER (~0u) /* as long as it needs; the default of a child supervisor */
#define TROUPE_BRUTAL (~1u)  /* no time: it is killed, and its `stop` is not called */

/* One child. `id` is its name in reports and unique among its siblings. */
typedef struct troupe_child {
    const char *id;
    const troupe_behaviour *what;
    const void *arg; /* what every start of it gets; must live as long as the supervisor */
    troupe_restart restart;
    unsigned shutdown_ms; /* 0: 5000, or TROUPE_FOREVER for a supervisor */
    const char *name;     /* registered while the child is in the tree; NULL: none */
    bool significant;     /* its end may end its supervisor (troupe_auto_shutdown) */
    /* How long its start may take until it is ready; then it is killed, and its start has failed
     * with TIMEOUT. 0: as long as it needs. */
    unsigned start_ms;
    /* How long it waits before each restart, as its supervisor goes on with all else: a time drawn
     * by chance up to `backoff_ms` after the first failure, up to twice as much after each further
     * one, but never more than `backoff_max_ms` (0: 60000). Once it has been ready for
     * `backoff_reset_ms` (0: `backoff_max_ms`) the next failure is a first one. It keeps ref, name
     * and mail, which waits; who watches it has its `down` at once. 0: it does not wait. */
    unsigned backoff_ms, backoff_max_ms, backoff_reset_ms;
    /* A limit of its own: more than `max_restarts` restarts of it within `within_ms` (0: 5000) make
     * its supervisor give up; or, with `hold`, it is held: its siblings live, its ref and its name
     * stay, its mail waits up to its bound, and who watches it has its `down`. Then it can be
     * ended, or started again by `troupe_restart_child`, with a new window. 0: no limit of its own.
     */
    unsigned max_restarts, within_ms;
    bool hold;
    /* Each restart begins without the mail that came before: its unread messages are dead letters,
     * FLUSHED, and who asked has FAILED. */
    bool flush;
    /* The message that it failed on is not a dead letter at once, but the first of its next life,
     * and keeps its place of the bound; flushed it is not. Once it has failed on it that many times
     * running it is QUARANTINED (<troupe/observe.h>); until then its asker, if any, waits. Not if
     * it was passed on, or answered. 0, or temporary: it is a dead letter at once, FAILED. */
    unsigned poison_after;
} troupe_child;

/* `max_restarts` beside a number: there is no limit. */
#define TROUPE_UNLIMITED (~0u)

/* Who is restarted with a child that is. The others of its group are stopped first, the last one
 * first, each by its `shutdown_ms`; then the whole group is started in order, with those of it that
 * had ended before. A temporary child is stopped with its group, but not started again. It all
 * counts as one restart; so does each start that fails, which is tried again with its group. */
typedef enum troupe_strategy {
    TROUPE_ONE_FOR_ONE,  /* nobody */
    TROUPE_ONE_FOR_ALL,  /* all its siblings */
    TROUPE_REST_FOR_ONE, /* those behind it in start order */
    /* Nobody; all children are made at run time (`troupe_start_dynamic_child`) out of one template,
     * the only child that is listed, which has no name. They are stopped all at the same time, and
     * forgotten when they have ended. To start, end or restart one, or to count them, takes the
     * same time however many there are. */
    TROUPE_SIMPLE_ONE_FOR_ONE
} troupe_strategy;

/* Whether a supervisor stops its other children, and ends with SHUTDOWN, once significant children
 * have ended by themselves and are not restarted. To be terminated, or stopped with a group, is not
 * to end by oneself. */
typedef enum troupe_auto_shutdown {
    TROUPE_AUTO_SHUTDOWN_NEVER, /* no child may be significant */
    TROUPE_AUTO_SHUTDOWN_ANY,   /* once one has */
    TROUPE_AUTO_SHUTDOWN_ALL    /* once none of them is left */
} troupe_auto_shutdown;

/* What a supervisor looks after; everything it points to but `arg` is copied at the start. More
 * than `max_restarts` restarts within `within_ms` of monotonic time, over all children, make it
 * stop them all and fail with GAVE_UP. */
typedef struct troupe_supervision {
    const troupe_child *child;
    size_t children;
    unsigned max_restarts; /* 0: none is forgiven; TROUPE_UNLIMITED */
    unsigned within_ms;    /* 0: 5000 */
    const char *name;      /* registered for the supervisor, and in its reports; NULL: none */
    troupe_strategy strategy;
    troupe_auto_shutdown auto_shutdown;
} troupe_supervision;

/* The behaviour of a supervisor; its start argument is a `const troupe_supervision *`. It is ready
 * when its last child is. If one can't be started, those before it are stopped in reverse order
 * and it fails with START_FAILED. Its start fails with INVALID, and a line in the log that says
 * why, for a child without id or behaviour, an id twice, a name too long, an unknown strategy, a
 * significant child that is permanent or of a supervisor that does not care, a number of templates
 * that is not one; with TAKEN if its own name is; and with NOMEM. */
TROUPE_API extern const troupe_behaviour troupe_supervisor;

/* Starts a supervisor at the top of a tree and waits until all its children have started. A plain
 * thread only; children may use the runtime meanwhile.
 * START_FAILED, INVALID, NOMEM: as above, and nothing of it is left. TIMEOUT: not all children had
 * started within `timeout_ms`, or after a failed start not all had stopped; the tree is being
 * stopped. QUIESCED: no new work is taken (<troupe/shutdown.h>). */
TROUPE_CHECKED troupe_err troupe_supervise(troupe *rt, const troupe_supervision *what,
                                           unsigned timeout_ms, troupe_ref *out);

/* Where a child is in its life. */
typedef enum troupe_child_state {
    TROUPE_CHILD_WAITING,  /* for its turn to start, or to start again; or for its back-off */
    TROUPE_CHILD_STARTING, /* its `start` is not complete */
    TROUPE_CHILD_RUNNING,
    TROUPE_CHILD_STOPPING, /* was asked to stop */
    TROUPE_CHILD_ENDED,    /* ended for good */
    TROUPE_CHILD_HELD      /* down: it has used up its own restarts; ref and mail are kept */
} troupe_child_state;

/* A child as its supervisor sees it. */
typedef struct troupe_child_info {
    char id[TROUPE_NAME_MAX + 1];
    troupe_ref ref; /* TROUPE_NOBODY before its first start, and once it has ended for good */
    troupe_child_state state;
    bool supervisor;
    uint32_t restarts; /* in the supervisor's life */
    troupe_err why;    /* how its last life ended; OK if it never did */
} troupe_child_info;

/* Lists the children of a supervisor in start order: stores up to `room` of them in `info` and the
 * number of all in `*count`. Waits up to `timeout_ms`; a plain thread only. The errors of
 * `troupe_ask`; BADTYPE: `supervisor` is not one; INVALID: it is one of another node. */
TROUPE_CHECKED troupe_err troupe_children(troupe *rt, troupe_ref supervisor, unsigned timeout_ms,
                                          troupe_child_info *info, size_t room, size_t *count);

/* --- Children at run time --------------------------------------------------------------------- */

/* The functions of plain threads, which callbacks of `blocking` actors may call too, wait up to
 * `timeout_ms` for what they ask, but for what a callback does, which goes on when they no longer
 * wait; nobody waits for himself: <troupe/observe.h>, "Waits". Their errors are those of
 * `troupe_ask`, BADTYPE if `supervisor` is not one, INVALID if it is one of another node, SHUTDOWN
 * if it is stopping (but for questions), and: */

/* Starts one more child, the last in start order, and waits until it is ready; what `child` points
 * to is copied, but for `arg`. On an error nothing of it is left.
 * RUNNING, HELD: there is a child of that id, `*out`. RESTARTING, PRESENT: there is one, which is
 * being restarted, or has ended. INVALID: the description makes no sense. START_FAILED: its start
 * failed; the log says how. SHUTDOWN: it was stopped before it was ready. IGNORE: its start said
 * so; then its description stays all the same, unless it is temporary. QUIESCED, from outside: no
 * new work is taken. */
TROUPE_CHECKED troupe_err troupe_start_child(troupe *rt, troupe_ref supervisor,
                                             const troupe_child *child, unsigned timeout_ms,
                                             troupe_ref *out);

/* Stops a child by its `shutdown_ms` and waits until it is gone; its description stays, unless it
 * is temporary. Also ends the tries to restart it. A child that has ended already: OK. NOTFOUND. */
TROUPE_CHECKED troupe_err troupe_terminate_child(troupe *rt, troupe_ref supervisor, const char *id,
                                                 unsigned timeout_ms);

/* Starts a child again that has ended or is held, and waits until it is ready; after an end it has
 * a new ref. RUNNING, RESTARTING: it is neither. NOTFOUND. START_FAILED, SHUTDOWN, IGNORE: as
 * above, but its description stays; and one that was held is held again. */
TROUPE_CHECKED troupe_err troupe_restart_child(troupe *rt, troupe_ref supervisor, const char *id,
                                               unsigned timeout_ms, troupe_ref *out);

/* Forgets a child that has ended. RUNNING, RESTARTING, HELD: it has not. NOTFOUND. */
TROUPE_CHECKED troupe_err troupe_delete_child(troupe *rt, troupe_ref supervisor, const char *id,
                                              unsigned timeout_ms);

/* Tells of one child. NOTFOUND. */
TROUPE_CHECKED troupe_err troupe_find_child(troupe *rt, troupe_ref supervisor, const char *id,
                                            unsigned timeout_ms, troupe_child_info *info);

/* Starts one more child of a TROUPE_SIMPLE_ONE_FOR_ONE's template, but with that `arg`, which must
 * live as long as the child, and waits until it is ready. On an error nothing of it is left.
 * START_FAILED, SHUTDOWN, IGNORE, QUIESCED: as above. INVALID: the supervisor is of another
 * strategy; to one of this strategy all requests by id are. */
TROUPE_CHECKED troupe_err troupe_start_dynamic_child(troupe *rt, troupe_ref supervisor,
                                                     const void *arg, unsigned timeout_ms,
                                                     troupe_ref *out);

/* Stops such a child and waits until it is gone. One that has ended already: OK. NOTFOUND: it is
 * somebody else. INVALID: as above. */
TROUPE_CHECKED troupe_err troupe_terminate_dynamic_child(troupe *rt, troupe_ref supervisor,
                                                         troupe_ref child, unsigned timeout_ms);

/* Starts such a child again that is held, and waits until it is ready; its ref stays. RUNNING,
 * RESTARTING: it is not held. NOTFOUND: it has ended, or is somebody else. START_FAILED, IGNORE: it
 * is held again. SHUTDOWN, INVALID: as above. */
TROUPE_CHECKED troupe_err troupe_restart_dynamic_child(troupe *rt, troupe_ref supervisor,
                                                       troupe_ref child, unsigned timeout_ms);

/* How many children a supervisor has. */
typedef struct troupe_child_counts {
    uint64_t specs;       /* descriptions; 1 for dynamic children */
    uint64_t active;      /* that run, start or stop at this moment */
    uint64_t supervisors; /* of the descriptions, or of the dynamic children */
    uint64_t workers;     /* the others */
} troupe_child_counts;

/* Counts them. */
TROUPE_CHECKED troupe_err troupe_count_children(troupe *rt, troupe_ref supervisor,
                                                unsigned timeout_ms, troupe_child_counts *out);

/* What an actor can ask of a supervisor, each as the function of that name. */
typedef enum troupe_child_act {
    TROUPE_START_CHILD,
    TROUPE_TERMINATE_CHILD,
    TROUPE_RESTART_CHILD,
    TROUPE_DELETE_CHILD,
    TROUPE_START_DYNAMIC_CHILD,
    TROUPE_TERMINATE_DYNAMIC_CHILD,
    TROUPE_RESTART_DYNAMIC_CHILD,
    TROUPE_FIND_CHILD,     /* the answer is a troupe_child_found */
    TROUPE_COUNT_CHILDREN, /* a troupe_children_counted */
    TROUPE_LIST_CHILDREN   /* a troupe_children_listed */
} troupe_child_act;

typedef struct troupe_child_request {
    troupe_child_act act;
    const char *id;            /* to terminate, restart, delete or find a child */
    const troupe_child *child; /* for TROUPE_START_CHILD */
    const void *arg;           /* for TROUPE_START_DYNAMIC_CHILD */
    troupe_ref who;            /* to terminate or restart a dynamic child */
    uint64_t tag;              /* comes back in the answer */
} troupe_child_request;

/* The body of the answer; if nothing was found, or there was no memory to list them, also to those
 * that have an answer of their own. */
struct troupe_child_done {
    uint64_t tag;
    troupe_ref child; /* that was started, or runs already; else TROUPE_NOBODY */
    uint32_t err;     /* a troupe_err: what the function of plain threads would return */
};
/* Its type: `const struct troupe_child_done *done = troupe_as(*msg, &troupe_child_done_type);` */
TROUPE_API extern const troupe_type troupe_child_done_type;

/* The bodies of answers to what changes nothing. They are not for other nodes: only their tags
 * would arrive there. */
struct troupe_child_found {
    uint64_t tag;
    troupe_child_info info;
};
/* Its type. */
TROUPE_API extern const troupe_type troupe_child_found_type;

struct troupe_children_counted {
    uint64_t tag;
    troupe_child_counts counts;
};
/* Its type. */
TROUPE_API extern const troupe_type troupe_children_counted_type;

struct troupe_children_listed {
    uint64_t tag;
    troupe_bytes infos; /* in start order, an array of troupe_child_info */
};
/* Its type. */
TROUPE_API extern const troupe_type troupe_children_listed_type;

/* Asks a supervisor of this runtime for something and goes on; the answer comes as a message, which
 * never fails for a full mailbox and, but for a list, takes no memory. The errors of `troupe_send`.
 * NOMEM.
 * INVALID: a description that makes no sense, no id, a supervisor of another node. */
TROUPE_CHECKED troupe_err troupe_request_child(troupe_self *self, troupe_ref supervisor,
                                               const troupe_child_request *request);

#ifdef __cplusplus
}
#endif
#endif
