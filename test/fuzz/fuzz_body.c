/* Bodies made by a program, of any values that their types allow: what is packed, either way, is
 * unpacked, either way, and says the same; and msgpack-c finds one object in it. */
#include <msgpack.h>

#include "serial/body.h"
#include "serial/codec.h"
#include "serial/compare.h"
#include "serial/envelope.h"
#include "serial/quick_pack.h"
#include "serial/scan.h"
#include "serial/type.h"
#include "test/fuzz/fuzz.h"
#include "test/serial/drawing.h"
#include "test/serial/job.h"
#include "test/serial/order.h"
#include "test/serial/sample.h"
#include "test/support/counting_heap.h"

static counting_heap heap;
static const tr_pool pool = {.heap = &heap.heap};
static const troupe_type *const types[] = {&order_type, &sample_type, &line_type, &drawing_type,
                                           &job_type};
enum { TYPES = sizeof types / sizeof *types };

/* --- Making a body ---------------------------------------------------------------------------- */

/* What a body points at; a message has no more. */
enum { STOCK = 64 << 10 };
static _Alignas(16) char stock[STOCK];
static size_t stocked;

static void *store(size_t size) {
    size = (size + 15) / 16 * 16;
    if (size > STOCK - stocked) return NULL;
    stocked += size;
    return memset(stock + stocked - size, 0, size);
}

/* Integers near the ends of each form are likelier than others. */
static uint64_t any_number(fuzz_reader *in) {
    const unsigned how = fuzz_byte(in);
    const uint64_t edge = (UINT64_C(1) << how % 64) - (how >> 7);
    return how % 3 ? edge + (uint64_t)(int8_t)fuzz_byte(in) : fuzz_number(in, 8);
}

static const char *any_text(fuzz_reader *in) {
    static const char letters[][5] = {"a",
                                      "~",
                                      "\xC2\x80",
                                      "\xDF\xBF",
                                      "\xE0\xA0\x80",
                                      "\xED\x9F\xBF",
                                      "\xEF\xBF\xBF",
                                      "\xF4\x8F\xBF\xBF"};
    const size_t size = fuzz_byte(in) % 80;
    const unsigned other = fuzz_byte(in);
    char *text = store(4 * size + 1);
    if (!text) return "";
    memset(text, letters[other >> 7][0], size);
    if (other % 4) return text;
    char *at = text;
    for (size_t i = 0; i < size; i++) { /* every ninth may be any */
        const unsigned letter = i % 9 ? other >> 7 : fuzz_byte(in) % 8;
        memcpy(at, letters[letter], 4);
        at += letter < 2 ? 1 : letter < 4 ? 2 : letter < 7 ? 3 : 4;
    }
    *at = '\0';
    return text;
}

static troupe_bytes any_bytes(fuzz_reader *in) {
    troupe_bytes bytes = {NULL, any_number(in) % 300};
    bytes.data = store(bytes.size + 1);
    if (!bytes.data) bytes.size = 0;
    return bytes;
}

static troupe_time any_time(fuzz_reader *in) {
    const int64_t seconds = (int64_t)any_number(in);
    return (troupe_time){seconds, (uint32_t)(any_number(in) % 1000000000)};
}

static void make_map(fuzz_reader *in, troupe_map *map, unsigned level);

/* A value of a map whose lists and maps are on a level that is not too deep. */
static void make_any(fuzz_reader *in, troupe_any *any, unsigned level) {
    any->is = (troupe_sort)(fuzz_byte(in) % (TROUPE_IS_MAP + 1));
    if (any->is >= TROUPE_IS_LIST && level == TROUPE_MAP_LEVELS) any->is = TROUPE_IS_NIL;
    if (any->is == TROUPE_IS_BOOL) any->truth = fuzz_byte(in) & 1;
    if (any->is == TROUPE_IS_TEXT) any->text = any_text(in);
    if (any->is == TROUPE_IS_BYTES) any->bytes = any_bytes(in);
    if (any->is == TROUPE_IS_TIME) any->time = any_time(in);
    if (any->is == TROUPE_IS_MAP) make_map(in, &any->map, level + 1);
    if (any->is == TROUPE_IS_I64 || any->is == TROUPE_IS_F64) any->i64 = (int64_t)any_number(in);
    if (any->is == TROUPE_IS_U64) any->u64 = any_number(in) | UINT64_C(1) << 63;
    if (any->is != TROUPE_IS_LIST) return;
    const size_t count = fuzz_byte(in) % 6;
    troupe_any *values = store(count * sizeof *values);
    any->list = (troupe_any_list){values, values ? count : 0};
    for (size_t i = 0; i < any->list.count; i++) make_any(in, &values[i], level + 1);
}

/* No key is there twice: each begins with its own letter. */
static void make_map(fuzz_reader *in, troupe_map *map, unsigned level) {
    const size_t count = fuzz_byte(in) % 12;
    troupe_entry *entries = store(count * sizeof *entries);
    *map = (troupe_map){entries, entries ? count : 0};
    for (size_t i = 0; i < map->count; i++) {
        const char *rest = any_text(in);
        char *key = store(strlen(rest) + 2);
        if (!key) { /* no more than there are keys for */
            map->count = i;
            return;
        }
        key[0] = (char)('a' + i);
        memcpy(key + 1, rest, strlen(rest) + 1);
        entries[i].key = key;
        make_any(in, &entries[i].value, level);
    }
}

