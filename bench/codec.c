/* Messages to bytes and back: ours, msgpack-c with calls written by hand for the type, and, where
 * they are installed, protobuf-c and jansson. codec N ROUNDS: in each round all take turns with N
 * messages; what is printed is the median of the rounds, and the median of how many times as long
 * ours took as each other in the same round. The bytes of ours and of msgpack-c are the same. */
#include <time.h>

#include "bench.h"
#include "contenders.h"

static const troupe_type quote_type =
    TROUPE_TYPE(quote, TROUPE_FIELD(quote, id), TROUPE_FIELD(quote, change),
                TROUPE_FIELD(quote, price), TROUPE_FIELD(quote, open), TROUPE_FIELD(quote, name));
static const troupe_type line_type =
    TROUPE_TYPE(line, TROUPE_FIELD(line, article), TROUPE_FIELD(line, number),
                TROUPE_FIELD(line, price), TROUPE_FIELD(line, note));
static const troupe_type order_type =
    TROUPE_TYPE(order, TROUPE_FIELD(order, id), TROUPE_FIELD(order, customer),
                TROUPE_LIST_OF(order, lines, &line_type));
static const troupe_type point_type =
    TROUPE_TYPE(point, TROUPE_FIELD(point, x), TROUPE_FIELD(point, y));
static const troupe_one_of shape_one_of = TROUPE_ONE_OF_TYPE(
    shape, what, TROUPE_NO_CASE(DOT), TROUPE_CASE(CIRCLE, TROUPE_FIELD(shape, radius)),
    TROUPE_CASE(LABEL, TROUPE_FIELD(shape, label)),
    TROUPE_CASE(CORNER, TROUPE_FIELD_OF(shape, corner, &point_type)));
static const troupe_type drawing_type =
    TROUPE_TYPE(drawing, TROUPE_LIST_OF(drawing, shapes, &shape_one_of));
static const troupe_type settings_type =
    TROUPE_TYPE(settings, TROUPE_FIELD(settings, name), TROUPE_FIELD(settings, all));

/* --- What is in them -------------------------------------------------------------------------- */

static struct line lines[LINES];
static struct shape shapes[SHAPES];
static troupe_entry entries[KEYS] = {
    {"retries", {.is = TROUPE_IS_I64, .i64 = 5}},
    {"timeout_ms", {.is = TROUPE_IS_I64, .i64 = 30000}},
    {"ratio", {.is = TROUPE_IS_F64, .f64 = 0.75}},
    {"verbose", {.is = TROUPE_IS_BOOL, .truth = true}},
    {"host", {.is = TROUPE_IS_TEXT, .text = "db-3.example.org"}},
    {"user", {.is = TROUPE_IS_TEXT, .text = "orders"}},
    {"offset", {.is = TROUPE_IS_I64, .i64 = -1234567}},
    {"zone", {.is = TROUPE_IS_TEXT, .text = "Europe/Vienna"}},
};
static const struct quote quote = {1234567890123, -250, 101.25, true, "ACME plc"};
static const struct order order = {987654321, "a customer of long standing", {lines, LINES}};
static const struct drawing drawing = {{shapes, SHAPES}};
static const struct settings settings = {"orders-eu-1", {entries, KEYS}};

const struct quote *volatile quote_at = &quote;
const struct order *volatile order_at = &order;
const struct drawing *volatile drawing_at = &drawing;
const struct settings *volatile settings_at = &settings;
unsigned char encoded[MESSAGES][ROOM];
size_t encoded_size[MESSAGES];
double sum;

static troupe *rt;
static troupe_msg *message[MESSAGES];
static const char *const names[MESSAGES] = {"quote", "order", "drawing", "settings"};

static void make_parts(void) {
    static char articles[LINES][16];
    for (size_t i = 0; i < LINES; i++) {
        snprintf(articles[i], sizeof articles[i], "article %zu", 1000 + i);
        lines[i] = (struct line){articles[i], (uint32_t)(i * i * i), (double)i + 0.25,
                                 i % 2 ? "leave it with the neighbours" : ""};
    }
    for (size_t i = 0; i < SHAPES; i++) {
        shapes[i].what = i % 4;
        if (shapes[i].what == CIRCLE) shapes[i].radius = (double)i * 1.5;
        if (shapes[i].what == LABEL) shapes[i].label = "a label";
        if (shapes[i].what == CORNER)
            shapes[i].corner = (struct point){(int32_t)i * 100, -(int32_t)i};
    }
}

/* --- Ours ------------------------------------------------------------------------------------- */

static void encode(int which) {
    unsigned char bytes[ROOM];
    size_t size = 0;
    MUST(troupe_encode(message[which], bytes, sizeof bytes, &size));
    sum += (double)size;
}

