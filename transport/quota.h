/* How much a peer may say: so many frames and bytes a second, and some at once. Pure arithmetic
 * over the time (the generic cell rate algorithm of ATM): each costs a time, and a peer that has
 * used up more than has passed, and its allowance, is not read until that is made up for. */
#ifndef TR_TRANSPORT_QUOTA_H
#define TR_TRANSPORT_QUOTA_H

#include <stddef.h>
#include <stdint.h>

/* What a node allows each peer. */
typedef struct tr_rates {
    uint64_t frames, bytes; /* a second; 0: any */
    uint64_t burst;         /* ns of them that may come at once */
} tr_rates;

/* What one peer has used: until when, at its rate, it would have said all that it has. */
typedef struct tr_quota {
    uint64_t frames, bytes; /* ns, on the clock of `now` */
} tr_quota;

/* Counts what has come. 0: go on; else the time until which the peer is not to be read, which is no
 * more than TR_QUOTA_PAUSE after now. */
uint64_t tr_quota_take(tr_quota *quota, const tr_rates *rates, uint64_t now, uint64_t frames,
                       uint64_t bytes);

/* Longer a peer is never left unread, as its end would not be seen. */
#define TR_QUOTA_PAUSE UINT64_C(1000000000)

#endif
