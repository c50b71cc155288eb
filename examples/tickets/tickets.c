#include "tickets.h"

enum { AGAIN_MS = 100 };

struct wind {
    uint32_t seat, ms;
};
struct stop {
    uint32_t seat;
};
struct expire {
    uint32_t seat;
};

const troupe_type tickets_hold = TROUPE_TYPE(hold, TROUPE_FIELD(hold, seat));
const troupe_type tickets_buy = TROUPE_TYPE(buy, TROUPE_FIELD(buy, seat));
const troupe_type tickets_charge =
    TROUPE_TYPE(charge, TROUPE_FIELD(charge, seat), TROUPE_FIELD(charge, buyer));
const troupe_type tickets_answer = TROUPE_TYPE(
    answer, TROUPE_FIELD(answer, seat), TROUPE_FIELD(answer, news), TROUPE_FIELD(answer, ms));
static const troupe_type wind_type =
    TROUPE_TYPE(wind, TROUPE_FIELD(wind, seat), TROUPE_FIELD(wind, ms));
static const troupe_type stop_type = TROUPE_TYPE(stop, TROUPE_FIELD(stop, seat));
static const troupe_type expire_type = TROUPE_TYPE(expire, TROUPE_FIELD(expire, seat));
static const troupe_type tick_type = TROUPE_SIGNAL_TYPE("tick");

/* Has a message come to `to` after a while. */
static troupe_err tell_later(troupe_self *self, unsigned ms, troupe_ref to, const troupe_type *type,
                             const void *body) {
    troupe_msg *msg = NULL;
    troupe_err err = troupe_make(troupe_runtime(self), type, body, &msg);
    if (!err) err = troupe_send_after(self, ms, to, &msg, NULL);
    troupe_drop(&msg);
    return err;
}

/* --- The office ------------------------------------------------------------------------------- */

struct seat {
    enum { FREE, HELD, PAYING, SOLD } state;
    troupe_ref holder;
    uint64_t until; /* when the hold ends */
};

struct office {
    struct office_setup is;
    struct seat seat[TICKETS_SEATS];
};

static troupe_err office_start(troupe_self *self, void *state, const void *arg) {
    (void)self;
    ((struct office *)state)->is = *(const struct office_setup *)arg;
    return TROUPE_OK;
}

/* A customer that has gone away needs no answer. */
static troupe_err say(troupe_self *self, troupe_ref to, uint32_t seat, uint32_t news, uint32_t ms) {
    const struct answer answer = {seat, news, ms};
    troupe_err err = troupe_tell(self, to, &tickets_answer, &answer);
    return err == TROUPE_GONE ? TROUPE_OK : err;
}

static troupe_err on_hold(troupe_self *self, struct office *office, uint32_t n) {
    struct seat *it = &office->seat[n];
    const uint64_t now = troupe_now(troupe_runtime(self));
    const uint32_t hold_ms = office->is.hold_ms;
    troupe_ref who = troupe_sender(self);
    if (it->state == SOLD) return say(self, who, n, TICKETS_GONE, 0);
    if (it->state != FREE) {
        uint32_t left = it->until > now ? (uint32_t)((it->until - now) / 1000000) : 0;
        return say(self, who, n, TICKETS_TAKEN, left > AGAIN_MS ? left : AGAIN_MS);
    }
    troupe_err err = troupe_tell(self, office->is.clock, &wind_type, &(struct wind){n, hold_ms});
    if (err) return err;
    it->state = HELD;
    it->holder = who;
    it->until = now + hold_ms * UINT64_C(1000000);
    return say(self, who, n, TICKETS_HELD, hold_ms);
}

/* Whoever has said that it buys keeps its hold, so the clock is stopped. */
static troupe_err on_buy(troupe_self *self, struct office *office, uint32_t n) {
    struct seat *it = &office->seat[n];
    troupe_ref who = troupe_sender(self);
    if (it->state != HELD || !troupe_same(it->holder, who))
        return say(self, who, n, TICKETS_LAPSED, 0);
    troupe_err err = troupe_tell(self, office->is.clock, &stop_type, &(struct stop){n});
    if (err) return err;
    if (office->is.careful) it->state = PAYING; /* an `expire` may be on its way */
    return troupe_tell(self, office->is.bank, &tickets_charge, &(struct charge){n, who});
}

static troupe_err on_expire(const struct expire *expire, struct office *office) {
    struct seat *it = &office->seat[expire->seat];
    if (it->state == HELD) it->state = FREE;
    return TROUPE_OK;
}

static troupe_err on_charged(troupe_self *self, struct office *office,
                             const struct charge *charge) {
    office->seat[charge->seat].state = SOLD;
    return say(self, charge->buyer, charge->seat, TICKETS_YOURS, 0);
}

