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

static bool same_one_of(const troupe_one_of *one, const troupe_one_of *other, unsigned depth);

static bool same_field(const troupe_field *a, const troupe_field *b, unsigned depth) {
    if (a->kind != b->kind || a->shape != b->shape || a->offset != b->offset) return false;
    if (tr_field_step(a) != tr_field_step(b) || a->count != b->count) return false;
    if (strcmp(a->name, b->name) != 0) return false;
    if (a->kind == TROUPE_ENUM) return same_enum(a->of, b->of);
    if (a->kind == TROUPE_ONE_OF) return same_one_of(a->of, b->of, depth + 1);
    return a->kind != TROUPE_STRUCT || same_type(a->of, b->of, depth + 1);
}

static bool same_one_of(const troupe_one_of *one, const troupe_one_of *other, unsigned depth) {
    if (one == other) return true;
    if (depth > TR_LEVELS_MOST || one->size != other->size || one->tag != other->tag) return false;
    if (one->cases != other->cases) return false;
    for (size_t i = 0; i < one->cases; i++)
        if (one->when[i].value != other->when[i].value ||
            !same_field(&one->when[i].field, &other->when[i].field, depth))
            return false;
    return true;
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

/* What a schema hash is made of goes through here; and into a buffer, if there is one. */
typedef struct spelling {
    uint64_t hash;
    tr_buffer *out; /* NULL: nobody wants to have it */
    bool failed;    /* there was no memory for it */
} spelling;

static void spell(spelling *to, const void *bytes, size_t size) {
    to->hash = tr_hash_bytes(to->hash, bytes, size);
    if (to->out && !to->failed) to->failed = !tr_buffer_put(to->out, bytes, size);
}

/* A number is 8 bytes, lowest first, on every machine. */
static void spell_number(spelling *to, uint64_t number) {
    unsigned char byte[8];
    for (size_t i = 0; i < sizeof byte; i++) byte[i] = (unsigned char)(number >> 8 * i);
    spell(to, byte, sizeof byte);
}

/* The length in front keeps "ab","c" apart from "a","bc". */
static void spell_text(spelling *to, const char *text) {
    size_t size = strlen(text);
    spell_number(to, size);
    spell(to, text, size);
}

static void spell_enum(spelling *to, const troupe_enum *of) {
    spell_number(to, of->choices);
    for (size_t i = 0; i < of->choices; i++) {
        spell_text(to, of->choice[i].name);
        spell_number(to, (uint64_t)of->choice[i].value);
    }
}

static uint64_t hash_of(uint64_t hash) {
    return hash ? hash : 1;
}

static void spell_type(spelling *to, const troupe_type *type, unsigned depth);
static void spell_one_of(spelling *to, const troupe_one_of *of, unsigned depth);

/* What is said of a field, in a struct or as a case of a one-of. */
static void spell_field(spelling *to, const troupe_field *field, unsigned depth) {
    spell_text(to, field->name);
    spell_number(to, (uint64_t)field->kind | (uint64_t)field->shape << 8);
    if (field->shape == TROUPE_SHAPE_ARRAY) spell_number(to, field->count);
    if (field->kind == TROUPE_ENUM) spell_enum(to, field->of);
    if (field->kind == TROUPE_ONE_OF) spell_one_of(to, field->of, depth + 1);
    if (field->kind == TROUPE_STRUCT) {
        spelling within = {.hash = tr_hash_text("")};
        spell_type(&within, tr_field_type(field), depth + 1);
        spell_number(to, hash_of(within.hash));
    }
}

static void spell_one_of(spelling *to, const troupe_one_of *of, unsigned depth) {
    spell_number(to, of->cases);
    for (size_t i = 0; i < of->cases && depth <= TR_LEVELS_MOST; i++) {
        spell_number(to, (uint64_t)of->when[i].value);
        spell_field(to, &of->when[i].field, depth);
    }
}

/* On too many levels, which no node takes, the hash stands for nothing; but it comes to an end. */
static void spell_type(spelling *to, const troupe_type *type, unsigned depth) {
    spell_text(to, type->name);
    for (size_t i = 0; i < type->fields && depth <= TR_LEVELS_MOST; i++)
        spell_field(to, &type->field[i], depth);
}

uint64_t tr_type_hash(const troupe_type *type) {
    spelling to = {.hash = tr_hash_text("")};
    spell_type(&to, type, 1);
    return hash_of(to.hash);
}

bool tr_type_spell(const troupe_type *type, tr_buffer *out) {
    const size_t before = out->size;
    spelling to = {.out = out};
    spell_type(&to, type, 1);
    if (to.failed) out->size = before;
    return !to.failed;
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

typedef struct named {
    const char *name;
    const troupe_type *type;
} named;

static void look_at_name(void *ctx, tr_map_entry *at) {
    named *wanted = ctx;
    const troupe_type *type = of_hash(at)->type;
    if (strcmp(type->name, wanted->name) == 0) wanted->type = type;
}

/* The known type of this name, under the lock. Registering is rare: a walk will do. */
static const troupe_type *named_so(tr_types *types, const char *name) {
    named wanted = {name, NULL};
    tr_map_each(&types->by_hash, look_at_name, &wanted);
    return wanted.type;
}

static troupe_err add_locked(tr_types *types, const troupe_type *type) {
    entry *mine = cached(types, type);
    if (!mine) return TROUPE_NOMEM;
    entry *known = of_hash(tr_map_find(&types->by_hash, mine->hash));
    if (known) return tr_type_same(known->type, type) ? TROUPE_OK : TROUPE_TAKEN;
    if (named_so(types, type->name)) return TROUPE_TAKEN;
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

const troupe_type *tr_types_named(tr_types *types, const char *name) {
    tr_lock(&types->lock);
    const troupe_type *type = named_so(types, name);
    tr_unlock(&types->lock);
    return type;
}

typedef struct visit {
    void (*each)(void *ctx, const troupe_type *type, uint64_t hash);
    void *ctx;
} visit;

static void visit_one(void *ctx, tr_map_entry *at) {
    const visit *to = ctx;
    to->each(to->ctx, of_hash(at)->type, of_hash(at)->hash);
}

void tr_types_each(tr_types *types, void (*each)(void *ctx, const troupe_type *type, uint64_t hash),
                   void *ctx) {
    visit to = {each, ctx};
    tr_lock(&types->lock);
    tr_map_each(&types->by_hash, visit_one, &to);
    tr_unlock(&types->lock);
}

uint64_t tr_types_hash(tr_types *types, const troupe_type *type) {
    tr_lock(&types->lock);
    entry *found = cached(types, type);
    uint64_t hash = found ? found->hash : tr_type_hash(type); /* no memory: it costs time only */
    tr_unlock(&types->lock);
    return hash;
}
