/* pool [MESSAGES] [MEMBERS] [PICK]: what it costs to send to a pool, by its size and by how members
 * are chosen; and what it costs to be refused by one that is at its limit. One thread posts as many
 * as the limit lets in, some more, and steps the runtime until all is done; only the posts count.
 * With MEMBERS and PICK (next, least, key, two) that alone. */
#include "bench.h"

struct item {
    uint64_t number;
};
static const troupe_type item_type = TROUPE_TYPE(item, TROUPE_FIELD(item, number));

static troupe_err work(troupe_self *self, void *state, troupe_msg **msg) {
    (void)self, (void)state, (void)msg;
    return TROUPE_OK;
}

static uint64_t key_of(const troupe_msg *msg) {
    const struct item *item = troupe_as(msg, &item_type);
    return item ? item->number : 0;
}

static const troupe_behaviour worker = {.name = "worker", .mailbox_limit = 1024, .receive = work};
static const char *const picks[] = {"next", "least", "key", "two"};
enum { EACH = 8 }; /* messages of a member, at the limit */

enum { MOST = 256 * EACH };
static troupe_msg *ready[MOST];

/* Nanoseconds of so many posts. */
static uint64_t post_some(troupe *rt, troupe_pool *pool, uint64_t from, uint64_t count,
                          troupe_err expected) {
    for (uint64_t i = 0; i < count; i++)
        MUST(troupe_make(rt, &item_type, &(struct item){from + i}, &ready[i]));
    const uint64_t began = troupe_now(rt);
    for (uint64_t i = 0; i < count; i++)
        if (troupe_pool_post(pool, &ready[i]) != expected) abort();
    const uint64_t ns = troupe_now(rt) - began;
    for (uint64_t i = 0; i < count; i++) troupe_drop(&ready[i]);
    return ns;
}

static void measure(uint32_t members, unsigned pick, uint64_t messages) {
    troupe *rt = bench_open_with(TROUPE_STEPPED);
    const troupe_pool_plan plan = {.name = "pool",
                                   .member = {.what = &worker},
                                   .min = members,
                                   .pick = (troupe_pick)pick,
                                   .key = key_of,
                                   .limit = members * EACH};
    troupe_pool *pool;
    MUST(troupe_pool_open(rt, &plan, 60000, &pool));
    while (troupe_step(rt, 1000)) {}
    uint64_t ns = 0, shed_ns = 0, shed = 0;
    const uint64_t limit = members * EACH, rounds = (messages + limit - 1) / limit;
    for (uint64_t n = 0; n < rounds * limit; n += limit) {
        ns += post_some(rt, pool, n, limit, TROUPE_OK);
        shed_ns += post_some(rt, pool, n, members, TROUPE_FULL);
        shed += members;
        while (troupe_step(rt, 1000)) {}
    }
    char metric[64];
    snprintf(metric, sizeof metric, "%s-%u", picks[pick], (unsigned)members);
    bench_result("pool", metric, (double)ns / (double)(rounds * limit), "ns/message");
    snprintf(metric, sizeof metric, "%s-%u-full", picks[pick], (unsigned)members);
    bench_result("pool", metric, (double)shed_ns / (double)shed, "ns/refusal");
    troupe_close(&rt);
}

int main(int argc, char **argv) {
    static const uint32_t sizes[] = {2, 16, 256};
    const uint64_t messages = bench_arg(argc, argv, 1, 200000);
    const uint64_t members = bench_arg(argc, argv, 2, 0) % 257;
    for (unsigned pick = 0; pick < 4; pick++) {
        if (members > 0 && argc > 3 && strcmp(argv[3], picks[pick]) != 0) continue;
        for (unsigned i = 0; i < (members ? 1 : 3); i++)
            measure(members ? (uint32_t)members : sizes[i], pick, messages);
    }
}
