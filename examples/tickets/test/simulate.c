/* The ticket office in simulation, as docs/guide/testing.md goes through it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <troupe/simulation.h>

#include "tickets.h"

enum { CUSTOMERS = 3, HOUR_MS = 60 * 60 * 1000, SPARE_MS = 12 };

static bool careless, shows; /* as the command line says */

/* What one run is made of. */
static struct {
    const troupe_sim_config *config;
    troupe_sim *sim;
    troupe *rt;
    troupe_behaviour banks, clocks, offices, customers; /* those of the service, but shown */
    troupe_ref bank, clock, office, customer[CUSTOMERS];
} world;

#define WRONG(...) troupe_sim_wrong(world.config, __VA_ARGS__)
#define MUST(condition)                                                                            \
    do {                                                                                           \
        if (!(condition)) WRONG("%s:%d: %s", __FILE__, __LINE__, #condition);                      \
    } while (0)

/* --- Showing what happens --------------------------------------------------------------------- */

static const char *name_of(troupe_ref ref) {
    static const char *const names[CUSTOMERS] = {"customer 0", "customer 1", "customer 2"};
    if (troupe_same(ref, world.office)) return "office";
    if (troupe_same(ref, world.bank)) return "bank";
    if (troupe_same(ref, world.clock)) return "clock";
    for (unsigned i = 0; i < CUSTOMERS; i++)
        if (troupe_same(ref, world.customer[i])) return names[i];
    return troupe_same(ref, TROUPE_NOBODY) ? "a timer" : "the test";
}

static void show(troupe_self *self, const troupe_msg *msg) {
    static const char *const news[] = {"?", ": held", ": taken", ": yours", ": gone", ": lapsed"};
    const struct answer *answer = troupe_as(msg, &tickets_answer);
    if (!shows) return;
    fprintf(stderr, "%9.3f s  %-10s  %s%s from %s\n",
            (double)troupe_now(troupe_runtime(self)) / 1e9, name_of(troupe_me(self)),
            troupe_type_name(msg), answer ? news[answer->news] : "", name_of(troupe_sender(self)));
}

static troupe_err office_receive(troupe_self *self, void *state, troupe_msg **msg) {
    show(self, *msg);
    return tickets_office.receive(self, state, msg);
}

static troupe_err bank_receive(troupe_self *self, void *state, troupe_msg **msg) {
    show(self, *msg);
    return tickets_bank.receive(self, state, msg);
}

static troupe_err clock_receive(troupe_self *self, void *state, troupe_msg **msg) {
    show(self, *msg);
    return tickets_clock.receive(self, state, msg);
}

static troupe_err customer_receive(troupe_self *self, void *state, troupe_msg **msg) {
    show(self, *msg);
    return tickets_customer.receive(self, state, msg);
}

/* --- Setting up and taking down --------------------------------------------------------------- */

static void say_nothing(void *ctx, troupe_level level, const char *line) {
    (void)ctx;
    (void)level;
    if (shows) fprintf(stderr, "%s\n", line);
}

static void open_office(const troupe_sim_config *config) {
    memset(&world, 0, sizeof world);
    world.config = config;
    MUST(troupe_sim_open(config, &world.sim) == TROUPE_OK);
    const troupe_config quiet = {.log = say_nothing};
    MUST(troupe_sim_runtime(world.sim, &quiet, &world.rt) == TROUPE_OK);
    world.banks = tickets_bank;
    world.banks.receive = bank_receive;
    world.clocks = tickets_clock;
    world.clocks.receive = clock_receive;
    world.offices = tickets_office;
    world.offices.receive = office_receive;
    world.customers = tickets_customer;
    world.customers.receive = customer_receive;
    MUST(troupe_spawn(world.rt, &world.banks, NULL, &world.bank) == TROUPE_OK);
    MUST(troupe_spawn(world.rt, &world.clocks, NULL, &world.clock) == TROUPE_OK);
    const struct office_setup setup = {world.bank, world.clock, HOUR_MS, !careless};
    MUST(troupe_spawn(world.rt, &world.offices, &setup, &world.office) == TROUPE_OK);
}

static void open_customer(unsigned i, bool hesitates) {
    const struct customer_setup setup = {world.office, 0, hesitates, SPARE_MS};
    MUST(troupe_spawn(world.rt, &world.customers, &setup, &world.customer[i]) == TROUPE_OK);
}

static void close_all(void) {
    troupe_account account;
    troupe_account_all(world.rt, &account);
    if (troupe_account_missing(&account)) WRONG("messages are lost");
    troupe_close(&world.rt);
    if (troupe_sim_leaks(world.sim)) WRONG("memory leaks");
    troupe_sim_close(&world.sim);
}

/* Sends a message and waits for the office's news, or a customer's. */
static struct answer ask(troupe_ref whom, const troupe_type *type, const void *body) {
    troupe_msg *msg = NULL;
    MUST(troupe_make(world.rt, type, body, &msg) == TROUPE_OK);
    MUST(troupe_ask(world.rt, whom, &msg, 1000) == TROUPE_OK);
    const struct answer *answer = troupe_as(msg, &tickets_answer);
    MUST(answer);
    const struct answer copy = *answer;
    troupe_drop(&msg);
    return copy;
}

/* --- The tests -------------------------------------------------------------------------------- */

/* Three customers want one seat; some buy at once, others in the last moment. One gets it. */
static void last_moment(const troupe_sim_config *config, void *ctx) {
    (void)ctx;
    open_office(config);
    for (unsigned i = 0; i < CUSTOMERS; i++) open_customer(i, troupe_sim_choose(world.sim, 2));
    if (!troupe_sim_rest(world.sim, 10 * HOUR_MS)) WRONG("it does not end");
    unsigned sold = 0;
    for (unsigned i = 0; i < CUSTOMERS; i++) {
        const struct answer how = ask(world.customer[i], &tickets_answer, &(struct answer){0});
        if (how.news == TICKETS_YOURS) sold++;
    }
    if (sold != 1) WRONG("the seat was sold %u times", sold);
    close_all();
}

/* A customer gets a hold and fails. After an hour, and not before, the seat is free again. */
static void no_show(const troupe_sim_config *config, void *ctx) {
    const struct hold seat = {0};
    (void)ctx;
    open_office(config);
    open_customer(0, true);
    MUST(troupe_sim_fail(world.sim, world.customer[0], 2) == TROUPE_OK); /* on the answer */
    if (!troupe_sim_settle(world.sim, 1000)) WRONG("it does not settle");
    MUST(troupe_sim_faults(world.sim).failed == 1);
    const struct answer now = ask(world.office, &tickets_hold, &seat);
    if (now.news != TICKETS_TAKEN) WRONG("the hold did not outlive its holder");
    troupe_sim_run(world.sim, now.ms - 10);
    if (ask(world.office, &tickets_hold, &seat).news != TICKETS_TAKEN) WRONG("it ended early");
    troupe_sim_run(world.sim, 20);
    if (ask(world.office, &tickets_hold, &seat).news != TICKETS_HELD) WRONG("it did not end");
    close_all();
}

/* --- The program ------------------------------------------------------------------------------ */

static const char usage[] =
    "usage: %s [--careless] [--depth D] [--first SEED] [--seeds N] [--minimise] TEST [SEED "
    "[TRACE]]\n"
    "  TEST is last_moment or no_show; runs N seeds (1000) from SEED (0) on, scheduled at random,\n"
    "  or with --depth by PCT; or one seed, or what --minimise has printed for it.\n";

static bool read_options(int argc, char **argv, int *at, troupe_trials *trials) {
    int i = 1;
    for (; i < argc && argv[i][0] == '-'; i++) {
        bool value = i + 1 < argc;
        if (!strcmp(argv[i], "--careless"))
            careless = true;
        else if (!strcmp(argv[i], "--minimise"))
            trials->minimise = true;
        else if (!strcmp(argv[i], "--seeds") && value)
            trials->seeds = strtoull(argv[++i], NULL, 10);
        else if (!strcmp(argv[i], "--first") && value)
            trials->first = strtoull(argv[++i], NULL, 10);
        else if (!strcmp(argv[i], "--depth") && value) {
            trials->config.schedule = TROUPE_PCT;
            trials->config.depth = (unsigned)strtoul(argv[++i], NULL, 10);
        } else {
            return false;
        }
    }
    *at = i;
    return true;
}

int main(int argc, char **argv) {
    troupe_trials trials = {.seeds = 1000, .config = {.event_us = 1000, .events = 60}};
    int i;
    bool ok = read_options(argc, argv, &i, &trials) && i < argc;
    if (ok && !strcmp(argv[i], "last_moment")) trials.test = last_moment;
    if (ok && !strcmp(argv[i], "no_show")) trials.test = no_show;
    if (!trials.test) {
        fprintf(stderr, usage, argv[0]);
        return 2;
    }
    char replay[512], depth[32] = "";
    if (trials.config.schedule == TROUPE_PCT)
        (void)snprintf(depth, sizeof depth, " --depth %u", trials.config.depth);
    (void)snprintf(replay, sizeof replay, "%s%s%s %s", argv[0], careless ? " --careless" : "",
                   depth, argv[i]);
    trials.replay = replay;
    trials.name = argv[i];
    if (++i < argc) {
        shows = true;
        trials.first = strtoull(argv[i], NULL, 10);
        trials.seeds = 1;
        if (i + 1 < argc) trials.trace = argv[i + 1];
    }
    return !troupe_sim_trials(&trials, NULL);
}
