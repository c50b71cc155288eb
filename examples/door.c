/* A door with a code, as a state machine: who wants to pass while it is locked waits outside, in
 * order; it locks itself two seconds after it was opened. In a simulation, so that the time is
 * always the same. */
#include <stdio.h>
#include <troupe/simulation.h>
#include <troupe/troupe.h>

struct code {
    uint32_t digits;
};
struct pass {
    const char *who;
};
static const troupe_type code_type = TROUPE_TYPE(code, TROUPE_FIELD(code, digits));
static const troupe_type pass_type = TROUPE_TYPE(pass, TROUPE_FIELD(pass, who));
static const troupe_type lock_type = TROUPE_SIGNAL_TYPE("lock");

static troupe_err in_locked(troupe_self *self, void *data, troupe_msg **msg);
static troupe_err in_open(troupe_self *self, void *data, troupe_msg **msg);
static troupe_err on_locked(troupe_self *self, void *data);
static troupe_err on_open(troupe_self *self, void *data);

static const troupe_state locked = {"locked", on_locked, in_locked};
static const troupe_state open = {"open", on_open, in_open};

static void say(troupe_self *self, const char *what, const char *who) {
    unsigned ms = (unsigned)(troupe_now(troupe_runtime(self)) / 1000000);
    printf("%4u ms  %s: %s%s\n", ms, troupe_state_of(self)->name, what, who);
}

static troupe_err on_locked(troupe_self *self, void *data) {
    (void)data;
    say(self, "click", "");
    return TROUPE_OK;
}

static troupe_err in_locked(troupe_self *self, void *data, troupe_msg **msg) {
    const struct code *code = troupe_as(*msg, &code_type);
    const struct pass *pass = troupe_as(*msg, &pass_type);
    (void)data;
    if (pass) {
        say(self, "outside waits ", pass->who);
        return troupe_stash(self, msg);
    }
    if (!code) return TROUPE_BADTYPE;
    if (code->digits == 1234) return troupe_transition(self, &open);
    say(self, "wrong code", "");
    return TROUPE_OK;
}

static troupe_err on_open(troupe_self *self, void *data) {
    troupe_msg *msg = NULL;
    (void)data;
    say(self, "clack", "");
    troupe_err err = troupe_make(troupe_runtime(self), &lock_type, NULL, &msg);
    if (!err) err = troupe_state_timeout(self, 2000, &msg);
    troupe_drop(&msg);
    return err;
}

static troupe_err in_open(troupe_self *self, void *data, troupe_msg **msg) {
    const struct pass *pass = troupe_as(*msg, &pass_type);
    (void)data;
    if (troupe_as(*msg, &lock_type)) return troupe_transition(self, &locked);
    if (pass) say(self, "in comes ", pass->who);
    return TROUPE_OK; /* a code that is typed again changes nothing */
}

static troupe_err start(troupe_self *self, void *data, const void *arg) {
    (void)data, (void)arg;
    return troupe_transition(self, &locked);
}

/* Before the first transition; never, since `start` makes it. */
static troupe_err receive(troupe_self *self, void *data, troupe_msg **msg) {
    (void)self, (void)data, (void)msg;
    return TROUPE_BADTYPE;
}

static troupe_err post(troupe *rt, troupe_ref to, const troupe_type *type, const void *body) {
    troupe_msg *msg = NULL;
    troupe_err err = troupe_make(rt, type, body, &msg);
    if (!err) err = troupe_post(rt, to, &msg);
    troupe_drop(&msg);
    return err;
}

int main(void) {
    static const troupe_behaviour door = {.name = "door", .start = start, .receive = receive};
    const troupe_sim_config config = {.seed = 1};
    troupe_sim *sim = NULL;
    troupe *rt = NULL;
    troupe_ref to;
    if (troupe_sim_open(&config, &sim) || troupe_sim_runtime(sim, NULL, &rt)) return 1;
    if (troupe_spawn(rt, &door, NULL, &to)) return 1;
    if (post(rt, to, &pass_type, &(struct pass){"Ann"})) return 1;
    if (post(rt, to, &pass_type, &(struct pass){"Bob"})) return 1;
    if (post(rt, to, &code_type, &(struct code){4321})) return 1;
    troupe_sim_run(sim, 500);
    if (post(rt, to, &code_type, &(struct code){1234})) return 1;
    troupe_sim_run(sim, 1500);
    if (post(rt, to, &pass_type, &(struct pass){"Eve"})) return 1;
    troupe_sim_run(sim, 1000);
    if (post(rt, to, &pass_type, &(struct pass){"Dan"})) return 1;
    troupe_sim_run(sim, 1000);
    if (post(rt, to, &code_type, &(struct code){1234})) return 1;
    troupe_sim_run(sim, 1000);
    troupe_close(&rt);
    troupe_sim_close(&sim);
}
