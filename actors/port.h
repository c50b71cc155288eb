/* The seam between the actors and what lies outside their process: the one header of this room that
 * transport may include. The actors call the port; the transport calls the functions below it. */
#ifndef TR_ACTORS_PORT_H
#define TR_ACTORS_PORT_H

#include <troupe/simulation.h>

#include "base/check.h"
#include "base/list.h"
#include "base/pool.h"
#include "serial/type.h"

typedef struct tr_port tr_port;

/* How a message travels, beside its body. The last three are of one that goes to another node. */
enum {
    TR_SEND_ASK = 1,     /* the sender is an asker's one-shot address, who waits for the answer */
    TR_SEND_FREE = 2,    /* holds no place of the mailbox's bound: answers to askers, signals */
    TR_SEND_URGENT = 4,  /* before all other mail, if its receiver takes such */
    TR_SEND_LONG = 1024, /* it has more time than fits: all but the lowest bits of that */
    TR_SEND_TIME = 2048  /* the first of the bits of the time that it has: 0: all */
};

/* How long a message is of use, in ms, as bits of `how`. What fits, up to 35 minutes, is exact;
 * what does not is cut to units of 2048 ms. */
static inline unsigned tr_send_within(unsigned ms) {
    if (ms <= UINT32_MAX / TR_SEND_TIME) return ms * TR_SEND_TIME;
    return (ms & ~(TR_SEND_TIME - 1u)) | TR_SEND_LONG;
}

/* What those bits say, in ms. */
static inline unsigned tr_send_ms(unsigned how) {
    return how & TR_SEND_LONG ? how & ~(TR_SEND_TIME - 1u) : how / TR_SEND_TIME;
}

/* What holds for a message from another node beside its body. */
typedef struct tr_terms {
    uint64_t deadline; /* by the runtime's clock; TR_NEVER: none */
    bool urgent;       /* and its receiver takes such */
} tr_terms;

/* Something that a simulation shall run at its time. */
typedef struct tr_event {
    tr_list of_sim;
    uint64_t due;   /* virtual ns */
    uint64_t agent; /* who it is of, equal in equal runs */
    void (*run)(void *ctx);
    void *ctx;
} tr_event;

/* What is to be told of a message that is sent with a promise. */
typedef struct tr_promise_order {
    bool again;           /* it is sent again until it is known to have arrived */
    unsigned how;         /* TR_SEND_URGENT, and its time */
    troupe_msg **news;    /* a `troupe_delivered`, for */
    troupe_ref teller;    /* that actor, which has sent it; taken if the message is */
    bool waits;           /* a thread waits for its end, */
    unsigned timeout_ms;  /* so long at most */
} tr_promise_order;

/* What the actors want of other nodes. Any worker or plain thread may call, without a lock of the
 * runtime held; none may wait for the network. */
