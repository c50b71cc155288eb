/* Members of groups: peers are told of ours, and tell of theirs. README.md, "Groups". */
#ifndef TR_TRANSPORT_GROUPS_H
#define TR_TRANSPORT_GROUPS_H

#include "transport/node.h"

/* Members of this node have come or gone, or a link is new: has peers be told. Under the lock. */
void tr_groups_news(struct troupe_node *node);

/* Tells a peer what it does not know yet, unless it reads too little or there is no memory, for
 * which there is the next tick. The keeper. */
void tr_groups_tell_peer(tr_peer_link *link);

/* Tells all, if there is news. The keeper, under the lock, which it gives back meanwhile. */
void tr_groups_tell_all(struct troupe_node *node);

/* A GROUP frame has come. MALFORMED, NOMEM. */
TR_CHECKED troupe_err tr_groups_told(tr_peer_link *link, const tr_frame *frame);

#endif
