/* How much the silence of a peer is suspected: the phi-accrual failure detector (Hayashibara,
 * Défago, Yared, Katayama 2004). It learns how far apart a peer's heartbeats come, and says of a
 * silence how unlikely it is that the next one is merely late: phi is -log10 of that, so that at
 * phi 8 one of a hundred million heartbeats would be as late. From that, and from two bounds, it
 * says after which silence the peer is given up. docs/decisions/0035 says why it is as it is.
 *
 * Pure: intervals in, suspicion out. Time is given, in nanoseconds of any clock that does not go
 * back; memory is what is here; the arithmetic is of integers, so that the same beats give the same
 * answer everywhere. No lock: the owner has one. */
#ifndef TR_TRANSPORT_SUSPICION_H
#define TR_TRANSPORT_SUSPICION_H

#include <stdbool.h>
#include <stdint.h>

enum {
    TR_SUSPICION_SAMPLES = 128, /* intervals that are remembered */
    TR_SUSPICION_MOST = 2312    /* the greatest phi that is told, in hundredths */
};

/* What is asked of a detector. Constant for a node. */
typedef struct tr_suspicion_limits {
    uint64_t beat;   /* ns; how often a peer is expected to beat, before any beat was heard */
    uint64_t spread; /* ns; the least standard deviation: a clock is never as good as its past */
    uint64_t sure;   /* ns; never given up before a heartbeat is overdue for that long */
    uint64_t lost;   /* ns; given up after a silence of that at the latest, whatever was usual */
    unsigned phi;    /* hundredths; given up at that suspicion */
} tr_suspicion_limits;

/* What is known of one peer. */
typedef struct tr_suspicion {
    uint64_t last;  /* the last beat, ns; meaningful if `follows` */
    bool follows;   /* the next beat makes an interval with it */
    uint32_t count; /* of `us` that are set */
    uint32_t next;  /* of `us`: the oldest, once all are */
    uint32_t us[TR_SUSPICION_SAMPLES]; /* intervals, microseconds */
} tr_suspicion;

/* Of a peer that was not heard yet. It is taken for one that beats as expected, but not very
 * exactly: two intervals, a quarter less and a quarter more, as Akka does. */
void tr_suspicion_begin(tr_suspicion *s, const tr_suspicion_limits *limits);

/* A heartbeat has come. */
void tr_suspicion_beat(tr_suspicion *s, uint64_t now);

/* We have not listened for a while: the time until the next beat says nothing of the peer. */
void tr_suspicion_skip(tr_suspicion *s);

/* What a silence of so many nanoseconds is suspected, in hundredths: 0 to TR_SUSPICION_MOST. */
unsigned tr_suspicion_phi(const tr_suspicion *s, const tr_suspicion_limits *limits,
                          uint64_t silence);

/* The silence, in nanoseconds, after which the peer is given up: when suspicion comes to
 * `limits->phi`, but not before `limits->sure` beyond the usual interval, and never after
 * `limits->lost`. */
uint64_t tr_suspicion_patience(const tr_suspicion *s, const tr_suspicion_limits *limits);

#endif
