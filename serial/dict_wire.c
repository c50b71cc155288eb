#include "serial/dict_wire.h"

#include <inttypes.h>
#include <msgpack.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/sheet.h"
#include "serial/body.h"
#include "serial/envelope.h"
#include "serial/keys.h"
#include "serial/dict.h"
#include "serial/time.h"
#include "serial/utf8.h"

/* --- Written ---------------------------------------------------------------------------------- */

static int pack_text(msgpack_packer *to, const char *text) {
    if (!text) text = "";
    const size_t size = strlen(text);
    if (tr_utf8_flaw(text, size) || msgpack_pack_str(to, size)) return -1;
    return msgpack_pack_str_body(to, text, size);
}

static int pack_bytes(msgpack_packer *to, troupe_bytes bytes) {
    if (msgpack_pack_bin(to, bytes.size)) return -1;
    return msgpack_pack_bin_body(to, bytes.data, bytes.size);
}

static int pack_time(msgpack_packer *to, troupe_time time) {
    unsigned char bytes[TR_TIME_SIZE_MOST];
    if (!tr_time_is(time)) return -1;
    return to->callback(to->data, (const char *)bytes, tr_time_write(time, bytes));
}

static int pack_map(msgpack_packer *to, const troupe_map *map);

static int pack_value(msgpack_packer *to, const troupe_any *value) {
    int failed;
    switch (value->is) {
    case TROUPE_IS_NIL:
        return msgpack_pack_nil(to);
    case TROUPE_IS_BOOL:
        return value->truth ? msgpack_pack_true(to) : msgpack_pack_false(to);
    case TROUPE_IS_I64:
        return msgpack_pack_int64(to, value->i64);
    case TROUPE_IS_U64:
        return msgpack_pack_uint64(to, value->u64);
    case TROUPE_IS_F64:
        return msgpack_pack_double(to, value->f64);
    case TROUPE_IS_TEXT:
        return pack_text(to, value->text);
    case TROUPE_IS_BYTES:
        return pack_bytes(to, value->bytes);
    case TROUPE_IS_TIME:
        return pack_time(to, value->time);
    case TROUPE_IS_LIST:
        failed = msgpack_pack_array(to, value->list.count);
        for (size_t i = 0; i < value->list.count && !failed; i++)
            failed = pack_value(to, &value->list.at[i]);
        return failed;
    case TROUPE_IS_MAP:
        return pack_map(to, &value->map);
    }
    return -1;
}

static int pack_map(msgpack_packer *to, const troupe_map *map) {
    int failed = msgpack_pack_map(to, map->count);
    for (size_t i = 0; i < map->count && !failed; i++) {
        failed = pack_text(to, map->at[i].key);
        if (!failed) failed = pack_value(to, &map->at[i].value);
    }
    return failed;
}

troupe_err tr_dict_pack(const troupe_map *map,
                        int (*write)(void *sink, const char *bytes, size_t size), void *sink) {
    size_t end = 0; /* within the limit no size is too large for msgpack's 32 bits */
    troupe_err err = tr_dict_measure(map, &end);
    if (err) return err;
    msgpack_packer to;
    msgpack_packer_init(&to, sink, write);
    return pack_map(&to, map) ? TROUPE_INVALID : TROUPE_OK;
}

/* --- Judged ----------------------------------------------------------------------------------- */

/* The way to a value. */
typedef struct way {
    const struct way *above; /* NULL: in the map itself */
    tr_key key;              /* of a map; `at` is NULL in a list */
    size_t index;
    unsigned level; /* the map itself is the first */
} way;

