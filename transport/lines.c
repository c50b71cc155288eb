#include "transport/lines.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "serial/utf8.h"

/* Bytes of the UTF-8 character at `at`, of which there are `left`; 0: it is none, or one that does
 * more than to be seen. */
static size_t printable(const unsigned char *at, size_t left) {
    if (*at < 0x80) return *at >= 0x20 && *at != 0x7f && *at != '\\';
    size_t size = *at >= 0xf0 ? 4 : *at >= 0xe0 ? 3 : 2;
    bool control = *at == 0xc2 && left > 1 && at[1] < 0xa0; /* C1: some terminals obey those */
    return size > left || control || tr_utf8_flaw((const char *)at, size) ? 0 : size;
}

/* Writes the character at `at` and returns how many bytes it had; `piece` gets its text. */
static size_t piece_of(const unsigned char *at, size_t left, char piece[static 5]) {
    size_t size = printable(at, left);
    if (size) {
        memcpy(piece, at, size);
        piece[size] = 0;
        return size;
    }
    if (*at == '\t')
        memcpy(piece, "\t", 2);
    else if (*at == '\\')
        memcpy(piece, "\\\\", 3);
    else
        (void)snprintf(piece, 5, "\\x%02x", *at);
    return 1;
}

void tr_line_text(const char *data, size_t size, char *text, size_t room) {
    char rest[48] = "", piece[5];
    size_t used = 0, done = 0, most = size < TR_LINE_MOST ? size : TR_LINE_MOST;
    while (done < most) {
        size_t step = piece_of((const unsigned char *)data + done, most - done, piece);
        size_t width = strlen(piece);
        if (used + width + sizeof rest > room) break;
        memcpy(text + used, piece, width);
        used += width;
        done += step;
    }
    if (done < size) (void)snprintf(rest, sizeof rest, "... and %zu bytes more", size - done);
    memcpy(text + used, rest, strlen(rest) + 1);
}

static void give(tr_lines *lines, tr_line_taker *take, void *ctx) {
    char text[TR_LINE_ROOM];
    size_t size = lines->size;
    if (size && size <= TR_LINE_MOST && lines->kept[size - 1] == '\r') size--;
    tr_line_text(lines->kept, size, text, sizeof text);
    lines->size = 0;
    take(ctx, text);
}

static void add(tr_lines *lines, const char *data, size_t size) {
    size_t room = lines->size < TR_LINE_MOST ? TR_LINE_MOST - lines->size : 0;
    if (room) memcpy(lines->kept + lines->size, data, size < room ? size : room);
    lines->size += size;
}

void tr_lines_feed(tr_lines *lines, const void *data, size_t size, tr_line_taker *take, void *ctx) {
    const char *at = data, *end = at + size;
    while (at < end) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        add(lines, at, (size_t)((newline ? newline : end) - at));
        if (!newline) return;
        give(lines, take, ctx);
        at = newline + 1;
    }
}

void tr_lines_end(tr_lines *lines, tr_line_taker *take, void *ctx) {
    if (lines->size) give(lines, take, ctx);
}
