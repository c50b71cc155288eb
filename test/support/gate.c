#include "test/support/gate.h"

#include <semaphore.h>

static sem_t gate, came;

void gate_shut(void) {
    sem_init(&gate, 0, 0);
    sem_init(&came, 0, 0);
}

void gate_wait(void) {
    sem_post(&came);
    sem_wait(&gate);
}

void gate_await(unsigned n) {
    while (n-- > 0) sem_wait(&came);
}

void gate_open(unsigned n) {
    while (n-- > 0) sem_post(&gate);
}

troupe_err gate_receive(troupe_self *self, void *state, troupe_msg **msg) {
    (void)self;
    (void)state;
    (void)msg;
    gate_wait();
    return TROUPE_OK;
}
