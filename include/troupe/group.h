/* Groups: actors of one runtime under a common name, for who has something for all of them, or for
 * any one (as OTP's `pg`). A group is there as long as it has a member. A member that ends leaves
 * all its groups, before anybody gets a `down` of it or hears that it is GONE; over a restart by
 * its supervisor it stays, as it keeps its ref. Groups are not told to other nodes: each has its
 * own, and who wants to reach a group there sends to an actor that passes on. Any thread. */
#ifndef TROUPE_GROUP_H
#define TROUPE_GROUP_H

#include <troupe/actor.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Makes a living actor of this runtime a member; if it is one, that does nothing, so it may be done
 * in `start`. GONE. INVALID: a name that is empty or longer than TROUPE_NAME_MAX. NOMEM. */
TROUPE_CHECKED troupe_err troupe_join_group(troupe *rt, troupe_ref who, const char *group);

/* Ends that. NOTFOUND: it is no member. */
TROUPE_API troupe_err troupe_leave_group(troupe *rt, troupe_ref who, const char *group);

/* Stores up to `room` members in `who`, in an order that changes with `troupe_send_any`, and
 * returns how many there are; `who` may be NULL if `room` is 0. */
TROUPE_API size_t troupe_members(troupe *rt, const char *group, troupe_ref *who, size_t room);

/* What became of a message to all. */
typedef struct troupe_reach {
    size_t members; /* at the moment of the call */
    size_t reached; /* in whose mailbox it is now; their overflow policy may have dropped it */
} troupe_reach;

/* Sends `*msg` to all who are members now, the running actor too if it is one. They share its body
 * (`troupe_share`). Who has a full mailbox, or has just ended, or for whom there is no memory, is
 * left out, and the others get it all the same: `*reach`, which may be NULL, says how many.
 * INVALID: no message. NOTFOUND: there are no members. NOMEM: nobody was reached for want of
 * memory. In each case the message is still yours. */
TROUPE_CHECKED troupe_err troupe_send_group(troupe_self *self, const char *group, troupe_msg **msg,
                                            troupe_reach *reach);

/* The same from a plain thread, with TROUPE_NOBODY as sender. */
TROUPE_CHECKED troupe_err troupe_post_group(troupe *rt, const char *group, troupe_msg **msg,
                                            troupe_reach *reach);

/* Sends `*msg` to one member, each time to the next one round; one whose mailbox is full is passed
 * over. FULL: all are. NOTFOUND: there are no members. INVALID: no message. In each case the
 * message is still yours. */
TROUPE_CHECKED troupe_err troupe_send_any(troupe_self *self, const char *group, troupe_msg **msg);

/* The same from a plain thread, with TROUPE_NOBODY as sender. */
TROUPE_CHECKED troupe_err troupe_post_any(troupe *rt, const char *group, troupe_msg **msg);

/* Sends `*msg` to the member with the fewest messages waiting or in hand, of several to the next
 * one round; looks at each. If its mailbox is full the others are tried. The errors of
 * `troupe_send_any`. */
TROUPE_CHECKED troupe_err troupe_send_least(troupe_self *self, const char *group, troupe_msg **msg);

/* The same from a plain thread, with TROUPE_NOBODY as sender. */
TROUPE_CHECKED troupe_err troupe_post_least(troupe *rt, const char *group, troupe_msg **msg);

/* Sends `*msg` to the member that a key belongs to: the same one as long as the members are the
 * same. When one comes or goes only those keys move that it gets or had, 1 of N. Looks at each.
 * FULL: that one's mailbox is; nobody else is tried. The other errors of `troupe_send_any`. */
TROUPE_CHECKED troupe_err troupe_send_keyed(troupe_self *self, const char *group, uint64_t key,
                                            troupe_msg **msg);

/* The same from a plain thread, with TROUPE_NOBODY as sender. */
TROUPE_CHECKED troupe_err troupe_post_keyed(troupe *rt, const char *group, uint64_t key,
                                            troupe_msg **msg);

/* --- Pools. A pool is a group whose members are the children of a TROUPE_SIMPLE_ONE_FOR_ONE
 * (<troupe/supervisor.h>), and join in their `start`. It grows by `troupe_start_dynamic_child` and
 * shrinks by `troupe_terminate_dynamic_child`. It admits as much as its mailboxes hold, then FULL
 * comes back at once, with the work: `mailbox_limit` says how long work may wait. What waits for a
 * member that fails is kept for its next life. What it failed on is, as the template says,
 * returned: a dead letter with the reason FAILED, which an asker hears; or done again,
 * `poison_after` times in all. --- */

#ifdef __cplusplus
}
#endif
#endif
