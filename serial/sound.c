/* Whether a type is what it should be. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "serial/envelope.h"
#include "serial/kind.h"
#include "serial/owned.h"
#include "serial/missing.h"
#include "serial/type.h"

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

/* --- Places ----------------------------------------------------------------------------------- */

/* What a field takes in its struct. */
typedef struct extent {
    size_t size, align;
} extent;

static extent extent_of(const troupe_field *field);

static size_t align_of_struct(const troupe_type *type) {
    size_t align = 1;
    for (size_t i = 0; i < type->fields; i++) {
        size_t its = extent_of(&type->field[i]).align;
        if (its > align) align = its;
    }
    return align;
}

static size_t align_of_one_of(const troupe_one_of *of) {
    size_t align = _Alignof(int32_t);
    for (size_t i = 0; i < of->cases; i++) {
        size_t its = extent_of(&of->when[i].field).align;
        if (its > align) align = its;
    }
    return align;
}

static extent extent_of(const troupe_field *field) {
    if (field->kind == TROUPE_NIL) return (extent){0, 1};
    extent it = {tr_field_step(field), tr_kind_align(field->kind)};
    if (field->shape == TROUPE_SHAPE_LIST) return (extent){sizeof(tr_many), _Alignof(tr_many)};
    if (field->kind == TROUPE_STRUCT) it.align = align_of_struct(tr_field_type(field));
    if (field->kind == TROUPE_ONE_OF) it.align = align_of_one_of(tr_field_one_of(field));
    if (field->shape == TROUPE_SHAPE_ARRAY) it.size *= field->count;
    if (field->shape == TROUPE_SHAPE_OPTIONAL) it.size = (it.size / it.align + 1) * it.align;
    return it;
}

/* The least bytes that a value becomes. */
static size_t least_bytes(const troupe_field *field);

/* The same for all values of a field. */
static size_t least_bytes_of_field(const troupe_field *field) {
    if (field->shape == TROUPE_SHAPE_ONE) return least_bytes(field);
    return field->shape == TROUPE_SHAPE_ARRAY ? 1 + field->count * least_bytes(field) : 1;
}

static size_t least_bytes_of_struct(const troupe_type *type) {
    size_t least = 1;
    for (size_t i = 0; i < type->fields; i++) least += least_bytes_of_field(&type->field[i]);
    return least;
}

static size_t least_bytes_of_one_of(const troupe_one_of *of) {
    size_t least = SIZE_MAX - 2;
    for (size_t i = 0; i < of->cases; i++) {
        size_t its = least_bytes_of_field(&of->when[i].field);
        if (its < least) least = its;
    }
    return 2 + least;
}

static size_t least_bytes(const troupe_field *field) {
    switch (field->kind) {
    case TROUPE_F64:
    case TROUPE_F32:
        return 5;
    case TROUPE_BYTES:
        return 2;
    case TROUPE_REF:
        return 3;
    case TROUPE_TIME:
        return 6;
    case TROUPE_STRUCT:
        return least_bytes_of_struct(tr_field_type(field));
    case TROUPE_ONE_OF:
        return least_bytes_of_one_of(tr_field_one_of(field));
    default:
        return 1;
    }
}

/* --- Fields ----------------------------------------------------------------------------------- */

/* The type that is judged, and those that it is part of. */
typedef struct chain {
    const struct chain *above;
    const troupe_type *type;
    unsigned depth;
} chain;

static troupe_err check_type(const chain *in, reason why);

static troupe_err check_enum(const chain *in, const troupe_field *field, reason why) {
    const troupe_enum *of = field->of;
    const char *type = in->type->name, *name = field->name;
    if (!of || !of->choice || !of->choices)
        return unsound(why, "%s.%s: its enum has no choices", type, name);
    for (size_t i = 0; i < of->choices; i++) {
        if (!of->choice[i].name || !*of->choice[i].name)
            return unsound(why, "%s.%s: choice %zu has no name", type, name, i + 1);
        for (size_t j = 0; j < i; j++)
            if (of->choice[j].value == of->choice[i].value)
                return unsound(why, "%s.%s: %s and %s are the same", type, name, of->choice[j].name,
                               of->choice[i].name);
    }
    return TROUPE_OK;
}

static troupe_err check_struct(const chain *in, const troupe_field *field, reason why) {
    const troupe_type *of = field->of;
    const char *type = in->type->name, *name = field->name;
    if (!of || !of->size) return unsound(why, "%s.%s: its struct has no fields", type, name);
    for (const chain *at = in; at; at = at->above)
        if (at->type == of) return unsound(why, "%s.%s: holds itself", type, name);
    if (in->depth == TR_LEVELS_MOST)
        return unsound(why, "%s.%s: is on more than %d levels", type, name, TR_LEVELS_MOST);
    return check_type(&(chain){in, of, in->depth + 1}, why);
}

