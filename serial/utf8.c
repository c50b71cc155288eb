#include "serial/utf8.h"

#include <stdint.h>
#include <string.h>

/* Whether 8 bytes are ASCII without a NUL: most texts are, all the way. */
static int plain(const unsigned char *at) {
    uint64_t word;
    memcpy(&word, at, sizeof word);
    return tr_utf8_word_is_plain(word);
}

/* Bytes of the sequence at `at`, which is not ASCII; 0 if it is not well-formed. The second byte's
 * range is what rules out overlong forms, surrogates and what is too large. */
static size_t sequence(const unsigned char *at, size_t left) {
    unsigned char lead = at[0], low = 0x80, high = 0xBF;
    size_t size = lead < 0xC2 ? 0 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : lead < 0xF5 ? 4 : 0;
    if (size == 0 || size > left) return 0;
    if (lead == 0xE0) low = 0xA0;
    if (lead == 0xED) high = 0x9F;
    if (lead == 0xF0) low = 0x90;
    if (lead == 0xF4) high = 0x8F;
    if (at[1] < low || at[1] > high) return 0;
    for (size_t i = 2; i < size; i++)
        if ((at[i] & 0xC0) != 0x80) return 0;
    return size;
}

const char *tr_utf8_flaw(const void *text, size_t size) {
    const unsigned char *at = text;
    if (size >= 8) { /* most texts end as they begin; the last word may overlap the one before */
        size_t words = size / 8;
        while (words && plain(at)) {
            words--;
            at += 8;
        }
        size -= (size_t)(at - (const unsigned char *)text);
        if (!words && (!size || plain(at + size - 8))) return NULL;
    }
    while (size) {
        size_t step = 1;
        if (size >= 8 && plain(at))
            step = 8;
        else if (*at == 0)
            return "holds a NUL";
        else if (*at >= 0x80 && (step = sequence(at, size)) == 0)
            return "is not UTF-8";
        at += step;
        size -= step;
    }
    return NULL;
}
