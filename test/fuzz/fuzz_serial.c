/* Bodies of messages from outside: what the scan accepts is unpacked, agrees with msgpack-c, and
 * comes back the same when packed again; what it refuses costs nothing. */
#include <msgpack.h>

#include "serial/body.h"
#include "serial/codec.h"
#include "serial/compare.h"
#include "serial/envelope.h"
#include "serial/quick.h"
#include "serial/quick_pack.h"
#include "serial/scan.h"
#include "serial/type.h"
#include "test/fuzz/fuzz.h"
#include "test/serial/drawing.h"
#include "test/serial/job.h"
#include "test/serial/order.h"
#include "test/serial/sample.h"
#include "test/support/counting_heap.h"

struct wide {
    bool a, b;
    int32_t c, d;
    uint32_t e, f;
    int64_t g, h;
    uint64_t i, j;
    double k, l;
    const char *m, *n;
    troupe_bytes o, p;
    troupe_ref q, r;
};
struct letter {
    const char *text;
};
struct parcel {
    troupe_bytes first;
    const char *label;
    troupe_bytes second;
};

/* More than 15 fields, so that the array has another head. */
static const troupe_type wide_type = TROUPE_TYPE(
    wide, TROUPE_FIELD(wide, r), TROUPE_FIELD(wide, q), TROUPE_FIELD(wide, p),
    TROUPE_FIELD(wide, o), TROUPE_FIELD(wide, n), TROUPE_FIELD(wide, m), TROUPE_FIELD(wide, l),
    TROUPE_FIELD(wide, k), TROUPE_FIELD(wide, j), TROUPE_FIELD(wide, i), TROUPE_FIELD(wide, h),
    TROUPE_FIELD(wide, g), TROUPE_FIELD(wide, f), TROUPE_FIELD(wide, e), TROUPE_FIELD(wide, d),
    TROUPE_FIELD(wide, c), TROUPE_FIELD(wide, b), TROUPE_FIELD(wide, a));
static const troupe_type letter_type = TROUPE_TYPE(letter, TROUPE_FIELD(letter, text));
static const troupe_type parcel_type = TROUPE_TYPE(
    parcel, TROUPE_FIELD(parcel, first), TROUPE_FIELD(parcel, label), TROUPE_FIELD(parcel, second));
static const troupe_type tick_type = TROUPE_SIGNAL_TYPE("tick");

/* With defaults, and with what is required. */
struct grown {
    int32_t id;
    const char *unit;
    troupe_bytes key;
    TROUPE_MANY(struct letter) letters;
    double rate;
};
static const troupe_type grown_type =
    TROUPE_TYPE(grown, TROUPE_REQUIRED_FIELD(grown, id), TROUPE_FIELD_OR(grown, unit, "kg"),
                TROUPE_FIELD_OR(grown, key, "abc", 3), TROUPE_LIST_OF(grown, letters, &letter_type),
                TROUPE_FIELD_OR(grown, rate, 1.5));

static const troupe_type *const types[] = {&sample_type,  &wide_type,  &letter_type, &parcel_type,
                                           &tick_type,    &order_type, &line_type,   &grown_type,
                                           &drawing_type, &job_type};
enum { TYPES = sizeof types / sizeof *types };

static counting_heap heap;
static const tr_pool pool = {.heap = &heap.heap}; /* each message is a block of the heap */

/* --- Good inputs ------------------------------------------------------------------------------ */

static const struct wide small = {.m = "", .n = ""};
static const struct letter letter = {"h\xC3\xA9, a text of more than thirty-one bytes"};
static const struct parcel parcel = {{"\xFF\xFF\xFF", 3}, "label", {NULL, 0}};
static const struct letter letters[] = {{"one"}, {"two"}};
static const struct grown grown = {7, "m", {"\0", 1}, {letters, 2}, 0.5};
static const struct wide large = {true,
                                  true,
                                  INT32_MIN,
                                  INT32_MAX,
                                  UINT32_MAX,
                                  1 << 16,
                                  INT64_MIN,
                                  INT64_MAX,
                                  UINT64_MAX,
                                  1u << 31,
                                  1.0 / 3.0,
                                  -1e300,
                                  "\xF0\x9F\x8E\xAD",
                                  "ordinary",
                                  {"\0\1", 2},
                                  {"x", 1},
                                  {UINT64_MAX, 1},
                                  {1, UINT64_MAX}};

size_t fuzz_seed(unsigned n, unsigned char *out, size_t room) {
    static const struct {
        unsigned type;
        const void *body;
    } good[] = {{7, &grown},       {0, &sample},     {1, &small},   {1, &large},
                {2, &letter},      {3, &parcel},     {4, NULL},     {5, &order},
                {5, &empty_order}, {6, order_lines}, {8, &drawing}, {8, &empty_drawing},
                {9, &job},         {9, &empty_job}};
    if (n >= sizeof good / sizeof *good) return 0;
    tr_buffer bytes = {.heap = &tr_heap_default};
    MUST(!tr_pack(types[good[n].type], good[n].body, room - 1, &bytes));
    out[0] = (unsigned char)good[n].type;
    memcpy(out + 1, bytes.data, bytes.size);
    size_t size = 1 + bytes.size;
    tr_buffer_fini(&bytes);
    return size;
}

/* --- What must hold --------------------------------------------------------------------------- */

/* The bytes behind the struct, as for a copy of the body. */
static size_t behind(const troupe_type *type, const char *body) {
    size_t end = sizeof(troupe_msg) + type->size, before = end;
    MUST(!tr_body_measure(type, body, &end));
    return end - before;
}

