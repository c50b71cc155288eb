#include "base/map.h"

#include <criterion/criterion.h>
#include <string.h>

#include "base/check.h"
#include "test/support/counting_heap.h"

enum { MANY = 3000 };

typedef struct item {
    unsigned number;
    tr_map_entry by_key;
    bool in;
    unsigned visits;
} item;

static counting_heap heap;
static tr_map map;
static item items[MANY];

static void open_map(void) {
    counting_heap_init(&heap);
    tr_map_init(&map, &heap.heap);
    for (unsigned i = 0; i < MANY; i++) items[i] = (item){.number = i};
}

static void close_map(void) {
    tr_map_fini(&map);
    cr_assert(counting_heap_fini(&heap));
}

TestSuite(map, .timeout = 30, .init = open_map, .fini = close_map);

static item *find(uint64_t key) {
    tr_map_entry *entry = tr_map_find(&map, key);
    return entry ? TR_OWNER(entry, item, by_key) : NULL;
}

static void add(item *it, uint64_t key) {
    cr_assert(tr_map_add(&map, key, &it->by_key));
    it->in = true;
}

Test(map, an_empty_map_takes_no_memory_and_finds_nothing) {
    cr_assert_null(find(0));
    cr_assert_null(find(UINT64_MAX));
    cr_assert_eq(counting_heap_look(&heap).takes, 0);
    tr_map_fini(&map);
    tr_map_fini(&map); /* is empty again, so does nothing */
    add(&items[0], 5);
    cr_assert_eq(find(5), &items[0]);
}

Test(map, the_first_entry_needs_memory) {
    counting_heap_fail(&heap, 1, 0);
    cr_assert_not(tr_map_add(&map, 1, &items[0].by_key));
    cr_assert_eq(map.count, 0);
    cr_assert_null(find(1));
    add(&items[0], 1);
    cr_assert_eq(find(1), &items[0]);
}

Test(map, once_it_is_ready_an_entry_needs_no_memory) {
    counting_heap_fail(&heap, 1, 0);
    cr_assert_not(tr_map_ready(&map));
    cr_assert(tr_map_ready(&map));
    cr_assert_null(find(1));
    counting_heap_fail(&heap, 1, 100);
    for (uint64_t i = 0; i < 100; i++) cr_assert(tr_map_add(&map, i, &items[i].by_key));
    cr_assert(tr_map_ready(&map));
}

Test(map, keys_of_every_kind) {
    const uint64_t keys[] = {
        0, 1, 16, UINT32_MAX, UINT64_C(1) << 32, UINT64_C(1) << 63, UINT64_MAX};
    enum { KEYS = sizeof keys / sizeof *keys };
    for (unsigned i = 0; i < KEYS; i++) add(&items[i], keys[i]);
    for (unsigned i = 0; i < KEYS; i++) {
        cr_assert_eq(find(keys[i]), &items[i]);
        cr_assert_null(tr_map_same(&items[i].by_key));
    }
    cr_assert_null(find(2));
    cr_assert_null(find(UINT64_MAX - 1));
}

Test(map, grows_and_shrinks_to_nothing) {
    for (unsigned i = 0; i < MANY; i++) add(&items[i], (uint64_t)i << (i % 3 * 16));
    cr_assert_eq(map.count, MANY);
    cr_assert(map.buckets >= MANY / 2);
    for (unsigned i = 0; i < MANY; i++) {
        tr_map_remove(&map, &items[i].by_key);
        items[i].in = false;
        cr_assert_eq(map.count, MANY - 1 - i);
    }
    cr_assert_null(find(0));
    add(&items[7], 7);
    cr_assert_eq(find(7), &items[7]);
}

/* A map that can't grow is crowded, and works. */
Test(map, works_on_when_growth_fails) {
    add(&items[0], 0);
    counting_heap_fail(&heap, 1, SIZE_MAX);
    for (unsigned i = 1; i < MANY; i++) add(&items[i], i);
    cr_assert_eq(map.buckets, 16);
    cr_assert_eq(map.count, MANY);
    for (unsigned i = 0; i < MANY; i++) cr_assert_eq(find(i), &items[i]);
    for (unsigned i = 0; i < MANY - 100; i++) tr_map_remove(&map, &items[i].by_key);
    counting_heap_fail(&heap, 0, 0);
    add(&items[0], 0); /* and grows once there is memory again */
    cr_assert_eq(map.buckets, 32);
    cr_assert_eq(find(0), &items[0]);
    for (unsigned i = MANY - 100; i < MANY; i++) cr_assert_eq(find(i), &items[i]);
}

Test(map, any_one_growth_may_fail) {
    for (size_t nth = 2; nth < 10; nth++) {
        counting_heap_fail(&heap, nth, 0);
        for (unsigned i = 0; i < MANY; i++) add(&items[i], i * 11);
        for (unsigned i = 0; i < MANY; i++) cr_assert_eq(find(i * 11), &items[i]);
        for (unsigned i = 0; i < MANY; i++) tr_map_remove(&map, &items[i].by_key);
        tr_map_fini(&map);
    }
    cr_assert_eq(counting_heap_look(&heap).refused, 8);
}

