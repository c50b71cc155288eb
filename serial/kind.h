/* Kinds of values, and where the values of a field are: what all that goes through a body by its
 * type has in common. */
#ifndef TR_SERIAL_KIND_H
#define TR_SERIAL_KIND_H

#include <string.h>
#include <troupe/message.h>

#include "base/check.h"

/* Levels of struct in a type; a field of the message itself is on the first. */
enum { TR_LEVELS_MOST = 16 };

/* A value of a list takes less than so many times the bytes in memory that it takes on the wire. */
enum { TR_SPREAD_MOST = 256 };

/* Lists begin at a multiple of this, counted from the start of the message. No kind asks more. */
enum { TR_LIST_ALIGN = 8 };

/* Bytes of a value of a kind by itself; 0 for a struct or one-of, and for what is no kind. */
size_t tr_kind_size(troupe_kind kind);

/* What the address of such a value is a multiple of; 0 likewise. */
size_t tr_kind_align(troupe_kind kind);

/* A kind's name in texts for people: "u32"; "?" for what is no kind. */
const char *tr_kind_name(troupe_kind kind);

/* Which integers a kind can be: from 0 to `most`, and below 0 from `least` on, which is in two's
 * complement; 0 if there are none below 0. */
typedef struct tr_range {
    uint64_t least, most;
} tr_range;

/* By kind; an enum has that of int32_t, and what is no integer none. */
extern const tr_range tr_kind_range[];

/* The type of the values of a field of kind STRUCT. */
static inline const troupe_type *tr_field_type(const troupe_field *field) {
    return field->of;
}

/* The same for a field of kind ONE_OF. */
static inline const troupe_one_of *tr_field_one_of(const troupe_field *field) {
    return field->of;
}

/* Bytes of a value of a field, by its kind. */
static inline size_t tr_field_size(const troupe_field *field) {
    if (field->kind == TROUPE_STRUCT) return tr_field_type(field)->size;
    return field->kind == TROUPE_ONE_OF ? tr_field_one_of(field)->size : tr_kind_size(field->kind);
}

/* Bytes from one value to the next. */
static inline size_t tr_field_step(const troupe_field *field) {
    return TR_LIKELY(field->size) ? field->size /* the macros fill it in */ : tr_field_size(field);
}

/* Any TROUPE_MANY: they all begin with a pointer, and the size of that is the same for all. */
typedef struct tr_many {
    const void *at;
    size_t count;
} tr_many;

/* The list at the place of a field. */
static inline tr_many tr_many_get(const void *place) {
    tr_many list;
    memcpy(&list, place, sizeof list);
    return list;
}

/* The values of a field: `count` of them from `at` on, each `step` bytes behind the one before. A
 * list with a count may have no address (`at` NULL): whoever made it is to be told. */
typedef struct tr_values {
    const char *at;
    size_t count, step;
} tr_values;

/* Where the values of a field are in a body. */
static inline tr_values tr_field_values(const troupe_field *field, const void *body) {
    tr_values all = {(const char *)body + field->offset, 1, tr_field_step(field)};
    if (TR_LIKELY(field->shape == TROUPE_SHAPE_ONE)) return all;
    if (field->shape == TROUPE_SHAPE_LIST) {
        tr_many list = tr_many_get(all.at);
        return (tr_values){list.at, list.count, all.step};
    }
    all.count = field->shape == TROUPE_SHAPE_ARRAY ? field->count : all.at[all.step] != 0;
    return all;
}

/* The name of an enum's value; NULL: it is none of its choices. */
const char *tr_choice_name(const troupe_enum *of, int32_t value);

/* A text in a body; NULL is the empty one. */
static inline const char *tr_text_get(const void *place) {
    const char *text;
    memcpy(&text, place, sizeof text);
    return text ? text : "";
}

/* Bytes in a body. */
static inline troupe_bytes tr_bytes_get(const void *place) {
    troupe_bytes bytes;
    memcpy(&bytes, place, sizeof bytes);
    return bytes;
}

#endif
