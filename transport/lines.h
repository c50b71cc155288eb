/* Bytes that a program has written, in pieces as they come, as lines that a log can take: of
 * bounded length, and without what a terminal or a reader of logs would take for more than text. */
#ifndef TR_TRANSPORT_LINES_H
#define TR_TRANSPORT_LINES_H

#include <stddef.h>

enum {
    TR_LINE_MOST = 512, /* bytes of a line that are kept; those that follow are counted */
    TR_LINE_ROOM = 840  /* a line as text, with the NUL */
};

/* Takes a line, which lasts as long as the call. */
typedef void tr_line_taker(void *ctx, const char *line);

/* One stream; all zero is its beginning. */
typedef struct tr_lines {
    size_t size; /* of the line that has begun, which may be more than is kept */
    char kept[TR_LINE_MOST];
} tr_lines;

/* Takes the next bytes, and gives each line that is complete to `take`. */
void tr_lines_feed(tr_lines *lines, const void *data, size_t size, tr_line_taker *take, void *ctx);

/* The stream has ended: what has begun is a line too. */
void tr_lines_end(tr_lines *lines, tr_line_taker *take, void *ctx);

/* Writes bytes as one line of text, NUL-terminated: UTF-8 stays, but for control characters, and
 * all other bytes become \xHH, a backslash \\. What does not fit is left out, and how many of
 * `size` bytes that were (of them only `TR_LINE_MOST` are looked at) stands at the end. */
void tr_line_text(const char *data, size_t size, char *text, size_t room);

#endif
