/* The handshake: both sides prove that they know the secret before anything else is read.
 *
 *     dialer                         listener
 *     HELLO version, identity, nonce ->
 *                                  <- CHALLENGE version, identity, nonce
 *     PROOF mac                     ->  (checked first: a stranger learns nothing)
 *                                  <- WELCOME mac, or ALREADY mac
 *
 * Each mac is libsodium's crypto_auth over a role text and the exact bytes of HELLO and CHALLENGE,
 * keyed by a hash of the secret, so it binds both nonces, names, incarnations and versions, and a
 * dialer's can't be replayed as a listener's. Pure: bytes in, bytes out; no I/O, no clock. */
#ifndef TR_TRANSPORT_HANDSHAKE_H
#define TR_TRANSPORT_HANDSHAKE_H

#include <troupe/actor.h>

#include "base/check.h"
#include "transport/wire.h"

enum {
    TR_KEY_SIZE = 32,
    TR_NONCE_SIZE = 32,
    TR_MAC_SIZE = 32,
    /* the tail of HELLO and of CHALLENGE: version, incarnation, nonce, length of the name, name */
    TR_HELLO_MIN = 2 + 8 + TR_NONCE_SIZE + 1 + 1,
    TR_HELLO_MAX = TR_HELLO_MIN - 1 + TROUPE_NAME_MAX
};

typedef struct tr_identity {
    char name[TROUPE_NAME_MAX + 1]; /* 1 to TROUPE_NAME_MAX bytes */
    uint64_t node;                  /* incarnation, never 0 */
} tr_identity;

/* Derives the key that a node keeps from its secret. */
void tr_handshake_key(const void *secret, size_t size, unsigned char key[TR_KEY_SIZE]);

typedef struct tr_handshake {
    bool dialer;
    bool already;         /* the peer is proved, but has, or will have, another connection to us */
    unsigned expects;     /* the kind of the next frame from the peer; 0: none, it is over */
    tr_identity me, peer; /* `peer` is proved once a call returned OK */
    unsigned char key[TR_KEY_SIZE];
    unsigned char said[2 * TR_HELLO_MAX]; /* HELLO's and CHALLENGE's tails, in that order */
    size_t said_size;
} tr_handshake;

/* Starts one side; the dialer's HELLO is appended to `out`. NOMEM. */
TR_CHECKED troupe_err tr_handshake_begin(tr_handshake *hs, bool dialer, const tr_identity *me,
                                             const unsigned char key[TR_KEY_SIZE], tr_buffer *out);

/* Takes the peer's next frame; the answer is appended to `out`. OK: done, the peer is proved (send
 * `out` all the same). LATER: goes on. REFUSED: wrong secret, wrong version, the peer's incarnation
 * is our own, or the peer refuses us; MALFORMED: not the frame that was due. On these two `out`
 * gets a REFUSE frame where it may help the peer, and `why` (may be NULL, `room` bytes) the reason
 * for our log. NOMEM. After anything but LATER it is over: any further frame is MALFORMED. */
TR_CHECKED troupe_err tr_handshake_input(tr_handshake *hs, const tr_frame *frame,
                                             tr_buffer *out, char *why, size_t room);

/* Makes the listener's last answer, which is all that `answer` holds, say ALREADY. */
void tr_handshake_already(tr_buffer *answer);

/* Forgets the key and what was said; `peer` stays. To be called once begun, whatever came of it. */
void tr_handshake_end(tr_handshake *hs);

#endif
