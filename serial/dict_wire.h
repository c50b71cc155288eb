/* Maps in msgpack: written, judged, taken in. */
#ifndef TR_SERIAL_DICT_WIRE_H
#define TR_SERIAL_DICT_WIRE_H

#include <troupe/message.h>

#include "base/check.h"
#include "serial/scan.h"

/* Writes a map by `write`, which gets `sink` and returns other than 0 to stop it. INVALID: it was
 * stopped, or the map can't be sent: what tr_dict_measure refuses, a text that is not UTF-8, a
 * moment out of range. What was written until then means nothing. TOOBIG: over TR_MSG_LIMIT. */
TR_CHECKED troupe_err tr_dict_pack(const troupe_map *map,
                                   int (*write)(void *sink, const char *bytes, size_t size),
                                   void *sink);

/* Bytes from outside, and the message that they would become. */
typedef struct tr_dict_scan {
    const unsigned char *at;
    size_t left;
    size_t end; /* of the message so far */
    troupe_err err;
    char *flaw; /* what is wrong, and where in the map: `.colour[2]: the text is not UTF-8` */
    size_t room;
} tr_dict_scan;

/* Judges a map whose head was read. False: it is none, as `err` and `flaw` say. Recurses on
 * TROUPE_MAP_LEVELS levels at most, and takes a time that is linear in the bytes. */
bool tr_dict_judge(tr_dict_scan *in, const tr_item *head);

/* Bytes that were judged, and the message that they become. */
typedef struct tr_dict_source {
    const unsigned char *at;
    size_t left;
    char *start; /* of the message */
    size_t end;  /* what it has so far */
} tr_dict_source;

/* Takes in a map of `count` keys, whose head was read. */
void tr_dict_fill(tr_dict_source *in, size_t count, troupe_map *map);

#endif
