/* Parcels: envelopes around messages that are urgent, or have a deadline. README.md, "Parcels". */
#ifndef TR_ACTORS_PARCEL_H
#define TR_ACTORS_PARCEL_H

#include <troupe/delivery.h>

#include "actors/actor.h"
#include "actors/tie.h"

typedef struct tr_parcel {
    _Alignas(16) troupe_msg envelope; /* of tr_parcel_type */
    tr_signal signal;                 /* directly behind it: whom it is for */
    troupe_msg *inside;
    uint64_t deadline; /* by the runtime's clock; TR_NEVER: none */
    bool urgent;
} tr_parcel;

/* Whether that is one, and urgent. */
static inline bool tr_parcel_is_urgent(const troupe_msg *msg) {
    return msg->type == &tr_parcel_type && ((const tr_parcel *)(const void *)msg)->urgent;
}

/* The message inside a parcel, or else the message itself: to look at, by who may. */
static inline const troupe_msg *tr_parcel_look(const troupe_msg *msg) {
    return msg->type == &tr_parcel_type ? ((const tr_parcel *)(const void *)msg)->inside : msg;
}

/* What is asked for as bits of `how`, for another node; NULL: nothing is. */
unsigned tr_parcel_how(const troupe_delivery *as);

/* Moves a message from `from` to `to` so; `how` is TR_SEND_*; `as` NULL: as any
 * other. The errors of tr_send; NOMEM. */
TR_CHECKED troupe_err tr_parcel_send(troupe *rt, troupe_ref from, troupe_ref to, unsigned how,
                                     const troupe_delivery *as, troupe_msg **msg);

/* Puts a parcel that came from another node into the mailbox that it is for; `how` is TR_SEND_ASK,
 * or 0. FULL, GONE: it is still the caller's. */
TR_CHECKED troupe_err tr_parcel_deliver(troupe *rt, unsigned how, troupe_msg **envelope);

/* A parcel has come out of an actor's mailbox: the message that is in it; NULL: it was overdue, and
 * is a dead letter. By whoever runs the actor. */
troupe_msg *tr_parcel_arrived(troupe_self *self, troupe_msg *envelope);

/* The same, but nobody will handle it. Does nothing to any other message. */
void tr_parcel_unwrap(const troupe *rt, troupe_msg **msg);

/* Puts what is urgent of an actor's mail before all other; but a message that it is to try again
 * stays the first. By whoever runs it, in a life. */
void tr_parcel_sort(troupe_self *self);

#endif
