#include "scan.h"

#include <stdlib.h>

enum { FIRST_ROOM = 256 };

static scan_result make_room(struct scan *scan, size_t size) {
    if (size > SCAN_LONGEST) {
        return SCAN_TOO_LONG;
    }
    size_t room = scan->room == 0 ? FIRST_ROOM : scan->room;
    while (room < size) {
        room *= 2;
    }
    char *word = realloc(scan->word, room);
    if (word == NULL) {
        return SCAN_NO_MEMORY;
    }
    scan->word = word;
    scan->room = room;
    return SCAN_OK;
}

scan_result scan_end(struct scan *scan) {
    bool added = scan->size == 0 || table_add(scan->table, scan->word, scan->size, 1);
    scan->size = 0;
    return added ? SCAN_OK : SCAN_NO_MEMORY;
}

scan_result scan_feed(struct scan *scan, const unsigned char *data, size_t size) {
    for (size_t at = 0; at < size;) {
        size_t end = at;
        while (end < size && scan_is_letter(data[end])) {
            end++;
        }
        size_t letters = scan->size + (end - at);
        if (letters > scan->room) {
            scan_result result = make_room(scan, letters);
            if (result != SCAN_OK) {
                return result;
            }
        }
        while (at < end) {
            scan->word[scan->size++] = (char)(data[at++] | 0x20);
        }
        if (at < size) {
            scan_result result = scan_end(scan);
            if (result != SCAN_OK) {
                return result;
            }
            at++; /* the byte that separates */
        }
    }
    return SCAN_OK;
}

void scan_free(struct scan *scan) {
    free(scan->word);
    *scan = (struct scan){0};
}