typedef struct tr_port_ops {
    /* Takes a message for an actor of another node. The errors of troupe_send. */
    troupe_err (*send)(tr_port *port, troupe_ref from, troupe_ref to, unsigned how,
                       troupe_msg **msg);
    /* The same with a promise. NULL: it makes none. An error with `*msg` still there: it was not
     * taken; else how the promise has ended for a thread that waits. */
    troupe_err (*promise)(tr_port *port, troupe_ref from, troupe_ref to,
                          const tr_promise_order *order, troupe_msg **msg);
    /* The callback in which `tr_port_defer` said yes on this thread has ended. `idle`: no other
     * follows it here. */
    void (*settle)(tr_port *port, bool idle);
    /* One of those takes long: what they hold back shall go out now. Any thread. */
    void (*hurry)(tr_port *port);
    /* Whether one more message may be sent to an actor of another node. FULL: not now, and
     * `tr_port_has_room` will say when. GONE, NOCONNECTION, NOMEM. */
    troupe_err (*may_send)(tr_port *port, troupe_ref to);
    /* `watcher`, of this runtime, watches `who`, of another node; `number` is the monitor's. The
     * end comes back by `tr_port_down`. NOCONNECTION: it is not connected, and nothing will
     * come. */
    troupe_err (*monitor)(tr_port *port, uint64_t number, troupe_ref watcher, troupe_ref who);
    /* Takes it back. */
    void (*demonitor)(tr_port *port, uint64_t number, troupe_ref watcher, troupe_ref who);
    /* `who`, of this runtime, has ended; `watcher`, of another node, watched it. */
    void (*down)(tr_port *port, uint64_t number, troupe_ref watcher, troupe_ref who,
                 troupe_err why);
    /* `me`, of this runtime, has linked itself to `who`, of another node; `number` is the link's.
     * An end comes back by `tr_port_exit`. NOCONNECTION: nothing will come. */
    troupe_err (*link)(tr_port *port, uint64_t number, troupe_ref me, troupe_ref who);
    /* `me` takes a link back; `maker` is the node that made it. */
    void (*unlink)(tr_port *port, uint64_t number, uint64_t maker, troupe_ref me, troupe_ref who);
    /* `who`, of this runtime, has ended; `peer`, of another node, was linked to it. */
    void (*exit)(tr_port *port, uint64_t number, uint64_t maker, troupe_ref peer, troupe_ref who,
                 troupe_err why);
    /* `me`, of this runtime, sends an exit signal to `who`, of another node, in line behind its
     * messages, and by the credit of one; but a KILL goes as it is. FULL, NOMEM, NOCONNECTION: it
     * was not sent. GONE: `who` has ended. */
    troupe_err (*exit_signal)(tr_port *port, troupe_ref me, troupe_ref who, troupe_err why);
    /* `who`, of another node, is asked to stop, ahead of its mail. NOCONNECTION. */
    troupe_err (*stop)(tr_port *port, troupe_ref who);
    /* The request of an asker on another node will not be answered. */
    void (*ask_failed)(tr_port *port, troupe_ref asker, troupe_err why);
    /* A mailbox that refused a message with FULL, and was asked by `tr_port_want_room`, has
     * room. */
    void (*room)(tr_port *port, troupe_ref who);
    /* How an actor of another node, to which a send has said GONE, has ended: STOPPED: in good
     * order; else GONE. */
    troupe_err (*ended)(tr_port *port, troupe_ref who);
    /* Actors of this runtime have joined or left groups: `tr_port_groups` says which. NULL: nobody
     * is told. */
    void (*groups)(tr_port *port);
    /* The runtime closes: all actors have ended. Stops everything and frees the port. False: it
     * can't (a connection does not end), and the runtime's memory must stay. */
    bool (*close)(tr_port *port);
} tr_port_ops;

struct tr_port {
    const tr_port_ops *ops;
};

/* Makes `port` the runtime's way to other nodes. TAKEN: it has one. */
TR_CHECKED troupe_err tr_port_attach(troupe *rt, tr_port *port);

/* What was attached; NULL: nothing yet. */
tr_port *tr_port_of(troupe *rt);

/* Something else that lives as long as a runtime, found by its key. */
typedef struct tr_service {
    struct tr_service *next;
    const void *key;                           /* the address of something of the owner's */
    void (*close)(struct tr_service *service); /* all actors have ended: stop and free */
} tr_service;

/* The service with that key, made by `make` (under a lock: once) if there is none yet. NULL: `make`
 * failed. */
tr_service *tr_port_service(troupe *rt, const void *key, tr_service *(*make)(troupe *rt));

/* What `how` means for a message for `to` that comes, or is sent, now. */
tr_terms tr_port_terms(troupe *rt, troupe_ref to, unsigned how);
/* Writes into `how` how much of its time is left. False: none is. */
TR_CHECKED bool tr_port_time_left(troupe *rt, uint64_t deadline, unsigned *how);
/* Has such terms hold for a message: `*msg` is another one then, with it inside, to be delivered or
 * ended in its place. NOMEM: the message is as it was. */
TR_CHECKED troupe_err tr_port_wrap(troupe *rt, troupe_ref from, troupe_ref to,
                                   const tr_terms *terms, troupe_msg **msg);

/* What a look has brought. */
typedef enum tr_looked {
    TR_LOOKED_NOTHING,
    TR_LOOKED_FOUND, /* something has come */
    TR_LOOKED_LAST   /* nothing more will, by a look: it is its owner's again, or gone */
} tr_looked;

/* Something outside from which messages come: what is left to the workers to look at, rather than
 * that a thread waits for it. */
typedef struct tr_polled {
    tr_list of_poller; /* free at first */
    unsigned missed;   /* looks in vain, one after the other */
    /* Takes what has come, if anything has; by one worker at a time, as if it were in plain code.
     * It must not wait for anything. */
    tr_looked (*look)(struct tr_polled *it);
    /* It is its owner's again: no worker looks any more. Any thread. */
    void (*wait)(struct tr_polled *it);
} tr_polled;

/* Leaves it to the workers, until `wait`, or a look that is the LAST. False: it stays the caller's,
 * since no worker is about to look, or they have enough to look at. Any thread, and with a lock
 * that `look` and `wait` take. */