/* --- The same key several times --------------------------------------------------------------- */

/* All entries of a key, each once; returns how many there are. */
static unsigned visit_same(uint64_t key) {
    unsigned found = 0;
    for (tr_map_entry *entry = tr_map_find(&map, key); entry; entry = tr_map_same(entry)) {
        item *it = TR_OWNER(entry, item, by_key);
        cr_assert(it->in && it->by_key.key == key);
        it->visits++;
        found++;
    }
    for (unsigned i = 0; i < MANY; i++) {
        cr_assert_eq(items[i].visits, items[i].in && items[i].by_key.key == key);
        items[i].visits = 0;
    }
    return found;
}

Test(map, equal_keys_are_all_found) {
    for (unsigned i = 0; i < 300; i++) add(&items[i], i % 3); /* grows in between */
    for (uint64_t key = 0; key < 3; key++) cr_assert_eq(visit_same(key), 100);
    cr_assert_eq(visit_same(3), 0);
    for (unsigned i = 0; i < 300; i += 2) {
        tr_map_remove(&map, &items[i].by_key);
        items[i].in = false;
    }
    for (uint64_t key = 0; key < 3; key++) cr_assert_eq(visit_same(key), 50);
}

Test(map, different_keys_in_one_bucket_are_told_apart) {
    /* With 16 buckets and more than 16 keys some must share one. */
    add(&items[0], 0);
    counting_heap_fail(&heap, 1, SIZE_MAX);
    for (unsigned i = 1; i < 200; i++) add(&items[i], i);
    for (unsigned i = 0; i < 200; i++) cr_assert_eq(visit_same(i), 1);
}

/* --- Visiting all ----------------------------------------------------------------------------- */

static void count_visit(void *ctx, tr_map_entry *entry) {
    ++*(unsigned *)ctx;
    TR_OWNER(entry, item, by_key)->visits++;
}

static void remove_odd(void *ctx, tr_map_entry *entry) {
    count_visit(ctx, entry);
    item *it = TR_OWNER(entry, item, by_key);
    if (it->number % 2 == 0) return;
    tr_map_remove(&map, entry);
    it->in = false;
}

Test(map, each_visits_every_entry_once_even_if_it_is_removed) {
    unsigned visits = 0;
    tr_map_each(&map, count_visit, &visits);
    cr_assert_eq(visits, 0);
    for (unsigned i = 0; i < MANY; i++) add(&items[i], i / 2);
    tr_map_each(&map, remove_odd, &visits);
    cr_assert_eq(visits, MANY);
    for (unsigned i = 0; i < MANY; i++) cr_assert_eq(items[i].visits, 1);
    cr_assert_eq(map.count, MANY / 2);
    for (unsigned i = 0; i < MANY; i += 2) cr_assert_eq(find(i / 2), &items[i]);
}

/* --- Against a model -------------------------------------------------------------------------- */

static uint64_t next_random(uint64_t *seed) {
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    return *seed;
}

Test(map, behaves_like_an_array_of_pairs) {
    uint64_t seed = 88172645463325252u;
    size_t in = 0;
    for (int step = 0; step < 60000; step++) {
        item *it = &items[next_random(&seed) % MANY];
        if (it->in) {
            tr_map_remove(&map, &it->by_key);
            it->in = false;
            in--;
        } else {
            if (step % 7 == 0) counting_heap_fail(&heap, 1, 0); /* the growth, if it is due now */
            uint64_t key = next_random(&seed) % 1000;
            if (tr_map_add(&map, key, &it->by_key)) {
                it->in = true;
                in++;
            } else {
                cr_assert_eq(map.buckets, 0);
            }
            counting_heap_fail(&heap, 0, 0);
        }
        cr_assert_eq(map.count, in);
        if (step % 500 == 0) (void)visit_same(next_random(&seed) % 1000);
    }
}

/* --- Hashes ----------------------------------------------------------------------------------- */

Test(map, hash_is_fnv_1a) {
    cr_assert_eq(tr_hash_text(""), 0xCBF29CE484222325u);
    cr_assert_eq(tr_hash_text("a"), 0xAF63DC4C8601EC8Cu);
    cr_assert_eq(tr_hash_text("foobar"), 0x85944171F73967E8u);
}

Test(map, hash_goes_on_where_it_left_off) {
    const char text[] = "one text in two pieces";
    for (size_t cut = 0; cut < sizeof text; cut++) {
        uint64_t hash = tr_hash_bytes(tr_hash_text(""), text, cut);
        hash = tr_hash_bytes(hash, text + cut, strlen(text + cut));
        cr_assert_eq(hash, tr_hash_text(text));
    }
    cr_assert_eq(tr_hash_bytes(123, NULL, 0), 123);
    cr_assert_neq(tr_hash_bytes(1, "\0", 1), tr_hash_bytes(1, "\0\0", 2));
    cr_assert_neq(tr_hash_text("\xff"), tr_hash_text("\x7f"));
}
