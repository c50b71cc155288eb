/* Texts of messages: UTF-8 as Unicode defines it, and no NUL, since in C that ends the text. */
#ifndef TR_SERIAL_UTF8_H
#define TR_SERIAL_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* What is wrong with a text: "is not UTF-8" (also overlong forms, surrogates, beyond U+10FFFF) or
 * "holds a NUL". NULL: nothing is wrong. */
const char *tr_utf8_flaw(const void *text, size_t size);

/* Whether none of 8 bytes is a NUL or beyond ASCII: a NUL borrows into its own top bit. */
static inline bool tr_utf8_word_is_plain(uint64_t word) {
    const uint64_t ones = 0x0101010101010101u, tops = 0x8080808080808080u;
    return !(((word - ones) | word) & tops);
}

/* Copies a text, and says whether it is ASCII without a NUL, as most are; if not it has to be
 * looked at again. Words may overlap, so that none reaches beyond its ends. */
static inline bool tr_utf8_copy_plain(unsigned char *to, const unsigned char *from, size_t size) {
    uint64_t word;
    if (size >= 8) {
        for (size_t at = 0;; at = at + 16 <= size ? at + 8 : size - 8) {
            memcpy(&word, from + at, 8);
            memcpy(to + at, &word, 8);
            if (!tr_utf8_word_is_plain(word)) return false;
            if (at + 8 == size) return true;
        }
    }
    if (size >= 4) {
        uint32_t first, last;
        memcpy(&first, from, 4);
        memcpy(&last, from + size - 4, 4);
        memcpy(to, &first, 4);
        memcpy(to + size - 4, &last, 4);
        return tr_utf8_word_is_plain((uint64_t)first << 32 | last);
    }
    for (size_t at = 0; at < size; at++) {
        to[at] = from[at];
        if ((unsigned char)(from[at] - 1) >= 0x7F) return false;
    }
    return true;
}

#endif
