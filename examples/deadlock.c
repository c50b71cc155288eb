/* Two actors that wait for each other: the shop asks the bank, and the bank, to answer, asks the
 * shop. That is found when the second wait begins, and broken there; the bank says what it does
 * then. */
#include <stdio.h>
#include <troupe/report.h>
#include <troupe/troupe.h>

struct order {
    int64_t cents;
};
static const troupe_type order_type = TROUPE_TYPE(order, TROUPE_FIELD(order, cents));
struct confirm {
    int64_t cents;
};
static const troupe_type confirm_type = TROUPE_TYPE(confirm, TROUPE_FIELD(confirm, cents));

static troupe_ref shop, bank;

/* Asks, and waits for the answer: the actors below have threads of their own. */
static troupe_err ask(troupe *rt, troupe_ref to, const troupe_type *type, int64_t *cents) {
    troupe_msg *msg = NULL;
    troupe_err err = troupe_make(rt, type, cents, &msg);
    if (!err) err = troupe_ask(rt, to, &msg, 10000);
    const struct order *answer = troupe_as(msg, &order_type);
    if (answer) *cents = answer->cents;
    troupe_drop(&msg);
    return err;
}

/* The shop has the bank pay, and waits for that. */
static troupe_err sell(troupe_self *self, void *state, troupe_msg **msg) {
    const struct order *order = troupe_as(*msg, &order_type);
    (void)state;
    if (!order) return TROUPE_OK; /* to confirm something: too late, the bank has heard DEADLOCK */
    int64_t cents = order->cents;
    troupe_err err = ask(troupe_runtime(self), bank, &order_type, &cents);
    return err ? err : troupe_answer(self, &order_type, &(struct order){cents});
}

/* The bank has the shop confirm, which waits for the bank. */
static troupe_err pay(troupe_self *self, void *state, troupe_msg **msg) {
    const struct order *order = troupe_as(*msg, &order_type);
    int64_t cents = order ? order->cents : 0;
    (void)state;
    troupe_err err = ask(troupe_runtime(self), shop, &confirm_type, &cents);
    printf("the bank hears %s, and pays half\n", troupe_errname(err));
    return troupe_answer(self, &order_type, &(struct order){cents / 2});
}

/* Shows of a report what is the same in each run: not the milliseconds. */
static void see(void *ctx, const troupe_report *report) {
    (void)ctx;
    if (report->kind == TROUPE_REPORT_DEADLOCK)
        printf("deadlock: %s, in its %s, waits for one that waits for it\n", report->path,
               report->doing);
}

int main(void) {
    static const troupe_behaviour sells = {.name = "shop", .blocking = true, .receive = sell};
    static const troupe_behaviour pays = {.name = "bank", .blocking = true, .receive = pay};
    const troupe_config config = {.break_deadlocks = true, .report = see};
    troupe *rt = NULL;
    int64_t cents = 5000;
    if (troupe_open(&config, &rt) || troupe_spawn(rt, &sells, NULL, &shop) ||
        troupe_spawn(rt, &pays, NULL, &bank))
        return 1;
    troupe_err err = ask(rt, shop, &order_type, &cents);
    printf("%s: %d cents\n", troupe_strerror(err), (int)cents);
    printf("%zu wait now\n", troupe_waits(rt, NULL, 0));
    troupe_close(&rt);
    return 0;
}
