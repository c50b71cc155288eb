/* The ticket office on real threads: six customers, three seats, holds of 200 ms. */
#include <stdio.h>

#include "tickets.h"

enum { CUSTOMERS = 6, SEATS = 3, HOLD_MS = 200, SPARE_MS = 100, WAIT_MS = 10000 };

static troupe_err open_all(troupe *rt, troupe_ref *customer) {
    struct office_setup office = {.hold_ms = HOLD_MS, .careful = true};
    troupe_ref at;
    troupe_err err = troupe_spawn(rt, &tickets_bank, NULL, &office.bank);
    if (!err) err = troupe_spawn(rt, &tickets_clock, NULL, &office.clock);
    if (!err) err = troupe_spawn(rt, &tickets_office, &office, &at);
    for (uint32_t i = 0; i < CUSTOMERS && !err; i++) {
        const struct customer_setup setup = {at, i % SEATS, i % 2, SPARE_MS};
        err = troupe_spawn(rt, &tickets_customer, &setup, &customer[i]);
    }
    return err;
}

/* Waits until a customer knows how it went, and counts its ticket if it has one. */
static troupe_err count(troupe *rt, troupe_ref customer, unsigned *sold) {
    troupe_msg *msg = NULL;
    troupe_err err = troupe_make(rt, &tickets_answer, &(struct answer){0}, &msg);
    if (!err) err = troupe_ask(rt, customer, &msg, WAIT_MS);
    const struct answer *how = err ? NULL : troupe_as(msg, &tickets_answer);
    if (how && how->news == TICKETS_YOURS) sold[how->seat]++;
    troupe_drop(&msg);
    return err;
}

int main(void) {
    troupe *rt = NULL;
    troupe_ref customer[CUSTOMERS];
    unsigned sold[SEATS] = {0};
    troupe_err err = troupe_open(NULL, &rt);
    if (!err) err = open_all(rt, customer);
    for (unsigned i = 0; i < CUSTOMERS && !err; i++) err = count(rt, customer[i], sold);
    for (unsigned i = 0; i < SEATS && !err; i++)
        printf("seat %u: %u of 2 customers has it\n", i, sold[i]);
    if (err) fprintf(stderr, "tickets: %s\n", troupe_strerror(err));
    troupe_close(&rt);
    return err != TROUPE_OK;
}
