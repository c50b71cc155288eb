/* A talk with the console of a node. */
#ifndef TROUPE_TOOL_SESSION_H
#define TROUPE_TOOL_SESSION_H

#include <stdbool.h>
#include <troupe/console.h>

#include "options.h"

struct session {
    troupe *rt;
    troupe_node *node;
    troupe_ref console;
    char peer[TROUPE_NAME_MAX + 1];
    const struct options *options;
};

/* Connects. False: standard error was told why. To be closed in each case. */
bool session_open(struct session *session, const struct options *options);

/* Asks, and waits for an answer of type `wanted`, which is the caller's; `more_ms` longer than
 * usual. NULL: standard error was told why. */
troupe_msg *session_ask(struct session *session, const troupe_type *type, const void *body,
                        const troupe_type *wanted, unsigned more_ms);

/* Ends it. */
void session_close(struct session *session);

/* Writes a line for people to standard error. */
void complain(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
