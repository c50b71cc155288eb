/* Topics: what is published under a name comes to all actors of this runtime that have subscribed
 * to it, as a message of its own around one body that is never copied. A topic may keep its latest
 * value, which every new subscriber gets first, and anybody can look at (as Tokio's `watch`). What
 * a subscriber has not handled yet waits in its subscription, not in its mailbox, which holds at
 * most a mark for each subscription, beyond its bound: so a topic can't fill the mailbox of a slow
 * subscriber, nor slow a publisher down, and the other mail of a subscriber comes in between. All
 * subscribers of a topic get what they get in one order. There is no order between that and what is
 * sent to an actor directly. Topics are not told to other nodes: each has its own, and an actor
 * that has subscribed here can pass on to one there that publishes. */
#ifndef TROUPE_TOPIC_H
#define TROUPE_TOPIC_H

#include <troupe/group.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What becomes of what is published while as much as its subscription holds waits for a subscriber.
 * The others get it all the same. */
typedef enum troupe_lag {
    TROUPE_LAG_MISS,        /* this one misses it, which its publisher hears */
    TROUPE_LAG_DROP_NEWEST, /* it is dropped, and its publisher goes on as if it were in */
    TROUPE_LAG_DROP_OLDEST, /* the oldest that waits is dropped, and it goes in */
    /* It takes the place of all that waits: only the latest counts, and nothing was missed. The
     * subscription holds one. */
    TROUPE_LAG_LATEST
} troupe_lag;

/* How many messages may wait in a subscription that says 0. */
enum { TROUPE_SUBSCRIPTION_DEFAULT = 64 };

/* Subscribes the running actor to a topic; `depth` messages may wait (0: as above; for
 * TROUPE_LAG_LATEST it is 1 in any case). If the topic has a value, that comes first. To subscribe
 * again changes how, and nothing else. A subscription ends with this life of the actor, and so does
 * what waits in it; its place in the mailbox is made here. What comes has no sender.
 * INVALID: a name that is empty or longer than TROUPE_NAME_MAX, or no such `lag`. NOMEM. */
TROUPE_CHECKED troupe_err troupe_subscribe(troupe_self *self, const char *topic, troupe_lag lag,
                                           uint32_t depth);

/* Ends that. Nothing of it comes any more, also if it waits already. NOTFOUND: there is none. */
TROUPE_API troupe_err troupe_unsubscribe(troupe_self *self, const char *topic);

/* How many messages of a topic the running actor did not get, because its subscription was full or
 * for want of memory, since it has subscribed or last asked; what the latest has replaced does not
 * count. NOTFOUND: it has not subscribed. */
TROUPE_CHECKED troupe_err troupe_missed(troupe_self *self, const char *topic, uint64_t *missed);

/* Publishes `*msg`; never waits. `*reach`, which may be NULL, says how many have subscribed, and
 * how many have not missed it. Without subscribers it is dropped. What is dropped because a
 * subscription is full is a dead letter with the reason DROPPED; one that nobody subscribes to is
 * none. Any thread. INVALID: no message, which is still yours. */
TROUPE_CHECKED troupe_err troupe_publish(troupe *rt, const char *topic, troupe_msg **msg,
                                         troupe_reach *reach);

/* The same, and `*msg` is the value of the topic until another is set, or it is cleared. Any
 * thread. INVALID: no message, or a name that is empty or too long. NOMEM: nothing has happened. In
 * both cases the message is still yours. */
TROUPE_CHECKED troupe_err troupe_set_value(troupe *rt, const char *topic, troupe_msg **msg,
                                           troupe_reach *reach);

/* Gives a message with the value of a topic, which shares its body. Any thread. NOTFOUND: it has
 * none. NOMEM. On an error `*out` is NULL. */
TROUPE_CHECKED troupe_err troupe_value(troupe *rt, const char *topic, troupe_msg **out);

/* Takes the value away; who has subscribed is not told. Any thread. NOTFOUND: there is none. */
TROUPE_API troupe_err troupe_clear_value(troupe *rt, const char *topic);

#ifdef __cplusplus
}
#endif
#endif
