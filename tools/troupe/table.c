#define _GNU_SOURCE /* vasprintf */
#include "table.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void make_printable(char *text) {
    unsigned char *at = (unsigned char *)text;
    for (; *at; at++) {
        bool c1 = at[0] == 0xc2 && at[1] >= 0x80 && at[1] < 0xa0;
        if (*at < 0x20 || *at == 0x7f) *at = '?';
        if (c1) at[0] = at[1] = '?';
    }
}

void table_add(struct table *table, const char *format, ...) {
    if (table->cells == table->room) {
        size_t room = table->room ? 2 * table->room : 64;
        char **more = realloc(table->cell, room * sizeof *more);
        table->failed |= !more;
        if (!more) return;
        table->cell = more;
        table->room = room;
    }
    char *text = NULL;
    va_list args;
    va_start(args, format);
    int size = vasprintf(&text, format, args);
    va_end(args);
    table->failed |= size < 0;
    if (size < 0) text = NULL;
    if (text) make_printable(text);
    table->cell[table->cells++] = text;
}

/* Columns on the screen: characters, not bytes. */
static size_t width_of(const char *text) {
    size_t width = 0;
    for (; *text; text++) width += ((unsigned char)*text & 0xc0) != 0x80;
    return width;
}

static const char *text_at(const struct table *table, size_t cell) {
    return table->cell[cell] ? table->cell[cell] : "";
}

void table_print(struct table *table) {
    size_t widest[TABLE_COLUMNS] = {0};
    for (size_t i = 0; i < table->cells; i++) {
        size_t width = width_of(text_at(table, i)), *column = &widest[i % table->columns];
        if (width > *column) *column = width;
    }
    for (size_t i = 0; i < table->cells; i++) {
        size_t column = i % table->columns;
        const char *text = text_at(table, i);
        size_t pad = widest[column] - width_of(text);
        bool last = column + 1 == table->columns;
        if (table->right[column]) (void)printf("%*s", (int)pad, "");
        (void)fputs(text, stdout);
        if (!table->right[column] && !last) (void)printf("%*s", (int)pad, "");
        (void)fputs(last ? "\n" : "  ", stdout);
    }
    for (size_t i = 0; i < table->cells; i++) free(table->cell[i]);
    free(table->cell);
    table->cell = NULL;
    table->cells = table->room = 0;
}
