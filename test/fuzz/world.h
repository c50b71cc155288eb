/* A world for fuzzers of what comes over a wire: in a simulation a node that is attacked, a good
 * peer of it that must be served whatever happens, and a rogue on a raw stream. */
#ifndef TROUPE_TEST_FUZZ_WORLD_H
#define TROUPE_TEST_FUZZ_WORLD_H

#include <troupe/remote.h>
#include <troupe/simulation.h>
#include <troupe/troupe.h>

#include "test/fuzz/fuzz.h"
#include "test/support/counting_heap.h"
#include "transport/handshake.h"
#include "transport/stream.h"

/* What the actors of the node are told to do, by anybody. */
enum { ACT_NOTHING, ACT_ANSWER, ACT_WATCH, ACT_TELL, ACT_PASS_ON, ACT_FAIL, ACT_END, ACTS };

struct order {
    uint32_t act;
    troupe_ref who; /* with whom; only of the rogue's node is it obeyed */
    const char *text;
    troupe_bytes data;
};
extern const troupe_type order_type;

enum { KNOWN_MOST = 8 };

/* The rogue's end of a stream. */
typedef struct rogue {
    tr_stream *stream; /* NULL: there is none */
    tr_buffer in, filling, flying;
    size_t used; /* bytes of `in` that were looked at */
    bool busy, closed;
    bool shakes; /* answers frames of the handshake by `shake` */
    bool dialer; /* it dialed; else the node did */
    bool honest; /* what the node says may be answered, and is looked at */
    tr_handshake shake;
    troupe_err outcome;         /* of the handshake; LATER until then */
    unsigned welcomes;          /* WELCOME frames that came */
    uint64_t known[KNOWN_MOST]; /* numbers and ids that the node has said, the last ones */
    unsigned knows;
} rogue;

typedef struct world {
    troupe_sim *sim;
    counting_heap heap; /* the node's */
    size_t bytes;       /* of it, once the good peer is connected */
    troupe *rt, *good_rt, *rogue_rt;
    troupe_node *node, *good;
    troupe_ref hand;   /* an actor of the node that does not end */
    troupe_ref brief;  /* one that may */
    troupe_ref friend; /* one of the good peer, which the node watches */
    size_t sends, others,
        raw;               /* frames that the rogue said, SEND with credit and others, and bytes */
    size_t waits;          /* of them, for the spawner; it may be that none is handled */
    size_t orders;         /* that the node's actors got from elsewhere than the good peer */
    size_t watched, told;  /* monitors of the hand on the rogue, and their ends */
    unsigned downs;        /* of the friend */
    unsigned connected;    /* lines of the log that say so */
    tr_listener *listener; /* of the rogue; NULL: none */
    rogue rogue;
    void (*heard)(void *ctx, const tr_frame *frame); /* what the node said; NULL: nobody listens */
    void *ctx;
} world;

/* Opens the one world, whose chances come from `seed`. */
world *world_open(uint64_t seed);
/* Looks that the node still serves its good peer, that it has given back what the rogue cost it,
 * and that all balances; then ends everything. */
void world_close(world *w);

/* Dials the node. */
void rogue_dial(world *w);
/* Listens at `rogue_url`; the node's next stream is the rogue's. */
void rogue_listen(world *w);
/* Ends the rogue's stream, if there is one. */
void rogue_end(world *w);
/* Begins an honest handshake as that node, with that secret, to go on by itself. */
void rogue_shake(world *w, const tr_identity *me, const char *secret);
/* Sends bytes, or one frame, as soon as the stream is free; dropped if there is none. */
void rogue_say(world *w, const void *bytes, size_t size);
void rogue_say_frame(world *w, const tr_frame *frame);

extern const char rogue_url[], node_url[], world_secret[];

#endif