static troupe_err check_field(const chain *in, size_t at, reason why);

/* Judges a case as if it were a field of a struct that holds the tag and nothing else. */
static troupe_err check_case(const chain *in, const troupe_one_of *of, size_t at, reason why) {
    const troupe_field *field = &of->when[at].field;
    const char *name = in->type->name;
    if (!field->name || !*field->name)
        return unsound(why, "%s: case %zu has no name", name, at + 1);
    for (const troupe_case *before = of->when; before < &of->when[at]; before++)
        if (before->value == of->when[at].value || strcmp(before->field.name, field->name) == 0)
            return unsound(why, "%s: %s and %s are the same", name, before->field.name,
                           field->name);
    const troupe_field both[] = {{"its tag", of->tag, TROUPE_I32, TROUPE_SHAPE_ONE, 0, 0, NULL},
                                 *field};
    const troupe_type alone = {name, of->size, both, 2, TROUPE_UNKNOWN_EXTENT};
    const chain mine = {in->above, &alone, in->depth};
    troupe_err err = check_field(&mine, 0, why);
    if (field->kind != TROUPE_NIL) return err ? err : check_field(&mine, 1, why);
    if (!err && field->shape != TROUPE_SHAPE_ONE)
        return unsound(why, "%s.%s: is nothing, but %d", name, field->name, (int)field->shape);
    return err;
}

/* In what is said of it, it goes by the name of the field that it is the value of. */
static troupe_err check_one_of(const chain *in, const troupe_field *field, reason why) {
    const troupe_one_of *of = field->of;
    char name[96];
    snprintf(name, sizeof name, "%s.%s", in->type->name, field->name);
    if (!of || !of->when || !of->cases) return unsound(why, "%s: its one-of has no cases", name);
    if (in->depth == TR_LEVELS_MOST)
        return unsound(why, "%s: is on more than %d levels", name, TR_LEVELS_MOST);
    const troupe_type named = {.name = name};
    troupe_err err = TROUPE_OK;
    for (size_t i = 0; i < of->cases && !err; i++)
        err = check_case(&(chain){in, &named, in->depth + 1}, of, i, why);
    return err;
}

/* Judges what a value of a field is, but for its place. */
static troupe_err check_value(const chain *in, const troupe_field *field, reason why) {
    const char *type = in->type->name, *name = field->name;
    troupe_err err = TROUPE_OK;
    if (field->kind != TROUPE_STRUCT && field->kind != TROUPE_ONE_OF && !tr_kind_size(field->kind))
        return unsound(why, "%s.%s: %d is no kind", type, name, (int)field->kind);
    if ((unsigned)field->shape > TROUPE_SHAPE_OPTIONAL)
        return unsound(why, "%s.%s: %d is no shape", type, name, (int)field->shape);
    if (field->kind == TROUPE_STRUCT) err = check_struct(in, field, why);
    if (field->kind == TROUPE_ENUM) err = check_enum(in, field, why);
    if (field->kind == TROUPE_ONE_OF) err = check_one_of(in, field, why);
    if (err) return err;
    size_t size = tr_field_size(field);
    if (field->size && field->size != size)
        return unsound(why, "%s.%s: takes %zu bytes, but %s takes %zu", type, name, field->size,
                       tr_kind_name(field->kind), size);
    if (field->shape == TROUPE_SHAPE_ARRAY && (!field->count || field->count > TR_MSG_LIMIT / size))
        return unsound(why, "%s.%s: an array of %zu", type, name, field->count);
    size_t least = field->shape == TROUPE_SHAPE_LIST ? least_bytes(field) : size;
    if (size / least >= TR_SPREAD_MOST)
        return unsound(why, "%s.%s: %zu bytes of memory may come as %zu", type, name, size, least);
    const char *flaw = tr_missing_flaw(field);
    if (flaw) return unsound(why, "%s.%s: %s", type, name, flaw);
    return TROUPE_OK;
}

static bool overlap(const troupe_field *one, const troupe_field *other) {
    return one->offset < other->offset + extent_of(other).size &&
           other->offset < one->offset + extent_of(one).size;
}

/* Judges one field against the struct, and against those before it, which are sound. */
static troupe_err check_field(const chain *in, size_t at, reason why) {
    const troupe_type *type = in->type;
    const troupe_field *field = &type->field[at];
    if (!field->name || !*field->name)
        return unsound(why, "%s: field %zu has no name", type->name, at + 1);
    troupe_err err = check_value(in, field, why);
    if (err) return err;
    const extent its = extent_of(field);
    if (its.size > type->size || field->offset > type->size - its.size)
        return unsound(why, "%s.%s: reaches out of the struct, which has %zu bytes", type->name,
                       field->name, type->size);
    if (field->offset % its.align)
        return unsound(why, "%s.%s: offset %zu is not a multiple of %zu", type->name, field->name,
                       field->offset, its.align);
    for (const troupe_field *before = type->field; before < field; before++) {
        if (strcmp(before->name, field->name) == 0)
            return unsound(why, "%s.%s: is listed twice", type->name, field->name);
        if (overlap(before, field))
            return unsound(why, "%s.%s: overlaps %s", type->name, field->name, before->name);
    }
    return TROUPE_OK;
}

