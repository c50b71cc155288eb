/* What a peer's types look like, by its own word: the schemas that it has told, and whether its
 * messages can be read as what is known here under the same name.
 *
 * A schema is just what its hash is made of (tr_type_spell, docs/wire-format.md), so that it can't
 * be another than the hash says. Fields are known by their place: those that both have must be of
 * one name and of kinds and shapes of which one can be read as the other, value by value. */
#ifndef TR_SERIAL_SCHEMA_H
#define TR_SERIAL_SCHEMA_H

#include <troupe/heap.h>
#include <troupe/message.h>

#include "base/check.h"
#include "base/map.h"
#include "serial/type.h"

enum {
    TR_SCHEMA_SIZE_MOST = 16 << 10, /* bytes of one; a longer one is not told */
    TR_SCHEMAS_MOST = 256,          /* of a peer that are kept */
    TR_SCHEMAS_SIZE_MOST = 64 << 10 /* bytes of all of them */
};

/* The schemas of one peer that are not those of types here. Guarded by who has them. */
typedef struct tr_schemas {
    tr_map by_hash;
    size_t count, size;
    const troupe_heap *heap;
} tr_schemas;

/* Makes an empty collection. */
void tr_schemas_init(tr_schemas *schemas, const troupe_heap *heap);

/* Gives its memory back. */
void tr_schemas_fini(tr_schemas *schemas);

/* Keeps a schema. One that is kept already, or for which there is no room within the limits, is
 * passed over. MALFORMED: the hash is not that of these bytes. NOMEM: it is not kept. */
TR_CHECKED troupe_err tr_schemas_add(tr_schemas *schemas, uint64_t hash, const void *bytes,
                                     size_t size);

/* What came of a look for a peer's type. */
typedef struct tr_reading {
    const troupe_type *type; /* as which its messages are read; NULL: they can't be */
    bool again;              /* that they can't be was said before of this peer's type */
    char why[200];           /* that they can't be: "order is another type here: price is ..." */
} tr_reading;

/* Looks as which known type a peer's messages with that schema hash, which is none that is known
 * here, can be read. With `ahead`, none has come yet: that it is not known is not said then. */
void tr_schemas_read(tr_schemas *schemas, tr_types *types, uint64_t hash, bool ahead,
                     tr_reading *out);

#endif
