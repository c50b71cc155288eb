/* One actor: its memory, and its life from `start` to `stop`. */
#ifndef TR_ACTORS_ACTOR_H
#define TR_ACTORS_ACTOR_H

#include "actors/route.h"
#include "actors/runtime.h"
#include "actors/task.h"
#include "base/check.h"
#include "serial/envelope.h"

/* Where an actor is in its life. Written by whoever runs it, or is making it. */
typedef enum tr_status {
    TR_NEW,   /* made; its start has not run */
    TR_ALIVE, /* started: it handles mail */
    TR_HELD,  /* a life has ended, and its supervisor has not decided yet; mail waits */
    TR_BURIED /* ended for good */
} tr_status;

/* What a child tells its supervisor. */
typedef enum tr_note_what { TR_NOTE_READY, TR_NOTE_ENDED } tr_note_what;

struct tr_note_body {
    troupe_self *child;
    tr_note_what what;
    troupe_err why;
};

/* A message that needs no memory when it is sent. */
typedef struct tr_note {
    _Alignas(16) troupe_msg msg;
    struct tr_note_body body; /* directly behind its envelope */
} tr_note;

extern const troupe_type tr_note_type;

/* What binds a child to its supervisor, in whose memory it is. The child reads it until it has sent
 * `ended`; then it rests until it is started again or buried. */
typedef struct tr_bond {
    troupe_self *parent;
    const char *id;
    const void *arg;       /* what each start gets */
    tr_note ready, ended;  /* each is in the parent's mailbox at most once */
    bool told;             /* who watched the last life has had its `down` */
    bool flush;            /* a next life starts without the mail of the last (unread.h) */
    uint32_t poison_after; /* failures on one message after which that is quarantined; 0: at once */
    uint32_t tries;        /* failures so far on `again` */
    const troupe_msg *again; /* the message that was put back; a sender may have dropped it since */
    uint64_t tried_at;       /* its `handled` then */
} tr_bond;

enum { TR_CALLERS_MOST = 16 };

/* How a life failed, for the report. */
typedef struct tr_failure {
    const char *condition; /* that did not hold; NULL: it is about none */
    const char *file;      /* NULL: the callback just returned the error, or the runtime found it */
    int line;
    char text[200];
    const char *doing; /* the callback, or the type of the message being handled */
    troupe_ref from;   /* that message's sender */
    int64_t waited_ms; /* how long it had waited; -1: there was none */
    char message[200]; /* what it says; "": none, or it was sent on */
    bool quarantined;  /* it will not come again */
    unsigned callers;  /* return addresses from the place of the failure to the callback */
    uintptr_t caller[TR_CALLERS_MOST];
} tr_failure;

/* In `in_hand`, beside the message's flags and stamp: there is a message; and it was not replied to
 * yet, in the place of a flag that means nothing there. */
#define TR_IN_HAND (UINT32_C(1) << 31)
enum { TR_UNANSWERED = TR_MSG_POOLED };
/* The same of a question (TR_MSG_ASK): it may be answered later, by who has its asker's address. */
enum { TR_KEPT = TR_MSG_EMBEDDED };

/* In `asks`: it has asked, in this life; what it handles is what came of that; it has wished to be
 * told of room; it has watched a group. */
enum { TR_ASKS_SOME = 1, TR_ASKS_ANSWER = 2, TR_ASKS_ROOM = 4, TR_ASKS_GROUPS = 8 };

/* An actor. Fields without a remark belong to whoever runs it (one at a time; its parking and the
 * bias of its home hand them on). */
struct troupe_self {
    tr_task task;                 /* the scheduler's */
    troupe *rt;                   /* constant */
    const troupe_behaviour *what; /* constant; its own one if it is guarded */
    void *state;
    tr_bond *bond; /* to its supervisor; NULL: top level */
    char *name;    /* registered; guarded by the names' lock */
    uint64_t id;   /* constant for one actor: place (low half) and generation, as in its ref */
    tr_atomic64 sender_node, sender_id; /* of the message being handled; outside old news */
    tr_atomic64 doing;   /* a text: the callback, or the type of the message; the watch reads it */
    tr_failure *failure; /* of the last life; read by the supervisor while held */
    struct tr_owned *owned; /* memory and cleanups of this life; NULL: none */
    tr_atomic64 handled;    /* messages so far, over all lives; others read it too */
    tr_atomic32 lives;      /* begun so far; read by who abandons it, too */
    tr_atomic32 in_hand;    /* flags of the message being handled and above; 0 outside; with the
                             * sender's, read by who abandons it, too */
    uint32_t why;           /* a troupe_err */
    tr_atomic32 failed;     /* messages that a life failed on; others read it too */
    tr_atomic32 dropped;    /* messages that its overflow policy dropped; by any thread */
    tr_atomic32 flushed;    /* messages that were flushed; the same */
    uint8_t status;         /* a tr_status */
    bool is_supervisor;     /* constant for one actor */
    bool ready;             /* start is complete */
    bool stopping;          /* `stopping` said LATER */
    bool ending;            /* this life ends once the callback returns, for the reason `why` */
    bool has_timers;        /* it has set one, in some life */
    bool has_topics;        /* it has subscribed to one, in some life */
    bool has_watched;       /* it has monitored or linked to somebody, in some life */
    bool traps;             /* exit signals are messages for it */
    bool has_habit;         /* `what` is part of a habit; changed under the guard of its home */
    uint8_t asks;           /* TR_ASKS_* */
    uint32_t epoch;         /* of exit signals: raised when a life's end is told; written by whoever
                          * runs it, under the ties' lock */
    uint32_t exits;         /* signals of troupe_exit_signal that wait; guarded by the ties' lock */
    tr_atomic32 peak;       /* the most messages that its mailbox held; see peak.h */
    tr_list watchers;       /* ties to me; guarded by the ties' lock */
    tr_list watching;       /* ties of mine; guarded by the ties' lock */
    tr_list timers;         /* of mine; guarded by the timers' lock */
};

