/* How values are written. */
#ifndef TROUPE_TOOL_PRINT_H
#define TROUPE_TOOL_PRINT_H

#include <jansson.h>
#include <stdint.h>
#include <troupe/console.h>

struct short_text {
    char text[32];
};

/* A ref as it can be said on the command line: "@12.1". */
struct short_text ref_text(troupe_ref ref);

/* An incarnation. */
struct short_text hex_text(uint64_t number);

/* Milliseconds for people: "12 ms", "3.4 s", "2 h 05 min"; below 0: "". */
struct short_text span_text(int64_t ms);

/* A row of the tree. */
json_t *row_json(const struct troupe_console_row *row);

/* Prints a value on a line of its own, and frees it. */
void print_json(json_t *json);

#endif
