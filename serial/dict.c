#include "serial/dict.h"

#include <string.h>

#include "base/map.h"
#include "serial/body.h"
#include "serial/envelope.h"
#include "serial/keys.h"

/* --- How much --------------------------------------------------------------------------------- */

/* Adds to a size; false if that would pass the limit. */
static bool add(size_t *sum, size_t more) {
    if (more > TR_MSG_LIMIT - *sum) return false;
    *sum += more;
    return true;
}

/* What a row of values or entries takes, without what belongs to each. */
static troupe_err measure_row(const void *at, size_t count, size_t each, size_t *end) {
    if (!count) return TROUPE_OK;
    if (!at) return TROUPE_INVALID;
    if (count > TR_MSG_LIMIT / each || !add(end, tr_body_align(*end) - *end)) return TROUPE_TOOBIG;
    return add(end, count * each) ? TROUPE_OK : TROUPE_TOOBIG;
}

static troupe_err measure_text(const char *text, size_t *end) {
    return add(end, (text ? strlen(text) : 0) + 1) ? TROUPE_OK : TROUPE_TOOBIG;
}

static tr_key key_at(const void *entries, size_t at) {
    const char *key = ((const troupe_entry *)entries)[at].key;
    return (tr_key){key, strlen(key)};
}

static troupe_err measure_map(const troupe_map *map, size_t *end, unsigned level);
static troupe_err measure_list(const troupe_any_list *list, size_t *end, unsigned level);

static troupe_err measure_value(const troupe_any *value, size_t *end, unsigned level) {
    switch (value->is) {
    case TROUPE_IS_NIL:
    case TROUPE_IS_BOOL:
    case TROUPE_IS_I64:
    case TROUPE_IS_U64:
    case TROUPE_IS_F64:
    case TROUPE_IS_TIME:
        return TROUPE_OK;
    case TROUPE_IS_TEXT:
        return measure_text(value->text, end);
    case TROUPE_IS_BYTES:
        if (value->bytes.size && !value->bytes.data) return TROUPE_INVALID;
        return add(end, value->bytes.size) ? TROUPE_OK : TROUPE_TOOBIG;
    case TROUPE_IS_LIST:
        return measure_list(&value->list, end, level + 1);
    case TROUPE_IS_MAP:
        return measure_map(&value->map, end, level + 1);
    }
    return TROUPE_INVALID;
}

static troupe_err measure_list(const troupe_any_list *list, size_t *end, unsigned level) {
    if (level > TROUPE_MAP_LEVELS) return TROUPE_INVALID;
    troupe_err err = measure_row(list->at, list->count, sizeof *list->at, end);
    for (size_t i = 0; i < list->count && !err; i++) err = measure_value(&list->at[i], end, level);
    return err;
}

static troupe_err measure_map(const troupe_map *map, size_t *end, unsigned level) {
    if (level > TROUPE_MAP_LEVELS || map->count > TROUPE_MAP_KEYS) return TROUPE_INVALID;
    troupe_err err = measure_row(map->at, map->count, sizeof *map->at, end);
    if (err) return err;
    for (size_t i = 0; i < map->count; i++)
        if (!map->at[i].key) return TROUPE_INVALID;
    if (tr_keys_twice(map->count, key_at, map->at) != SIZE_MAX) return TROUPE_INVALID;
    for (size_t i = 0; i < map->count && !err; i++) {
        err = measure_text(map->at[i].key, end);
        if (!err) err = measure_value(&map->at[i].value, end, level);
    }
    return err;
}

troupe_err tr_dict_measure(const troupe_map *map, size_t *end) {
    return measure_map(map, end, 1);
}

/* --- Where to --------------------------------------------------------------------------------- */

/* A message that is being laid out. */
typedef struct room {
    char *start; /* of the message */
    size_t end;  /* what it has so far */
} room;

/* Copies bytes behind what is there. Without a size, `from` may be NULL. */
static void *put(room *to, const void *from, size_t size) {
    char *place = to->start + to->end;
    if (size) memcpy(place, from, size);
    to->end += size;
    return place;
}

static void *put_row(room *to, const void *from, size_t size) {
    if (!size) return NULL;
    to->end = tr_body_align(to->end);
    return put(to, from, size);
}

static const char *put_text(room *to, const char *text) {
    return text ? put(to, text, strlen(text) + 1) : put(to, "", 1);
}

static void settle_map(troupe_map *map, room *to);

static void settle_value(troupe_any *value, room *to) {
    value->is = tr_any_sort(value);
    if (value->is == TROUPE_IS_TEXT) value->text = put_text(to, value->text);
    if (value->is == TROUPE_IS_BYTES)
        value->bytes.data = put(to, value->bytes.data, value->bytes.size);
    if (value->is == TROUPE_IS_MAP) settle_map(&value->map, to);
    if (value->is != TROUPE_IS_LIST) return;
    const size_t count = value->list.count;
    troupe_any *mine = put_row(to, value->list.at, count * sizeof *mine);
    value->list.at = mine;
    for (size_t i = 0; i < count; i++) settle_value(&mine[i], to);
}

static void settle_map(troupe_map *map, room *to) {
    troupe_entry *mine = put_row(to, map->at, map->count * sizeof *mine);
    map->at = mine;
    for (size_t i = 0; i < map->count; i++) {
        mine[i].key = put_text(to, mine[i].key);
        settle_value(&mine[i].value, to);
    }
}

