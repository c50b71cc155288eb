/* The guard at the door: reads msgpack bytes from outside against a type, before any allocation
 * sees them. Recurses as deep as the type nests, whatever the bytes say, and so TR_LEVELS_MOST
 * levels at most; takes no memory, never reads past the bytes, and is done in a time that is linear
 * in their number. */
#ifndef TR_SERIAL_SCAN_H
#define TR_SERIAL_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <troupe/message.h>

#include "base/check.h"

enum { TR_STAYS_LEAST = 1024 }; /* so many bytes may stay where they came (tr_unpack_landed) */

/* What an element of msgpack is, whichever of its encodings was chosen. */
typedef enum tr_form {
    TR_FORM_NIL,
    TR_FORM_BOOL,
    TR_FORM_NATURAL,  /* an integer from 0 on */
    TR_FORM_NEGATIVE, /* an integer below 0 */
    TR_FORM_FLOAT,
    TR_FORM_TEXT,
    TR_FORM_BYTES,
    TR_FORM_ARRAY,
    TR_FORM_MAP,
    TR_FORM_EXT,
    TR_FORM_RESERVED /* 0xc1, which msgpack never uses */
} tr_form;

/* One element. */
typedef struct tr_item {
    tr_form form;
    size_t head; /* bytes that say what it is; of a number or bool, all of it */
    uint64_t
        number; /* the integer (two's complement); a bool as 0 or 1; the bits of a float; or how
                        many bytes or elements follow */
} tr_item;

/* The same for what has its number behind its lead byte. */
bool tr_item_read_long(const unsigned char *at, size_t left, tr_item *item);

/* Reads what stands at `at`, `left` bytes before the end. False: the bytes end within its head.
 * Whether what follows the head is there is not looked at. */
static TR_INLINE bool tr_item_read(const unsigned char *at, size_t left, tr_item *item) {
    if (left == 0) return false;
    const unsigned lead = at[0];
    if (lead >= 0xC0 && lead <= 0xDF) return tr_item_read_long(at, left, item);
    item->head = 1; /* all is in the lead byte, or the size is */
    item->form = lead < 0x80   ? TR_FORM_NATURAL
                 : lead < 0x90 ? TR_FORM_MAP
                 : lead < 0xA0 ? TR_FORM_ARRAY
                 : lead < 0xC0 ? TR_FORM_TEXT
                               : TR_FORM_NEGATIVE;
    item->number = lead < 0x80   ? lead
                   : lead < 0xA0 ? lead & 0x0F
                   : lead < 0xC0 ? lead & 0x1F
                                 : UINT64_MAX - (0xFF - lead);
    return true;
}

/* OK if the bytes are one body of `type`, with fewer or more fields if it is of an older or newer
 * version of it, and nothing else; `*extra` then is the room that what belongs to it takes behind
 * the struct. MALFORMED or TOOBIG otherwise, and `why` (may be NULL;
 * `room` bytes) says where and what. */
TR_CHECKED troupe_err tr_scan(const troupe_type *type, const void *bytes, size_t size,
                              size_t *extra, char *why, size_t room);

/* The same; `*large` is how much of `*extra` is for bytes of TR_STAYS_LEAST or more each. */
TR_CHECKED troupe_err tr_scan_apart(const troupe_type *type, const void *bytes, size_t size,
                                    size_t *extra, size_t *large, char *why, size_t room);

#endif
