/* The console of a node: what the tool `troupe` talks to, to show and poke a running system. Needs
 * the target troupe::transport.
 *
 * A node has none unless its program says so, by one call. Then whoever connects to the node, and
 * so has proved that they know its secret, can ask: who its actors are, how full, how busy, how
 * old; and, if that is allowed, send a message or stop an actor. It is an actor of the name
 * TROUPE_CONSOLE_NAME that answers the messages below, so a program may ask as well as the tool.
 * Each answer is bounded: lists come in pages. After Erlang's observer, which needs no call and so
 * has been open where nobody knew. */
#ifndef TROUPE_CONSOLE_H
#define TROUPE_CONSOLE_H

#include <troupe/inspect.h>
#include <troupe/remote.h>

#ifdef __cplusplus
extern "C" {
#endif

#define TROUPE_CONSOLE_NAME "troupe.console"

enum {
    TROUPE_CONSOLE_ROWS = 64,    /* of one page */
    TROUPE_CONSOLE_ACTORS = 4096 /* that a list has; the others are counted */
};

/* What may be done by it, beside looking. */
typedef enum troupe_console_right {
    TROUPE_CONSOLE_LOOK, /* nothing */
    TROUPE_CONSOLE_ACT   /* sending messages, stopping actors */
} troupe_console_right;

/* Opens the console of a node; it ends with the runtime. A plain thread. INVALID: no such right.
 * TAKEN: it is open, or somebody else has its name. NOMEM, SYSTEM, QUIESCED, CLOSED: as
 * `troupe_spawn`. */
TROUPE_CHECKED troupe_err troupe_console_open(troupe_node *node, troupe_console_right right);

/* --- What it is asked, and answers ------------------------------------------------------------ */

/* Asks for the node itself. */
TROUPE_API extern const troupe_type troupe_console_about_type;

/* A peer of it, as in `troupe_peers`; 64 of them are told of at most. */
struct troupe_console_peer {
    const char *name;
    uint64_t node, silent_ms, waiting;
};

/* The answer. */
struct troupe_console_node {
    const char *name, *version;
    uint64_t node; /* its incarnation */
    uint64_t up_ms; /* since the console was opened */
    uint64_t actors, waits; /* that live; who waits for whom: <troupe/observe.h> */
    uint64_t sent, handled, returned, forwarded, dead, queued; /* its account */
    bool may_act;
    TROUPE_MANY(struct troupe_console_peer) peers;
};
/* Its type. */
TROUPE_API extern const troupe_type troupe_console_node_type;

/* Asks for a page of the tree: all actors, each supervisor before its children, in start order. */
struct troupe_console_list {
    uint64_t snapshot; /* 0: of this moment; else the one that an answer has named */
    uint32_t from;     /* the number of the first row */
};
/* Its type. */
TROUPE_API extern const troupe_type troupe_console_list_type;

/* An actor, or a child that has none at the moment. */
struct troupe_console_row {
    const char *path; /* in the tree; several dynamic children have one */
    troupe_ref who;   /* TROUPE_NOBODY: there is none */
    uint32_t depth;   /* supervisors above it */
    const char *state; /* "running", "waiting", ...: as its supervisor sees it */
    const char *behaviour, *doing;
    bool supervisor, running;
    uint32_t restarts, why; /* as its supervisor knows; why: a troupe_err */
    uint32_t lives, waiting, limit, peak;
    uint64_t handled;
    int64_t oldest_ms;
};

/* The answer. */
struct troupe_console_page {
    uint64_t snapshot, at_ms; /* which, and when it was taken, by the node's clock */
    uint32_t from, total;     /* the number of the first row; of all */
    uint64_t left_out;        /* actors that are in no row */
    uint32_t err;             /* GONE: that snapshot is kept no more; NOMEM */
    TROUPE_MANY(struct troupe_console_row) rows;
};
/* Its type. */
TROUPE_API extern const troupe_type troupe_console_page_type;

/* Asks to send a message to an actor: by its name, its path, or "@PLACE.GENERATION" of its ref. */
struct troupe_console_send {
    const char *path;
    const char *type;  /* the name of one that is registered there */
    troupe_map fields; /* what it says, by the names of its fields */
    uint32_t ask_ms;   /* how long an answer is waited for, 5000 at most; 0: not at all */
};
/* Its type. */
TROUPE_API extern const troupe_type troupe_console_send_type;

/* Asks to stop an actor. One that is supervised may be started again, by its restart rule. */
struct troupe_console_stop {
    const char *path;
    bool terminate; /* its supervisor stops it, and does not start it again */
    bool kill;      /* it is killed */
};
/* Its type. */
TROUPE_API extern const troupe_type troupe_console_stop_type;

/* The answer to both. */
struct troupe_console_done {
    uint32_t err;     /* a troupe_err; REFUSED: this console may only look */
    const char *text; /* what is wrong; or the answer that came, as `troupe_print` writes it */
};
/* Its type. */
TROUPE_API extern const troupe_type troupe_console_done_type;

#ifdef __cplusplus
}
#endif
#endif
