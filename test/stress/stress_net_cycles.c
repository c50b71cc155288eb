/* A node that connects and closes, again and again, while both sides send as fast as credit lets
 * them; it closes in good order, or its connection is cut first, over ipc and tcp in turn. No call
 * hangs, what comes is in order, and in the end this process has as many descriptors and threads as
 * after the first cycles, no byte that was not given back, and no socket's file.
 *
 *     troupe_stress_net_cycles [CYCLES]     50, or 20 under a sanitizer */
#include <dirent.h>
#include <string.h>
#include <troupe/remote.h>
#include <unistd.h>

#include "test/stress/stress.h"
#include "transport/node.h"

enum { WARM = 10, BURST = 32 };

static char folder[] = "/tmp/troupe-cycles-XXXXXX";
static tr_atomic64 got[2];
static uint64_t total;

struct beat {
    uint64_t n;
};
static const troupe_type beat_type = TROUPE_TYPE(beat, TROUPE_FIELD(beat, n));
struct greet {
    troupe_ref who;
};
static const troupe_type greet_type = TROUPE_TYPE(greet, TROUPE_FIELD(greet, who));
static const troupe_type again_type = TROUPE_SIGNAL_TYPE("again");

/* --- The actor of each side ------------------------------------------------------------------- */

struct talker {
    uint64_t side;
    troupe_ref to;
    uint64_t next, sent; /* what must come, and what was sent */
    bool talks;
};

static troupe_err talker_start(troupe_self *self, void *state, const void *arg) {
    (void)self;
    ((struct talker *)state)->side = *(const uint64_t *)arg;
    return TROUPE_OK;
}

static troupe_err talk(troupe_self *self, struct talker *talker) {
    for (unsigned i = 0; i < BURST; i++) {
        troupe_err err = troupe_tell(self, talker->to, &beat_type, &(struct beat){talker->sent});
        bool over = err == TROUPE_NOCONNECTION || err == TROUPE_GONE;
        if (over) talker->talks = false;
        if (over) return TROUPE_OK;
        if (err) MUST(err == TROUPE_FULL);
        if (err) break;
        talker->sent++;
    }
    troupe_msg *msg;
    troupe_err err = troupe_make(troupe_runtime(self), &again_type, NULL, &msg);
    return err ? err : troupe_send_after(self, 1, troupe_me(self), &msg, NULL);
}

static troupe_err receive(troupe_self *self, void *state, troupe_msg **msg) {
    struct talker *talker = state;
    const struct beat *beat = troupe_as(*msg, &beat_type);
    const struct greet *greet = troupe_as(*msg, &greet_type);
    if (beat) {
        MUST(beat->n == talker->next++); /* in order, and nothing is missing */
        (void)tr_add64_relaxed(&got[talker->side], 1);
        if (talker->talks || talker->side) return TROUPE_OK;
        talker->to = troupe_sender(self); /* who greeted talks once it is talked to */
        talker->talks = true;
        return talk(self, talker);
    }
    if (!greet) return talker->talks ? talk(self, talker) : TROUPE_OK;
    talker->to = greet->who;
    talker->next = talker->sent = 0; /* it is another node */
    if (talker->talks) return TROUPE_OK; /* the tick of the last one has not come yet */
    talker->talks = true;
    return talk(self, talker);
}

static const troupe_behaviour talker = {.name = "talker",
                                        .state_size = sizeof(struct talker),
                                        .mailbox_limit = 64,
                                        .start = talker_start,
                                        .receive = receive};

/* --- Nodes ------------------------------------------------------------------------------------ */

static void quiet(void *ctx, troupe_level level, const char *line) {
    (void)ctx, (void)level, (void)line;
}

typedef struct side {
    stress_heap heap;
    troupe *rt;
    troupe_node *node;
    troupe_ref who;
    char ipc[128], tcp[128];
} side;

static void open_side(side *s, uint64_t index) {
    const char *name = index ? "right" : "left";
    stress_heap_init(&s->heap);
    const troupe_config config = {.workers = 1, .log = quiet, .heap = s->heap.heap};
    const troupe_node_config as = {
        .name = name, .secret = "the secret of the stress", .secret_size = 24};
    MUST(!troupe_open(&config, &s->rt) && !troupe_node_open(s->rt, &as, &s->node));
    MUST(!troupe_register_type(s->rt, &beat_type) && !troupe_register_type(s->rt, &greet_type));
    MUST(!troupe_spawn(s->rt, &talker, &index, &s->who));
    MUST(!troupe_register(s->rt, s->who, "talker"));
    (void)snprintf(s->ipc, sizeof s->ipc, "ipc://%s/%s", folder, name);
    MUST(!troupe_listen(s->node, s->ipc, NULL, 0));
    MUST(!troupe_listen(s->node, "tcp://127.0.0.1:0", s->tcp, sizeof s->tcp));
}

