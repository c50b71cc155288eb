/* A supervisor with a child on another node. The node is a process, which the same supervisor has
 * started; when that is killed both are started again, the child in the new process. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <troupe/far_child.h>
#include <troupe/process.h>
#include <troupe/troupe.h>
#include <unistd.h>

enum { PATIENCE_MS = 20000 };
static const char secret[] = "known to both, and to nobody else";

struct number {
    uint64_t n;
};
static const troupe_type number_type = TROUPE_TYPE(number, TROUPE_FIELD(number, n));

/* --- The child: counts from what it was started with ------------------------------------------ */

static troupe_err counter_start(troupe_self *self, void *state, const void *arg) {
    (void)self;
    *(uint64_t *)state = ((const struct number *)arg)->n;
    return TROUPE_OK;
}

static troupe_err counter_receive(troupe_self *self, void *state, troupe_msg **msg) {
    uint64_t *n = state;
    if (!troupe_as(*msg, &number_type)) return TROUPE_BADTYPE;
    return troupe_answer(self, &number_type, &(struct number){(*n)++});
}

static const troupe_behaviour counter = {.name = "counter",
                                         .state_size = sizeof(uint64_t),
                                         .start = counter_start,
                                         .receive = counter_receive};

/* --- Both processes --------------------------------------------------------------------------- */

static void must(troupe_err err, const char *what) {
    if (!err) return;
    fprintf(stderr, "cannot %s: %s\n", what, troupe_strerror(err));
    exit(1);
}

static void quiet(void *ctx, troupe_level level, const char *line) {
    (void)ctx, (void)level, (void)line;
}

static troupe *open_node(const char *name, troupe_node **node) {
    troupe *rt;
    const troupe_config config = {.workers = 1, .log = quiet};
    const troupe_node_config as = {.name = name, .secret = secret, .secret_size = sizeof secret};
    must(troupe_open(&config, &rt), "open a runtime");
    must(troupe_node_open(rt, &as, node), "be a node");
    must(troupe_register_type(rt, &number_type), "register a type");
    return rt;
}

/* The other process: it has what its home wants, until it is told to end. */
static int away(const char *home) {
    troupe_node *node;
    sigset_t wanted;
    int got;
    sigemptyset(&wanted);
    sigaddset(&wanted, SIGTERM);
    sigprocmask(SIG_BLOCK, &wanted, NULL);
    troupe *rt = open_node("away", &node);
    must(troupe_offer(node, &counter, &number_type), "offer a counter");
    must(troupe_host_children(node), "host children");
    must(troupe_keep_connected(node, home), "keep connected");
    (void)sigwait(&wanted, &got);
    troupe_close(&rt);
    troupe_transport_fini();
    return 0;
}

/* --- Home ------------------------------------------------------------------------------------- */

static void ask(troupe *rt) {
    troupe_ref who;
    troupe_msg *msg;
    must(troupe_whereis(rt, "counter", &who), "find the counter");
    must(troupe_make(rt, &number_type, &(struct number){0}, &msg), "make a message");
    must(troupe_ask(rt, who, &msg, PATIENCE_MS), "ask");
    const struct number *number = troupe_as(msg, &number_type);
    printf("the counter says %u\n", number ? (unsigned)number->n : 0);
    troupe_drop(&msg);
}

static troupe_far_place place_of(troupe *rt) {
    troupe_ref who;
    troupe_far_place place;
    must(troupe_whereis(rt, "counter", &who), "find the counter");
    must(troupe_far_child_at(rt, who, PATIENCE_MS, &place), "ask where it is");
    return place;
}

/* Kills the other process, and waits until the child is in another. */
static void kill_it(troupe *rt) {
    troupe_ref process;
    int pid;
    troupe_far_place before = place_of(rt), now = before;
    must(troupe_whereis(rt, "process", &process), "find the process");
    must(troupe_process_id(rt, process, PATIENCE_MS, &pid), "ask for its id");
    kill(pid, SIGKILL);
    while (!now.who.id || troupe_same(now.who, before.who)) now = place_of(rt);
    printf("it was started again, in a %s process\n",
           now.who.node == before.who.node ? "well-known" : "new");
}

int main(int argc, char **argv) {
    if (argc > 1) return away(argv[1]);
    char dir[] = "/tmp/away-XXXXXX", url[64];
    if (!mkdtemp(dir)) return 1;
    snprintf(url, sizeof url, "ipc://%s/home", dir);
    troupe_node *node;
    troupe *rt = open_node("home", &node);
    must(troupe_listen(node, url, NULL, 0), "listen");

    const char *const command[] = {argv[0], url, NULL};
    const troupe_program program = {.argv = command};
    static const struct number seven = {7};
    static const troupe_far far = {.id = "counter",
                                   .node = "away",
                                   .what = "counter",
                                   .type = &number_type,
                                   .arg = &seven,
                                   .stop_ms = 500,
                                   .lease_ms = 1000};
    const troupe_child children[] = {
        {.id = "process", .what = &troupe_process, .arg = &program, .name = "process"},
        {.id = "counter", .what = &troupe_far_child, .arg = &far, .name = "counter"}};
    const troupe_supervision tree = {
        .child = children, .children = 2, .strategy = TROUPE_REST_FOR_ONE, .max_restarts = 5};
    troupe_ref top;
    must(troupe_supervise(rt, &tree, PATIENCE_MS, &top), "start");
    printf("the counter runs on node %s\n", place_of(rt).node);
    for (int i = 0; i < 3; i++) ask(rt);
    kill_it(rt);
    ask(rt);
    troupe_close(&rt);
    troupe_transport_fini();
    return rmdir(dir);
}
