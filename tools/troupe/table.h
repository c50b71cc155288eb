/* Text in columns, and texts that came from elsewhere. */
#ifndef TROUPE_TOOL_TABLE_H
#define TROUPE_TOOL_TABLE_H

#include <stdbool.h>
#include <stddef.h>

enum { TABLE_COLUMNS = 10 };

/* Rows of texts; all zero, but for `right`, is an empty table. */
struct table {
    size_t columns;
    bool right[TABLE_COLUMNS]; /* columns of numbers */
    char **cell;               /* row by row */
    size_t cells, room;
    bool failed; /* there was no memory */
};

/* Adds a cell, printed as by printf; control characters in it become '?'. */
void table_add(struct table *table, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Prints it, each column as wide as it must be, but for the last, and frees it. */
void table_print(struct table *table);

/* Replaces control characters, which a terminal might obey. */
void make_printable(char *text);

#endif