static troupe_err office_receive(troupe_self *self, void *state, troupe_msg **msg) {
    const struct hold *hold = troupe_as(*msg, &tickets_hold);
    const struct buy *buy = troupe_as(*msg, &tickets_buy);
    const struct charge *charge = troupe_as(*msg, &tickets_charge);
    const struct expire *expire = troupe_as(*msg, &expire_type);
    if (hold && hold->seat < TICKETS_SEATS) return on_hold(self, state, hold->seat);
    if (buy && buy->seat < TICKETS_SEATS) return on_buy(self, state, buy->seat);
    if (charge) return on_charged(self, state, charge);
    if (expire) return on_expire(expire, state);
    return TROUPE_INVALID;
}

const troupe_behaviour tickets_office = {.name = "office",
                                         .state_size = sizeof(struct office),
                                         .start = office_start,
                                         .receive = office_receive};

/* --- The clock -------------------------------------------------------------------------------- */

/* Who wound it last hears of each seat whose time is over; a seat has one time. */
static troupe_err clock_receive(troupe_self *self, void *state, troupe_msg **msg) {
    troupe_ref *office = state;
    const struct wind *wind = troupe_as(*msg, &wind_type);
    const struct stop *stop = troupe_as(*msg, &stop_type);
    if (!wind && !stop) return troupe_send(self, *office, msg); /* its own `expire` */
    if (stop) {
        troupe_err err = troupe_end_timer(self, stop->seat);
        return err == TROUPE_NOTFOUND ? TROUPE_OK : err; /* it is over */
    }
    *office = troupe_sender(self);
    troupe_msg *expire = NULL;
    troupe_err err =
        troupe_make(troupe_runtime(self), &expire_type, &(struct expire){wind->seat}, &expire);
    if (!err) err = troupe_set_timer(self, wind->seat, wind->ms, 0, &expire);
    troupe_drop(&expire);
    return err;
}

const troupe_behaviour tickets_clock = {
    .name = "clock", .state_size = sizeof(troupe_ref), .receive = clock_receive};

/* --- The bank --------------------------------------------------------------------------------- */

static troupe_err bank_receive(troupe_self *self, void *state, troupe_msg **msg) {
    (void)state;
    return troupe_send_after(self, TICKETS_BANK_MS, troupe_sender(self), msg, NULL);
}

const troupe_behaviour tickets_bank = {.name = "bank", .receive = bank_receive};

/* --- A customer ------------------------------------------------------------------------------- */

struct customer {
    struct customer_setup is;
    uint32_t news;
    troupe_ref asker; /* who wants to know how it went */
};

static troupe_err tick(troupe_self *self, unsigned ms) {
    return tell_later(self, ms, troupe_me(self), &tick_type, NULL);
}

static troupe_err customer_start(troupe_self *self, void *state, const void *arg) {
    struct customer *it = state;
    it->is = *(const struct customer_setup *)arg;
    return tick(self, 0);
}

/* Asks for a hold, or buys if it has one. */
static troupe_err act(troupe_self *self, struct customer *it) {
    if (it->news == TICKETS_HELD)
        return troupe_tell(self, it->is.office, &tickets_buy, &(struct buy){it->is.seat});
    return troupe_tell(self, it->is.office, &tickets_hold, &(struct hold){it->is.seat});
}

static troupe_err report(troupe_self *self, struct customer *it) {
    bool over = it->news == TICKETS_YOURS || it->news == TICKETS_GONE;
    if (!over || troupe_same(it->asker, TROUPE_NOBODY)) return TROUPE_OK;
    return say(self, it->asker, it->is.seat, it->news, 0);
}

static troupe_err customer_receive(troupe_self *self, void *state, troupe_msg **msg) {
    struct customer *it = state;
    const struct answer *answer = troupe_as(*msg, &tickets_answer);
    if (troupe_as(*msg, &tick_type)) return act(self, it);
    if (!answer) return TROUPE_BADTYPE;
    if (!answer->news) { /* a question */
        it->asker = troupe_sender(self);
        return report(self, it);
    }
    it->news = answer->news;
    if (it->news == TICKETS_TAKEN) return tick(self, answer->ms);
    if (it->news == TICKETS_LAPSED) it->is.hesitates = false; /* it hurries now */
    if (it->news == TICKETS_LAPSED) return act(self, it);
    if (it->news == TICKETS_HELD && it->is.hesitates)
        return tick(self, answer->ms > it->is.spare_ms ? answer->ms - it->is.spare_ms : 0);
    if (it->news == TICKETS_HELD) return act(self, it);
    return report(self, it);
}

const troupe_behaviour tickets_customer = {.name = "customer",
                                           .state_size = sizeof(struct customer),
                                           .start = customer_start,
                                           .receive = customer_receive};
