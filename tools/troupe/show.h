/* The commands: each returns the status to exit with. */
#ifndef TROUPE_TOOL_SHOW_H
#define TROUPE_TOOL_SHOW_H

#include "session.h"

/* The node and its peers. */
int show_node(struct session *session);

/* All actors. */
int show_tree(struct session *session);

/* The busiest actors, until it is interrupted. */
int show_top(struct session *session);

/* Sends a message. */
int act_send(struct session *session);

/* Stops an actor. */
int act_stop(struct session *session);

#endif
