/* A mixed workload over many seeds: actors that send, fail, restart, end, watch, wait, ask, on one
 * to three nodes, with faults; and what must hold whatever happens (ledger.h). A seed has a phase
 * with faults, then one without, at whose end all must be at rest and answer. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "test/simulate/cast.h"
#include "test/simulate/links.h"

enum { ROUNDS = 80, ACTORS = 10 };

/* --- The world -------------------------------------------------------------------------------- */

static void say_nothing(void *ctx, troupe_level level, const char *line) {
    (void)ctx;
    if (level == TROUPE_ERROR && strstr(line, "not accounted for")) WRONG("%s", line);
    if (getenv("SIMULATE_LOG")) fprintf(stderr, "%s\n", line);
}

static void url_of(unsigned node, char *url, size_t room) {
    (void)snprintf(url, room, "sim://node%u", node);
}

static void open_node(unsigned i) {
    static const char *const names[NODES] = {"ada", "bob", "cid"};
    const troupe_config config = {.log = say_nothing, .dead_letter = cast_dead_letter};
    MUST(troupe_sim_runtime(book.sim, &config, &book.rt[i]) == TROUPE_OK);
    book.node[i] = NULL;
    if (book.nodes == 1) return;
    const troupe_node_config node = {
        .name = names[i], .secret = "a secret of sixteen", .secret_size = 16};
    char url[32];
    url_of(i, url, sizeof url);
    MUST(troupe_node_open(book.rt[i], &node, &book.node[i]) == TROUPE_OK);
    MUST(troupe_register_type(book.rt[i], &work_type) == TROUPE_OK);
    MUST(troupe_listen(book.node[i], url, NULL, 0) == TROUPE_OK);
}

/* Sees which actors have ended. */
static void look_around(void) {
    for (slot *it = book.slot; it < book.slot + SLOTS; it++)
        if (it->alive && troupe_mailbox(book.rt[it->node], it->ref, NULL, NULL) == TROUPE_GONE)
            ledger_vacate(it);
}

static void connect(unsigned from, unsigned to, unsigned ms) {
    char url[32];
    if (from == to || !book.node[from]) return;
    url_of(to, url, sizeof url);
    troupe_err err = troupe_connect(book.node[from], url, ms);
    (void)err; /* it may be connected, or parted */
}

static void crash(unsigned i) {
    troupe_sim_crash(book.sim, &book.rt[i]);
    for (slot *it = book.slot; it < book.slot + SLOTS; it++)
        if (it->node == i) ledger_vacate(it);
    for (top *it = book.top; it < book.top + TOPS; it++)
        if (it->node == i) it->ref = TROUPE_NOBODY;
    open_node(i);
}

/* --- What the test does ----------------------------------------------------------------------- */

static uint32_t choose(uint32_t n) {
    return troupe_sim_choose(book.sim, n);
}

static slot *somebody(void) {
    look_around();
    return cast_anybody(choose(SLOTS));
}

static void post(uint32_t a) {
    slot *to = somebody();
    if (!to) return;
    unsigned node = choose(3) ? to->node : choose(book.nodes);
    const struct work work = ledger_work(NULL, node, to, a, 1 + choose(6));
    troupe_msg *msg = NULL;
    MUST(troupe_make(book.rt[node], &work_type, &work, &msg) == TROUPE_OK);
    troupe_err err = troupe_post(book.rt[node], to->ref, &msg);
    MUST((err == TROUPE_OK) == (msg == NULL));
    ledger_sent(NULL, to, node, &work, err);
    troupe_drop(&msg);
}