TR_CHECKED bool tr_port_poll(troupe *rt, tr_polled *it);

/* Ends a message, wrapped or not, of which nobody is to hear; NULL: does nothing. */
void tr_port_drop(const troupe *rt, troupe_msg **msg);

/* Whether `ops->settle` will be called on this thread, once the callback that it runs has ended,
 * and `ops->hurry` if that takes long. So what it sends until then may go out together. */
bool tr_port_defer(troupe *rt);

/* Puts a message that came from outside into a mailbox. `from` is its sender, on any node.
 * FULL, GONE: the message is still the caller's. */
TR_CHECKED troupe_err tr_port_deliver(troupe *rt, troupe_ref from, troupe_ref to, unsigned how,
                                      troupe_msg **msg);

/* Writes on a message who sent it, to whom and how, for what follows. */
void tr_port_address(troupe *rt, troupe_ref from, troupe_ref to, unsigned how, troupe_msg *msg);
/* Puts several that are addressed to one actor into its mailbox at once: a list from the newest to
 * the oldest by `link`. False: they are still the caller's, who delivers each. */
TR_CHECKED bool tr_port_deliver_list(troupe *rt, troupe_ref to, troupe_msg *newest,
                                     troupe_msg *oldest, uint32_t count);

/* Asks for `ops->room` once `who` has room. False: it has room now, or has ended; try again. */
bool tr_port_want_room(troupe *rt, troupe_ref who);

/* An actor of another node may be sent to again, or has ended (GONE); id 0: all of it may. */
void tr_port_has_room(troupe *rt, troupe_ref who, troupe_err why);

/* Ends a message that arrived and can't be delivered; it is counted and logged as a dead letter,
 * and its asker, if it has one, is told `why`; for GONE how the actor has ended. */
void tr_port_dead(troupe *rt, troupe_ref from, troupe_ref to, unsigned how, troupe_msg **msg,
                  troupe_err why);

/* A message that `ops->send` has taken, and nobody knows to have arrived, since the node is lost
 * (NOCONNECTION), or it is not of use any more (TIMEOUT): it does not count as forwarded any more,
 * but as a dead letter, by which it can be handed back. */
void tr_port_unsent(troupe *rt, troupe_ref from, troupe_ref to, troupe_msg **msg, troupe_err why);

/* An actor of another node starts or stops to watch one of this runtime. An end is told by
 * `ops->down`, at once if `who` has ended already. NOMEM. */
TR_CHECKED troupe_err tr_port_watch(troupe *rt, uint64_t number, troupe_ref watcher,
                                    troupe_ref who);
/* Takes it back. False: it is over. */
bool tr_port_unwatch(troupe *rt, uint64_t number, troupe_ref watcher);

/* `node` says that an actor of its own, watched under `number`, has ended: the watcher gets its
 * `down`. False: nobody watches it. */
bool tr_port_down(troupe *rt, uint64_t number, uint64_t node, troupe_err why);

/* An actor of another node links itself to one of this runtime. An end is told by `ops->exit`, at
 * once if `to` has ended already, or there is no memory for the link. False: it has done so before,
 * and there is no second link. */
bool tr_port_link(troupe *rt, uint64_t number, troupe_ref from, troupe_ref to);
/* Takes that back, or one that `to` has made. False: it is over. */
bool tr_port_unlink(troupe *rt, uint64_t number, uint64_t maker, troupe_ref from, troupe_ref to);
/* `from`, of another node, has ended: `to` gets the exit signal if they are linked. False: they are
 * not. */
bool tr_port_exit(troupe *rt, uint64_t number, uint64_t maker, troupe_ref from, troupe_ref to,
                  troupe_err why);

/* An exit signal that `from`, of another node, has sent to `to` without a link. NOMEM. */
TR_CHECKED troupe_err tr_port_signal(troupe *rt, troupe_ref from, troupe_ref to, troupe_err why,
                                     troupe_msg **out);
/* Puts it into the mail of its receiver, where it takes a place of the bound as a message does: it
 * came by the credit of one. FULL, GONE: it is still the caller's. */
TR_CHECKED troupe_err tr_port_signal_in(troupe *rt, troupe_msg **signal);

/* Whether a ref of this runtime is an asker's one-shot address. */
bool tr_port_is_asker(troupe_ref ref);

/* How an actor of this runtime that is no more has ended: STOPPED: in good order, and that is known
 * still; else GONE. */
troupe_err tr_port_ended(troupe *rt, troupe_ref who);

