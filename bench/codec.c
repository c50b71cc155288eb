/* Messages to bytes and back: ours, msgpack-c with calls written by hand for the type, and, where
 * it is installed, jansson. codec N ROUNDS: in each round all take their turn with N messages; what
 * is printed is the median of the rounds. The bytes of ours and of msgpack-c are the same. */
#include <msgpack.h>
#include <time.h>

#include "bench.h"

#ifdef BENCH_JANSSON
#include <jansson.h>
#endif

/* --- The messages ----------------------------------------------------------------------------- */

struct quote {
    uint64_t id;
    int32_t change;
    double price;
    bool open;
    const char *name;
};
struct line {
    const char *article;
    uint32_t number;
    double price;
    const char *note;
};
struct order {
    uint64_t id;
    const char *customer;
    TROUPE_MANY(struct line) lines;
};

static const troupe_type quote_type =
    TROUPE_TYPE(quote, TROUPE_FIELD(quote, id), TROUPE_FIELD(quote, change),
                TROUPE_FIELD(quote, price), TROUPE_FIELD(quote, open), TROUPE_FIELD(quote, name));
static const troupe_type line_type =
    TROUPE_TYPE(line, TROUPE_FIELD(line, article), TROUPE_FIELD(line, number),
                TROUPE_FIELD(line, price), TROUPE_FIELD(line, note));
static const troupe_type order_type =
    TROUPE_TYPE(order, TROUPE_FIELD(order, id), TROUPE_FIELD(order, customer),
                TROUPE_LIST_OF(order, lines, &line_type));

enum { LINES = 20, ROOM = 4096, ROUNDS_MOST = 99 };

static const struct quote quote = {1234567890123, -250, 101.25, true, "ACME plc"};
static struct line lines[LINES];
static const struct order order = {987654321, "a customer of long standing", {lines, LINES}};

/* What is packed by hand is read from here, so that the compiler can't know it. */
static const struct quote *volatile quote_at = &quote;
static const struct order *volatile order_at = &order;

static troupe *rt;
static troupe_msg *quote_msg, *order_msg;
static unsigned char encoded[2][ROOM];
static size_t encoded_size[2];
static double sum; /* so that nothing is left out */

/* --- Ours ------------------------------------------------------------------------------------- */

static void encode(const troupe_msg *msg) {
    unsigned char bytes[ROOM];
    size_t size = 0;
    MUST(troupe_encode(msg, bytes, sizeof bytes, &size));
    sum += (double)size;
}

static void encode_quote(void) {
    encode(quote_msg);
}

static void encode_order(void) {
    encode(order_msg);
}

static void decode_quote(void) {
    troupe_msg *msg = NULL;
    MUST(troupe_decode(rt, &quote_type, encoded[0], encoded_size[0], &msg, NULL, 0));
    sum += ((const struct quote *)troupe_as(msg, &quote_type))->price;
    troupe_drop(&msg);
}

static void decode_order(void) {
    troupe_msg *msg = NULL;
    MUST(troupe_decode(rt, &order_type, encoded[1], encoded_size[1], &msg, NULL, 0));
    sum += ((const struct order *)troupe_as(msg, &order_type))->lines.at[LINES - 1].price;
    troupe_drop(&msg);
}

/* --- msgpack-c, by hand ----------------------------------------------------------------------- */

static void pack_text(msgpack_packer *to, const char *text) {
    size_t size = strlen(text);
    msgpack_pack_str(to, size);
    msgpack_pack_str_body(to, text, size);
}

static msgpack_sbuffer kept; /* so that it has its memory already */

static void pack_quote(void) {
    const struct quote *from = quote_at;
    msgpack_packer to;
    msgpack_sbuffer_clear(&kept);
    msgpack_packer_init(&to, &kept, msgpack_sbuffer_write);
    msgpack_pack_array(&to, 5);
    msgpack_pack_uint64(&to, from->id);
    msgpack_pack_int32(&to, from->change);
    msgpack_pack_double(&to, from->price);
    if (from->open)
        msgpack_pack_true(&to);
    else
        msgpack_pack_false(&to);
    pack_text(&to, from->name);
    sum += (double)kept.size;
}

