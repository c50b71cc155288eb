/* A value that many look at, as Tokio's `watch`: settings that change while workers run. Who comes
 * late gets the latest first; who is slow skips what is out of date; and anybody may look. In a
 * simulation, so that the order is always the same. */
#include <stdio.h>
#include <troupe/simulation.h>
#include <troupe/troupe.h>

struct settings {
    uint32_t version;
    const char *mode;
};
static const troupe_type settings_type =
    TROUPE_TYPE(settings, TROUPE_FIELD(settings, version), TROUPE_FIELD(settings, mode));

static troupe_err start(troupe_self *self, void *state, const void *name) {
    *(const char **)state = name;
    return troupe_subscribe(self, "settings", TROUPE_LAG_LATEST, 1);
}

static troupe_err receive(troupe_self *self, void *state, troupe_msg **msg) {
    const struct settings *now = troupe_as(*msg, &settings_type);
    (void)self;
    if (!now) return TROUPE_BADTYPE;
    printf("  %s goes by version %u, %s\n", *(const char **)state, (unsigned)now->version,
           now->mode);
    return TROUPE_OK;
}

static const troupe_behaviour worker = {
    .name = "worker", .state_size = sizeof(char *), .start = start, .receive = receive};

static bool set(troupe *rt, uint32_t version, const char *mode) {
    troupe_msg *msg = NULL;
    if (troupe_make(rt, &settings_type, &(struct settings){version, mode}, &msg)) return false;
    return !troupe_set_value(rt, "settings", &msg, NULL);
}

int main(void) {
    const troupe_sim_config config = {.seed = 1};
    troupe_sim *sim = NULL;
    troupe *rt = NULL;
    troupe_ref early, late;
    troupe_msg *msg = NULL;
    if (troupe_sim_open(&config, &sim) || troupe_sim_runtime(sim, NULL, &rt)) return 1;
    printf("before there is any: %s\n", troupe_errname(troupe_value(rt, "settings", &msg)));

    puts("version 1 is set");
    if (troupe_spawn(rt, &worker, "the early one", &early) || !set(rt, 1, "careful")) return 1;
    troupe_sim_run(sim, 10);

    puts("versions 2 to 4 are set at once");
    if (!set(rt, 2, "fast") || !set(rt, 3, "faster") || !set(rt, 4, "fastest")) return 1;
    troupe_sim_run(sim, 10);

    puts("a late one comes");
    if (troupe_spawn(rt, &worker, "the late one", &late)) return 1;
    troupe_sim_run(sim, 10);

    if (troupe_value(rt, "settings", &msg)) return 1;
    const struct settings *now = troupe_as(msg, &settings_type);
    printf("main looks: version %u\n", (unsigned)now->version);
    troupe_drop(&msg);
    troupe_close(&rt);
    troupe_sim_close(&sim);
    return 0;
}
