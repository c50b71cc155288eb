#include "serial/type.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/heap.h"
#include "serial/envelope.h"

static const struct {
    const char *name;
    size_t size, align;
} kinds[] = {
    [TROUPE_BOOL] = {"bool", sizeof(bool), _Alignof(bool)},
    [TROUPE_I32] = {"i32", sizeof(int32_t), _Alignof(int32_t)},
    [TROUPE_I64] = {"i64", sizeof(int64_t), _Alignof(int64_t)},
    [TROUPE_U32] = {"u32", sizeof(uint32_t), _Alignof(uint32_t)},
    [TROUPE_U64] = {"u64", sizeof(uint64_t), _Alignof(uint64_t)},
    [TROUPE_F64] = {"f64", sizeof(double), _Alignof(double)},
    [TROUPE_TEXT] = {"text", sizeof(const char *), _Alignof(const char *)},
    [TROUPE_BYTES] = {"bytes", sizeof(troupe_bytes), _Alignof(troupe_bytes)},
    [TROUPE_REF] = {"ref", sizeof(troupe_ref), _Alignof(troupe_ref)},
};

static bool is_kind(troupe_kind kind) {
    return (size_t)kind < sizeof kinds / sizeof *kinds;
}

size_t tr_kind_size(troupe_kind kind) {
    return is_kind(kind) ? kinds[kind].size : 0;
}

const char *tr_kind_name(troupe_kind kind) {
    return is_kind(kind) ? kinds[kind].name : "?";
}

typedef struct reason {
    char *text; /* may be NULL */
    size_t room;
} reason;

/* Says what is wrong, for whoever wants to know. */
TROUPE_PRINTF(2, 3)
static troupe_err unsound(reason why, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    if (why.text && why.room) vsnprintf(why.text, why.room, format, arguments);
    va_end(arguments);
    return TROUPE_INVALID;
}

static bool overlap(const troupe_field *one, const troupe_field *other) {
    return one->offset < other->offset + kinds[other->kind].size &&
           other->offset < one->offset + kinds[one->kind].size;
}

/* Judges one field against the struct, and against those before it, which are sound. */
static troupe_err check_field(const troupe_type *type, size_t at, reason why) {
    const troupe_field *field = &type->field[at];
    if (!field->name || !*field->name)
        return unsound(why, "%s: field %zu has no name", type->name, at + 1);
    if (!is_kind(field->kind))
        return unsound(why, "%s.%s: %d is no kind", type->name, field->name, (int)field->kind);
    size_t size = kinds[field->kind].size, align = kinds[field->kind].align;
    if (size > type->size || field->offset > type->size - size)
        return unsound(why, "%s.%s: reaches out of the struct, which has %zu bytes", type->name,
                       field->name, type->size);
    if (field->offset % align)
        return unsound(why, "%s.%s: offset %zu is not a multiple of %zu", type->name, field->name,
                       field->offset, align);
    for (const troupe_field *before = type->field; before < field; before++) {
        if (strcmp(before->name, field->name) == 0)
            return unsound(why, "%s.%s: is listed twice", type->name, field->name);
        if (overlap(before, field))
            return unsound(why, "%s.%s: overlaps %s", type->name, field->name, before->name);
    }
    return TROUPE_OK;
}

troupe_err tr_type_check(const troupe_type *type, char *text, size_t room) {
    reason why = {text, room};
    if (!type) return unsound(why, "there is no type");
    if (!type->name || !*type->name) return unsound(why, "the type has no name");
    if (type->fields && !type->field) return unsound(why, "%s: has no field list", type->name);
    if (type->size && !type->fields)
        return unsound(why, "%s: has a struct of %zu bytes, but no fields", type->name, type->size);
    if (type->size > TR_MSG_LIMIT - sizeof(troupe_msg))
        return unsound(why, "%s: a struct of %zu bytes is over the limit", type->name, type->size);
    troupe_err err = TROUPE_OK;
    for (size_t i = 0; i < type->fields && !err; i++) err = check_field(type, i, why);
    if (!err && tr_type_is_flat(type) != tr_type_looks_flat(type))
        return unsound(why, "%s: its extent is not that of its fields", type->name);
    return err;
}

bool tr_type_looks_flat(const troupe_type *type) {
    for (size_t i = 0; i < type->fields; i++)
        if (type->field[i].kind == TROUPE_TEXT || type->field[i].kind == TROUPE_BYTES) return false;
    return true;
}

bool tr_type_same(const troupe_type *one, const troupe_type *other) {
    if (one == other) return true;
    if (one->size != other->size || one->fields != other->fields) return false;
    if (strcmp(one->name, other->name) != 0) return false;
    for (size_t i = 0; i < one->fields; i++) {
        const troupe_field *a = &one->field[i], *b = &other->field[i];
        if (a->kind != b->kind || a->offset != b->offset || strcmp(a->name, b->name) != 0)
            return false;
    }
    return true;
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

uint64_t tr_type_hash(const troupe_type *type) {
    uint64_t hash = hash_text(tr_hash_text(""), type->name);
    for (size_t i = 0; i < type->fields; i++) {
        hash = hash_text(hash, type->field[i].name);
        hash = hash_number(hash, (uint64_t)type->field[i].kind);
    }
    return hash ? hash : 1;
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
