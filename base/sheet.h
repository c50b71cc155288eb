/* A sheet: text that is written piece by piece into a given room, and cut where that ends. */
#ifndef TR_BASE_SHEET_H
#define TR_BASE_SHEET_H

#include <stdbool.h>
#include <stddef.h>

typedef struct tr_sheet {
    char *text; /* always ends in a NUL */
    size_t used, room;
    bool full; /* something did not fit; nothing more is written then */
} tr_sheet;

/* A sheet on `room` bytes, at least 1. */
tr_sheet tr_sheet_on(char *text, size_t room);

/* Writes on. */
void tr_sheet_put(tr_sheet *sheet, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Writes a text in double quotes, as C would: nothing in it ends the line or is unprintable. One of
 * more than `most` bytes is cut between two characters, and its size written behind it. */
void tr_sheet_quote(tr_sheet *sheet, const char *text, size_t most);

/* Lets a sheet on which something did not fit end in "...", if there is room for that. */
void tr_sheet_end(tr_sheet *sheet);

#endif
