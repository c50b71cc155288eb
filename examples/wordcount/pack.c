#include "pack.h"

#include <stdlib.h>
#include <string.h>

#include "scan.h"

void pack_number(struct pack *out, uint64_t number) {
    while (number >= 0x80) {
        out->data[out->size++] = (unsigned char)(number | 0x80);
        number >>= 7;
    }
    out->data[out->size++] = (unsigned char)number;
}

bool unpack_number(const unsigned char **at, const unsigned char *end, uint64_t *number) {
    *number = 0;
    for (unsigned shift = 0; *at < end && shift < 64; shift += 7) {
        unsigned char byte = *(*at)++;
        *number |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80) {
            return true;
        }
    }
    return false;
}

bool pack_room(struct pack *out, size_t more) {
    size_t room = out->room == 0 ? 4096 : out->room;
    while (room - out->size < more) {
        room *= 2;
    }
    if (room == out->room) {
        return true;
    }
    unsigned char *data = realloc(out->data, room);
    if (data == NULL) {
        return false;
    }
    out->data = data;
    out->room = room;
    return true;
}

bool pack_next(const struct table *table, size_t *at, struct pack *out) {
    for (out->size = 0; *at < table->slots && out->size < PACK_PART; (*at)++) {
        const struct entry *entry = &table->slot[*at];
        if (entry->word == NULL) {
            continue;
        }
        if (!pack_room(out, entry->size + 2 * (size_t)PACK_NUMBER)) {
            return false;
        }
        pack_number(out, entry->size);
        memcpy(out->data + out->size, entry->word, entry->size);
        out->size += entry->size;
        pack_number(out, entry->count);
    }
    return true;
}

void pack_free(struct pack *pack) {
    free(pack->data);
    *pack = (struct pack){0};
}

pack_result pack_merge(const void *data, size_t size, struct table *table) {
    const unsigned char *at = data;
    const unsigned char *end = size > 0 ? at + size : at;
    while (at < end) {
        uint64_t letters = 0, count = 0;
        if (!unpack_number(&at, end, &letters) || letters == 0 || letters > SCAN_LONGEST ||
            letters > (uint64_t)(end - at)) {
            return PACK_MALFORMED;
        }
        const char *word = (const char *)at;
        at += letters;
        if (!unpack_number(&at, end, &count)) {
            return PACK_MALFORMED;
        }
        if (!table_add(table, word, (size_t)letters, count)) {
            return PACK_NO_MEMORY;
        }
    }
    return PACK_OK;
}
