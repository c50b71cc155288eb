/* The simulated network, under real nodes. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <troupe/remote.h>
#include <troupe/simulation.h>
#include <troupe/troupe.h>

TestSuite(sim_net, .timeout = 60);

struct count {
    uint32_t n;
    troupe_ref back;
};
static const troupe_type count_type =
    TROUPE_TYPE(count, TROUPE_FIELD(count, n), TROUPE_FIELD(count, back));

/* One node of two. */
typedef struct side {
    troupe *rt;
    troupe_node *node;
    troupe_ref who;
    uint32_t next; /* number that must come next */
    unsigned downs;
    char log[4096];
} side;

static troupe_sim *sim;
static side a, b;

static void keep_log(void *ctx, troupe_level level, const char *line) {
    side *it = ctx;
    (void)level;
    size_t used = strlen(it->log);
    (void)snprintf(it->log + used, sizeof it->log - used, "%s\n", line);
}

/* Counts up; a number that is a multiple of 100 is sent back. */
static troupe_err receive(troupe_self *self, void *state, troupe_msg **msg) {
    side *it = *(side **)state;
    const struct count *count = troupe_as(*msg, &count_type);
    if (troupe_as(*msg, &troupe_down_type)) it->downs++;
    if (!count) return TROUPE_OK;
    cr_assert_eq(count->n, it->next, "%u came, not %u", count->n, it->next);
    it->next++;
    if (count->n % 100 || troupe_same(count->back, TROUPE_NOBODY)) return TROUPE_OK;
    return troupe_tell(self, count->back, &count_type, &(struct count){count->n / 100, {0, 0}});
}

static troupe_err start(troupe_self *self, void *state, const void *arg) {
    (void)self;
    *(side **)state = *(side *const *)arg;
    return TROUPE_OK;
}

static const troupe_behaviour counter = {
    .name = "counter", .state_size = sizeof(side *), .start = start, .receive = receive};

static void open_side(side *it, const char *name) {
    *it = (side){.next = 0};
    const troupe_config config = {.log = keep_log, .log_ctx = it};
    const troupe_node_config node = {.name = name, .secret = "0123456789abcdef", .secret_size = 16};
    cr_assert_eq(troupe_sim_runtime(sim, &config, &it->rt), TROUPE_OK);
    cr_assert_eq(troupe_node_open(it->rt, &node, &it->node), TROUPE_OK);
    cr_assert_eq(troupe_register_type(it->rt, &count_type), TROUPE_OK);
    cr_assert_eq(troupe_spawn(it->rt, &counter, &(side *){it}, &it->who), TROUPE_OK);
    cr_assert_eq(troupe_register(it->rt, it->who, "counter"), TROUPE_OK);
}

static char url[64];

static void begin(troupe_sim_config config) {
    cr_assert_eq(troupe_sim_open(&config, &sim), TROUPE_OK);
    open_side(&a, "a");
    open_side(&b, "b");
    cr_assert_eq(troupe_listen(b.node, "tcp://127.0.0.1:0", url, sizeof url), TROUPE_OK);
    cr_assert_eq(troupe_connect(a.node, url, 5000), TROUPE_OK);
}

static void end(void) {
    troupe_close(&a.rt);
    troupe_close(&b.rt);
    cr_assert_eq(troupe_sim_leaks(sim), 0);
    troupe_sim_close(&sim);
}

static troupe_err post(uint32_t n) {
    const struct count body = {n, a.who};
    troupe_msg *msg = NULL;
    cr_assert_eq(troupe_make(a.rt, &count_type, &body, &msg), TROUPE_OK);
    troupe_err err = troupe_post(a.rt, b.who, &msg);
    troupe_drop(&msg);
    return err;
}

/* Posts numbers, waiting where the other side is full. */
static void post_all(uint32_t from, uint32_t to) {
    for (uint32_t n = from; n < to; n++) {
        troupe_err err;
        while ((err = post(n)) == TROUPE_FULL) troupe_sim_run(sim, 1);
        cr_assert_eq(err, TROUPE_OK);
    }
}

Test(sim_net, nodes_find_each_other_and_keep_the_order) {
    for (uint64_t seed = 0; seed < 20; seed++) {
        begin((troupe_sim_config){.seed = seed});
        troupe_ref found;
        cr_assert_eq(troupe_lookup(a.node, "b", "counter", 1000, &found), TROUPE_OK);
        cr_assert(troupe_same(found, b.who));
        post_all(0, 1000);
        troupe_sim_run(sim, 1000);
        cr_assert_eq(b.next, 1000);
        cr_assert_eq(a.next, 10, "what b sent back");
        end();
    }
}

Test(sim_net, equal_seeds_run_alike) {
    uint64_t hash[2];
    for (int i = 0; i < 2; i++) {
        begin((troupe_sim_config){.seed = 5, .faults = {.stall = 1000, .late = 1000}});
        post_all(0, 300);
        troupe_sim_run(sim, 1000);
        hash[i] = troupe_sim_hash(sim);
        end();
    }
    cr_assert_eq(hash[0], hash[1]);
}