static void greet(troupe *rt, troupe_ref to, troupe_ref who) {
    troupe_msg *msg;
    MUST(!troupe_make(rt, &greet_type, &(struct greet){who}, &msg));
    for (uint64_t until = stress_deadline(); troupe_post(rt, to, &msg); sched_yield())
        MUST(tr_clock() < until); /* FULL of what the last one has sent */
}

static void close_side(side *s) {
    troupe_close(&s->rt);
    MUST(stress_heap_empty(&s->heap));
}

static void await(tr_atomic64 *count, uint64_t least) {
    for (uint64_t until = stress_deadline(); tr_load64_relaxed(count) < least; sched_yield())
        MUST(tr_clock() < until);
}

/* REFUSED: it has not noticed yet that the last one of that name was cut. */
static void meet(side *left, const char *url) {
    uint64_t until = stress_deadline();
    for (troupe_err err = TROUPE_LATER; err; sched_yield()) {
        err = troupe_connect(left->node, url, STRESS_PATIENCE_MS);
        MUST(!err || err == TROUPE_REFUSED);
        MUST(tr_clock() < until);
    }
}

static void one_cycle(side *right, uint64_t n, uint64_t *seed) {
    static side left;
    troupe_ref other;
    memset(&left, 0, sizeof left);
    open_side(&left, 0);
    meet(&left, n % 2 ? right->tcp : right->ipc);
    MUST(!troupe_lookup(left.node, "right", "talker", STRESS_PATIENCE_MS, &other));
    greet(left.rt, other, left.who);
    uint64_t many = stress_random(seed) % 400;
    for (int i = 0; i < 2; i++) await(&got[i], tr_load64_relaxed(&got[i]) + many);
    if (n % 3 == 2) {
        tr_peer_link *link = tr_node_link(left.node, tr_port_node(right->rt));
        if (link) tr_link_cut(link);
        if (link) tr_node_unref(link);
    }
    close_side(&left);
}

/* --- What is left ----------------------------------------------------------------------------- */

static size_t entries(const char *path) {
    size_t count = 0;
    DIR *dir = opendir(path);
    MUST(dir);
    for (struct dirent *entry; (entry = readdir(dir));) count += entry->d_name[0] != '.';
    MUST(!closedir(dir));
    return count;
}

typedef struct tally {
    size_t descriptors, threads, sockets;
    uint64_t bytes;
} tally;

static tally take_stock(const side *right) {
    return (tally){entries("/proc/self/fd"), entries("/proc/self/task"), entries(folder),
                   tr_load64_relaxed(&right->heap.bytes)};
}

/* Waits until no more is left than that. nng closes descriptors a little later, and what the last
 * one has sent may wait to be handled. */
static void await_stock(const side *right, const tally *most) {
    for (uint64_t until = stress_deadline();; sched_yield()) {
        tally now = take_stock(right);
        if (now.descriptors <= most->descriptors && now.threads <= most->threads &&
            now.sockets == 1 && now.bytes <= most->bytes)
            return;
        MUST(tr_clock() < until);
    }
}

int main(int argc, char **argv) {
    uint64_t cycles = argc > 1 ? strtoull(argv[1], NULL, 10) : stress_count(50, 20), seed = 7;
    static side right;
    tally warm = {0};
    MUST(mkdtemp(folder));
    open_side(&right, 1);
    for (uint64_t n = 0; n < cycles + WARM; n++) {
        one_cycle(&right, n, &seed);
        if (n + 1 > WARM) continue;
        tally now = take_stock(&right); /* the most of the first cycles is what may be */
        if (now.descriptors > warm.descriptors) warm.descriptors = now.descriptors;
        if (now.threads > warm.threads) warm.threads = now.threads;
        if (now.bytes > warm.bytes) warm.bytes = now.bytes;
    }
    await_stock(&right, &warm);
    total = tr_load64_relaxed(&got[0]) + tr_load64_relaxed(&got[1]);
    printf("net_cycles: %llu cycles, %llu messages; %zu descriptors, %zu threads, %llu bytes\n",
           (unsigned long long)cycles, (unsigned long long)total, warm.descriptors, warm.threads,
           (unsigned long long)warm.bytes);
    close_side(&right);
    MUST(!rmdir(folder)); /* no socket's file is left */
    return 0;
}
