/* Groups of actors. */
#ifndef TR_ACTORS_GROUP_H
#define TR_ACTORS_GROUP_H

#include <troupe/group.h>

#include "base/map.h"
#include "base/os.h"

typedef struct tr_groups {
    tr_mutex lock;    /* guards all below; innermost */
    tr_map by_hash;   /* groups, by the hash of the name */
    tr_map by_member; /* memberships, by the id of the actor */
    const troupe_heap *heap;
} tr_groups;

/* Makes an empty register. */
void tr_groups_init(tr_groups *groups, const troupe_heap *heap);

/* Gives its memory back; it must be empty. */
void tr_groups_fini(tr_groups *groups);

/* Has an actor that ends leave all its groups. */
void tr_groups_forget(tr_groups *groups, uint64_t id);

#endif
