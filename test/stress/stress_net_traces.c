/* Nodes and process children are opened, used and closed, again and again: once nng has ended its
 * threads too, not a thread, a descriptor, a signal handler, a child process or a byte is left. */
#include <troupe/process.h>
#include <troupe/remote.h>
#include <troupe/troupe.h>

#include "test/stress/traces.h"

static stress_heap heap;

static const troupe_type job_type = TROUPE_SIGNAL_TYPE("job");

static void quiet(void *ctx, troupe_level level, const char *line) {
    (void)ctx;
    (void)level;
    (void)line;
}

static troupe *open_it(void) {
    const troupe_config config = {.workers = 1, .heap = heap.heap, .log = quiet};
    troupe *rt;
    MUST(troupe_open(&config, &rt) == TROUPE_OK);
    MUST(troupe_register_type(rt, &job_type) == TROUPE_OK);
    return rt;
}

static troupe_err answer(troupe_self *self, void *state, troupe_msg **msg) {
    (void)state;
    return troupe_reply(self, msg);
}

static const troupe_behaviour clerk = {.name = "clerk", .receive = answer};

static troupe_node *join(troupe *rt, const char *name) {
    static const char secret[] = "a secret of this test";
    const troupe_node_config config = {
        .name = name, .secret = secret, .secret_size = sizeof secret};
    troupe_node *node;
    MUST(troupe_node_open(rt, &config, &node) == TROUPE_OK);
    return node;
}

static void nodes(void) {
    troupe *here = open_it(), *there = open_it();
    troupe_node *left = join(here, "here"), *right = join(there, "there");
    char url[TROUPE_URL_MAX + 1];
    troupe_ref who;
    troupe_msg *msg = NULL;
    MUST(troupe_spawn(there, &clerk, NULL, &who) == TROUPE_OK);
    MUST(troupe_register(there, who, "clerk") == TROUPE_OK);
    MUST(troupe_listen(right, "tcp://127.0.0.1:0", url, sizeof url) == TROUPE_OK);
    MUST(troupe_connect(left, url, STRESS_PATIENCE_MS) == TROUPE_OK);
    MUST(troupe_lookup(left, "there", "clerk", STRESS_PATIENCE_MS, &who) == TROUPE_OK);
    MUST(troupe_make(here, &job_type, NULL, &msg) == TROUPE_OK);
    MUST(troupe_ask(here, who, &msg, STRESS_PATIENCE_MS) == TROUPE_OK);
    troupe_drop(&msg);
    troupe_close(&here);
    troupe_close(&there);
}

static void processes(void) {
    static const char *const argv[] = {"/bin/sleep", "1000", NULL};
    static const troupe_program program = {.argv = argv};
    const troupe_child child[] = {{.id = "a", .what = &troupe_process, .arg = &program},
                                  {.id = "b", .what = &troupe_process, .arg = &program}};
    const troupe_supervision tree = {.child = child, .children = 2};
    troupe *rt = open_it();
    troupe_ref root;
    MUST(troupe_supervise(rt, &tree, STRESS_PATIENCE_MS, &root) == TROUPE_OK);
    troupe_close(&rt);
}

int main(void) {
    traces before;
    stress_heap_init(&heap);
    traces_begin(&before);
    for (uint64_t round = 0; round < stress_count(10, 2); round++) {
        processes();
        MUST(stress_heap_empty(&heap));
        traces_none_since(&before);
    }
    for (uint64_t round = 0; round < stress_count(10, 2); round++) {
        nodes();
        MUST(stress_heap_empty(&heap));
    }
    troupe_transport_fini();
    traces_none_since(&before);
    return 0;
}