static void pack_order(void) {
    const struct order *from = order_at;
    msgpack_packer to;
    msgpack_sbuffer_clear(&kept);
    msgpack_packer_init(&to, &kept, msgpack_sbuffer_write);
    msgpack_pack_array(&to, 3);
    msgpack_pack_uint64(&to, from->id);
    pack_text(&to, from->customer);
    msgpack_pack_array(&to, from->lines.count);
    for (size_t i = 0; i < from->lines.count; i++) {
        msgpack_pack_array(&to, 4);
        pack_text(&to, from->lines.at[i].article);
        msgpack_pack_uint32(&to, from->lines.at[i].number);
        msgpack_pack_double(&to, from->lines.at[i].price);
        pack_text(&to, from->lines.at[i].note);
    }
    sum += (double)kept.size;
}

/* Ends the program if the bytes that were just made are others than ours. */
static void compare(int which) {
    if (kept.size == encoded_size[which] && !memcmp(kept.data, encoded[which], kept.size)) return;
    fprintf(stderr, "codec: the bytes differ\n");
    exit(1);
}

static const msgpack_object *unpack(msgpack_unpacked *to, int which, size_t fields) {
    size_t at = 0;
    const char *bytes = (const char *)encoded[which];
    if (msgpack_unpack_next(to, bytes, encoded_size[which], &at) != MSGPACK_UNPACK_SUCCESS ||
        to->data.type != MSGPACK_OBJECT_ARRAY || to->data.via.array.size != fields)
        exit(1);
    return to->data.via.array.ptr;
}

/* A copy that ends with a NUL, as ours has it. */
static const char *copy_text(const msgpack_object *from, char **room) {
    if (from->type != MSGPACK_OBJECT_STR) exit(1);
    char *text = memcpy(*room, from->via.str.ptr, from->via.str.size);
    text[from->via.str.size] = '\0';
    *room += from->via.str.size + 1;
    return text;
}

static void unpack_quote(void) {
    msgpack_unpacked unpacked;
    msgpack_unpacked_init(&unpacked);
    const msgpack_object *field = unpack(&unpacked, 0, 5);
    struct quote *to = malloc(sizeof *to + ROOM / 8);
    if (!to || field[0].type != MSGPACK_OBJECT_POSITIVE_INTEGER) exit(1);
    char *room = (char *)(to + 1);
    *to = (struct quote){field[0].via.u64, (int32_t)field[1].via.i64, field[2].via.f64,
                         field[3].via.boolean, copy_text(&field[4], &room)};
    sum += to->price;
    free(to);
    msgpack_unpacked_destroy(&unpacked);
}

static void unpack_order(void) {
    msgpack_unpacked unpacked;
    msgpack_unpacked_init(&unpacked);
    const msgpack_object *field = unpack(&unpacked, 1, 3);
    struct order *to = malloc(sizeof *to + LINES * sizeof(struct line) + ROOM);
    if (!to || field[2].type != MSGPACK_OBJECT_ARRAY || field[2].via.array.size != LINES) exit(1);
    struct line *line = (struct line *)(to + 1);
    char *room = (char *)(line + LINES);
    *to = (struct order){field[0].via.u64, copy_text(&field[1], &room), {line, LINES}};
    for (size_t i = 0; i < LINES; i++) {
        const msgpack_object *of = field[2].via.array.ptr[i].via.array.ptr;
        line[i] = (struct line){copy_text(&of[0], &room), (uint32_t)of[1].via.u64, of[2].via.f64,
                                copy_text(&of[3], &room)};
    }
    sum += to->lines.at[LINES - 1].price;
    free(to);
    msgpack_unpacked_destroy(&unpacked);
}

/* --- jansson ---------------------------------------------------------------------------------- */

#ifdef BENCH_JANSSON
static char *json[2];

static char *dump(json_t *root) {
    char *text = json_dumps(root, JSON_COMPACT);
    if (!text) exit(1);
    json_decref(root);
    return text;
}

static char *dump_quote(void) {
    return dump(json_pack("[I,i,f,b,s]", (json_int_t)quote.id, quote.change, quote.price,
                          quote.open, quote.name));
}

static char *dump_order(void) {
    json_t *list = json_array();
    for (size_t i = 0; i < LINES; i++)
        json_array_append_new(list,
                              json_pack("[s,I,f,s]", lines[i].article, (json_int_t)lines[i].number,
                                        lines[i].price, lines[i].note));
    return dump(json_pack("[I,s,o]", (json_int_t)order.id, order.customer, list));
}

