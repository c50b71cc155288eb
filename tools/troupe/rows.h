/* The tree of a node, all pages of it. */
#ifndef TROUPE_TOOL_ROWS_H
#define TROUPE_TOOL_ROWS_H

#include <stddef.h>
#include <stdint.h>

#include "session.h"

struct rows {
    const struct troupe_console_row **at; /* they are in the pages */
    size_t count;
    uint64_t at_ms, left_out;
    troupe_msg **page;
    size_t pages;
};

/* Gets them. False: standard error was told why, and there are none. */
bool rows_get(struct session *session, struct rows *rows);

/* Gives their memory back. */
void rows_free(struct rows *rows);

#endif
