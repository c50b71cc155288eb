/* A handler that reads a message which it has dropped. AddressSanitizer must report it, though the
 * runtime takes messages from a pool. */
#include <criterion/criterion.h>
#include <troupe/actor.h>

struct number {
    uint64_t value;
};
static const troupe_type type = TROUPE_TYPE(number, TROUPE_FIELD(number, value));

static troupe_err receive(troupe_self *self, void *state, troupe_msg **msg) {
    (void)self;
    (void)state;
    const struct number *number = troupe_as(*msg, &type);
    troupe_drop(msg);
    return *(volatile const uint64_t *)&number->value == 1 ? TROUPE_OK : TROUPE_FAILED;
}

static const troupe_behaviour reader = {.name = "reader", .receive = receive};

Test(canary, reads_what_it_dropped) {
    troupe *rt;
    cr_assert_eq(troupe_open(&(troupe_config){.workers = TROUPE_STEPPED}, &rt), TROUPE_OK);
    troupe_ref ref;
    cr_assert_eq(troupe_spawn(rt, &reader, NULL, &ref), TROUPE_OK);
    troupe_msg *msg;
    cr_assert_eq(troupe_make(rt, &type, &(struct number){1}, &msg), TROUPE_OK);
    cr_assert_eq(troupe_post(rt, ref, &msg), TROUPE_OK);
    while (troupe_step(rt, 1)) {
    }
    troupe_close(&rt);
}