static void make_struct(fuzz_reader *in, const troupe_type *type, char *body);
static void make_one_of(fuzz_reader *in, const troupe_one_of *of, char *place);

static void make_value(fuzz_reader *in, const troupe_field *field, char *place) {
    const uint64_t number = any_number(in);
    const size_t step = tr_field_step(field);
    if (field->kind == TROUPE_TEXT) {
        const char *text = any_text(in);
        memcpy(place, &text, sizeof text);
    } else if (field->kind == TROUPE_BYTES) {
        const troupe_bytes bytes = any_bytes(in);
        memcpy(place, &bytes, sizeof bytes);
    } else if (field->kind == TROUPE_STRUCT) {
        make_struct(in, tr_field_type(field), place);
    } else if (field->kind == TROUPE_ONE_OF) {
        make_one_of(in, tr_field_one_of(field), place);
    } else if (field->kind == TROUPE_MAP) {
        make_map(in, (troupe_map *)(void *)place, 1);
    } else if (field->kind == TROUPE_ENUM) {
        const troupe_enum *of = field->of;
        memcpy(place, &of->choice[number % of->choices].value, sizeof(int32_t));
    } else if (field->kind == TROUPE_TIME) {
        const troupe_time time = any_time(in);
        memcpy(place, &time, sizeof time);
    } else if (field->kind == TROUPE_BOOL) {
        *place = (char)(number & 1);
    } else if (field->kind == TROUPE_REF) {
        memcpy(place, &(troupe_ref){number, any_number(in)}, sizeof(troupe_ref));
    } else if (field->kind != TROUPE_NIL) { /* any bits make a number */
        TR_CHECK(step <= 8);
        memcpy(place, &number, step);
    }
}

static void make_field(fuzz_reader *in, const troupe_field *field, char *place) {
    const size_t step = tr_field_step(field);
    size_t count = field->shape == TROUPE_SHAPE_ARRAY ? field->count : 1;
    if (field->shape == TROUPE_SHAPE_OPTIONAL) {
        if (fuzz_byte(in) % 2) return;
        place[step] = 1;
    } else if (field->shape == TROUPE_SHAPE_LIST) {
        count = fuzz_byte(in) % 20;
        char *values = count ? store(count * step) : NULL;
        if (!values) count = 0;
        memcpy(place, &(tr_many){values, count}, sizeof(tr_many));
        place = values;
    }
    for (size_t i = 0; i < count; i++) make_value(in, field, place + i * step);
}

static void make_one_of(fuzz_reader *in, const troupe_one_of *of, char *place) {
    const troupe_case *is = &of->when[fuzz_byte(in) % of->cases];
    memcpy(place + of->tag, &is->value, sizeof is->value);
    make_field(in, &is->field, place + is->field.offset);
}

static void make_struct(fuzz_reader *in, const troupe_type *type, char *body) {
    for (size_t i = 0; i < type->fields; i++)
        make_field(in, &type->field[i], body + type->field[i].offset);
}

/* --- What must hold --------------------------------------------------------------------------- */

/* A program: numbers to draw from. */
size_t fuzz_seed(unsigned n, unsigned char *out, size_t room) {
    uint64_t state = n + 1;
    if (n >= 4 * TYPES) return 0;
    size_t size = room < 512 ? room : 512;
    for (size_t i = 0; i < size; i++) {
        state = state * UINT64_C(6364136223846793005) + 1442695040888963407u;
        out[i] = (unsigned char)(state >> 56);
    }
    out[0] = (unsigned char)n;
    return size;
}

static void check_msgpack(const void *bytes, size_t size) {
    msgpack_unpacked unpacked;
    size_t used = 0;
    msgpack_unpacked_init(&unpacked);
    MUST(msgpack_unpack_next(&unpacked, bytes, size, &used) == MSGPACK_UNPACK_SUCCESS);
    MUST(used == size);
    msgpack_unpacked_destroy(&unpacked);
}

/* Either way in, from either way out: the same message. */
static void check_way(const troupe_type *type, const void *body, const tr_buffer *bytes) {
    troupe_msg *msg = NULL, *any = NULL;
    MUST(!tr_unpack(&pool, type, bytes->data, bytes->size, &msg, NULL, 0));
    MUST(!tr_unpack_any(&pool, type, bytes->data, bytes->size, &any, NULL, 0));
    MUST(tr_body_same(type, body, tr_msg_body(msg)));
    MUST(tr_body_same(type, body, tr_msg_body(any)));
    MUST(tr_msg_size(msg) == tr_msg_size(any));
    troupe_drop(&msg);
    troupe_drop(&any);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static unsigned char packed[STOCK * 2];
    if (size < 1 || size > FUZZ_SIZE_MOST) return 0;
    fuzz_reader in = {data + 1, size - 1};
    const troupe_type *type = types[data[0] % TYPES];
    counting_heap_init(&heap);
    stocked = 0;
    char *body = store(type->size);
    make_struct(&in, type, body);
    tr_buffer out = {.heap = &heap.heap}; /* without room, so that it is packed the slow way */
    MUST(!tr_pack(type, body, SIZE_MAX, &out));
    const unsigned char *end = tr_quick_pack(type, body, packed, sizeof packed);
    MUST(end == packed + out.size && !memcmp(packed, out.data, out.size));
    check_msgpack(out.data, out.size);
    check_way(type, body, &out);
    tr_buffer_fini(&out);
    MUST(counting_heap_fini(&heap));
    return 0;
}