/* Makes an actor without running anything. `bond` is NULL at the top level. NOMEM, INVALID. */
TR_CHECKED troupe_err tr_actor_make(troupe *rt, const troupe_behaviour *what, tr_bond *bond,
                                    troupe_self **out);

/* Requests something (TR_CONTROL_*) of the actor of this runtime with that id, if it lives. */
void tr_actor_ask(troupe *rt, uint64_t id, uint32_t what);

/* What it is doing, for reports. Relaxed: the text is constant, and the watch reads it while this
 * actor can't go on (tr_turn_unwatch). */
static inline const char *tr_actor_doing(const troupe_self *self) {
    return (const char *)(uintptr_t)tr_load64_relaxed(&self->doing);
}

/* Says what it is doing, for reports: a constant text. By whoever runs it. */
static inline void tr_actor_set_doing(troupe_self *self, const char *what) {
    tr_store64_relaxed(&self->doing, (uint64_t)(uintptr_t)what);
}

/* Who sent the message in hand, of which `in_hand` was read, with acquire by who does not run it;
 * its node was written only if that is another one. */
static inline troupe_ref tr_actor_sender_of(const troupe_self *self, uint32_t in_hand) {
    uint64_t id = tr_load64_relaxed(&self->sender_id);
    if (!id) return TROUPE_NOBODY;
    bool foreign = in_hand & TR_MSG_FOREIGN;
    return (troupe_ref){foreign ? tr_load64_relaxed(&self->sender_node) : self->rt->node, id};
}

/* The same by whoever runs it. */
static inline troupe_ref tr_actor_sender(const troupe_self *self) {
    return tr_actor_sender_of(self, tr_load32_relaxed(&self->in_hand));
}

/* Says whose message it handles from here on, the sender first. By whoever runs it. */
static inline void tr_actor_set_in_hand(troupe_self *self, uint32_t flags, troupe_ref sender) {
    tr_store64_relaxed(&self->sender_id, sender.id);
    tr_store64_relaxed(&self->sender_node, sender.node);
    if (sender.node != self->rt->node) flags |= TR_MSG_FOREIGN;
    /* Partner: tell_asker in abandon.c. */
    tr_store32_release(&self->in_hand, flags | TR_IN_HAND | TR_UNANSWERED);
}

/* The same of a message that it received. */
static inline void tr_actor_take_in_hand(troupe_self *self, const troupe_msg *msg) {
    const uint32_t flags = msg->flags;
    tr_store64_relaxed(&self->sender_id, msg->sender);
    if (TR_UNLIKELY(flags & TR_MSG_FOREIGN))
        tr_store64_relaxed(&self->sender_node, *tr_msg_trailer(msg));
    tr_store32_release(&self->in_hand, flags | TR_IN_HAND | TR_UNANSWERED);
}

/* The message in hand may be answered later, after this callback too. By whoever runs it. */
static inline void tr_actor_keep(troupe_self *self) {
    const uint32_t in_hand = tr_load32_relaxed(&self->in_hand);
    tr_store32_relaxed(&self->in_hand, in_hand | (in_hand & TR_MSG_ASK ? TR_KEPT : 0));
}

/* What a question says instead of the generation of who is asked: so it leaves the common path as
 * signals do, since what comes of it is looked at. Never 0, which is a signal's. */
static inline uint32_t tr_ask_generation(uint32_t generation) {
    const uint32_t other = generation ^ UINT32_C(0x80000000);
    return other ? other : generation;
}

/* Whether the message in hand was replied to. By whoever runs it. */
static inline bool tr_actor_answered(const troupe_self *self) {
    return !(tr_load32_relaxed(&self->in_hand) & TR_UNANSWERED);
}

/* The record of how this life failed, made at the first call; NULL then: no memory, or the first
 * failure is on record already, which is the one that counts. By whoever runs it. */
tr_failure *tr_actor_failure(troupe_self *self);

/* What `troupe_fail` does, without a place to tell: the runtime finds the failure. */
void tr_actor_fail(troupe_self *self, troupe_err why, const char *format, ...) TROUPE_PRINTF(3, 4);

/* Sends its supervisor one of the bond's notes, which is not on its way. By whoever runs it. */
void tr_actor_tell_parent(troupe_self *self, tr_note *note, tr_note_what what, troupe_err why);

/* An actor's ref. */
static inline troupe_ref tr_actor_ref(const troupe_self *self) {
    return (troupe_ref){self->rt->node, self->id};
}

/* Which generation of its place it is, as in its ref. */
static inline uint32_t tr_actor_generation(const troupe_self *self) {
    return (uint32_t)(self->id >> 32);
}

/* Whether what came into its mailbox was for it, and not for one that had this place before. */
bool tr_actor_is_meant(const troupe_self *self, troupe_msg *msg);

/* The path in the tree, for reports: "shop/accounts/7". Any thread that knows the actor lives. */
void tr_actor_path(const troupe_self *self, char *path, size_t room);

#endif
