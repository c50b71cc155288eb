/* The sending side of flow control (window.h): what a link knows of the actors that it sends to,
 * and the messages that it keeps until the other side has said that they are in the mailbox. It
 * does not lock. */
#ifndef TR_TRANSPORT_OUTGOING_H
#define TR_TRANSPORT_OUTGOING_H

#include <troupe/actor.h>

#include "base/list.h"
#include "base/map.h"

enum {
    TR_WINDOW_FIRST = 16, /* messages that may be sent to an actor before its first grant */
    TR_WINDOW_MOST = 4096, /* messages that may be on the way to one actor over one link at most */
    TR_KEPT_MOST = 8 << 20, /* bytes of those, but for the last of them */
    TR_KEPT_ALL = 256 << 20, /* the same for all actors of a link, which a peer that acknowledges
                              * none of them may make a node keep */
    TR_TARGETS_MOST = 1 << 20 /* actors of a peer that are sent to: it may name any number */
};

/* What a link knows of the actors that it sends to. */
typedef struct tr_outgoing {
    tr_map by_target;
    struct tr_target *last; /* the entry that was looked for last; NULL: that is not there */
    size_t gone;            /* entries of actors that have ended */
    size_t kept_units;      /* of all that is kept, in SIZE_UNIT */
    bool refused;           /* a message was FULL since that, or the entries, are too many */
    bool stale;             /* some that are kept may be acknowledged */
    const troupe_heap *heap;
} tr_outgoing;

/* Makes it empty. */
void tr_outgoing_init(tr_outgoing *out, const troupe_heap *heap);
/* How many messages were sent to an actor over this link. */
uint64_t tr_outgoing_count(tr_outgoing *out, uint64_t target);
/* Gives its memory back. */
void tr_outgoing_fini(tr_outgoing *out);
/* Whether one more message may be sent to `target`. FULL, GONE, NOMEM. */
troupe_err tr_outgoing_may_send(tr_outgoing *out, uint64_t target);
/* One was sent; `may_send` said OK just before. */
void tr_outgoing_sent(tr_outgoing *out, uint64_t target);
/* The same of a message, which is taken; `size` are its bytes on the way, `from` its sender, who
 * is of this runtime, or nobody. */
void tr_outgoing_keep(tr_outgoing *out, uint64_t target, uint64_t from, size_t size,
                      troupe_msg **msg);
/* The peer has that many in all in the mailbox. What was kept of them is dropped a little later, by
 * who sends next: its blocks are in the cache of a thread that needs some, and the net's thread
 * does not keep that one waiting meanwhile. */
void tr_outgoing_acked(tr_outgoing *out, uint64_t target, uint64_t accepted);
/* Whether messages were FULL for what is kept for all actors, or their number, and it is worth to
 * try again. */
bool tr_outgoing_eased(tr_outgoing *out);
/* Drops all that is acknowledged: for when nobody sends any more. */
void tr_outgoing_trim(tr_outgoing *out);
/* Whether something was sent to a target, and more may be now. */
bool tr_outgoing_has_room(tr_outgoing *out, uint64_t target);
/* Gives all that is kept to `lost`, in the order of each target, and forgets it. */
void tr_outgoing_lose(tr_outgoing *out, void (*lost)(void *ctx, uint64_t target, troupe_msg *msg),
                      void *ctx);
/* The peer has granted: `granted` messages in all. Never less than before. */
void tr_outgoing_granted(tr_outgoing *out, uint64_t target, uint64_t granted);
/* The peer says that the actor has ended: STOPPED: in good order; anything else is GONE. */
void tr_outgoing_gone(tr_outgoing *out, uint64_t target, troupe_err how);
/* How that one has ended, as the peer has said; GONE: it has not, or long ago. */
troupe_err tr_outgoing_ended(tr_outgoing *out, uint64_t target);

#endif
