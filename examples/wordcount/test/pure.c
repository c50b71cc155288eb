/* Tests of what needs no actors: the table, the scanner, the packed form and the plan. */
#define _XOPEN_SOURCE 700
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "pack.h"
#include "pieces.h"
#include "plan.h"
#include "scan.h"
#include "table.h"

#define CHECK(what)                                                                                \
    do {                                                                                           \
        if (!(what)) {                                                                             \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #what);                             \
            exit(1);                                                                               \
        }                                                                                          \
    } while (0)

static uint64_t count_of(const struct table *table, const char *word) {
    for (size_t i = 0; i < table->slots; i++) {
        const struct entry *entry = &table->slot[i];
        if (entry->word != NULL && entry->size == strlen(word) &&
            memcmp(entry->word, word, entry->size) == 0) {
            return entry->count;
        }
    }
    return 0;
}

static bool same(const struct table *a, const struct table *b) {
    const struct entry **one = table_sorted(a, entry_by_word);
    const struct entry **two = table_sorted(b, entry_by_word);
    bool equal = a->words == b->words && a->total == b->total;
    for (size_t i = 0; equal && i < a->words; i++) {
        equal = one[i]->size == two[i]->size && one[i]->count == two[i]->count &&
                memcmp(one[i]->word, two[i]->word, one[i]->size) == 0;
    }
    free(one);
    free(two);
    return equal;
}

static void fill(struct table *table, unsigned words) {
    for (unsigned i = 0; i < words; i++) {
        char word[32];
        int size = snprintf(word, sizeof(word), "w%u", i % (words / 2 + 1));
        CHECK(table_add(table, word, (size_t)size, i));
    }
}

static void test_table(void) {
    struct table table = {0};
    CHECK(table_sorted(&table, entry_by_word) == NULL);
    CHECK(table_add(&table, "b", 1, 3) && table_add(&table, "a", 1, 2));
    CHECK(table_add(&table, "ab", 2, 2) && table_add(&table, "b", 1, 4));
    CHECK(table.words == 3 && table.total == 11 && count_of(&table, "b") == 7);
    const struct entry **sorted = table_sorted(&table, entry_by_word);
    CHECK(sorted[0]->size == 1 && sorted[1]->size == 2 && sorted[2]->word[0] == 'b');
    free(sorted);
    sorted = table_sorted(&table, entry_by_count);
    CHECK(sorted[0]->word[0] == 'b' && sorted[1]->size == 1 && sorted[2]->size == 2);
    free(sorted);
    table_clear(&table);
    CHECK(table.words == 0 && table.total == 0 && count_of(&table, "b") == 0);

    fill(&table, 200000);
    CHECK(table.words == 100001 && table.total == 199999ull * 200000 / 2);
    CHECK(count_of(&table, "w7") == 7 + 100008);
    size_t large = 300000; /* longer than a block of the arena */
    char *word = malloc(large);
    CHECK(word != NULL);
    memset(word, 'x', large);
    CHECK(table_add(&table, word, large, 1) && table_add(&table, word, large, 1));
    CHECK(table.words == 100002);
    free(word);
    table_free(&table);
    CHECK(table.words == 0 && table.slots == 0);
}

/* Feeds a text in pieces of `step` bytes. */
static void count(struct table *table, const char *text, size_t size, size_t step) {
    struct scan scan = {.table = table};
    for (size_t at = 0; at < size; at += step) {
        size_t part = size - at < step ? size - at : step;
        CHECK(scan_feed(&scan, (const unsigned char *)text + at, part) == SCAN_OK);
    }
    CHECK(scan_end(&scan) == SCAN_OK);
    scan_free(&scan);
}

static void test_scan(void) {
    static const char text[] = "\0The cat\xc3\xa9s the-CAT, a\n\n1e9 Z@[`{z\xff tHE";
    for (size_t step = 1; step <= sizeof(text); step++) {
        struct table table = {0};
        count(&table, text, sizeof(text) - 1, step);
        CHECK(table.total == 10 && table.words == 6);
        CHECK(count_of(&table, "the") == 3 && count_of(&table, "cat") == 2);
        CHECK(count_of(&table, "s") == 1 && count_of(&table, "z") == 2);
        CHECK(count_of(&table, "a") == 1 && count_of(&table, "e") == 1);
        table_free(&table);
    }
    unsigned letters = 0;
    for (unsigned byte = 0; byte < 256; byte++) {
        letters += scan_is_letter((unsigned char)byte);
    }
    CHECK(letters == 52 && scan_is_letter('a') && scan_is_letter('Z') && !scan_is_letter('@'));

    /* The longest word is counted, one letter more is told. */
    struct table table = {0};
    struct scan scan = {.table = &table};
    unsigned char block[4096];
    memset(block, 'Q', sizeof(block));
    for (size_t fed = 0; fed < SCAN_LONGEST; fed += sizeof(block)) {
        CHECK(scan_feed(&scan, block, sizeof(block)) == SCAN_OK);
    }
    CHECK(scan_feed(&scan, block, 0) == SCAN_OK && scan_feed(&scan, block, 1) == SCAN_TOO_LONG);
    CHECK(scan_end(&scan) == SCAN_OK && table.words == 1);
    scan_free(&scan);
    table_free(&table);
}

