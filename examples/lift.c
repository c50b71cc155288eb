/* A lift works off the floors that it is called to. A call that has waited for more than 30 seconds
 * is of no use, since who called has taken the stairs; and an alarm goes before all calls. Time is
 * the example's own: a ride takes 12 seconds of it. */
#include <stdio.h>
#include <troupe/troupe.h>

enum { SECOND = 1000 };

struct call {
    uint32_t floor;
};
static const troupe_type call_type = TROUPE_TYPE(call, TROUPE_FIELD(call, floor));
static const troupe_type alarm_type = TROUPE_SIGNAL_TYPE("alarm");

static unsigned seconds;

static uint64_t now(void *ctx) {
    (void)ctx;
    return (uint64_t)seconds * 1000000000;
}

/* Somebody who has got in there pulls the alarm. */
static troupe_err alarm(troupe_self *self) {
    const troupe_delivery urgent = {.urgent = true};
    troupe_msg *msg = NULL;
    troupe_err err = troupe_make(troupe_runtime(self), &alarm_type, NULL, &msg);
    if (!err) err = troupe_send_with(self, troupe_me(self), &msg, &urgent);
    troupe_drop(&msg);
    return err;
}

static troupe_err receive(troupe_self *self, void *state, troupe_msg **msg) {
    const struct call *call = troupe_as(*msg, &call_type);
    (void)state;
    if (troupe_as(*msg, &alarm_type)) {
        printf("%2u s: an alarm, somebody answers it\n", seconds);
        return TROUPE_OK;
    }
    if (!call) return TROUPE_BADTYPE;
    printf("%2u s: to floor %u\n", seconds, (unsigned)call->floor);
    seconds += 12;
    return call->floor == 7 ? alarm(self) : TROUPE_OK;
}

static void given_up(void *ctx, const troupe_dead_letter *letter, troupe_msg **msg) {
    const struct call *call = troupe_as(*msg, &call_type);
    (void)ctx;
    if (!call) return;
    printf("%2u s: not to floor %u: %s\n", seconds, (unsigned)call->floor,
           troupe_dead_text(letter->reason));
}

int main(void) {
    static const troupe_behaviour lift = {.name = "lift", .takes_urgent = true, .receive = receive};
    const troupe_config config = {
        .workers = TROUPE_STEPPED, .now = now, .dead_letter = given_up, .quiet = TROUPE_INFO};
    const troupe_delivery soon = {.within_ms = 30 * SECOND};
    const uint32_t floors[] = {3, 7, 1, 5};
    troupe *rt = NULL;
    troupe_ref to;
    if (troupe_open(&config, &rt) || troupe_spawn(rt, &lift, NULL, &to)) return 1;
    for (int i = 0; i < 4; i++) {
        troupe_msg *msg = NULL;
        if (troupe_make(rt, &call_type, &(struct call){floors[i]}, &msg)) return 1;
        if (troupe_post_with(rt, to, &msg, &soon)) return 1;
    }
    while (troupe_step(rt, 100)) {
    }
    troupe_close(&rt);
}