/* A key is shown as it is if it could be a name in C, and shortened if it is long. */
static void put_step(tr_sheet *to, const way *step) {
    enum { MOST = 40 };
    char text[MOST + 5];
    if (!step->key.at) {
        tr_sheet_put(to, "[%zu]", step->index);
        return;
    }
    bool plain = step->key.size > 0 && step->key.size <= MOST;
    for (size_t i = 0; i < step->key.size && plain; i++) {
        const char it = ((const char *)step->key.at)[i];
        plain = (it >= 'a' && it <= 'z') || (it >= 'A' && it <= 'Z') || it == '_' ||
                (it >= '0' && it <= '9' && i);
    }
    size_t size = step->key.size < sizeof text ? step->key.size : sizeof text - 1;
    memcpy(text, step->key.at, size);
    text[size] = 0;
    if (plain) {
        tr_sheet_put(to, ".%s", text);
        return;
    }
    tr_sheet_put(to, "[");
    tr_sheet_quote(to, text, MOST);
    tr_sheet_put(to, "]");
}

TROUPE_PRINTF(3, 4)
static bool wrong(tr_dict_scan *in, const way *at, const char *format, ...) {
    const way *steps[TROUPE_MAP_LEVELS + 1];
    size_t depth = 0;
    char what[96];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(what, sizeof what, format, arguments);
    va_end(arguments);
    for (; at; at = at->above) steps[depth++] = at;
    tr_sheet to = tr_sheet_on(in->flaw, in->room);
    while (depth--) put_step(&to, steps[depth]);
    tr_sheet_put(&to, ": %s", what);
    return false;
}

static bool truncated(tr_dict_scan *in, const way *at) {
    return wrong(in, at, "the bytes end too early");
}

static bool next(tr_dict_scan *in, const way *at, tr_item *item) {
    if (!tr_item_read(in->at, in->left, item)) return truncated(in, at);
    in->at += item->head;
    in->left -= item->head;
    return true;
}

/* Counts what will stand behind the struct. */
static bool count(tr_dict_scan *in, const way *at, size_t size) {
    if (size > TR_MSG_LIMIT - in->end) {
        in->err = TROUPE_TOOBIG;
        return wrong(in, at, "the message would be over the limit");
    }
    in->end += size;
    return true;
}

/* A row of values or entries, of each of which there are `least` bytes. */
static bool count_row(tr_dict_scan *in, const way *at, uint64_t number, size_t each, size_t least) {
    if (!number) return true;
    if (number > in->left / least) return truncated(in, at);
    if (number > TR_MSG_LIMIT / each) return count(in, at, SIZE_MAX);
    return count(in, at, tr_body_align(in->end) - in->end) && count(in, at, (size_t)number * each);
}

static bool judge_bytes(tr_dict_scan *in, const way *at, uint64_t size, bool text) {
    if (size > in->left) return truncated(in, at);
    const char *flaw = text ? tr_utf8_flaw(in->at, (size_t)size) : NULL;
    if (flaw) return wrong(in, at, "the text %s", flaw);
    in->at += size;
    in->left -= (size_t)size;
    return count(in, at, (size_t)size + text);
}

static bool judge_time(tr_dict_scan *in, const way *at, size_t head) {
    troupe_time time;
    size_t size = 0;
    in->at -= head;
    in->left += head;
    const tr_time_got got = tr_time_read(in->at, in->left, &time, &size);
    if (got == TR_TIME_CUT) return truncated(in, at);
    if (got == TR_TIME_NONE) return wrong(in, at, "expected a value of a map, got ext");
    in->at += size;
    in->left -= size;
    return true;
}

static bool judge_map(tr_dict_scan *in, const way *at, uint64_t keys, unsigned level);

static bool judge_value(tr_dict_scan *in, const way *at, unsigned level);

static bool judge_list(tr_dict_scan *in, const way *at, uint64_t values, unsigned level) {
    way mine = {at, {NULL, 0}, 0, level};
    if (level > TROUPE_MAP_LEVELS)
        return wrong(in, at, "is on more than %d levels", TROUPE_MAP_LEVELS);
    if (!count_row(in, at, values, sizeof(troupe_any), 1)) return false;
    for (; mine.index < values; mine.index++)
        if (!judge_value(in, &mine, level)) return false;
    return true;
}

