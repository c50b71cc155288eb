/* Topics and their subscriptions. README.md, "Topics". */
#ifndef TR_ACTORS_TOPIC_H
#define TR_ACTORS_TOPIC_H

#include <troupe/topic.h>

#include "base/list.h"
#include "base/map.h"
#include "base/os.h"

typedef struct tr_topics {
    troupe *rt;
    tr_mutex lock;   /* guards all below, and all of each topic and subscription */
    tr_map by_hash;  /* topics, by the hash of the name */
    tr_map by_actor; /* subscriptions, by the id of the actor */
    tr_list voids;   /* subscriptions that are over: who has their envelope ends them */
} tr_topics;

/* The type of what a subscription puts into a mailbox; nobody's `receive` sees it. */
extern const troupe_type tr_topic_type;

/* Makes an empty register. */
void tr_topics_init(tr_topics *topics, troupe *rt);

/* Drops the values that are left and gives the memory back; no actor may be alive. */
void tr_topics_fini(tr_topics *topics);

/* Ends all subscriptions of an actor. */
void tr_topics_forget(tr_topics *topics, uint64_t id);

/* What a subscription has put into an actor's mailbox has come out of it: the message that is first
 * in line there; NULL: it is over. By whoever runs the actor. */
troupe_msg *tr_topic_arrived(troupe_self *self, troupe_msg *envelope);

/* The same, but the actor has ended: then it is NULL. Does nothing to any other message. */
void tr_topic_unwrap(troupe *rt, troupe_msg **msg);

#endif
