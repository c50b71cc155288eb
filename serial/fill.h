/* A message of a type out of values by name, as people and other programs write them: each field is
 * looked up by its name, each number judged by its value. For tools; messages between nodes go by
 * their places (unpack.c). */
#ifndef TR_SERIAL_FILL_H
#define TR_SERIAL_FILL_H

#include <troupe/message.h>

#include "base/check.h"
#include "base/pool.h"

/* Makes it. What a value is, by the kind of its field: a bool, integer, float or text as it is, an
 * integer for a float too; bytes as bytes or text; a ref as a list of node and id; a moment as a
 * moment, or as seconds; an enum by the name of its choice, or its value; a struct as a map; a
 * one-of as a map of one key, the name of its case, or that name alone; a map as a map. An array or
 * list is a list; nil is nothing, where that is one. A field that is not there is what its type
 * says for one that is missing. `type` is sound; on an error `*out` is NULL, and `why`
 * (`room` bytes) says what is wrong and where: "order.lines[3].price: expected f64, got text".
 * MALFORMED: that. TOOBIG: it takes more than 16 MiB. NOMEM. INVALID: as troupe_make. */
TR_CHECKED troupe_err tr_fill(const tr_pool *pool, const troupe_heap *heap,
                              const troupe_type *type, const troupe_map *map, troupe_msg **out,
                              char *why, size_t room);

#endif
