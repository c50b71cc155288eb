/* Speaks to another implementation of msgpack, which test/foreign/roundtrip.py drives: `write`
 * makes orders and says their bytes and what is in them; `read` takes bytes and says what is in
 * those. What is in an order is written by hand here, not by the tables that are to be tested. */
#include <stdio.h>
#include <stdlib.h>

#include "base/heap.h"
#include "serial/codec.h"
#include "serial/envelope.h"
#include "test/foreign/say.h"
#include "test/serial/order.h"

static const tr_pool pool = {.heap = &tr_heap_default};

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

static enum colour colour(void) {
    static const enum colour colours[] = {RED, GREEN, INFRARED};
    return colours[draw() % 3];
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