static void dumps_quote(void) {
    free(dump_quote());
}

static void dumps_order(void) {
    free(dump_order());
}

static void loads_quote(void) {
    json_t *root = json_loads(json[0], 0, NULL);
    sum += json_real_value(json_array_get(root, 2));
    json_decref(root);
}

static void loads_order(void) {
    json_t *root = json_loads(json[1], 0, NULL);
    const json_t *last = json_array_get(json_array_get(root, 2), LINES - 1);
    sum += json_real_value(json_array_get(last, 2));
    json_decref(root);
}
#endif

/* --- The rounds ------------------------------------------------------------------------------- */

static struct contender {
    const char *system, *metric;
    void (*run)(void);
    double ns[ROUNDS_MOST];
} contenders[] = {
    {"troupe", "encode-quote", encode_quote, {0}}, {"msgpack-c", "encode-quote", pack_quote, {0}},
    {"troupe", "decode-quote", decode_quote, {0}}, {"msgpack-c", "decode-quote", unpack_quote, {0}},
    {"troupe", "encode-order", encode_order, {0}}, {"msgpack-c", "encode-order", pack_order, {0}},
    {"troupe", "decode-order", decode_order, {0}}, {"msgpack-c", "decode-order", unpack_order, {0}},
#ifdef BENCH_JANSSON
    {"jansson", "encode-quote", dumps_quote, {0}}, {"jansson", "decode-quote", loads_quote, {0}},
    {"jansson", "encode-order", dumps_order, {0}}, {"jansson", "decode-order", loads_order, {0}},
#endif
};
enum { CONTENDERS = sizeof contenders / sizeof *contenders };

static double now(void) {
    struct timespec at;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &at); /* others may want the core too */
    return (double)at.tv_sec * 1e9 + (double)at.tv_nsec;
}

static int by_size(const void *a, const void *b) {
    const double *one = a, *other = b;
    return (*one > *other) - (*one < *other);
}

static void prepare(void) {
    static char articles[LINES][16];
    for (size_t i = 0; i < LINES; i++) {
        snprintf(articles[i], sizeof articles[i], "article %zu", 1000 + i);
        lines[i] = (struct line){articles[i], (uint32_t)(i * i * i), (double)i + 0.25,
                                 i % 2 ? "leave it with the neighbours" : ""};
    }
    rt = bench_open_with(1);
    MUST(troupe_make(rt, &quote_type, &quote, &quote_msg));
    MUST(troupe_make(rt, &order_type, &order, &order_msg));
    MUST(troupe_encode(quote_msg, encoded[0], ROOM, &encoded_size[0]));
    MUST(troupe_encode(order_msg, encoded[1], ROOM, &encoded_size[1]));
    pack_quote();
    compare(0);
    pack_order();
    compare(1);
#ifdef BENCH_JANSSON
    json[0] = dump_quote();
    json[1] = dump_order();
#endif
}

int main(int argc, char **argv) {
    const uint64_t n = bench_arg(argc, argv, 1, 20000);
    uint64_t rounds = bench_arg(argc, argv, 2, 15);
    if (rounds < 1 || rounds > ROUNDS_MOST) rounds = ROUNDS_MOST;
    prepare();
    for (uint64_t round = 0; round < rounds; round++)
        for (size_t i = 0; i < CONTENDERS; i++) {
            double start = now();
            for (uint64_t k = 0; k < n; k++) contenders[i].run();
            contenders[i].ns[round] = (now() - start) / (double)n;
        }
    for (size_t i = 0; i < CONTENDERS; i++) {
        qsort(contenders[i].ns, rounds, sizeof(double), by_size);
        printf("codec %s %s %.1f ns\n", contenders[i].system, contenders[i].metric,
               contenders[i].ns[rounds / 2]);
    }
    printf("codec troupe size-quote %zu bytes\n", encoded_size[0]);
    printf("codec troupe size-order %zu bytes\n", encoded_size[1]);
    troupe_drop(&quote_msg);
    troupe_drop(&order_msg);
    troupe_close(&rt);
    return sum > 0 ? 0 : 1;
}
