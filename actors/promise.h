/* Messages whose sender hears what became of them. What that takes between nodes is the port's. */
#ifndef TR_ACTORS_PROMISE_H
#define TR_ACTORS_PROMISE_H

#include <troupe/delivery.h>

#include "actors/actor.h"

/* `troupe_send_with` a promise. The errors of that; the message is then still the caller's. */
TR_CHECKED troupe_err tr_promise_send(troupe_self *self, troupe_ref to, troupe_msg **msg,
                                      const troupe_delivery *how);

/* `troupe_post_with` a promise. */
TR_CHECKED troupe_err tr_promise_post(troupe *rt, troupe_ref to, troupe_msg **msg,
                                      const troupe_delivery *how);

#endif
