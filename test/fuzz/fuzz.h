/* What the fuzz programs share. Each is one `LLVMFuzzerTestOneInput`, driven by libFuzzer or, with
 * any compiler, by driver.c; and the good inputs that both begin with. */
#ifndef TROUPE_TEST_FUZZ_H
#define TROUPE_TEST_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Tries one input; ends the process if something is wrong. 0. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Writes the n-th good input, of at most `room` bytes, and returns its size. 0: there are no more,
 * and `n` is how many there are. */
size_t fuzz_seed(unsigned n, unsigned char *out, size_t room);

enum { FUZZ_SIZE_MOST = 4096 }; /* bytes of an input */

/* Says what is wrong and aborts, which libFuzzer and the driver notice. */
static inline _Noreturn void fuzz_failed(const char *what, const char *file, int line) {
    fprintf(stderr, "%s:%d: violated: %s\n", file, line, what);
    abort();
}

/* What must hold for every input. */
#define MUST(condition) ((condition) ? (void)0 : fuzz_failed(#condition, __FILE__, __LINE__))

/* Reads an input from its front; after its end all is zero. */
typedef struct fuzz_reader {
    const uint8_t *at;
    size_t left;
} fuzz_reader;

static inline uint8_t fuzz_byte(fuzz_reader *in) {
    if (!in->left) return 0;
    in->left--;
    return *in->at++;
}

/* A number of `size` bytes. */
static inline uint64_t fuzz_number(fuzz_reader *in, unsigned size) {
    uint64_t number = 0;
    while (size--) number = number << 8 | fuzz_byte(in);
    return number;
}

/* Up to `size` bytes as they are, which the reader then is behind; `*got` gets how many. */
static inline const uint8_t *fuzz_bytes(fuzz_reader *in, size_t size, size_t *got) {
    const uint8_t *bytes = in->at;
    *got = size < in->left ? size : in->left;
    in->at += *got;
    in->left -= *got;
    return bytes;
}

#endif
