/* Groups: actors under a common name, for who has something for all of them, or for any one (as
 * OTP's `pg`). A group is there as long as it has a member. A member that ends leaves all its
 * groups, before anybody of its runtime gets a `down` of it or hears that it is GONE; over a
 * restart by its supervisor it stays, as it keeps its ref.
 * Nodes that are connected tell each other of their members, but for those of pools: so a group
 * has the members of all of them. There is no agreement: each node sees what it was told so far,
 * mostly within a millisecond, and a `down` may come before it hears that a member has left. With
 * a connection its members are lost, and they are told anew with the next, so partitions heal. Of
 * one node 16,384 memberships are kept; those beyond are not seen, which is reported. Any
 * thread. */
#ifndef TROUPE_GROUP_H
#define TROUPE_GROUP_H

#include <troupe/actor.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Makes a living actor of this runtime a member; if it is one, that does nothing, so it may be done
 * in `start`. GONE. INVALID: a name that is empty or longer than TROUPE_NAME_MAX. NOMEM. */
TROUPE_CHECKED troupe_err troupe_join_group(troupe *rt, troupe_ref who, const char *group);

/* Ends that. NOTFOUND: it is no member, or of another node. */
TROUPE_API troupe_err troupe_leave_group(troupe *rt, troupe_ref who, const char *group);

/* Stores up to `room` members in `who`, in an order that changes with `troupe_send_any`, and
 * returns how many there are; `who` may be NULL if `room` is 0. */
TROUPE_API size_t troupe_members(troupe *rt, const char *group, troupe_ref *who, size_t room);

/* The body of the message that says that a group has changed: how many have joined and left since
 * the last such message, or since it is watched, and how many members there are now. */
struct troupe_group_changed {
    uint64_t watch; /* the number that `troupe_watch_group` gave */
    uint64_t joined, left;
    uint64_t members;
};
/* Its type: `const struct troupe_group_changed *news = troupe_as(*msg, &...type)`. It has no
 * sender. */
TROUPE_API extern const troupe_type troupe_group_changed_type;

/* Watches a group, which need not be there: the running actor gets a `troupe_group_changed` after
 * each change (as OTP's `pg:monitor`, told in one message if it has not handled the last by then,
 * so it lists the members to know who they are). What has changed by ends is told, too, and so is
 * the end of the group, as 0 members. Stores up to `room` members in `who`, and how many there are
 * in `*members`: just these, and what is told from then on, with no gap in between. Both may be
 * NULL, if `room` is 0.
 * There is at most one message of a watch in the mailbox, beyond its bound, and its memory is taken
 * here: so it always comes. Who keeps it, sends it on or shares it needs another one at the end of
 * that callback, and fails with NOMEM if there is no memory for that. A watch ends with this life
 * of the actor. `*watch`, which may be NULL, tells it from others, also of the same group.
 * INVALID: a name as above. NOMEM. */
TROUPE_CHECKED troupe_err troupe_watch_group(troupe_self *self, const char *group, troupe_ref *who,
                                             size_t room, size_t *members, uint64_t *watch);

/* Ends that. Nothing of it comes any more, also if it waits already. NOTFOUND: it is over. */
TROUPE_API troupe_err troupe_unwatch_group(troupe_self *self, uint64_t watch);

/* What became of a message to all. */
typedef struct troupe_reach {
    size_t members; /* at the moment of the call */
    /* In whose mailbox it is now, or on its way there to another node; their overflow policy may
     * have dropped it. */
    size_t reached;
} troupe_reach;

/* Sends `*msg` to all who are members now, on all nodes, the running actor too if it is one. They
 * share its body (`troupe_share`). Who has a full mailbox, or no credit, has just ended, or is not
 * connected any more, or for whom there is no memory, is left out, and the others get it all the
 * same: `*reach`, which may be NULL, says how many.
 * INVALID: no message. NOTFOUND: there are no members. NOMEM: nobody was reached for want of
 * memory. In each case the message is still yours. */
TROUPE_CHECKED troupe_err troupe_send_group(troupe_self *self, const char *group, troupe_msg **msg,
                                            troupe_reach *reach);

/* The same from a plain thread, with TROUPE_NOBODY as sender. */
TROUPE_CHECKED troupe_err troupe_post_group(troupe *rt, const char *group, troupe_msg **msg,
                                            troupe_reach *reach);

/* Sends `*msg` to one member of this node, each time to the next one round; one whose mailbox is
 * full is passed over. Only if this node has none it goes to those of others. FULL: all are.
 * NOTFOUND: there are no members. INVALID: no message. In each case the message is still yours. */
TROUPE_CHECKED troupe_err troupe_send_any(troupe_self *self, const char *group, troupe_msg **msg);

/* The same from a plain thread, with TROUPE_NOBODY as sender. */
TROUPE_CHECKED troupe_err troupe_post_any(troupe *rt, const char *group, troupe_msg **msg);

/* Sends `*msg` to the member of this node with the fewest messages waiting or in hand, of several
 * to the next one round; looks at each. Only if this node has none it goes to any of the others.
 * If its mailbox is full the others are tried. The errors of `troupe_send_any`. */
TROUPE_CHECKED troupe_err troupe_send_least(troupe_self *self, const char *group, troupe_msg **msg);

/* The same from a plain thread, with TROUPE_NOBODY as sender. */
TROUPE_CHECKED troupe_err troupe_post_least(troupe *rt, const char *group, troupe_msg **msg);

/* Sends `*msg` to the member that a key belongs to, on any node: the same one as long as the
 * members are the same, for all nodes that see the same ones. When one comes or goes only those
 * keys move that it gets or had, 1 of N. Looks at each. FULL: that one's mailbox is; nobody else
 * is tried. The other errors of `troupe_send_any`. */
TROUPE_CHECKED troupe_err troupe_send_keyed(troupe_self *self, const char *group, uint64_t key,
                                            troupe_msg **msg);

/* The same from a plain thread, with TROUPE_NOBODY as sender. */
TROUPE_CHECKED troupe_err troupe_post_keyed(troupe *rt, const char *group, uint64_t key,
                                            troupe_msg **msg);

/* A group of dynamic children that is started, grown and bounded as one: <troupe/pool.h>. */

#ifdef __cplusplus
}
#endif
#endif
