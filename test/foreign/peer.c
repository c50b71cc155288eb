/* Speaks to another implementation of msgpack, which test/foreign/roundtrip.py drives: `write`
 * makes orders and says their bytes and what is in them; `read` takes bytes and says what is in
 * those. What is in an order is written by hand here, not by the tables that are to be tested. */
#include <stdio.h>
#include <stdlib.h>

#include "base/heap.h"
#include "serial/codec.h"
#include "serial/envelope.h"
#include "test/serial/order.h"

static const tr_pool pool = {.heap = &tr_heap_default};

static void must(bool ok, const char *what) {
    if (ok) return;
    fprintf(stderr, "peer: %s\n", what);
    exit(1);
}

/* --- What is in an order ---------------------------------------------------------------------- */

static void say_bytes(const char *mark, const void *data, size_t size) {
    const unsigned char *bytes = data;
    printf("%s", mark);
    for (size_t i = 0; i < size; i++) printf("%02x", bytes[i]);
}

static void say_text(const char *text) {
    say_bytes("t", text, strlen(text));
}

static void say_float(double value) {
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    printf("f%016llx", (unsigned long long)bits);
}

static void say_time(troupe_time time) {
    printf("T%lld.%u", (long long)time.seconds, time.nanoseconds);
}

static void say_size(const struct size *size) {
    printf("[%d,%d]", size->width, size->height);
}

static void say_line(const struct line *line) {
    printf("[");
    say_text(line->article);
    printf(",%d,", line->number);
    say_float((double)line->price);
    printf(",%d,", (int)line->colour);
    say_size(&line->size);
    printf(",[");
    for (size_t i = 0; i < line->notes.count; i++) {
        printf("%s", i ? "," : "");
        say_text(line->notes.at[i]);
    }
    printf("],");
    if (line->gift.has)
        say_text(line->gift.value);
    else
        printf("nil");
    printf("]");
}

static void say_lists(const struct order *it) {
    printf(",[");
    for (size_t i = 0; i < it->marks.count; i++) printf("%s%d", i ? "," : "", it->marks.at[i]);
    printf("],");
    say_line(&it->best);
    printf(",[");
    say_bytes("b", it->seal[0].data, it->seal[0].size);
    say_bytes(",b", it->seal[1].data, it->seal[1].size);
    printf("],[");
    for (size_t i = 0; i < it->colours.count; i++)
        printf("%s%d", i ? "," : "", (int)it->colours.at[i]);
    printf("],[");
    for (size_t i = 0; i < it->who.count; i++)
        printf("%s[%llu,%llu]", i ? "," : "", (unsigned long long)it->who.at[i].node,
               (unsigned long long)it->who.at[i].id);
    printf("],");
}

static void say_order(const struct order *it) {
    printf("[%llu,", (unsigned long long)it->id);
    say_time(it->when);
    printf(",%d,[%lld,%lld,%lld],[", it->priority, (long long)it->balance[0],
           (long long)it->balance[1], (long long)it->balance[2]);
    for (size_t i = 0; i < it->lines.count; i++) {
        printf("%s", i ? "," : "");
        say_line(&it->lines.at[i]);
    }
    printf("],");
    if (it->box.has)
        say_size(&it->box.value);
    else
        printf("nil");
    printf(",");
    if (it->due.has)
        say_time(it->due.value);
    else
        printf("nil");
    say_lists(it);
    say_float(it->weight);
    printf("]\n");
}

/* --- Orders drawn at random ------------------------------------------------------------------- */

static uint64_t state;

/* Splitmix64. */
static uint64_t draw(void) {
    uint64_t z = (state += 0x9E3779B97F4A7C15u);
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
    z = (z ^ z >> 27) * 0x94D049BB133111EBu;
    return z ^ z >> 31;
}

/* A number of any width, with all widths alike. */
static uint64_t any(void) {
    return draw() >> draw() % 64;
}