/* Whether there may be more levels than msgpack-c takes. */
static bool is_deep(const unsigned char *bytes, size_t size) {
    size_t heads = 0;
    for (size_t i = 0; i < size; i++)
        heads += (bytes[i] & 0xE0) == 0x80 || (bytes[i] & 0xFC) == 0xDC;
    return heads > 28;
}

/* All of it, and nothing more, is one object to msgpack-c; which takes 32 levels, and so may refuse
 * what is unknown here and passed over. */
static void check_msgpack(const void *bytes, size_t size) {
    msgpack_unpacked unpacked;
    size_t used = 0;
    msgpack_unpacked_init(&unpacked);
    if (msgpack_unpack_next(&unpacked, bytes, size, &used) == MSGPACK_UNPACK_SUCCESS)
        MUST(used == size);
    else
        MUST(is_deep(bytes, size));
    msgpack_unpacked_destroy(&unpacked);
}

static void check_again(const troupe_type *type, troupe_msg *msg) {
    tr_buffer once = {.heap = &heap.heap}, twice = {.heap = &heap.heap};
    troupe_msg *again = NULL;
    size_t extra;
    MUST(!tr_pack(type, tr_msg_body(msg), SIZE_MAX, &once));
    MUST(!tr_scan(type, once.data, once.size, &extra, NULL, 0));
    MUST(!tr_unpack(&pool, type, once.data, once.size, &again, NULL, 0));
    MUST(tr_body_same(type, tr_msg_body(msg), tr_msg_body(again)));
    MUST(troupe_hash(msg) == troupe_hash(again));
    MUST(tr_msg_size(msg) == tr_msg_size(again));
    MUST(!tr_pack(type, tr_msg_body(again), SIZE_MAX, &twice));
    MUST(once.size == twice.size && memcmp(once.data, twice.data, once.size) == 0);
    troupe_drop(&again);
    tr_buffer_fini(&once);
    tr_buffer_fini(&twice);
}

/* The quick way in, if it takes this, makes the same message as the other one, and the quick way
 * out the same bytes. */
static void check_quick(const troupe_type *type, const void *bytes, size_t size, troupe_err err) {
    troupe_msg *quick = NULL, *any = NULL;
    const troupe_err how = tr_quick(&pool, type, bytes, size, &quick);
    MUST(how == TROUPE_OK || how == TROUPE_LATER);
    MUST(!how == (quick != NULL) && !(err && quick));
    MUST(tr_unpack_any(&pool, type, bytes, size, &any, NULL, 0) == err);
    if (any) {
        static unsigned char packed[4 * FUZZ_SIZE_MOST];
        tr_buffer out = {.heap = &heap.heap};
        MUST(!tr_pack(type, tr_msg_body(any), SIZE_MAX, &out)); /* no room: the slow way */
        const unsigned char *end =
            tr_quick_pack(type, tr_msg_body(any), packed, sizeof packed);
        MUST(end == packed + out.size && !memcmp(packed, out.data, out.size));
        tr_buffer_fini(&out);
    }
    if (quick) {
        MUST(tr_body_same(type, tr_msg_body(any), tr_msg_body(quick)));
        MUST(tr_msg_size(any) == tr_msg_size(quick));
        MUST(behind(type, tr_msg_body(any)) == behind(type, tr_msg_body(quick)));
    }
    troupe_drop(&quick);
    troupe_drop(&any);
}

/* What was taken in can be copied and shown. */
static void check_copy(const troupe_type *type, troupe_msg *msg) {
    troupe_msg *copy = NULL;
    char text[200];
    MUST(!tr_msg_make(&pool, type, tr_msg_body(msg), &copy));
    MUST(troupe_equal(msg, copy));
    MUST(troupe_print(copy, text, sizeof text) == strlen(text));
    troupe_drop(&copy);
}

/* Whatever is accepted is not accepted without its last byte. */
static void check_shorter(const troupe_type *type, const void *bytes, size_t size) {
    size_t extra;
    void *copy = malloc(size);
    MUST(copy);
    memcpy(copy, bytes, size - 1);
    MUST(tr_scan(type, copy, size - 1, &extra, NULL, 0) == TROUPE_MALFORMED);
    free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < 1 || size > FUZZ_SIZE_MOST) return 0;
    const troupe_type *type = types[data[0] % TYPES];
    const uint8_t *bytes = data + 1;
    size_t extra = 0, room = data[0] / TYPES; /* for the reason, which may be short */
    char why[256 / TYPES + 1], full[160];
    counting_heap_init(&heap);
    size--;
    troupe_err scanned = tr_scan(type, bytes, size, &extra, why, room);
    troupe_msg *msg = NULL;
    troupe_err err = tr_unpack(&pool, type, bytes, size, &msg, full, sizeof full);
    MUST(err == scanned && (err == TROUPE_OK) == (msg != NULL));
    MUST(counting_heap_look(&heap).takes == (err ? 0u : 1u));
    check_quick(type, bytes, size, err);
    if (err) {
        MUST(err == TROUPE_MALFORMED);
        MUST(memchr(full, 0, sizeof full) && !strncmp(full, type->name, strlen(type->name)));
        MUST(room == 0 || (memchr(why, 0, room) && !strncmp(why, full, strlen(why))));
    } else {
        size_t spread = type->size > sizeof(struct wide) ? 8 + sizeof(struct line)
                        : type == &job_type              ? 1 + sizeof(troupe_entry)
                                                         : 16;
        size_t most = sizeof *msg + type->size + type->fields + size * spread + 8;
        MUST(tr_msg_size(msg) <= rounded(most) && extra == behind(type, tr_msg_body(msg)));
        check_msgpack(bytes, size);
        check_again(type, msg);
        check_copy(type, msg);
        check_shorter(type, bytes, size);
        troupe_drop(&msg);
    }
    MUST(counting_heap_fini(&heap));
    return 0;
}
