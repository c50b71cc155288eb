/* Symbols: which function, and which line of its source, an address of this process is in; by libdw
 * from the debug information, or without that as far as the dynamic linker knows. */
#ifndef TR_BASE_SYMBOL_H
#define TR_BASE_SYMBOL_H

#include <stdint.h>

typedef struct tr_symbol {
    const char *function; /* NULL: not known */
    const char *file;     /* of its source; NULL: not known */
    int line;
    const char *module; /* the program or library; NULL: none is there */
    uintptr_t offset;   /* in its memory */
} tr_symbol;

/* Tells of `n` return addresses, one after the other: of what stands before each. It reads files
 * and takes memory of libc's, for some milliseconds, and one thread at a time: nothing for a
 * worker. The texts last as long as the call of `tell`. */
void tr_symbol_find(const uintptr_t *at, unsigned n,
                    void (*tell)(void *ctx, const tr_symbol *symbol), void *ctx);

#endif