static bool judge_value(tr_dict_scan *in, const way *at, unsigned level) {
    tr_item item;
    if (!next(in, at, &item)) return false;
    switch (item.form) {
    case TR_FORM_NIL:
    case TR_FORM_BOOL:
    case TR_FORM_NATURAL:
    case TR_FORM_NEGATIVE:
    case TR_FORM_FLOAT:
        return true;
    case TR_FORM_TEXT:
    case TR_FORM_BYTES:
        return judge_bytes(in, at, item.number, item.form == TR_FORM_TEXT);
    case TR_FORM_ARRAY:
        return judge_list(in, at, item.number, level + 1);
    case TR_FORM_MAP:
        return judge_map(in, at, item.number, level + 1);
    case TR_FORM_EXT:
        return judge_time(in, at, item.head);
    case TR_FORM_RESERVED:
        break;
    }
    return wrong(in, at, "expected a value of a map, got the byte 0xc1");
}

/* Behind one value, all of which was judged, whatever is in it. */
static const unsigned char *behind(const unsigned char *at, size_t left) {
    for (uint64_t more = 1; more; more--) {
        tr_item item;
        troupe_time time;
        size_t size = 0;
        TR_CHECK(tr_item_read(at, left, &item));
        if (item.form == TR_FORM_EXT)
            TR_CHECK(tr_time_read(at, left, &time, &size) == TR_TIME_READ);
        else
            size = item.head;
        if (item.form == TR_FORM_TEXT || item.form == TR_FORM_BYTES) size += (size_t)item.number;
        if (item.form == TR_FORM_ARRAY) more += item.number;
        if (item.form == TR_FORM_MAP) more += 2 * item.number;
        at += size;
        left -= size;
    }
    return at;
}

static tr_key key_at(const void *keys, size_t at) {
    return ((const tr_key *)keys)[at];
}

/* Looks for a key that is there twice in a map that was judged otherwise. Keys are gone to once
 * more, and so over all that is between them: TROUPE_MAP_LEVELS times at most. On its own: what it
 * takes of the stack must not be there while the map is gone into. */
static TR_COLD bool judge_keys(tr_dict_scan *in, const way *at, const unsigned char *from,
                               size_t keys) {
    tr_key key[TROUPE_MAP_KEYS];
    for (size_t i = 0; i < keys; i++) {
        tr_item item;
        TR_CHECK(tr_item_read(from, (size_t)(in->at - from), &item));
        key[i] = (tr_key){from + item.head, (size_t)item.number};
        from += item.head + item.number;
        from = behind(from, (size_t)(in->at - from));
    }
    size_t twice = tr_keys_twice(keys, key_at, key);
    if (twice == SIZE_MAX) return true;
    return wrong(in, &(way){at, key[twice], 0, 0}, "is there twice");
}

static bool judge_map(tr_dict_scan *in, const way *at, uint64_t keys, unsigned level) {
    way mine = {at, {NULL, 0}, 0, level};
    if (level > TROUPE_MAP_LEVELS)
        return wrong(in, at, "is on more than %d levels", TROUPE_MAP_LEVELS);
    if (keys > TROUPE_MAP_KEYS)
        return wrong(in, at, "a map of %" PRIu64 " keys, over %d", keys, TROUPE_MAP_KEYS);
    if (!count_row(in, at, keys, sizeof(troupe_entry), 2)) return false;
    const unsigned char *from = in->at;
    for (size_t i = 0; i < keys; i++) {
        tr_item item;
        if (!next(in, at, &item)) return false;
        if (item.form != TR_FORM_TEXT) return wrong(in, at, "key %zu is no text", i + 1);
        mine.key = (tr_key){in->at, (size_t)item.number};
        if (!judge_bytes(in, at, item.number, true)) return false;
        if (!judge_value(in, &mine, level)) return false;
    }
    return keys < 2 || judge_keys(in, at, from, (size_t)keys);
}

bool tr_dict_judge(tr_dict_scan *in, const tr_item *head) {
    in->err = TROUPE_MALFORMED;
    return judge_map(in, NULL, head->number, 1);
}