/* Asks an actor on its own node. Its answer; LATER: the ask was refused. */
static troupe_err ask(slot *to, unsigned ms) {
    const struct work work = ledger_work(NULL, to->node, to, ACT_ANSWER, 0);
    const uint32_t epoch = to->epoch;
    troupe_msg *msg = NULL;
    MUST(troupe_make(book.rt[to->node], &work_type, &work, &msg) == TROUPE_OK);
    troupe_msg *before = msg;
    to->outstanding++; /* it may be handled before the ask returns */
    troupe_err err = troupe_ask(book.rt[to->node], to->ref, &msg, ms);
    if (err == TROUPE_OK) {
        const struct work *answer = troupe_as(msg, &work_type);
        MUST(answer && answer->number == work.number && answer->to == work.to);
    } else if (msg == before && to->epoch == epoch) {
        to->outstanding--; /* it was never sent */
    }
    troupe_drop(&msg);
    return err;
}

static void end_somebody(bool kill) {
    slot *it = somebody();
    if (!it) return;
    troupe_err err =
        kill ? troupe_kill(book.rt[it->node], it->ref) : troupe_stop(book.rt[it->node], it->ref);
    MUST(err == TROUPE_OK || err == TROUPE_GONE);
}

static void something_with_nodes(void) {
    unsigned a = choose(book.nodes), b = choose(book.nodes);
    switch (choose(6)) {
    case 0:
        crash(a);
        break;
    case 1:
        if (a != b) troupe_sim_disconnect(book.sim, book.rt[a], book.rt[b]);
        break;
    case 2:
        if (a != b) troupe_sim_cut(book.sim, book.rt[a], book.rt[b], choose(2));
        break;
    case 3:
        if (a != b) troupe_sim_slow(book.sim, book.rt[a], book.rt[b], choose(50));
        break;
    default:
        connect(a, b, 300);
    }
}

static void do_something(void) {
    slot *it = NULL;
    switch (choose(13)) {
    case 0:
        (void)cast_spawn(choose(book.nodes));
        break;
    case 1:
        cast_supervise(choose(book.nodes));
        break;
    case 2:
        end_somebody(false);
        break;
    case 3:
        end_somebody(true);
        break;
    case 4:
        if ((it = somebody())) (void)ask(it, 200);
        break;
    case 5:
        if (book.nodes > 1) something_with_nodes();
        break;
    case 6:
        for (uint32_t n = 1 + choose(4); n > 0; n--) cast_change();
        look_around();
        break;
    default:
        for (uint32_t n = 1 + choose(12); n > 0; n--) post(choose(ACT_ANSWER));
    }
    troupe_sim_run(book.sim, choose(choose(4) ? 5 : 500));
    ledger_balance();
}

/* --- One run ---------------------------------------------------------------------------------- */

/* Whether an actor answers, once there is room for the question: others may still send to it. */
static bool answers(slot *it) {
    for (int tries = 0; tries < 100; tries++) {
        if (ask(it, 1000) == TROUPE_OK) return true;
        (void)troupe_sim_settle(book.sim, 1000);
        look_around();
        if (!it->alive) return true; /* it has ended meanwhile */
    }
    return false;
}

/* All faults end; then all must come to rest, and whoever is left must answer. */
static void come_to_rest(void) {
    troupe_sim_calm(book.sim);
    book.squeezes = false;
    for (unsigned i = 1; i < book.nodes; i++) connect(i, 0, 10000);
    troupe_sim_run(book.sim, 10000); /* timers of 3 s, restarts, lost connections */
    if (!troupe_sim_settle(book.sim, 10000)) WRONG("it does not come to rest");
    for (int i = 0; i < 50 && cast_release(false); i++) /* each has one message less to fail on */
        troupe_sim_run(book.sim, 5000);
    (void)cast_release(true); /* there was no slot to start in */
    troupe_sim_run(book.sim, 5000);
    look_around();
    ledger_balance();
    ledger_check();
    links_check();
    for (slot *it = book.slot; it < book.slot + SLOTS; it++) {
        look_around();
        if (it->alive && !answers(it)) WRONG("slot %u does not answer", ledger_index(it));
    }
    troupe_sim_run(book.sim, 1000);
    ledger_balance();
    for (unsigned i = 0; i < book.nodes; i++) {
        troupe_account all;
        troupe_account_all(book.rt[i], &all);
        if (all.queued) WRONG("node %u: %u messages wait for ever", i, (unsigned)all.queued);
    }
}

