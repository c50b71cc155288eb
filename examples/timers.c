/* Timers of a session: a cuckoo calls each twenty minutes, a reminder that is set anew replaces the
 * old one, and when nothing has come for half an hour the session ends. In a simulation, where
 * hours take no time. */
#include <stdio.h>
#include <troupe/simulation.h>
#include <troupe/troupe.h>

enum { MINUTE = 60 * 1000, REMINDER = 1 /* a key */ };

struct say {
    const char *what;
};
struct remind {
    uint32_t minutes;
};
static const troupe_type say_type = TROUPE_TYPE(say, TROUPE_FIELD(say, what));
static const troupe_type remind_type = TROUPE_TYPE(remind, TROUPE_FIELD(remind, minutes));

struct session {
    troupe_timer cuckoo;
    unsigned calls;
};

static troupe_err say(troupe_self *self, const char *what, troupe_msg **out) {
    return troupe_make(troupe_runtime(self), &say_type, &(struct say){what}, out);
}

static troupe_err start(troupe_self *self, void *state, const void *arg) {
    struct session *it = state;
    troupe_msg *msg = NULL;
    (void)arg;
    troupe_err err = say(self, "cuckoo", &msg);
    if (!err) err = troupe_send_every(self, 20 * MINUTE, troupe_me(self), &msg, &it->cuckoo);
    if (!err) err = say(self, "silence", &msg);
    if (!err) err = troupe_receive_timeout(self, 30 * MINUTE, &msg);
    troupe_drop(&msg);
    return err;
}

static troupe_err remind(troupe_self *self, unsigned minutes) {
    troupe_msg *msg = NULL;
    troupe_err err = say(self, "tea is ready", &msg);
    if (!err) err = troupe_set_timer(self, REMINDER, minutes * MINUTE, 0, &msg);
    troupe_drop(&msg);
    return err;
}

static troupe_err receive(troupe_self *self, void *state, troupe_msg **msg) {
    struct session *it = state;
    const struct remind *order = troupe_as(*msg, &remind_type);
    const struct say *said = troupe_as(*msg, &say_type);
    if (order) return remind(self, order->minutes);
    if (!said) return TROUPE_BADTYPE;
    unsigned minute = (unsigned)(troupe_now(troupe_runtime(self)) / 1000000 / MINUTE);
    printf("%2u min: %s\n", minute, said->what);
    if (said->what[0] == 'c' && ++it->calls == 2) return troupe_cancel(self, it->cuckoo);
    if (said->what[0] == 's') troupe_exit(self, TROUPE_OK); /* all its timers end with it */
    return TROUPE_OK;
}

static troupe_err post(troupe *rt, troupe_ref to, unsigned minutes) {
    troupe_msg *msg = NULL;
    troupe_err err = troupe_make(rt, &remind_type, &(struct remind){minutes}, &msg);
    if (!err) err = troupe_post(rt, to, &msg);
    troupe_drop(&msg);
    return err;
}

int main(void) {
    static const troupe_behaviour session = {.name = "session",
                                             .state_size = sizeof(struct session),
                                             .start = start,
                                             .receive = receive};
    const troupe_sim_config config = {.seed = 1};
    troupe_sim *sim = NULL;
    troupe *rt = NULL;
    troupe_ref who;
    if (troupe_sim_open(&config, &sim) || troupe_sim_runtime(sim, NULL, &rt)) return 1;
    if (troupe_spawn(rt, &session, NULL, &who) || post(rt, who, 3)) return 1;
    troupe_sim_run(sim, 1 * MINUTE);
    if (post(rt, who, 9)) return 1; /* in place of the first */
    troupe_sim_run(sim, 100 * MINUTE);
    troupe_close(&rt);
    troupe_sim_close(&sim);
}