static unsigned parts_of(const struct table *table, struct table *merged) {
    struct pack pack = {0};
    unsigned parts = 0;
    size_t at = 0;
    do {
        CHECK(pack_next(table, &at, &pack));
        CHECK(pack.size < PACK_PART + SCAN_LONGEST + 32);
        CHECK(pack_merge(pack.data, pack.size, merged) == PACK_OK);
        parts++;
    } while (at < table->slots);
    pack_free(&pack);
    return parts;
}

static void test_pack(void) {
    struct table table = {0}, merged = {0};
    CHECK(parts_of(&table, &merged) == 1 && merged.words == 0);
    CHECK(table_add(&table, "huge", 4, UINT64_MAX));
    CHECK(parts_of(&table, &merged) == 1 && same(&table, &merged));
    table_clear(&table);
    table_clear(&merged);
    fill(&table, 2000000);
    CHECK(parts_of(&table, &merged) > 1 && same(&table, &merged));
    table_free(&merged);

    /* Whatever bytes come, none is read past the end; the last bad one is found. */
    static const char *const bad[] = {"\x05g",
                                      "\x01",
                                      "\x01g",
                                      "\x01g\x80",
                                      "\xff\xff\xff\xff",
                                      "\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01g\x01"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        size_t size = strlen(bad[i]);
        char *copy = malloc(size); /* so that a sanitizer sees its end */
        CHECK(copy != NULL);
        memcpy(copy, bad[i], size);
        CHECK(pack_merge(copy, size, &merged) == PACK_MALFORMED);
        free(copy);
    }
    CHECK(pack_merge("\0\1", 2, &merged) == PACK_MALFORMED);
    table_free(&table);
    table_free(&merged);
}

/* The ranges of a plan hold all pieces, each once, and come through a message unchanged. */
static void check_ranges(struct plan *plan) {
    struct pack pack = {0};
    size_t next = 0;
    CHECK(plan_finish(plan) && plan_repeat(plan, 2, 0));
    CHECK(plan_chunks(plan) == 2 * plan->ranges);
    for (size_t n = 0; n < plan->ranges; n++) {
        const struct range *range = plan_range(plan, n + plan->ranges);
        CHECK(range->first == next && (range->pieces == 1 || range->bytes <= plan->chunk));
        CHECK(pieces_pack(plan, range, &pack));
        const unsigned char *at = pack.data;
        uint64_t bytes = 0;
        for (size_t i = 0; i < range->pieces; i++, next++) {
            struct piece_view view;
            CHECK(pieces_next(&at, pack.data + pack.size, &view));
            CHECK(view.offset == plan->piece[next].offset);
            CHECK(view.length == plan->piece[next].length);
            CHECK(strncmp(view.path, plan->path[plan->piece[next].path], view.path_size) == 0);
            bytes += view.length;
        }
        CHECK(at == pack.data + pack.size && bytes == range->bytes);
    }
    CHECK(next == plan->pieces);
    pack_free(&pack);
}

/* Cuts a file at every chunk size; counted piece by piece it must give what it gives as a whole. */
static void test_plan(void) {
    static const char text[] = "one two  threefourfive\nsix 7eight nine\n.\nten";
    char folder[] = "/tmp/wordcount-pure-XXXXXX";
    CHECK(mkdtemp(folder) != NULL);
    char path[64], empty[64];
    snprintf(path, sizeof(path), "%s/text", folder);
    snprintf(empty, sizeof(empty), "%s/empty", folder);
    FILE *file = fopen(path, "w");
    CHECK(file != NULL && fwrite(text, 1, sizeof(text) - 1, file) == sizeof(text) - 1);
    CHECK(fclose(file) == 0);
    file = fopen(empty, "w");
    CHECK(file != NULL && fclose(file) == 0);
    struct table whole = {0};
    count(&whole, text, sizeof(text) - 1, sizeof(text));

    for (uint64_t chunk = 1; chunk < sizeof(text) + 3; chunk++) {
        struct plan plan = {.chunk = chunk};
        struct table table = {0};
        uint64_t at = 0;
        CHECK(plan_add(&plan, folder) && plan.paths == 2 && plan.bytes == sizeof(text) - 1);
        for (size_t i = 0; i < plan.pieces; i++) {
            CHECK(plan.piece[i].offset == at && plan.piece[i].length > 0);
            count(&table, text + at, (size_t)plan.piece[i].length, 7);
            at += plan.piece[i].length;
        }
        CHECK(at == plan.bytes && same(&whole, &table));
        check_ranges(&plan);
        table_free(&table);
        plan_free(&plan);
    }
    table_free(&whole);

    struct plan plan = {.chunk = 5};
    CHECK(plan_add(&plan, path) && plan_repeat(&plan, 2, 0) && plan.repeat == 2);
    CHECK(plan_repeat(&plan, 1, plan.bytes * 3) && plan.repeat == 3);
    CHECK(plan_repeat(&plan, 1, plan.bytes * 3 + 1) && plan.repeat == 4);
    CHECK(plan_repeat(&plan, 9, plan.bytes * 3 + 1) && plan.repeat == 9);
    CHECK(!plan_repeat(&plan, INT64_MAX, 0));
    plan_free(&plan);
    CHECK(plan_add(&plan, empty) && plan_repeat(&plan, 3, 1000) && plan_finish(&plan));
    CHECK(plan.paths == 1 && plan_chunks(&plan) == 0);
    plan_free(&plan);
    unlink(path);
    unlink(empty);
    rmdir(folder);
}

int main(void) {
    test_table();
    test_scan();
    test_pack();
    test_plan();
    return 0;
}