/* An ask of this runtime will not be answered by the other node. */
void tr_port_ask_failed(troupe *rt, troupe_ref asker, troupe_err why);

/* How a node tells another one of memberships in groups. */
typedef enum tr_group_news {
    TR_GROUP_JOINED, /* `id` is a member of the group `name` */
    TR_GROUP_LEFT,   /* it is not */
    TR_GROUP_ANEW,   /* all memberships are told anew from here on; no id, no name */
    TR_GROUP_ALL     /* these were all of them */
} tr_group_news;

/* Says which memberships of this runtime there are, for who knows those of the number `since` (0:
 * none): what has changed, or all. Gives the number to ask with next. `say` runs under the lock of
 * the groups, and may only write it down. `*ok`: it did each time; else nothing was said. */
uint64_t tr_port_groups(troupe *rt, uint64_t since,
                        bool (*say)(void *ctx, tr_group_news what, uint64_t id, const char *name),
                        void *ctx, bool *ok);

/* Another node says so of its own actors. INVALID: a name that can't be. MALFORMED: an end without
 * a beginning. FULL: it has told of so many that no more are kept. NOMEM: it is not kept. */
TR_CHECKED troupe_err tr_port_group(troupe *rt, uint64_t node, tr_group_news what, uint64_t id,
                                    const char *name);

/* A node is lost: monitors and asks across get NOCONNECTION; its own monitors here are forgotten.
 * After this nothing of that node may be delivered. */
void tr_port_node_lost(troupe *rt, uint64_t node);

/* A runtime's incarnation. */
uint64_t tr_port_node(const troupe *rt);
/* Where messages that arrive come from. */
const tr_pool *tr_port_pool(const troupe *rt);
/* Its allocator, which outlives it if it is malloc. */
const troupe_heap *tr_port_heap(const troupe *rt);
/* Its message types. */
tr_types *tr_port_types(troupe *rt);
/* Whether it has no workers. */
bool tr_port_stepped(const troupe *rt);

/* The time that its waiting threads count deadlines in. */
uint64_t tr_port_clock(const troupe *rt);

/* When its connections must have ended, by that time; TR_NEVER: as long as they are given. */
uint64_t tr_port_deadline(const troupe *rt);

/* Whether it takes no new connections; a call of a plain thread for one is counted then. */
bool tr_port_refuses(troupe *rt);

/* The simulation that it is in; NULL: none. */
troupe_sim *tr_port_sim(const troupe *rt);
/* A simulation's own memory. */
const troupe_heap *tr_sim_heap(const troupe_sim *sim);
/* Has an event, whose `of_sim` is a member of a list or free, run at `due`. */
void tr_sim_set(troupe_sim *sim, tr_event *event, uint64_t due);
/* Takes it back. */
void tr_sim_unset(tr_event *event);
/* Runs one event, time jumping to it at most to `deadline`. False: there is none until then, and
 * now it is that time. For threads that wait. */
bool tr_sim_advance(troupe_sim *sim, uint64_t deadline);
/* Whether a connection shall break now, by chance. */
bool tr_sim_breaks(troupe_sim *sim);
/* What a simulation wants of its network. */
typedef struct tr_sim_net_ops {
    void (*end)(void *net); /* with the simulation */
    /* Lets nothing pass between two nodes until then. */
    void (*part)(void *net, uint64_t a, uint64_t b, uint64_t until);
    void (*calm)(void *net); /* all goes well from here on */
} tr_sim_net_ops;

/* Keeps the simulated network. */
void tr_sim_attach_net(troupe_sim *sim, void *net, const tr_sim_net_ops *ops);
/* What was attached; NULL: nothing yet. */
void *tr_sim_network(const troupe_sim *sim);

/* Ends a runtime as the death of its process would, but for its memory, which is given back:
 * nothing of it is heard any more, no `stop` runs. Makes the pointer NULL. Only of a simulation. */
void tr_port_crash(troupe **rt);

/* Trouble with a peer, for a report: its name, the error, what is wrong in words, and what happens
 * now. */
typedef struct tr_trouble {
    const char *peer, *text, *next;
    troupe_err why;
} tr_trouble;

/* Reports it; the text is the line of a log. */
void tr_port_trouble(troupe *rt, const tr_trouble *trouble, const char *format, ...)
    TROUPE_PRINTF(3, 4);

/* One line for the log, without newline. */
void tr_port_log(troupe *rt, troupe_level level, const char *format, ...) TROUPE_PRINTF(3, 4);

#endif
