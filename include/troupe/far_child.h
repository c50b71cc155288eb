/* Children on other nodes: a supervisor's child that runs elsewhere. Needs troupe::transport.
 *
 * `troupe_far_child` is the behaviour of a *keeper*: an actor of this node whose life is that of an
 * actor on another one. Its start starts that actor, which is ready when that is; the actor's end
 * is the keeper's, for the same reason; to stop the keeper stops the actor first. So it is a child
 * like any other, with the same strategies, limits, back-off and reports:
 *
 *     static const troupe_far counter = {.id = "counter", .node = "right", .what = "counter"};
 *     const troupe_child child = {.id = "counter", .what = &troupe_far_child, .arg = &counter};
 *
 * and on the node called right, before it is used:
 *
 *     troupe_offer(node, &counter_behaviour, NULL);
 *     troupe_host_children(node);
 *
 * What is sent to the keeper goes to the actor, in the order in which it came, as if its sender had
 * sent it there (`troupe_forward`): it may be asked, and it answers straight to who asks. The
 * keeper's ref and name stay over all restarts, wherever the actor runs. Mail that the actor's
 * mailbox, or the credit of its node, has no room for waits in the keeper, up to its bound of
 * TROUPE_MAILBOX_DEFAULT; then senders hear FULL. It waits there too while the actor is down. What
 * was on its way when the node was lost is told as a dead letter, NODE_LOST (<troupe/observe.h>).
 * Mail that can't travel (TOOBIG) is dropped with a line in the log, and its asker hears BROKEN.
 *
 * --- Never twice ---
 *
 * The loss of a node is the failure of its children, with NOCONNECTION; but who can't be reached
 * may live. Whoever starts another one at once has two: so it happened to Akka's cluster singletons
 * whose members were downed by themselves, and happens to Erlang's global names until a split
 * heals. Here a life of a child begins only once the one before it has ended:
 *
 * - On one node always: it keeps book of the children that it hosts by home node and `id`, ends the
 *   old one, and starts the new one once it is buried. So a node that was only cut off, and comes
 *   back, does not have two.
 * - On another node, or a new process of the same one, by a *lease*. The host has it renewed four
 *   times a second or so, by a question to the keeper's node, and counts from when it has asked.
 *   An answer that is late is no renewal for longer. Without one for `lease_ms` it stops the child.
 *   The keeper's side knows from when on nobody answered, and waits from the loss for the lease,
 *   a sixteenth of it for clocks that differ, `stop_ms`, and a second; or until the old host is
 *   back and says that the child has ended, if that is sooner.
 *
 * - A new process of the keeper's node does not know where the former one had the child. So in the
 *   time that its lease may take, from `troupe_node_open` on, a child is not started where that
 *   is chosen; on a fixed node it is, since its host knows. A node's name is one process's at a
 *   time: two that go by it at once, not connected to the same nodes, are two homes.
 *
 * This holds while no process stands still (SIGSTOP, a virtual machine that is moved) as its lease
 * runs out: on waking the child may do a little before it is stopped; and while its callbacks
 * return within `stop_ms` and a second. No clock can do better. What must not be done twice even
 * then is to be guarded where it is done, by the fencing token: `troupe_far_token` is greater in
 * each life of a child than in the one before, so that a store can refuse who comes with a smaller
 * one than it has seen. (Gray and Cheriton, Leases, 1989; the token as in Chubby's sequencers.)
 *
 * A child whose keeper has ended, however that came (its process was killed, say), is stopped by
 * its host: at once if the host hears of it, else when the lease runs out. */
#ifndef TROUPE_FAR_CHILD_H
#define TROUPE_FAR_CHILD_H

#include <troupe/remote.h>
#include <troupe/supervisor.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A node that could have the child. */
typedef struct troupe_candidate {
    const char *name;
    uint64_t node;   /* its incarnation */
    size_t children; /* that keepers of this node have there */
} troupe_candidate;

/* `lease_ms` beside a time: a child that may exist twice for a while, and is started elsewhere at
 * once. It still is stopped when its host notices that the keeper or its node is lost. */
#define TROUPE_NO_LEASE (~0u)

/* A child elsewhere: the start argument of `troupe_far_child`. It must live as long as its
 * supervisor, and so must all that it points to. */
typedef struct troupe_far {
    const char *id;   /* unique among such children of this node; at most TROUPE_NAME_MAX bytes */
    const char *node; /* the name of the node that is to have it; NULL: one of those connected */
    const char *url;  /* where that listens: it is kept connected; NULL: others see to that */
    /* Chooses among `count` connected nodes, at least one: an index, or `count` for none of them.
     * Called by the keeper at each start, and must not wait. NULL: the first with the fewest. */
    size_t (*choose)(void *ctx, const troupe_candidate *nodes, size_t count);
    void *ctx;
    const char *what;        /* the name of a behaviour that is offered there (`troupe_offer`) */
    const troupe_type *type; /* what its start gets is such a message; NULL: nothing */
    const void *arg;         /* the body of that */
    unsigned wait_ms;        /* how long a start waits for a node, then NOCONNECTION; 0: 5000 */
    /* How long it may take to stop until it is killed there, or TROUPE_BRUTAL. Less than the
     * `shutdown_ms` of the keeper, else the keeper is killed before. 0: 4000. */
    unsigned stop_ms;
    unsigned lease_ms; /* at least 1000, or TROUPE_NO_LEASE; 0: 5000 */
} troupe_far;

/* The behaviour of a keeper. Its start fails with INVALID if the description makes no sense or this
 * runtime is no node; TAKEN: a keeper of that `id` lives; NOCONNECTION: no node within `wait_ms`,
 * or it was lost; NOTFOUND: the node hosts no children, or has no such offer; BADTYPE: the offer
 * takes another argument; and with what the actor's own start said. Each with a text that names the
 * node. */
TROUPE_API extern const troupe_behaviour troupe_far_child;

/* Lets supervisors of other nodes have children here, of the behaviours that are offered
 * (`troupe_offer`): at most 1024. They are children of a supervisor of this runtime, called "far
 * children", and stop when that does. Registers the name "troupe.host". To call it again does
 * nothing. Any thread. TAKEN: that name is somebody else's. The errors of `troupe_spawn`. */
TROUPE_CHECKED troupe_err troupe_host_children(troupe_node *node);

/* Where a child is. */
typedef struct troupe_far_place {
    char node[TROUPE_NAME_MAX + 1]; /* the node's name; "": none */
    troupe_ref who;                 /* the actor there; TROUPE_NOBODY: it does not run */
    uint64_t token;                 /* of this life */
} troupe_far_place;

/* Asks a keeper of this runtime where its actor runs, for tools and tests. Waits up to
 * `timeout_ms`; a plain thread only. The errors of `troupe_ask`; BADTYPE: it is no keeper. */
TROUPE_CHECKED troupe_err troupe_far_child_at(troupe *rt, troupe_ref keeper, unsigned timeout_ms,
                                              troupe_far_place *out);

/* The running actor's fencing token: greater than in each earlier life of the same child, if the
 * wall clock of the keeper's machine is not set back while its process is started again. It may be
 * asked for in `start`, too. NOTFOUND: it is no child of another node. */
TROUPE_CHECKED troupe_err troupe_far_token(troupe_self *self, uint64_t *token);

#ifdef __cplusplus
}
#endif
#endif