static void play(const troupe_sim_config *config, void *ctx) {
    (void)ctx;
    troupe_sim_config own = *config;
    if (config->seed % 2) own.schedule = TROUPE_PCT;
    own.depth = 2 + (unsigned)(config->seed / 2 % 6);
    own.events = 3000;
    if (config->seed % 5 == 4) own.faults = (troupe_faults){0};
    memset(&book, 0, sizeof book);
    book.config = config;
    links_begin();
    book.nodes = 1 + (unsigned)(config->seed % 3);
    book.squeezes = own.faults.full;
    MUST(troupe_sim_open(&own, &book.sim) == TROUPE_OK);
    for (unsigned i = 0; i < book.nodes; i++) open_node(i);
    for (unsigned i = 1; i < book.nodes; i++) connect(i, 0, 1000);
    for (unsigned i = 0; i < ACTORS; i++) (void)cast_spawn(choose(book.nodes));
    for (int i = 0; i < ROUNDS; i++) do_something();
    come_to_rest();
    for (unsigned i = 0; i < book.nodes; i++) troupe_close(&book.rt[i]);
    if (book.cleanups) WRONG("%zu cleanups did not run", book.cleanups);
    if (troupe_sim_leaks(book.sim)) WRONG("%zu blocks leak", troupe_sim_leaks(book.sim));
    troupe_sim_close(&book.sim);
}

/* --- The program ------------------------------------------------------------------------------ */

static const char usage[] =
    "usage: %s [--first SEED] [--seeds N | --minutes M] [--minimise] [SEED [TRACE]]\n"
    "  runs N seeds (2000) from SEED (0) on, or as many as fit into M minutes, each twice;\n"
    "  or one seed, or with TRACE the schedule that --minimise has printed.\n"
    "  SIMULATE_LOG=1 shows the log of the runtimes.\n";

/* Runs batches until the time is over. */
static bool run_for(troupe_trials trials, unsigned long minutes) {
    time_t until = time(NULL) + (time_t)minutes * 60;
    trials.seeds = 2000;
    do {
        if (!troupe_sim_trials(&trials, NULL)) return false;
        trials.first += trials.seeds;
    } while (time(NULL) < until);
    return true;
}

int main(int argc, char **argv) {
    char replay[512];
    (void)snprintf(replay, sizeof replay, "%s", argv[0]);
    troupe_trials trials = {
        .name = "simulate", .test = play, .seeds = 2000, .twice = true, .replay = replay};
    trials.config.faults = (troupe_faults){.fail = 2000,
                                           .alloc = 500,
                                           .full = 3000,
                                           .late = 20000,
                                           .stall = 1000,
                                           .disconnect = 1000,
                                           .part = 300};
    unsigned long minutes = 0;
    int i = 1;
    for (; i < argc && argv[i][0] == '-'; i++) {
        bool value = i + 1 < argc;
        if (!strcmp(argv[i], "--first") && value)
            trials.first = strtoull(argv[++i], NULL, 10);
        else if (!strcmp(argv[i], "--seeds") && value)
            trials.seeds = strtoull(argv[++i], NULL, 10);
        else if (!strcmp(argv[i], "--minutes") && value)
            minutes = strtoul(argv[++i], NULL, 10);
        else if (!strcmp(argv[i], "--minimise"))
            trials.minimise = true;
        else {
            fprintf(stderr, usage, argv[0]);
            return 2;
        }
    }
    if (i < argc) {
        trials.first = strtoull(argv[i], NULL, 10);
        trials.seeds = 1;
        if (i + 1 < argc) trials.trace = argv[i + 1];
    }
    return !(minutes ? run_for(trials, minutes) : troupe_sim_trials(&trials, NULL));
}
