/* Children on other nodes: what keepers and hosts say to each other, and what a node keeps of
 * both. Ordinary messages between actors; no frame knows of them. */
#ifndef TR_TRANSPORT_FAR_H
#define TR_TRANSPORT_FAR_H

#include <troupe/far_child.h>

#include "base/check.h"
#include "base/list.h"
#include "base/os.h"

struct troupe_node;
struct tr_offer;

/* The name of the actor that hosts them. */
#define TR_FAR_HOST "troupe.host"

enum {
    TR_FAR_GUESTS_MOST = 1024, /* that a host has, those included that wait to be started */
    TR_FAR_TICK_MS = 200,      /* between two questions for a lease */
    TR_FAR_LATE_MS = 1000      /* what a host may need beyond its times */
};

/* Keeper to host: start one. Answered by far_told once it is ready, or is not. */
struct far_start {
    const char *id; /* of the child on the keeper's node, by its name: one life at a time */
    const char *what;
    uint64_t type; /* the schema hash of `arg`; 0: none */
    troupe_bytes arg;
    troupe_ref keeper, steward; /* the steward is the host of the keeper's node: it renews leases */
    uint64_t token;
    uint32_t stop_ms, lease_ms;
};
/* Its type. */
extern const troupe_type tr_far_start_type;

/* Keeper to host, about one life of a child. */
struct far_about {
    uint32_t act;
    const char *id;
    troupe_ref keeper;
    uint64_t token;
};
enum {
    FAR_AWAIT = 1, /* answered by far_told once that life has ended */
    FAR_STOP,      /* no answer */
    FAR_CLEAR      /* stop all lives of it up to `token`; answered once there is none */
};
/* Its type. */
extern const troupe_type tr_far_about_type;

/* Host to keeper: the answer. */
struct far_told {
    troupe_ref who; /* that was started */
    uint32_t why;   /* a troupe_err: of the start, or of the end */
};
/* Its type. */
extern const troupe_type tr_far_told_type;

/* Host to steward: are you there? And back, with the same time, which is the host's. */
struct far_lease {
    uint64_t asked;
    bool answer;
};
/* Its type. */
extern const troupe_type tr_far_lease_type;

/* --- At home ---------------------------------------------------------------------------------- */

/* What a node knows of one of its children elsewhere, over all lives of its keeper. Fields without
 * a remark are the living keeper's. */
typedef struct tr_far_home {
    tr_list of_node;
    char id[TROUPE_NAME_MAX + 1]; /* constant */
    bool kept;                    /* a keeper has it; under the lock */
    bool maybe;                   /* a life of it may be at `host`; under the lock */
    troupe_ref host;              /* that has, or had, it; under the lock */
    uint64_t clear_at;            /* its node is lost, and then none can be; 0: not lost */
    uint64_t token;               /* of this life */
} tr_far_home;

/* One node's; guarded by its lock. */
typedef struct tr_far {
    tr_mutex making; /* of the host; the node's lock may be taken under it */
    uint64_t opened; /* when the node was; constant */
    tr_list homes;   /* tr_far_home */
    tr_list guests;  /* the host's */
    size_t guest_count;
    troupe_ref host; /* the actor; nobody: none yet */
    uint64_t token;  /* the last one that was given */
} tr_far;

/* Makes it empty. */
void tr_far_init(struct troupe_node *node);
/* Gives all memory back. */
void tr_far_fini(struct troupe_node *node);

/* The book of that child for a new keeper. TAKEN: a keeper has it. NOMEM. */
TR_CHECKED troupe_err tr_far_home_take(struct troupe_node *node, const char *id, tr_far_home **out);
/* The keeper's life is over; the book is kept only if a life of the child may be. */
void tr_far_home_leave(struct troupe_node *node, tr_far_home *home);
/* The next life is to be there; gives it its token. */
void tr_far_home_enter(struct troupe_node *node, tr_far_home *home, troupe_ref host);
/* None is there any more. */
void tr_far_home_clear(struct troupe_node *node, tr_far_home *home);
/* How many children of this node, but for this one, are on that one. */
size_t tr_far_home_count(struct troupe_node *node, uint64_t there, const tr_far_home *but);

/* Fills in the behaviour of an offer as a guest's. */
void tr_far_host_offer(struct tr_offer *offer);
/* The host's guests, at the end (far_guest.c). */
void tr_far_guests_fini(struct troupe_node *node);
/* The actor that hosts children here, and renews leases of those elsewhere; it is made if there is
 * none. The errors of `troupe_host_children`. */
TR_CHECKED troupe_err tr_far_host(struct troupe_node *node, troupe_ref *out);

#endif
