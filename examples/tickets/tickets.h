/* A ticket office: a seat is held for a customer for a while, and is its own once it is paid for.
 *
 *     customer -- hold --> office -- charge --> bank
 *              -- buy  -->        <- charged --
 *              <- answer -        -- wind, stop --> clock
 *                                 <- expire ------- */
#ifndef TICKETS_H
#define TICKETS_H

#include <troupe/troupe.h>

enum { TICKETS_SEATS = 8, TICKETS_BANK_MS = 20 };

/* What the office says of a seat. */
enum tickets_news {
    TICKETS_HELD = 1, /* for the one who asked, for `ms` milliseconds */
    TICKETS_TAKEN,    /* held for another one: ask again in `ms` milliseconds */
    TICKETS_YOURS,    /* it is paid for */
    TICKETS_GONE,     /* another one has paid for it */
    TICKETS_LAPSED    /* to a buyer who has no hold (any more) */
};

struct hold {
    uint32_t seat;
};
struct buy {
    uint32_t seat;
};
struct charge { /* comes back from the bank as it was, once the money is there */
    uint32_t seat;
    troupe_ref buyer;
};
struct answer {
    uint32_t seat, news, ms;
};
extern const troupe_type tickets_hold, tickets_buy, tickets_charge, tickets_answer;

/* The office, told where bank and clock are and how long a hold lasts. As long as it is not
 * `careful`, it has a bug; docs/guide/testing.md finds it. */
struct office_setup {
    troupe_ref bank, clock;
    uint32_t hold_ms;
    bool careful;
};
extern const troupe_behaviour tickets_office;

/* The clock, which knows when each hold ends. */
extern const troupe_behaviour tickets_clock;

/* The bank, which needs a moment for each charge. */
extern const troupe_behaviour tickets_bank;

/* A customer, told what it wants, and whether it buys at once or `spare_ms` before the end of its
 * hold. Answers a tickets_answer with how it went, once it is YOURS or GONE. */
struct customer_setup {
    troupe_ref office;
    uint32_t seat;
    bool hesitates;
    uint32_t spare_ms;
};
extern const troupe_behaviour tickets_customer;

#endif
