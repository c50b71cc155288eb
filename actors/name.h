/* Names of actors. */
#ifndef TR_ACTORS_NAME_H
#define TR_ACTORS_NAME_H

#include <troupe/actor.h>

#include "base/map.h"
#include "base/os.h"

typedef struct tr_names {
    tr_mutex lock;
    tr_map by_hash; /* tr_named, by the hash of the name */
    const troupe_heap *heap;
} tr_names;

/* Makes an empty register. */
void tr_names_init(tr_names *names, const troupe_heap *heap);

/* Gives its memory back; it must be empty. */
void tr_names_fini(tr_names *names);

/* Frees the name of an actor that ends, and lets it have no other. */
void tr_names_forget(tr_names *names, troupe_self *self);

#endif