static troupe_err check_type(const chain *in, reason why) {
    const troupe_type *type = in->type;
    if (!type->name || !*type->name) return unsound(why, "the type has no name");
    if (type->fields && !type->field) return unsound(why, "%s: has no field list", type->name);
    if (tr_type_is_owned(type)) return unsound(why, "%s: owns an object", type->name);
    if (type->size && !type->fields)
        return unsound(why, "%s: has a struct of %zu bytes, but no fields", type->name, type->size);
    if (type->size > TR_MSG_LIMIT - sizeof(troupe_msg))
        return unsound(why, "%s: a struct of %zu bytes is over the limit", type->name, type->size);
    troupe_err err = TROUPE_OK;
    for (size_t i = 0; i < type->fields && !err; i++) err = check_field(in, i, why);
    if (!err && tr_type_is_flat(type) != tr_type_looks_flat(type))
        return unsound(why, "%s: its extent is not that of its fields", type->name);
    return err;
}

troupe_err tr_type_check(const troupe_type *type, char *text, size_t room) {
    reason why = {text, room};
    if (!type) return unsound(why, "there is no type");
    return check_type(&(chain){NULL, type, 1}, why);
}

/* --- Gaps ------------------------------------------------------------------------------------- */

/* The first field from an offset on; NULL: there is none. */
static const troupe_field *field_from(const troupe_type *type, size_t offset) {
    const troupe_field *first = NULL;
    for (size_t i = 0; i < type->fields; i++) {
        const troupe_field *field = &type->field[i];
        if (field->offset >= offset && (!first || field->offset < first->offset)) first = field;
    }
    return first;
}

static troupe_err gap_in_value(const troupe_type *type, const troupe_field *field, reason why);

/* The tag and the union of all cases are what a one-of has, in either order. */
static troupe_err gap_in_one_of(const troupe_type *named, const troupe_one_of *of, reason why) {
    size_t start = of->size, end = 0, align = 1;
    for (size_t i = 0; i < of->cases; i++) {
        const troupe_field *field = &of->when[i].field;
        const extent its = extent_of(field);
        if (its.align > align) align = its.align;
        if (its.size && field->offset < start) start = field->offset;
        if (its.size && field->offset + its.size > end) end = field->offset + its.size;
        troupe_err err = gap_in_value(named, field, why);
        if (err) return err;
    }
    const size_t tag_end = of->tag + sizeof(int32_t), last = end > tag_end ? end : tag_end;
    const bool first = of->tag < start; /* so it is, too, where no case has anything */
    const size_t from[] = {0, first ? tag_end : end, first ? last : tag_end};
    const size_t to[] = {first ? of->tag : start, first ? start : of->tag, of->size};
    const size_t most[] = {1, first ? align : _Alignof(int32_t), align_of_one_of(of)};
    for (size_t i = 0; i < 3; i++)
        if (from[i] < to[i] && to[i] - from[i] >= most[i])
            return unsound(why, "%s: bytes %zu to %zu are in no case", named->name, from[i],
                           to[i] - 1);
    return TROUPE_OK;
}

/* Looks into a value that has fields or cases of its own. */
static troupe_err gap_in_value(const troupe_type *type, const troupe_field *field, reason why) {
    char name[96];
    if (field->kind == TROUPE_STRUCT) return tr_type_gap(field->of, why.text, why.room);
    if (field->kind != TROUPE_ONE_OF) return TROUPE_OK;
    snprintf(name, sizeof name, "%s.%s", type->name, field->name);
    return gap_in_one_of(&(troupe_type){.name = name}, field->of, why);
}

troupe_err tr_type_gap(const troupe_type *type, char *text, size_t room) {
    reason why = {text, room};
    troupe_err err = TROUPE_OK;
    for (size_t at = 0; at < type->size && !err;) {
        const troupe_field *next = field_from(type, at);
        size_t start = next ? next->offset : type->size;
        size_t align = next ? extent_of(next).align : align_of_struct(type);
        if (start - at >= align)
            return unsound(why, "%s: bytes %zu to %zu are in no field", type->name, at, start - 1);
        at = next ? start + extent_of(next).size : type->size;
        if (next) err = gap_in_value(type, next, why);
    }
    return err;
}

troupe_err troupe_check_type(const troupe_type *type, char *why, size_t room) {
    troupe_err err = tr_type_check(type, why, room);
    return err ? err : tr_type_gap(type, why, room);
}