Test(sim_net, addresses_are_taken_and_found) {
    begin((troupe_sim_config){.seed = 1});
    char again[64];
    cr_assert_eq(troupe_listen(a.node, url, again, sizeof again), TROUPE_TAKEN);
    cr_assert_eq(troupe_listen(a.node, "nonsense", again, sizeof again), TROUPE_INVALID);
    cr_assert_eq(troupe_listen(a.node, "ipc:///x", again, 3), TROUPE_INVALID);
    cr_assert_eq(troupe_listen(a.node, "ipc:///x", again, sizeof again), TROUPE_OK);
    cr_assert_str_eq(again, "ipc:///x");
    uint64_t now = troupe_now(a.rt);
    cr_assert_eq(troupe_connect(a.node, "ipc:///nobody", 3000), TROUPE_TIMEOUT);
    cr_assert_geq(troupe_now(a.rt), now + UINT64_C(3000000000));
    cr_assert_eq(troupe_connect(a.node, "nonsense", 3000), TROUPE_INVALID);
    end();
}

Test(sim_net, a_cut_holds_what_is_sent_and_is_noticed) {
    begin((troupe_sim_config){.seed = 2});
    troupe_sim_cut(sim, a.rt, b.rt, true);
    post_all(0, 10);
    troupe_sim_run(sim, 500);
    cr_assert_eq(b.next, 0);
    troupe_sim_cut(sim, a.rt, b.rt, false);
    troupe_sim_run(sim, 500);
    cr_assert_eq(b.next, 10, "it was short, so the connection has held");
    troupe_sim_cut(sim, a.rt, b.rt, true);
    troupe_sim_cut(sim, b.rt, a.rt, true);
    troupe_sim_run(sim, 10000);
    cr_assert_not_null(strstr(a.log, "node b is lost"));
    cr_assert_not_null(strstr(b.log, "node a is lost"));
    cr_assert_eq(post(10), TROUPE_NOCONNECTION);
    cr_assert_eq(troupe_connect(a.node, url, 1000), TROUPE_TIMEOUT);
    troupe_sim_calm(sim);
    cr_assert_eq(troupe_connect(a.node, url, 5000), TROUPE_OK);
    post_all(10, 20);
    troupe_sim_run(sim, 500);
    cr_assert_eq(b.next, 20);
    end();
}

Test(sim_net, what_is_cut_one_way_passes_the_other_way) {
    for (uint64_t seed = 0; seed < 200; seed++) {
        begin((troupe_sim_config){.seed = seed});
        troupe_sim_cut(sim, b.rt, a.rt, true);
        post_all(0, 5); /* the first is answered */
        troupe_sim_run(sim, 100);
        post_all(5, 10);
        troupe_sim_run(sim, 100);
        cr_assert_eq(b.next, 10);
        cr_assert_eq(a.next, 0);
        troupe_sim_cut(sim, b.rt, a.rt, false);
        troupe_sim_run(sim, 100);
        cr_assert_eq(a.next, 1);
        end();
    }
}

Test(sim_net, a_slow_path_delays) {
    begin((troupe_sim_config){.seed = 3});
    troupe_sim_slow(sim, a.rt, b.rt, 200);
    post_all(0, 5);
    troupe_sim_run(sim, 190);
    cr_assert_eq(b.next, 0);
    troupe_sim_run(sim, 30);
    cr_assert_eq(b.next, 5);
    end();
}

Test(sim_net, a_broken_connection_is_told_at_once) {
    begin((troupe_sim_config){.seed = 4});
    troupe_sim_disconnect(sim, a.rt, b.rt);
    troupe_sim_run(sim, 100);
    cr_assert_not_null(strstr(a.log, "node b is lost"));
    cr_assert_not_null(strstr(b.log, "node a is lost"));
    cr_assert_eq(troupe_connect(a.node, url, 5000), TROUPE_OK);
    end();
}

Test(sim_net, a_crash_is_heard_by_others_only) {
    begin((troupe_sim_config){.seed = 6});
    post_all(0, 5);
    troupe_ref before = b.who;
    troupe_sim_crash(sim, &b.rt);
    cr_assert_null(b.rt);
    troupe_sim_run(sim, 100);
    cr_assert_not_null(strstr(a.log, "node b is lost"));
    cr_assert_null(strstr(b.log, "lost"), "%s", b.log);
    open_side(&b, "b");
    cr_assert_eq(troupe_listen(b.node, url, NULL, 0), TROUPE_OK);
    cr_assert_eq(troupe_connect(a.node, url, 5000), TROUPE_OK);
    post_all(0, 5);
    troupe_sim_run(sim, 100);
    cr_assert_eq(b.next, 5);
    b.who = before;
    cr_assert_eq(post(5), TROUPE_NOCONNECTION, "its former self");
    end();
}

Test(sim_net, is_fast) {
    begin((troupe_sim_config){.seed = 7});
    troupe_sim_run(sim, 1000 * 1000);
    cr_assert_lt(troupe_sim_events(sim), 100000, "a ping a second is all there is to do");
    end();
}
