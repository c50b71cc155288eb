#include "base/sheet.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

tr_sheet tr_sheet_on(char *text, size_t room) {
    text[0] = '\0';
    return (tr_sheet){text, 0, room, false};
}

void tr_sheet_put(tr_sheet *sheet, const char *format, ...) {
    if (sheet->full) return;
    va_list args;
    va_start(args, format);
    int n = vsnprintf(sheet->text + sheet->used, sheet->room - sheet->used, format, args);
    va_end(args);
    sheet->full = n < 0 || (size_t)n >= sheet->room - sheet->used;
    sheet->used = sheet->full ? sheet->room - 1 : sheet->used + (size_t)n;
}

/* Whether a byte begins a character of UTF-8, or is one. */
static bool begins(char byte) {
    return ((unsigned char)byte & 0xC0) != 0x80;
}

void tr_sheet_quote(tr_sheet *sheet, const char *text, size_t most) {
    size_t size = strlen(text), shown = size < most ? size : most;
    while (shown < size && shown > 0 && !begins(text[shown])) shown--;
    tr_sheet_put(sheet, "\"");
    for (size_t i = 0; i < shown; i++) {
        const unsigned char byte = (unsigned char)text[i];
        if (byte == '"' || byte == '\\')
            tr_sheet_put(sheet, "\\%c", byte);
        else if (byte == '\n')
            tr_sheet_put(sheet, "\\n");
        else if (byte < 0x20 || byte == 0x7F)
            tr_sheet_put(sheet, "\\x%02x", byte);
        else
            tr_sheet_put(sheet, "%c", byte);
    }
    if (shown < size)
        tr_sheet_put(sheet, "\"... (%zu bytes)", size);
    else
        tr_sheet_put(sheet, "\"");
}

void tr_sheet_end(tr_sheet *sheet) {
    if (!sheet->full || sheet->room < 4) return;
    while (sheet->used > sheet->room - 4 || (sheet->used && !begins(sheet->text[sheet->used])))
        sheet->used--;
    memcpy(sheet->text + sheet->used, "...", 4);
    sheet->used += 3;
}
