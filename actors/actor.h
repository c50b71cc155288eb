/* One actor: its memory, and its life from `start` to `stop`. */
#ifndef TR_ACTORS_ACTOR_H
#define TR_ACTORS_ACTOR_H

#include "actors/runtime.h"
#include "base/check.h"
#include "mailbox/mailbox.h"
#include "serial/envelope.h"

/* Where an actor is in its life. Written by whoever runs it, or is making it. */
typedef enum tr_status {
    TR_NEW,     /* made; its start has not run */
    TR_ALIVE,   /* started: it handles mail */
    TR_HELD,    /* a life has ended, and its supervisor has not decided yet; mail waits */
    TR_BURIED   /* ended for good */
} tr_status;

/* Requests to an actor and its idle mark, in the low half of `control`; the high half is the
 * generation, so that a request can never reach the next actor in the same place. */
enum {
    TR_CONTROL_START = 1, /* begin a life */
    TR_CONTROL_STOP = 2,  /* end it in good order */
    TR_CONTROL_KILL = 4,  /* end it now */
    TR_CONTROL_BURY = 8,  /* end for good; only while held */
    TR_CONTROL_REQUESTS = 15,
    TR_CONTROL_FROZEN = 16, /* held, and not queued: a request runs it again */
    TR_CONTROL_VACANT = 32  /* nobody has this generation yet: a ref that says so is made up */
};

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
    tr_note ready, ended; /* each is in the parent's mailbox at most once */
} tr_bond;

/* How a life failed, for the report. */
typedef struct tr_failure {
    const char *file; /* NULL: the callback just returned the error */
    int line;
    char text[200];
    const char *doing; /* the callback, or the type of the message being handled */
    troupe_ref from;   /* that message's sender */
} tr_failure;

/* Something to run when a life ends. */
typedef struct tr_cleanup {
    struct tr_cleanup *next;
    void (*run)(void *ctx);
    void *ctx;
} tr_cleanup;

/* An actor. Fields without a remark belong to whoever runs it (one at a time; the mailbox's parking
 * hands them on). */
struct troupe_self {
    tr_mailbox box;       /* shared; see mailbox/ */
    tr_link run;          /* in a run queue: the scheduler's */
    tr_atomic64 control;  /* shared: generation << 32 | TR_CONTROL_* */
    uint32_t place;       /* constant */
    uint32_t generation;  /* constant for one actor: what `control` had at its birth */
    bool is_supervisor;   /* constant for one actor */
    tr_list top;          /* among the top-level actors; guarded by the table's lock */
    troupe *rt;           /* constant */
    const troupe_behaviour *what;
    void *state;
    const void *arg;      /* of a supervised actor: what each start gets */
    tr_bond *bond;        /* to its supervisor; NULL: top level */
    char *name;           /* registered; guarded by the names' lock */
    bool named_out;       /* may no longer be given a name; guarded by the names' lock */
    bool ready;           /* start is complete */
    bool stopping;        /* `stopping` said LATER */
    bool ending;          /* this life ends once the callback returns, for the reason `why` */
    bool answered;        /* the ask in hand was replied to */
    tr_status status;
    troupe_err why;
    uint32_t lives;       /* begun so far */
    unsigned in_hand;     /* flags of the message being handled; 0 outside */
    troupe_ref sender;    /* of the message being handled */
    const char *doing;    /* the callback, or the type of the message being handled */
    tr_failure *failure;  /* of the last life; read by the supervisor while held */
    tr_cleanup *cleanups;
    tr_list watchers;     /* ties to me; guarded by the ties' lock */
    tr_list watching;     /* ties of mine; guarded by the ties' lock */
    tr_list timers;       /* of mine; guarded by the timers' lock */
    troupe_self *next_free; /* the table's */
};

/* Makes an actor without running anything. `bond` is NULL at the top level. NOMEM, INVALID. */
TR_CHECKED troupe_err tr_actor_make(troupe *rt, const troupe_behaviour *what, const void *arg,
                                        tr_bond *bond, troupe_self **out);

/* Whether an end for that reason is clean: OK or SHUTDOWN. */
bool tr_clean(troupe_err why);

/* An actor's ref. */
troupe_ref tr_actor_ref(const troupe_self *self);

/* Asks something of the actor that has that generation, and has it run if it rests. False: it has
 * ended. */
bool tr_actor_request(troupe_self *self, uint32_t generation, uint32_t request);

/* Runs an actor: requests, then mail, up to a budget. True: it wants to run again. */
bool tr_actor_turn(troupe_self *self);

/* The path in the tree, for reports: "shop/accounts/7". Any thread that knows the actor lives. */
void tr_actor_path(const troupe_self *self, char *path, size_t room);

#endif
