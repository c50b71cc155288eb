/* Waiting for SIGTERM and SIGINT, without a handler: a thread that blocks them reads them. */
#ifndef TR_BASE_SIGNALS_H
#define TR_BASE_SIGNALS_H

#include <stdbool.h>
#include <stdint.h>

typedef struct tr_signals {
    int come;  /* descriptors: a signal has come; */
    int woken; /* somebody has called tr_signals_wake */
} tr_signals;

/* Blocks both for the calling thread, and those that it starts. */
void tr_signals_hold(void);
/* Lets both through again. */
void tr_signals_release(void);

/* Makes ready to wait. False: the system has no descriptors. */
bool tr_signals_open(tr_signals *signals);
/* Gives the descriptors back. */
void tr_signals_close(tr_signals *signals);
/* Waits, as a thread that holds both, until one of them has come or somebody has called wake.
 * Returns the signal's number; 0: woken; -1: the deadline has passed. */
int tr_signals_wait(tr_signals *signals, uint64_t deadline);
/* Wakes who waits, or will. Any thread. */
void tr_signals_wake(tr_signals *signals);

#endif