static const char *text(void) {
    static const char *const texts[] = {"", "a", "h\xC3\xA9", "\xF0\x9F\x8E\xAD and \xE2\x82\xAC",
                                        "a text of more than thirty-one bytes, to the letter"};
    return texts[draw() % 5];
}

static enum colour colour(void) {
    static const enum colour colours[] = {RED, GREEN, INFRARED};
    return colours[draw() % 3];
}

static troupe_time moment(void) {
    return (troupe_time){(int64_t)(any() * (draw() % 2 ? 1 : UINT64_MAX)),
                         draw() % 2 ? 0 : (uint32_t)(draw() % 1000000000)};
}

static struct size size(void) {
    return (struct size){(uint8_t)any(), (int16_t)any()};
}

enum { MOST = 20 };

static struct line line(const char *notes[MOST]) {
    for (size_t i = 0; i < MOST; i++) notes[i] = text();
    return (struct line){text(), (uint16_t)any(),        (float)(int32_t)any() / 8, colour(),
                         size(), {notes, draw() % MOST}, {text(), draw() % 2 == 0}};
}

static void write_orders(unsigned long count) {
    static struct line lines[MOST];
    static const char *notes[MOST + 1][MOST];
    static uint8_t marks[300];
    static enum colour colours[MOST];
    static troupe_ref who[MOST];
    tr_buffer out = {.heap = &tr_heap_default};
    while (count--) {
        for (size_t i = 0; i < sizeof marks; i++) marks[i] = (uint8_t)any();
        for (size_t i = 0; i < MOST; i++) {
            lines[i] = line(notes[i]);
            colours[i] = colour();
            who[i] = (troupe_ref){any(), any()};
        }
        const struct order it = {.id = any(),
                                 .when = moment(),
                                 .priority = (int8_t)any(),
                                 .balance = {(int64_t)any(), -(int64_t)(any() / 2), 0},
                                 .lines = {lines, draw() % MOST},
                                 .box = {size(), draw() % 2 == 0},
                                 .due = {moment(), draw() % 2 == 0},
                                 .marks = {marks, draw() % sizeof marks},
                                 .best = line(notes[MOST]),
                                 .seal = {{marks, draw() % 300}, {NULL, 0}},
                                 .colours = {colours, draw() % MOST},
                                 .who = {who, draw() % MOST},
                                 .weight = (double)(int64_t)draw() / 3};
        out.size = 0;
        must(!tr_pack(&order_type, &it, SIZE_MAX, &out), "an order can't be packed");
        say_bytes("", out.data, out.size);
        printf(" ");
        say_order(&it);
    }
    tr_buffer_fini(&out);
}

/* --- Orders from elsewhere -------------------------------------------------------------------- */

static void read_order(const char *hex, size_t digits) {
    unsigned char *bytes = malloc(digits / 2 + 1);
    char why[200];
    troupe_msg *msg = NULL;
    must(bytes, "no memory");
    for (size_t i = 0; i < digits / 2; i++) {
        const char pair[] = {hex[2 * i], hex[2 * i + 1], 0};
        bytes[i] = (unsigned char)strtoul(pair, NULL, 16);
    }
    if (tr_unpack(&pool, &order_type, bytes, digits / 2, &msg, why, sizeof why))
        printf("refused: %s\n", why);
    else
        say_order(troupe_as(msg, &order_type));
    troupe_drop(&msg);
    free(bytes);
}

int main(int argc, char **argv) {
    if (argc == 4 && strcmp(argv[1], "write") == 0) {
        state = strtoull(argv[2], NULL, 10);
        write_orders(strtoul(argv[3], NULL, 10));
    } else if (argc == 2 && strcmp(argv[1], "read") == 0) {
        char *hex = NULL;
        size_t room = 0;
        for (ssize_t got; (got = getline(&hex, &room, stdin)) > 0;)
            read_order(hex, (size_t)got - 1);
        free(hex);
    } else {
        fprintf(stderr, "usage: %s write SEED COUNT | read\n", argv[0]);
        return 2;
    }
    return 0;
}
