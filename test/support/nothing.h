/* Calls without memory: from outside of a runtime, or by an actor with a message in hand. */
#ifndef TEST_SUPPORT_NOTHING_H
#define TEST_SUPPORT_NOTHING_H

#include <troupe/actor.h>

/* What is there for the calls. */
extern struct nothing {
    troupe *rt;
    troupe_ref who; /* a player */
    troupe_msg *msg;
    troupe_self *self; /* of the actor, if one calls */
    uint64_t monitor;  /* of `who`, by `self` */
    troupe_timer timer;
    void *memory; /* of `self`, which has deferred `nothing_done` too */
} nothing;

/* Does nothing. */
void nothing_done(void *ctx);

/* Does `act` without memory, from outside. */
void nothing_outside(void (*act)(void *ctx));

/* The same by an actor that is asked, with the message in hand. Returns how the ask went. */
troupe_err nothing_inside(void (*act)(void *ctx));

#endif
