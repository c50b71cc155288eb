/* A ticket office, chapter 2: it knows who has which seat. */
#include <stdio.h>
#include <string.h>
#include <troupe/troupe.h>

enum { SEATS_MOST = 100, NAME_ROOM = 32 };

struct hold {
    const char *who;
    uint32_t seat;
};
static const troupe_type hold_type =
    TROUPE_TYPE(hold, TROUPE_FIELD(hold, who), TROUPE_FIELD(hold, seat));

/* What the office knows; all zero when it starts. Nobody else can see it. */
struct office {
    uint32_t seats;
    char holder[SEATS_MOST][NAME_ROOM]; /* "": the seat is free */
};

static troupe_err start(troupe_self *self, void *state, const void *arg) {
    struct office *office = state;
    office->seats = *(const uint32_t *)arg;
    if (office->seats > SEATS_MOST) return troupe_fail(self, TROUPE_INVALID, "a hall too large");
    return TROUPE_OK;
}

static troupe_err receive(troupe_self *self, void *state, troupe_msg **msg) {
    struct office *office = state;
    const struct hold *hold = troupe_as(*msg, &hold_type);
    (void)self;
    if (!hold) return TROUPE_BADTYPE;
    if (hold->seat >= office->seats) {
        printf("%s: there is no seat %u\n", hold->who, (unsigned)hold->seat);
        return TROUPE_OK;
    }
    char *holder = office->holder[hold->seat];
    if (*holder) {
        printf("%s: seat %u is %s's\n", hold->who, (unsigned)hold->seat, holder);
        return TROUPE_OK;
    }
    strncpy(holder, hold->who, NAME_ROOM - 1); /* the message goes, the copy stays */
    printf("%s: seat %u is yours\n", hold->who, (unsigned)hold->seat);
    return TROUPE_OK;
}

static void stop(troupe_self *self, void *state, troupe_err why) {
    const struct office *office = state;
    unsigned held = 0;
    (void)self;
    for (uint32_t i = 0; i < office->seats; i++) held += *office->holder[i] != '\0';
    printf("the office closes (%s): %u of %u seats are held\n", troupe_strerror(why), held,
           (unsigned)office->seats);
}

static const troupe_behaviour office = {.name = "office",
                                        .state_size = sizeof(struct office),
                                        .start = start,
                                        .receive = receive,
                                        .stop = stop};

static troupe_err order(troupe *rt, troupe_ref to, const char *who, uint32_t seat) {
    troupe_msg *msg = NULL;
    troupe_err err = troupe_make(rt, &hold_type, &(struct hold){who, seat}, &msg);
    if (!err) err = troupe_post(rt, to, &msg);
    troupe_drop(&msg);
    return err;
}

int main(void) {
    const uint32_t seats = 5;
    troupe *rt = NULL;
    troupe_ref to;
    if (troupe_open(NULL, &rt) || troupe_spawn(rt, &office, &seats, &to)) return 1;
    if (order(rt, to, "Ann", 1) || order(rt, to, "Ben", 1) || order(rt, to, "Cem", 7)) return 1;
    return troupe_shutdown(&rt, 5000, 0, NULL) != TROUPE_OK;
}
