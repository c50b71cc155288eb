/* Two nodes for tests in which memory runs out. */
#ifndef TROUPE_TEST_FAR_H
#define TROUPE_TEST_FAR_H

#include "test/support/exhaust.h"
#include "test/transport/node_hands.h"

enum { SEEDS = 20 }; /* of a simulation, in each of which all rounds are gone through */

/* A large message. */
struct blob {
    troupe_bytes bytes;
};
static const troupe_type blob_type = TROUPE_TYPE(blob, TROUPE_FIELD(blob, bytes));
static char bytes[100000];

/* --- Two nodes -------------------------------------------------------------------------------- */

/* A call across: the left one makes it. */
typedef struct far {
    party pair[2];
    notes *notes[2];
    troupe_ref mine, theirs; /* hands */
    exhaust x;
    bool tcp;
    unsigned side; /* whose memory is refused */
    troupe_msg *msg;
    uint64_t monitor;
    troupe_err err;
} far;

static inline void far_open(far *f) {
    for (int i = 0; i < 2; i++) f->notes[i] = notes_open();
    party_open(&f->pair[0], "left");
    party_open(&f->pair[1], "right");
    party_listen(&f->pair[1], f->tcp);
    f->mine = hand_of(&f->pair[0], 16, f->notes[0]);
    f->theirs = hand_of(&f->pair[1], 16, f->notes[1]);
    cr_assert_eq(troupe_register(f->pair[1].rt, f->theirs, "hand"), TROUPE_OK);
    f->msg = NULL;
    f->monitor = 0;
    f->err = TROUPE_OK;
}

/* Connects, if they are not connected, and sees that both sides work. */
static inline void far_works(far *f) {
    uint64_t until = patience();
    troupe_ref who = hand_of(&f->pair[1], 16, f->notes[1]);
    for (troupe_err err = TROUPE_LATER; err;) {
        uint64_t n = 1;
        cr_assert_lt(scene_clock(), until, "%s", troupe_errname(err));
        err = ask_by(&f->pair[0], who, ORDER_ANSWER, &n);
        cr_assert(err == TROUPE_OK || err == TROUPE_NOCONNECTION, "%s", troupe_errname(err));
        /* REFUSED: the other side has not noticed yet that the connection is lost. */
        troupe_err met = err ? troupe_connect(f->pair[0].node, f->pair[1].url, PATIENCE_MS) : 0;
        cr_assert(met == TROUPE_OK || met == TROUPE_REFUSED, "%s", troupe_errname(met));
    }
}

static inline void far_close(far *f) {
    troupe_drop(&f->msg);
    for (int i = 0; i < 2; i++) party_close(&f->pair[i]);
    for (int i = 0; i < 2; i++) notes_close(f->notes[i]);
}

#endif
