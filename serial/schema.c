#include "serial/schema.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/heap.h"
#include "base/sheet.h"
#include "serial/kind.h"
#include "serial/missing.h"

/* A schema as it was told. */
typedef struct schema {
    tr_map_entry by_hash;
    size_t size;
    const troupe_type *type; /* as which it can be read; NULL: not known yet, or it can't */
    bool told;               /* that it can't */
    unsigned char bytes[];
} schema;

static schema *of_hash(tr_map_entry *at) {
    return at ? TR_OWNER(at, schema, by_hash) : NULL;
}

/* --- The collection --------------------------------------------------------------------------- */

void tr_schemas_init(tr_schemas *schemas, const troupe_heap *heap) {
    *schemas = (tr_schemas){.heap = heap};
    tr_map_init(&schemas->by_hash, heap);
}

static void give_schema(void *ctx, tr_map_entry *at) {
    const tr_schemas *schemas = ctx;
    tr_give(schemas->heap, of_hash(at), sizeof(schema) + of_hash(at)->size);
}

void tr_schemas_fini(tr_schemas *schemas) {
    tr_map_each(&schemas->by_hash, give_schema, schemas);
    tr_map_fini(&schemas->by_hash);
}

static uint64_t hash_of(const void *bytes, size_t size) {
    uint64_t hash = tr_hash_bytes(tr_hash_text(""), bytes, size);
    return hash ? hash : 1;
}

troupe_err tr_schemas_add(tr_schemas *schemas, uint64_t hash, const void *bytes, size_t size) {
    if (hash_of(bytes, size) != hash) return TROUPE_MALFORMED;
    if (tr_map_find(&schemas->by_hash, hash)) return TROUPE_OK;
    bool room = size <= TR_SCHEMA_SIZE_MOST && schemas->count < TR_SCHEMAS_MOST &&
                size <= TR_SCHEMAS_SIZE_MOST - schemas->size;
    if (!room) return TROUPE_OK;
    schema *made = tr_take_zero(schemas->heap, sizeof *made + size);
    if (!made) return TROUPE_NOMEM;
    made->size = size;
    memcpy(made->bytes, bytes, size);
    if (!tr_map_add(&schemas->by_hash, hash, &made->by_hash)) {
        tr_give(schemas->heap, made, sizeof *made + size);
        return TROUPE_NOMEM;
    }
    schemas->count++;
    schemas->size += size;
    return TROUPE_OK;
}

/* --- Reading one ------------------------------------------------------------------------------ */

/* What is left of a schema. After a step too far all is zero, and `cut` says so. */
typedef struct cursor {
    const unsigned char *at;
    size_t left;
    bool cut;
} cursor;

static uint64_t number(cursor *in) {
    uint64_t value = 0;
    if (in->left < 8) {
        in->cut = true;
        return 0;
    }
    for (unsigned i = 0; i < 8; i++) value |= (uint64_t)in->at[i] << 8 * i;
    in->at += 8;
    in->left -= 8;
    return value;
}

enum { NAME_MOST = 127 };

/* A name without what a log can't show. False: it is none, or longer than any that can be meant. */
static bool name(cursor *in, char out[NAME_MOST + 1]) {
    const uint64_t size = number(in);
    out[0] = '\0';
    if (in->cut || size > in->left || size > NAME_MOST || size == 0) {
        in->cut = true;
        return false;
    }
    memcpy(out, in->at, (size_t)size);
    out[size] = '\0';
    in->at += size;
    in->left -= (size_t)size;
    for (size_t i = 0; i < size; i++)
        if ((unsigned char)out[i] < 0x20 || out[i] == 0x7F) in->cut = true;
    return !in->cut;
}

/* A field, but for its choices or cases, which the cursor is at then. */
typedef struct far_field {
    char name[NAME_MOST + 1];
    troupe_kind kind;
    troupe_shape shape;
    uint64_t count;   /* of an array */
    uint64_t choices; /* of an enum */
    uint64_t cases;   /* of a one-of */
    uint64_t hash;    /* of a struct */
} far_field;

static bool next_field(cursor *in, far_field *out) {
    *out = (far_field){.kind = TROUPE_BOOL};
    if (!name(in, out->name)) return false;
    const uint64_t what = number(in);
    out->kind = (troupe_kind)(what & 0xFF);
    out->shape = (troupe_shape)(what >> 8 & 0xFF);
    if (what >> 16) in->cut = true;
    if (out->shape == TROUPE_SHAPE_ARRAY) out->count = number(in);
    if (out->kind == TROUPE_ENUM) out->choices = number(in);
    if (out->kind == TROUPE_ONE_OF) out->cases = number(in);
    if (out->kind == TROUPE_STRUCT) out->hash = number(in);
    return !in->cut;
}

