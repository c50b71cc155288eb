/* Spawning for other nodes: which behaviours they may have, and the actor that does it, since a
 * `start` must not run on a thread of the net's. */
#ifndef TR_TRANSPORT_SPAWN_H
#define TR_TRANSPORT_SPAWN_H

#include <troupe/remote.h>

#include "base/check.h"
#include "base/list.h"
#include "base/map.h"
#include "transport/wire.h"

struct troupe_node;
struct tr_peer_link;

enum { TR_SPAWNS_MOST = 64 }; /* that a peer may ask for and have not been done yet */

/* A behaviour that peers may have. */
typedef struct tr_offer {
    struct tr_offer *next;
    const troupe_behaviour *what;
    const troupe_type *arg; /* NULL: none */
    troupe_behaviour guest; /* the same as a child of a keeper elsewhere (far_guest.c) */
} tr_offer;

/* One node's, guarded by its lock, but for what only the actor uses. */
typedef struct tr_spawner {
    struct tr_offer *offers; /* each stays as long as the node */
    tr_fifo jobs;            /* what the actor has to do */
    troupe_ref actor;        /* nobody before the first offer */
    tr_list crews; /* the actor's: of each peer, by its name, how many it has spawned that live */
    tr_map born;   /* the same: each of those, by the number of its monitor */
} tr_spawner;

/* Makes it empty. */
void tr_spawner_init(struct troupe_node *node);
/* Gives all memory back. */
void tr_spawner_fini(struct troupe_node *node);
/* The offer of that name; NULL: there is none. Under the node's lock. */
const tr_offer *tr_offer_find(const struct troupe_node *node, const char *name, size_t size);
/* Refuses what the actor has been given and will not do, since it has ended. Its end does so, too,
 * but may come to it before the last that it is given. By the keeper, at each of its looks. */
void tr_spawner_tend(struct troupe_node *node);
/* A peer wants an actor, and is answered. MALFORMED: it is no such request. */
TR_CHECKED troupe_err tr_spawn_asked(struct tr_peer_link *link, const tr_frame *frame);

#endif
