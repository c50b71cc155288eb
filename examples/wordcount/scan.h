/* What a word is, and how the words of a stream of bytes are counted.
 *
 * A word is a run of ASCII letters that is as long as it can be, folded to lower case. Every other
 * byte separates words; nothing is refused, so binary bytes have a defined count too. */
#ifndef WORDCOUNT_SCAN_H
#define WORDCOUNT_SCAN_H

#include <stdbool.h>
#include <stddef.h>

#include "table.h"

/* A longer word is an error that is told: counted in part it would be a wrong answer, and this much
 * still fits into one message. */
enum { SCAN_LONGEST = 8 * 1024 * 1024 };

static inline bool scan_is_letter(unsigned char byte) {
    unsigned lower = byte | 0x20u;
    return lower - 'a' < 26u;
}

typedef enum scan_result { SCAN_OK, SCAN_NO_MEMORY, SCAN_TOO_LONG } scan_result;

/* A stream that is counted into `table`; set that, and the rest to zero. */
struct scan {
    struct table *table;
    char *word; /* the word that has begun, `size` letters of it so far */
    size_t size;
    size_t room;
};

/* Counts the words in the next bytes; the last one is open until the next byte or the end. */
scan_result scan_feed(struct scan *scan, const unsigned char *data, size_t size);

/* The stream ends here; the next one can begin. */
scan_result scan_end(struct scan *scan);

/* Gives its memory back. The table is the caller's. */
void scan_free(struct scan *scan);

#endif