/* --- Is it like ours? ------------------------------------------------------------------------- */

typedef struct judge {
    const tr_schemas *schemas;
    tr_sheet *why; /* what differs, one behind the other */
    bool differs;
} judge;

/* The structs that lead to a field, for its name in full. */
typedef struct way {
    const struct way *above;
    const char *name;
} way;

static void put_way(tr_sheet *to, const way *at) {
    if (at->above) {
        put_way(to, at->above);
        tr_sheet_put(to, ".");
    }
    tr_sheet_put(to, "%s", at->name);
}

/* Says of a field how it differs. */
TROUPE_PRINTF(3, 4)
static void differs(judge *by, const way *at, const char *format, ...) {
    char what[320];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(what, sizeof what, format, arguments);
    va_end(arguments);
    tr_sheet_put(by->why, by->differs ? ", " : ": ");
    put_way(by->why, at);
    tr_sheet_put(by->why, " %s", what);
    by->differs = true;
}

static bool is_integer(troupe_kind kind) {
    return kind != TROUPE_ENUM && kind < TROUPE_STRUCT && tr_kind_range[kind].most;
}

static bool is_float(troupe_kind kind) {
    return kind == TROUPE_F32 || kind == TROUPE_F64;
}

/* Whether values of the one kind can be values of the other, at least some. */
static bool like_kinds(troupe_kind one, troupe_kind other) {
    return one == other || (is_integer(one) && is_integer(other)) ||
           (is_float(one) && is_float(other));
}

static bool like_shapes(troupe_shape one, troupe_shape other) {
    bool single = one == TROUPE_SHAPE_ONE || one == TROUPE_SHAPE_OPTIONAL;
    bool other_single = other == TROUPE_SHAPE_ONE || other == TROUPE_SHAPE_OPTIONAL;
    return one == other || (single && other_single);
}

/* "a list of u8" */
static const char *shown(char out[48], troupe_kind kind, troupe_shape shape, uint64_t count) {
    const char *of = tr_kind_name(kind);
    if (shape == TROUPE_SHAPE_ARRAY)
        snprintf(out, 48, "%" PRIu64 " of %s", count, of);
    else
        snprintf(out, 48, "%s%s",
                 shape == TROUPE_SHAPE_LIST       ? "a list of "
                 : shape == TROUPE_SHAPE_OPTIONAL ? "an optional "
                                                  : "",
                 of);
    return out;
}

/* A choice is the same if its name is; the same name must have the same number. */
static void judge_choices(judge *by, cursor *in, uint64_t choices, const troupe_enum *mine,
                          const way *at) {
    for (; choices && !in->cut; choices--) {
        char choice[NAME_MOST + 1];
        if (!name(in, choice)) return;
        const int64_t value = (int64_t)number(in);
        for (size_t i = 0; mine && i < mine->choices; i++)
            if (strcmp(mine->choice[i].name, choice) == 0 && mine->choice[i].value != value)
                differs(by, at, "has %s for %" PRId32 " here, %" PRId64 " there", choice,
                        mine->choice[i].value, value);
    }
}

static void judge_struct(judge *by, cursor *in, const troupe_type *mine, const way *above,
                         unsigned depth);

static void judge_within(judge *by, const far_field *theirs, const troupe_type *mine, const way *at,
                         unsigned depth) {
    if (theirs->hash == tr_type_hash(mine)) return;
    const schema *known = of_hash(tr_map_find(&by->schemas->by_hash, theirs->hash));
    if (!known) {
        differs(by, at, "is another struct there");
        return;
    }
    char ignored[NAME_MOST + 1]; /* the name of a struct is nobody's business */
    cursor in = {known->bytes, known->size, false};
    (void)name(&in, ignored);
    judge_struct(by, &in, mine, at, depth);
}

static void judge_cases(judge *by, cursor *in, uint64_t cases, const troupe_one_of *mine,
                        const way *at, unsigned depth);

