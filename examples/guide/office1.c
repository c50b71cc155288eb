/* A ticket office, chapter 1: an actor, and three messages to it. */
#include <stdio.h>
#include <troupe/troupe.h>

struct hold {
    const char *who;
    uint32_t seat;
};
static const troupe_type hold_type =
    TROUPE_TYPE(hold, TROUPE_FIELD(hold, who), TROUPE_FIELD(hold, seat));

static troupe_err receive(troupe_self *self, void *state, troupe_msg **msg) {
    const struct hold *hold = troupe_as(*msg, &hold_type);
    (void)self, (void)state;
    if (!hold) return TROUPE_BADTYPE;
    printf("%s would like seat %u\n", hold->who, (unsigned)hold->seat);
    return TROUPE_OK;
}

static const troupe_behaviour office = {.name = "office", .receive = receive};

static troupe_err order(troupe *rt, troupe_ref to, const char *who, uint32_t seat) {
    troupe_msg *msg = NULL;
    troupe_err err = troupe_make(rt, &hold_type, &(struct hold){who, seat}, &msg);
    if (!err) err = troupe_post(rt, to, &msg);
    troupe_drop(&msg); /* still ours only if it was not sent */
    return err;
}

int main(void) {
    troupe *rt = NULL;
    troupe_ref to;
    if (troupe_open(NULL, &rt) || troupe_spawn(rt, &office, NULL, &to)) return 1;
    if (order(rt, to, "Ann", 1) || order(rt, to, "Ben", 1) || order(rt, to, "Cem", 7)) return 1;
    return troupe_shutdown(&rt, 5000, 0, NULL) != TROUPE_OK;
}
