#include "serial/kind.h"

#define KIND(name, type)                                                                           \
    { name, sizeof(type), _Alignof(type) }

static const struct {
    const char *name;
    unsigned char size, align;
} kinds[] = {
    [TROUPE_BOOL] = KIND("bool", bool),         [TROUPE_I32] = KIND("i32", int32_t),
    [TROUPE_I64] = KIND("i64", int64_t),        [TROUPE_U32] = KIND("u32", uint32_t),
    [TROUPE_U64] = KIND("u64", uint64_t),       [TROUPE_F64] = KIND("f64", double),
    [TROUPE_TEXT] = KIND("text", const char *), [TROUPE_BYTES] = KIND("bytes", troupe_bytes),
    [TROUPE_REF] = KIND("ref", troupe_ref),     [TROUPE_I8] = KIND("i8", int8_t),
    [TROUPE_I16] = KIND("i16", int16_t),        [TROUPE_U8] = KIND("u8", uint8_t),
    [TROUPE_U16] = KIND("u16", uint16_t),       [TROUPE_F32] = KIND("f32", float),
    [TROUPE_TIME] = KIND("time", troupe_time),  [TROUPE_ENUM] = KIND("enum", int32_t),
    [TROUPE_STRUCT] = {"struct", 0, 0},         [TROUPE_ONE_OF] = {"one of", 0, 0},
    [TROUPE_MAP] = KIND("map", troupe_map),     [TROUPE_NIL] = {"nil", 0, 0},
};

static bool is_kind(troupe_kind kind) {
    return (size_t)kind < sizeof kinds / sizeof *kinds;
}

size_t tr_kind_size(troupe_kind kind) {
    return is_kind(kind) ? kinds[kind].size : 0;
}

size_t tr_kind_align(troupe_kind kind) {
    return is_kind(kind) ? kinds[kind].align : 0;
}

const char *tr_kind_name(troupe_kind kind) {
    return is_kind(kind) ? kinds[kind].name : "?";
}

#define SIGNED(bits)                                                                               \
    { UINT64_MAX << (bits - 1), UINT64_MAX >> (65 - bits) }
#define UNSIGNED(bits)                                                                             \
    { 0, UINT64_MAX >> (64 - bits) }

const tr_range tr_kind_range[] = {
    [TROUPE_I8] = SIGNED(8),     [TROUPE_I16] = SIGNED(16),   [TROUPE_I32] = SIGNED(32),
    [TROUPE_I64] = SIGNED(64),   [TROUPE_U8] = UNSIGNED(8),   [TROUPE_U16] = UNSIGNED(16),
    [TROUPE_U32] = UNSIGNED(32), [TROUPE_U64] = UNSIGNED(64), [TROUPE_ENUM] = SIGNED(32),
};

const char *tr_choice_name(const troupe_enum *of, int32_t value) {
    for (size_t i = 0; i < of->choices; i++)
        if (of->choice[i].value == value) return of->choice[i].name;
    return NULL;
}
