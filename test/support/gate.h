/* A gate that callbacks wait at: for actors that hold their worker as long as a test wants. */
#ifndef TROUPE_TEST_GATE_H
#define TROUPE_TEST_GATE_H

#include <troupe/actor.h>

/* Shuts it; nobody waits there. */
void gate_shut(void);
/* Waits at the gate. */
void gate_wait(void);
/* Returns once `n` more have come to it. */
void gate_await(unsigned n);
/* Lets `n` through. */
void gate_open(unsigned n);

/* A `receive` that waits at the gate. */
troupe_err gate_receive(troupe_self *self, void *state, troupe_msg **msg);

#endif