/* --- Taken in --------------------------------------------------------------------------------- */

static void read_item(tr_dict_source *in, tr_item *item) {
    TR_CHECK(tr_item_read(in->at, in->left, item));
    in->at += item->head;
    in->left -= item->head;
}

/* Takes a piece of what follows; its place behind the message is returned. */
static char *take(tr_dict_source *in, size_t size) {
    char *place = memcpy(in->start + in->end, in->at, size);
    in->end += size;
    in->at += size;
    in->left -= size;
    return place;
}

static const char *take_text(tr_dict_source *in, size_t size) {
    const char *text = take(in, size);
    in->start[in->end++] = '\0';
    return text;
}

/* Room for a row of values or entries, all zero. */
static void *take_row(tr_dict_source *in, size_t size) {
    if (!size) return NULL;
    in->end = tr_body_align(in->end);
    void *row = memset(in->start + in->end, 0, size);
    in->end += size;
    return row;
}

static double float_of(const tr_item *item) {
    const uint32_t low = (uint32_t)item->number;
    float single;
    double wide;
    memcpy(&single, &low, sizeof single);
    memcpy(&wide, &item->number, sizeof wide);
    return item->head == 5 ? (double)single : wide;
}

static troupe_time take_time(tr_dict_source *in, size_t head) {
    troupe_time time;
    size_t size = 0;
    in->at -= head;
    in->left += head;
    TR_CHECK(tr_time_read(in->at, in->left, &time, &size) == TR_TIME_READ);
    in->at += size;
    in->left -= size;
    return time;
}

static void fill_value(tr_dict_source *in, troupe_any *value);

static troupe_any_list take_list(tr_dict_source *in, size_t values) {
    troupe_any *mine = take_row(in, values * sizeof *mine);
    for (size_t i = 0; i < values; i++) fill_value(in, &mine[i]);
    return (troupe_any_list){mine, values};
}

static void fill_value(tr_dict_source *in, troupe_any *value) {
    tr_item item;
    read_item(in, &item);
    switch (item.form) {
    case TR_FORM_BOOL:
        *value = (troupe_any){.is = TROUPE_IS_BOOL, .truth = item.number != 0};
        return;
    case TR_FORM_NATURAL:
    case TR_FORM_NEGATIVE:
        value->is =
            item.form == TR_FORM_NATURAL && item.number > INT64_MAX ? TROUPE_IS_U64 : TROUPE_IS_I64;
        value->u64 = item.number;
        return;
    case TR_FORM_FLOAT:
        *value = (troupe_any){.is = TROUPE_IS_F64, .f64 = float_of(&item)};
        return;
    case TR_FORM_TEXT:
        *value = (troupe_any){.is = TROUPE_IS_TEXT, .text = take_text(in, (size_t)item.number)};
        return;
    case TR_FORM_BYTES:
        value->is = TROUPE_IS_BYTES;
        value->bytes = (troupe_bytes){take(in, (size_t)item.number), (size_t)item.number};
        return;
    case TR_FORM_ARRAY:
        *value = (troupe_any){.is = TROUPE_IS_LIST, .list = take_list(in, (size_t)item.number)};
        return;
    case TR_FORM_MAP:
        value->is = TROUPE_IS_MAP;
        tr_dict_fill(in, (size_t)item.number, &value->map);
        return;
    case TR_FORM_EXT:
        *value = (troupe_any){.is = TROUPE_IS_TIME, .time = take_time(in, item.head)};
        return;
    default:
        *value = (troupe_any){.is = TROUPE_IS_NIL};
    }
}

void tr_dict_fill(tr_dict_source *in, size_t count, troupe_map *map) {
    troupe_entry *mine = take_row(in, count * sizeof *mine);
    for (size_t i = 0; i < count; i++) {
        tr_item item;
        read_item(in, &item);
        mine[i].key = take_text(in, (size_t)item.number);
        fill_value(in, &mine[i].value);
    }
    *map = (troupe_map){mine, count};
}