void tr_dict_settle(troupe_map *map, char *start, size_t *end) {
    room to = {start, *end};
    settle_map(map, &to);
    *end = to.end;
}

/* --- Side by side ----------------------------------------------------------------------------- */

/* NULL is the empty text. */
static const char *text_of(const troupe_any *value) {
    return value->text ? value->text : "";
}

static bool same_bytes(troupe_bytes one, troupe_bytes other) {
    return one.size == other.size && (!one.size || memcmp(one.data, other.data, one.size) == 0);
}

static bool same_value(const troupe_any *one, const troupe_any *other) {
    const troupe_sort is = tr_any_sort(one);
    if (is != tr_any_sort(other)) return false;
    switch (is) {
    case TROUPE_IS_NIL:
        return true;
    case TROUPE_IS_BOOL:
        return one->truth == other->truth;
    case TROUPE_IS_I64:
    case TROUPE_IS_U64:
    case TROUPE_IS_F64: /* bit by bit */
        return one->u64 == other->u64;
    case TROUPE_IS_TEXT:
        return strcmp(text_of(one), text_of(other)) == 0;
    case TROUPE_IS_BYTES:
        return same_bytes(one->bytes, other->bytes);
    case TROUPE_IS_TIME:
        return one->time.seconds == other->time.seconds &&
               one->time.nanoseconds == other->time.nanoseconds;
    case TROUPE_IS_LIST:
        if (one->list.count != other->list.count) return false;
        for (size_t i = 0; i < one->list.count; i++)
            if (!same_value(&one->list.at[i], &other->list.at[i])) return false;
        return true;
    case TROUPE_IS_MAP:
        return tr_dict_same(&one->map, &other->map);
    }
    return false;
}

bool tr_dict_same(const troupe_map *one, const troupe_map *other) {
    if (one->count != other->count) return false;
    for (size_t i = 0; i < one->count; i++)
        if (strcmp(one->at[i].key, other->at[i].key) != 0 ||
            !same_value(&one->at[i].value, &other->at[i].value))
            return false;
    return true;
}

static uint64_t hash_number(uint64_t hash, uint64_t number) {
    return tr_hash_bytes(hash, &number, sizeof number);
}

static uint64_t hash_value(uint64_t hash, const troupe_any *value) {
    const troupe_sort is = tr_any_sort(value);
    hash = hash_number(hash, is);
    switch (is) {
    case TROUPE_IS_NIL:
        return hash;
    case TROUPE_IS_BOOL:
        return hash_number(hash, value->truth);
    case TROUPE_IS_I64:
    case TROUPE_IS_U64:
    case TROUPE_IS_F64:
        return hash_number(hash, value->u64);
    case TROUPE_IS_TEXT:
        return tr_hash_bytes(hash, text_of(value), strlen(text_of(value)) + 1);
    case TROUPE_IS_BYTES:
        return tr_hash_bytes(hash_number(hash, value->bytes.size), value->bytes.data,
                             value->bytes.size);
    case TROUPE_IS_TIME:
        return hash_number(hash_number(hash, (uint64_t)value->time.seconds),
                           value->time.nanoseconds);
    case TROUPE_IS_LIST:
        hash = hash_number(hash, value->list.count);
        for (size_t i = 0; i < value->list.count; i++) hash = hash_value(hash, &value->list.at[i]);
        return hash;
    case TROUPE_IS_MAP:
        return tr_dict_hash(hash, &value->map);
    }
    return hash;
}

uint64_t tr_dict_hash(uint64_t hash, const troupe_map *map) {
    hash = hash_number(hash, map->count);
    for (size_t i = 0; i < map->count; i++) {
        hash = tr_hash_bytes(hash, map->at[i].key, strlen(map->at[i].key) + 1);
        hash = hash_value(hash, &map->at[i].value);
    }
    return hash;
}

/* --- Reading ---------------------------------------------------------------------------------- */

const troupe_any *troupe_map_find(const troupe_map *map, const char *key) {
    for (size_t i = 0; map && i < map->count; i++)
        if (strcmp(map->at[i].key, key) == 0) return &map->at[i].value;
    return NULL;
}

const char *troupe_map_text(const troupe_map *map, const char *key, const char *otherwise) {
    const troupe_any *value = troupe_map_find(map, key);
    return value && value->is == TROUPE_IS_TEXT ? text_of(value) : otherwise;
}

int64_t troupe_map_i64(const troupe_map *map, const char *key, int64_t otherwise) {
    const troupe_any *value = troupe_map_find(map, key);
    return value && tr_any_sort(value) == TROUPE_IS_I64 ? value->i64 : otherwise;
}

double troupe_map_f64(const troupe_map *map, const char *key, double otherwise) {
    const troupe_any *value = troupe_map_find(map, key);
    if (!value) return otherwise;
    if (value->is == TROUPE_IS_I64) return (double)value->i64;
    if (value->is == TROUPE_IS_U64) return (double)value->u64;
    return value->is == TROUPE_IS_F64 ? value->f64 : otherwise;
}

bool troupe_map_bool(const troupe_map *map, const char *key, bool otherwise) {
    const troupe_any *value = troupe_map_find(map, key);
    return value && value->is == TROUPE_IS_BOOL ? value->truth : otherwise;
}
