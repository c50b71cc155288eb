/* A topic and its value: a thermometer tells the temperature, a display shows the latest only, and
 * a recorder wants them all, but can keep three. In a simulation, so that the order is always the
 * same. */
#include <stdio.h>
#include <troupe/simulation.h>
#include <troupe/troupe.h>

struct degrees {
    int32_t celsius;
};
static const troupe_type degrees_type = TROUPE_TYPE(degrees, TROUPE_FIELD(degrees, celsius));

struct setup {
    const char *who;
    troupe_lag lag;
    uint32_t depth;
};

static troupe_err start(troupe_self *self, void *state, const void *arg) {
    const struct setup *setup = arg;
    *(const char **)state = setup->who;
    return troupe_subscribe(self, "temperature", setup->lag, setup->depth);
}

static troupe_err receive(troupe_self *self, void *state, troupe_msg **msg) {
    const struct degrees *now = troupe_as(*msg, &degrees_type);
    uint64_t missed = 0;
    if (!now) return TROUPE_BADTYPE;
    troupe_err err = troupe_missed(self, "temperature", &missed);
    printf("  %s: %d degrees", *(const char **)state, (int)now->celsius);
    if (missed) printf(" (and %d that it has missed)", (int)missed);
    printf("\n");
    return err;
}

/* Tells some temperatures, one after the other; nobody runs meanwhile. */
static troupe_err measure(troupe *rt, int32_t from, int32_t to) {
    troupe_err err = TROUPE_OK;
    printf("%d to %d degrees\n", (int)from, (int)to);
    for (int32_t at = from; at <= to && !err; at++) {
        troupe_msg *msg = NULL;
        err = troupe_make(rt, &degrees_type, &(struct degrees){at}, &msg);
        if (!err) err = troupe_set_value(rt, "temperature", &msg, NULL);
        troupe_drop(&msg);
    }
    return err;
}

int main(void) {
    static const troupe_behaviour reader = {
        .name = "reader", .state_size = sizeof(char *), .start = start, .receive = receive};
    const struct setup display = {"display", TROUPE_LAG_LATEST, 1};
    const struct setup recorder = {"recorder", TROUPE_LAG_MISS, 3};
    const troupe_sim_config config = {.seed = 1};
    troupe_sim *sim = NULL;
    troupe *rt = NULL;
    troupe_ref who;
    if (troupe_sim_open(&config, &sim) || troupe_sim_runtime(sim, NULL, &rt)) return 1;
    if (measure(rt, 20, 21)) return 1; /* nobody has subscribed yet; 21 is kept */
    if (troupe_spawn(rt, &reader, &display, &who)) return 1;
    troupe_sim_run(sim, 10);
    if (troupe_spawn(rt, &reader, &recorder, &who)) return 1;
    troupe_sim_run(sim, 10);
    if (measure(rt, 22, 27)) return 1;
    troupe_sim_run(sim, 10);
    if (measure(rt, 28, 28)) return 1;
    troupe_sim_run(sim, 10);
    troupe_msg *now = NULL;
    if (troupe_value(rt, "temperature", &now)) return 1;
    printf("now: %d degrees\n",
           (int)((const struct degrees *)troupe_as(now, &degrees_type))->celsius);
    troupe_drop(&now);
    troupe_close(&rt);
    troupe_sim_close(&sim);
}