static void judge_field(judge *by, cursor *in, const far_field *theirs, const troupe_field *mine,
                        const way *above, unsigned depth) {
    const way at = {above, mine->name};
    char here[48], there[48];
    const troupe_enum *of = NULL;
    const troupe_one_of *one_of = NULL;
    bool known = *tr_kind_name(theirs->kind) != '?' && theirs->shape <= TROUPE_SHAPE_OPTIONAL;
    if (!known) in->left = 0; /* nor is what it is followed by */
    if (strcmp(theirs->name, mine->name) != 0)
        differs(by, &at, "is called %s there", theirs->name);
    else if (!like_kinds(theirs->kind, mine->kind) || !like_shapes(theirs->shape, mine->shape) ||
             (mine->shape == TROUPE_SHAPE_ARRAY && theirs->count != mine->count))
        differs(by, &at, "is %s here, %s there", shown(here, mine->kind, mine->shape, mine->count),
                shown(there, theirs->kind, theirs->shape, theirs->count));
    else if (mine->kind == TROUPE_STRUCT)
        judge_within(by, theirs, tr_field_type(mine), &at, depth + 1);
    else if (mine->kind == TROUPE_ENUM)
        of = mine->of;
    else if (mine->kind == TROUPE_ONE_OF)
        one_of = mine->of;
    judge_choices(by, in, theirs->choices, of, &at); /* they stand in the way of what follows */
    judge_cases(by, in, theirs->cases, one_of, &at, depth + 1); /* so do these */
}

/* The case of a name; NULL: there is none. */
static const troupe_case *case_named(const troupe_one_of *of, const char *called) {
    for (size_t i = 0; of && i < of->cases; i++)
        if (strcmp(of->when[i].field.name, called) == 0) return &of->when[i];
    return NULL;
}

/* A case is the same if its name is; the same name must have the same tag, and the like with it.
 * Those that only one side has are refused by their tag, message by message. */
static void judge_cases(judge *by, cursor *in, uint64_t cases, const troupe_one_of *mine,
                        const way *at, unsigned depth) {
    if (cases && depth > TR_LEVELS_MOST) in->cut = true;
    for (; cases && !in->cut; cases--) {
        far_field theirs;
        const int64_t tag = (int64_t)number(in);
        if (!next_field(in, &theirs)) return;
        const troupe_case *is = case_named(mine, theirs.name);
        if (is && is->value != tag)
            differs(by, at, "has %s for %" PRId32 " here, %" PRId64 " there", theirs.name,
                    is->value, tag);
        if (is) {
            judge_field(by, in, &theirs, &is->field, at, depth);
        } else {
            judge_choices(by, in, theirs.choices, NULL, at);
            judge_cases(by, in, theirs.cases, NULL, at, depth + 1);
        }
    }
}

static void judge_struct(judge *by, cursor *in, const troupe_type *mine, const way *above,
                         unsigned depth) {
    size_t at = 0;
    if (depth > TR_LEVELS_MOST) return; /* ours does not nest deeper */
    for (; in->left && at < mine->fields; at++) {
        far_field theirs;
        if (!next_field(in, &theirs)) break;
        judge_field(by, in, &theirs, &mine->field[at], above, depth);
    }
    for (; at < mine->fields && !in->cut; at++) {
        size_t end = 0;
        const way missing = {above, mine->field[at].name};
        if (tr_missing_measure(&mine->field[at], &end))
            differs(by, &missing, "is required here, and not there");
    }
    if (!in->cut) return;
    tr_sheet_put(by->why, ": %s", "what it is there can't be told");
    by->differs = true;
}

/* Whether what was told can be read as a type; `why` gets the reason if not. */
static bool readable(const tr_schemas *schemas, cursor *in, const troupe_type *mine,
                     tr_reading *out) {
    tr_sheet why = tr_sheet_on(out->why, sizeof out->why);
    judge by = {schemas, &why, false};
    tr_sheet_put(&why, "%s is another type here", mine->name);
    judge_struct(&by, in, mine, NULL, 1);
    tr_sheet_end(&why);
    if (!by.differs) out->why[0] = '\0';
    return !by.differs;
}

void tr_schemas_read(tr_schemas *schemas, tr_types *types, uint64_t hash, bool ahead,
                     tr_reading *out) {
    schema *known = of_hash(tr_map_find(&schemas->by_hash, hash));
    char called[NAME_MOST + 1] = "";
    *out = (tr_reading){.type = known ? known->type : NULL};
    if (out->type) return;
    cursor in = {known ? known->bytes : NULL, known ? known->size : 0, false};
    const troupe_type *mine = known && name(&in, called) ? tr_types_named(types, called) : NULL;
    if (mine && readable(schemas, &in, mine, out)) {
        out->type = known->type = mine;
        return;
    }
    if (!mine && ahead) return;
    if (!mine)
        snprintf(out->why, sizeof out->why, "its type %s%s(%016" PRIx64 ") is not registered here",
                 called, *called ? " " : "", hash);
    if (!known) return;
    out->again = known->told;
    known->told = true;
}
