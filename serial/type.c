#include "serial/type.h"

#include <string.h>

#include "base/check.h"
#include "base/heap.h"
#include "serial/kind.h"

bool tr_type_looks_flat(const troupe_type *type) {
    for (size_t i = 0; i < type->fields; i++)
        if (type->field[i].shape == TROUPE_SHAPE_LIST || !tr_value_is_flat(&type->field[i]))
            return false;
    return true;
}

static bool same_enum(const troupe_enum *one, const troupe_enum *other) {
    if (one == other) return true;
    if (one->choices != other->choices) return false;
    for (size_t i = 0; i < one->choices; i++)
        if (one->choice[i].value != other->choice[i].value ||
            strcmp(one->choice[i].name, other->choice[i].name) != 0)
            return false;
    return true;
}

/* Types that are too deep are the same as none but themselves. */
static bool same_type(const troupe_type *one, const troupe_type *other, unsigned depth);

static bool same_field(const troupe_field *a, const troupe_field *b, unsigned depth) {
    if (a->kind != b->kind || a->shape != b->shape || a->offset != b->offset) return false;
    if (tr_field_step(a) != tr_field_step(b) || a->count != b->count) return false;
    if (strcmp(a->name, b->name) != 0) return false;
    if (a->kind == TROUPE_ENUM) return same_enum(a->of, b->of);
    return a->kind != TROUPE_STRUCT || same_type(a->of, b->of, depth + 1);
}

static bool same_type(const troupe_type *one, const troupe_type *other, unsigned depth) {
    if (one == other) return true;
    if (depth > TR_LEVELS_MOST || one->size != other->size || one->fields != other->fields)
        return false;
    if (strcmp(one->name, other->name) != 0) return false;
    for (size_t i = 0; i < one->fields; i++)
        if (!same_field(&one->field[i], &other->field[i], depth)) return false;
    return true;
}

bool tr_type_same(const troupe_type *one, const troupe_type *other) {
    return same_type(one, other, 1);
}

/* Hashes a number as 8 bytes, lowest first, on every machine. */
static uint64_t hash_number(uint64_t hash, uint64_t number) {
    unsigned char byte[8];
    for (size_t i = 0; i < sizeof byte; i++) byte[i] = (unsigned char)(number >> 8 * i);
    return tr_hash_bytes(hash, byte, sizeof byte);
}

/* The length in front keeps "ab","c" apart from "a","bc". */
static uint64_t hash_text(uint64_t hash, const char *text) {
    size_t size = strlen(text);
    return tr_hash_bytes(hash_number(hash, size), text, size);
}

static uint64_t hash_enum(uint64_t hash, const troupe_enum *of) {
    hash = hash_number(hash, of->choices);
    for (size_t i = 0; i < of->choices; i++) {
        hash = hash_text(hash, of->choice[i].name);
        hash = hash_number(hash, (uint64_t)of->choice[i].value);
    }
    return hash;
}

/* On too many levels, which no node takes, the hash stands for nothing; but it comes to an end. */
static uint64_t hash_type(const troupe_type *type, unsigned depth) {
    uint64_t hash = hash_text(tr_hash_text(""), type->name);
    for (size_t i = 0; i < type->fields && depth <= TR_LEVELS_MOST; i++) {
        const troupe_field *field = &type->field[i];
        hash = hash_text(hash, field->name);
        hash = hash_number(hash, (uint64_t)field->kind | (uint64_t)field->shape << 8);
        if (field->shape == TROUPE_SHAPE_ARRAY) hash = hash_number(hash, field->count);
        if (field->kind == TROUPE_ENUM) hash = hash_enum(hash, field->of);
        if (field->kind == TROUPE_STRUCT)
            hash = hash_number(hash, hash_type(tr_field_type(field), depth + 1));
    }
    return hash ? hash : 1;
}

uint64_t tr_type_hash(const troupe_type *type) {
    return hash_type(type, 1);
}

/* A type with its hash. In `by_type` always, in `by_hash` if messages of it may arrive. */
typedef struct entry {
    tr_map_entry by_hash, by_type;
    const troupe_type *type;
    uint64_t hash;
} entry;

static entry *of_hash(tr_map_entry *at) {
    return at ? TR_OWNER(at, entry, by_hash) : NULL;
}

static entry *of_type(tr_map_entry *at) {
    return at ? TR_OWNER(at, entry, by_type) : NULL;
}

void tr_types_init(tr_types *types, const troupe_heap *heap) {
    tr_mutex_init(&types->lock);
    tr_map_init(&types->by_hash, heap);
    tr_map_init(&types->by_type, heap);
    types->heap = heap;
}

static void give_entry(void *ctx, tr_map_entry *at) {
    const tr_types *types = ctx;
    tr_give(types->heap, of_type(at), sizeof(entry));
}

void tr_types_fini(tr_types *types) {
    tr_map_each(&types->by_type, give_entry, types);
    tr_map_fini(&types->by_hash);
    tr_map_fini(&types->by_type);
    tr_mutex_fini(&types->lock);
}

/* The entry of a type, made if there is none yet; NULL: no memory. */
static entry *cached(tr_types *types, const troupe_type *type) {
    uint64_t address = (uint64_t)(uintptr_t)type;
    entry *found = of_type(tr_map_find(&types->by_type, address));
    if (found) return found;
    entry *made = tr_take(types->heap, sizeof *made);
    if (!made) return NULL;
    *made = (entry){.type = type, .hash = tr_type_hash(type)};
    if (tr_map_add(&types->by_type, address, &made->by_type)) return made;
    tr_give(types->heap, made, sizeof *made);
    return NULL;
}

typedef struct name_search {
    const char *name;
    bool found;
} name_search;

static void compare_name(void *ctx, tr_map_entry *at) {
    name_search *search = ctx;
    search->found |= strcmp(of_hash(at)->type->name, search->name) == 0;
}

/* Whether a known type has this name. Registering is rare: a walk will do. */
static bool name_taken(tr_types *types, const char *name) {
    name_search search = {name, false};
    tr_map_each(&types->by_hash, compare_name, &search);
    return search.found;
}

static troupe_err add_locked(tr_types *types, const troupe_type *type) {
    entry *mine = cached(types, type);
    if (!mine) return TROUPE_NOMEM;
    entry *known = of_hash(tr_map_find(&types->by_hash, mine->hash));
    if (known) return tr_type_same(known->type, type) ? TROUPE_OK : TROUPE_TAKEN;
    if (name_taken(types, type->name)) return TROUPE_TAKEN;
    return tr_map_add(&types->by_hash, mine->hash, &mine->by_hash) ? TROUPE_OK : TROUPE_NOMEM;
}

troupe_err tr_types_add(tr_types *types, const troupe_type *type) {
    troupe_err err = tr_type_check(type, NULL, 0);
    if (err) return err;
    tr_lock(&types->lock);
    err = add_locked(types, type);
    tr_unlock(&types->lock);
    return err;
}

const troupe_type *tr_types_find(tr_types *types, uint64_t hash) {
    tr_lock(&types->lock);
    entry *known = of_hash(tr_map_find(&types->by_hash, hash));
    tr_unlock(&types->lock);
    return known ? known->type : NULL; /* entries live as long as the register */
}

uint64_t tr_types_hash(tr_types *types, const troupe_type *type) {
    tr_lock(&types->lock);
    entry *found = cached(types, type);
    uint64_t hash = found ? found->hash : tr_type_hash(type); /* no memory: it costs time only */
    tr_unlock(&types->lock);
    return hash;
}