static const void *decode(int which, const troupe_type *type, troupe_msg **msg) {
    MUST(troupe_decode(rt, type, encoded[which], encoded_size[which], msg, NULL, 0));
    return troupe_as(*msg, type);
}

/* Both ways of a message, of which one number is looked at. */
#define BOTH_WAYS(name, number, read)                                                              \
    static void encode_##name(void) {                                                              \
        encode(number);                                                                            \
    }                                                                                              \
    static void decode_##name(void) {                                                              \
        troupe_msg *msg = NULL;                                                                    \
        const struct name *it = decode(number, &name##_type, &msg);                                \
        sum += (double)(read);                                                                     \
        troupe_drop(&msg);                                                                         \
    }

BOTH_WAYS(quote, QUOTE, it->price)
BOTH_WAYS(order, ORDER, it->lines.at[LINES - 1].price)
BOTH_WAYS(drawing, DRAWING, it->shapes.at[1].radius)
BOTH_WAYS(settings, SETTINGS, troupe_map_i64(&it->all, "retries", 0))

static void prepare_ours(void);

static contender ours = {
    "troupe",
    {encode_quote, encode_order, encode_drawing, encode_settings},
    {decode_quote, decode_order, decode_drawing, decode_settings},
    prepare_ours,
    {0},
};

static void prepare_ours(void) {
    MUST(troupe_make(rt, &quote_type, &quote, &message[QUOTE]));
    MUST(troupe_make(rt, &order_type, &order, &message[ORDER]));
    MUST(troupe_make(rt, &drawing_type, &drawing, &message[DRAWING]));
    MUST(troupe_make(rt, &settings_type, &settings, &message[SETTINGS]));
    for (int i = 0; i < MESSAGES; i++) {
        MUST(troupe_encode(message[i], encoded[i], ROOM, &encoded_size[i]));
        ours.size[i] = encoded_size[i];
    }
}

/* --- The rounds ------------------------------------------------------------------------------- */

static contender *const contenders[] = {
    &ours, /* the first: the others are compared with it, and have its bytes */
    &by_hand,
#ifdef BENCH_PROTOBUF
    &protobuf,
#endif
#ifdef BENCH_JANSSON
    &json,
#endif
};
enum { CONTENDERS = sizeof contenders / sizeof *contenders, ROUNDS_MOST = 999 };

typedef double samples[ROUNDS_MOST];

static double now(void) {
    struct timespec at;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &at); /* others may want the core too */
    return (double)at.tv_sec * 1e9 + (double)at.tv_nsec;
}

static double time_of(void (*run)(void), uint64_t n) {
    const double start = now();
    for (uint64_t k = 0; k < n; k++) run();
    return (now() - start) / (double)n;
}

static int by_size(const void *a, const void *b) {
    const double *one = a, *other = b;
    return (*one > *other) - (*one < *other);
}

static double median(samples of, uint64_t rounds) {
    qsort(of, rounds, sizeof *of, by_size);
    return of[rounds / 2];
}

/* One message one way: all in turn, round by round. */
static void compare(const char *way, int which, uint64_t n, uint64_t rounds) {
    static samples ns[CONTENDERS], times[CONTENDERS];
    for (uint64_t round = 0; round < rounds; round++)
        for (size_t i = 0; i < CONTENDERS; i++) {
            const contender *of = contenders[i];
            ns[i][round] = time_of(*way == 'e' ? of->encode[which] : of->decode[which], n);
            times[i][round] = ns[0][round] / ns[i][round];
        }
    for (size_t i = 0; i < CONTENDERS; i++)
        printf("codec %s %s-%s %.1f ns\n", contenders[i]->system, way, names[which],
               median(ns[i], rounds));
    for (size_t i = 1; i < CONTENDERS; i++)
        printf("codec troupe %s-%s-to-%s %.2f times\n", way, names[which], contenders[i]->system,
               median(times[i], rounds));
}

int main(int argc, char **argv) {
    const uint64_t n = bench_arg(argc, argv, 1, 1000);
    uint64_t rounds = bench_arg(argc, argv, 2, 99);
    if (rounds < 1 || rounds > ROUNDS_MOST) rounds = ROUNDS_MOST;
    rt = bench_open_with(1);
    make_parts();
    for (size_t i = 0; i < CONTENDERS; i++) contenders[i]->prepare();
    for (int which = 0; which < MESSAGES; which++) {
        compare("encode", which, n, rounds);
        compare("decode", which, n, rounds);
        for (size_t i = 0; i < CONTENDERS; i++)
            printf("codec %s size-%s %zu bytes\n", contenders[i]->system, names[which],
                   contenders[i]->size[which]);
    }
    for (int i = 0; i < MESSAGES; i++) troupe_drop(&message[i]);
    troupe_close(&rt);
    return sum != 0 ? 0 : 1;
}
