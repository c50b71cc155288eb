/* Message types: are they sound, what is their fingerprint, which are known to a runtime. */
#ifndef TR_SERIAL_TYPE_H
#define TR_SERIAL_TYPE_H

#include <troupe/heap.h>
#include <troupe/message.h>

#include "base/check.h"
#include "base/map.h"
#include "base/os.h"
#include "serial/codec.h"
#include "serial/kind.h"
#include "serial/one_of.h"

/* OK if the field list is sound: named, each field named, of a known kind and shape, of the size
 * that the kind has, aligned, inside the struct, overlapping no other, no name twice; and so for
 * the structs within, on TR_LEVELS_MOST levels at most. INVALID otherwise, and `why` (may be
 * NULL; `room` bytes) says which field and what is wrong. */
troupe_err tr_type_check(const troupe_type *type, char *why, size_t room);

/* OK if each byte of the struct belongs to a field, or is there to align the next one. INVALID
 * otherwise, and `why` (as above) says which bytes: a member may have been forgotten. The type is
 * sound. */
troupe_err tr_type_gap(const troupe_type *type, char *why, size_t room);

/* What `extent` should say: by the field list. */
bool tr_type_looks_flat(const troupe_type *type);

/* Whether a body of the type is its struct alone, so that a copy of that is a copy of all. */
static inline bool tr_type_is_flat(const troupe_type *type) {
    if (TR_LIKELY(type->extent == TROUPE_FLAT)) return true;
    return type->extent == TROUPE_UNKNOWN_EXTENT && tr_type_looks_flat(type);
}

/* Whether a value of a field is all in its place, and refers to nothing behind the struct. */
static inline bool tr_value_is_flat(const troupe_field *field) {
    if (field->kind == TROUPE_STRUCT) return tr_type_is_flat(field->of);
    if (field->kind == TROUPE_ONE_OF) return tr_one_of_is_flat(field->of);
    return field->kind != TROUPE_TEXT && field->kind != TROUPE_BYTES && field->kind != TROUPE_MAP;
}

/* Whether messages of one type can be read as the other: the same name, fields and places in the
 * struct. So it is with a type that a header defines `static const` and two sources include. */
bool tr_type_same(const troupe_type *one, const troupe_type *other);

/* The schema hash: over the name and each field's name and kind, in order, but not the offsets.
 * Equal on every node and build. Never 0. */
uint64_t tr_type_hash(const troupe_type *type);

/* Appends what the hash is made of, byte by byte: the schema, as it is told to another node. False:
 * no memory; nothing changed. */
TR_CHECKED bool tr_type_spell(const troupe_type *type, tr_buffer *out);

/* The types that a runtime knows. Guards itself. */
typedef struct tr_types {
    tr_mutex lock;
    tr_map by_hash; /* the types that are known, by schema hash */
    tr_map by_type; /* these and others, by the address of the type: a cache of its hash */
    const troupe_heap *heap;
} tr_types;

/* Makes an empty register. */
void tr_types_init(tr_types *types, const troupe_heap *heap);

/* Gives its memory back. */
void tr_types_fini(tr_types *types);

/* Makes a type known. Another `troupe_type` with the same hash (the same name and fields in another
 * translation unit) is taken as the same type: the first one stays. TAKEN: the name is known with
 * other fields, or with another layout of them. INVALID: the list is not sound. NOMEM. */
TR_CHECKED troupe_err tr_types_add(tr_types *types, const troupe_type *type);

/* The known type with that hash; NULL: none. */
const troupe_type *tr_types_find(tr_types *types, uint64_t hash);

/* The known type of that name; NULL: none. Goes through all. */
const troupe_type *tr_types_named(tr_types *types, const char *name);

/* Calls for each known type, in no order. The register is locked meanwhile. */
void tr_types_each(tr_types *types, void (*each)(void *ctx, const troupe_type *type, uint64_t hash),
                   void *ctx);

/* A type's schema hash, kept once computed (the type need not be known, and does not become so). */
uint64_t tr_types_hash(tr_types *types, const troupe_type *type);

#endif
