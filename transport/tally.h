/* How many monitors and links cross one connection, by who has made them: what the peer may have
 * here, and how many of its signals may wait for mailboxes. Pure; it does not lock. */
#ifndef TR_TRANSPORT_TALLY_H
#define TR_TRANSPORT_TALLY_H

#include "base/check.h"
#include "transport/wire.h"

typedef struct tr_tally {
    size_t limit;   /* of theirs; constant */
    size_t theirs;  /* monitors and links that the peer has here */
    size_t most;    /* as many as there ever were of theirs at once */
    size_t awaited; /* of ours: those whose end has not come, and still may */
} tr_tally;

/* The peer makes one more. False: that is more than it may. */
TR_CHECKED bool tr_tally_begin(tr_tally *tally);
/* One is over, as the peer has said, or has been taken back: of theirs, or of ours. */
void tr_tally_end(tr_tally *tally, bool theirs);
/* What a frame that was said to the peer makes of it. */
void tr_tally_said(tr_tally *tally, const tr_frame *frame);
/* How many signals of the peer may wait: an end of each of ours; each link of theirs, and its end;
 * and some that come late, of what is over already. */
size_t tr_tally_signals(const tr_tally *tally);

#endif
