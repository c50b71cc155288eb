/* A ticket office, chapter 5: more customers than it can serve. It runs only when it is stepped, so
 * that ten customers come before it has served one. */
#include <stdio.h>
#include <troupe/troupe.h>

enum { ROOM = 4, CUSTOMERS = 10 };

struct hold {
    uint32_t customer;
};
static const troupe_type hold_type = TROUPE_TYPE(hold, TROUPE_FIELD(hold, customer));

static troupe_err receive(troupe_self *self, void *state, troupe_msg **msg) {
    const struct hold *hold = troupe_as(*msg, &hold_type);
    (void)self, (void)state;
    if (!hold) return TROUPE_BADTYPE;
    printf(" %u", (unsigned)hold->customer);
    return TROUPE_OK;
}

/* One that refuses, and one that forgets who has waited longest. */
static const troupe_behaviour office = {
    .name = "office", .mailbox_limit = ROOM, .receive = receive};
static const troupe_behaviour display = {
    .name = "display", .mailbox_limit = ROOM, .overflow = TROUPE_DROP_OLDEST, .receive = receive};

/* A customer comes. FULL: it is told at once, and the message is still here. */
static troupe_err come(troupe *rt, troupe_ref to, uint32_t customer) {
    troupe_msg *msg = NULL;
    troupe_err err = troupe_make(rt, &hold_type, &(struct hold){customer}, &msg);
    if (!err) err = troupe_post(rt, to, &msg);
    troupe_drop(&msg); /* shed: it could as well be tried again */
    return err;
}

/* The same, but it waits: has the office work until there is room. With workers a thread would do
 * something else meanwhile, or sleep; an actor would set itself a timer. */
static troupe_err come_and_wait(troupe *rt, troupe_ref to, uint32_t customer) {
    troupe_err err = come(rt, to, customer);
    while (err == TROUPE_FULL && troupe_step(rt, 1)) err = come(rt, to, customer);
    return err;
}

static void rush(troupe *rt, const char *what, const troupe_behaviour *behaviour,
                 troupe_err (*how)(troupe *rt, troupe_ref to, uint32_t customer)) {
    troupe_ref to;
    unsigned refused = 0;
    printf("%s: served", what);
    if (troupe_spawn(rt, behaviour, NULL, &to)) return;
    for (uint32_t i = 1; i <= CUSTOMERS; i++) refused += how(rt, to, i) == TROUPE_FULL;
    while (troupe_step(rt, 100)) continue;
    printf("; refused %u\n", refused);
}

int main(void) {
    const troupe_config config = {.workers = TROUPE_STEPPED, .quiet = TROUPE_INFO};
    troupe_account all;
    troupe *rt = NULL;
    if (troupe_open(&config, &rt)) return 1;
    rush(rt, "shed", &office, come);
    rush(rt, "wait", &office, come_and_wait);
    rush(rt, "drop", &display, come);
    troupe_account_all(rt, &all);
    printf("sent %d: handled %d, returned %d, dropped %d, and %d are missing\n", (int)all.sent,
           (int)all.handled, (int)all.returned, (int)all.dead[TROUPE_DEAD_DROPPED],
           (int)troupe_account_missing(&all));
    troupe_close(&rt);
    return 0;
}
