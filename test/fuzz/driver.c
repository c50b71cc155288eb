/* Drives a fuzz program without libFuzzer: by pseudo-random inputs, most of them good ones with
 * some changes. An input is made of the seed and its number alone, so that each can be tried
 * again. */
#include <signal.h>
#include <unistd.h>

#include "test/fuzz/fuzz.h"

enum { PATIENCE_S = 30 }; /* for one input */

static const char usage[] =
    "usage: %s [--seed S] [--first I] [--runs N] | --corpus FOLDER | FILE...\n"
    "  tries the inputs I (0) to I + N (20000) of seed S (1); or writes the good inputs to a\n"
    "  folder; or tries the contents of files.\n";

/* The input that is being tried: by its number, or out of a file. */
static uint64_t seed = 1, number;
static bool from_file;

/* --- What a failure says ---------------------------------------------------------------------- */

/* The sanitizers end a process in their own way. */
extern void __sanitizer_set_death_callback(void (*callback)(void)) __attribute__((weak));

static void say_which(void) {
    char text[96];
    if (from_file) return;
    int size = snprintf(text, sizeof text, "input: --seed %llu --first %llu --runs 1\n",
                        (unsigned long long)seed, (unsigned long long)number);
    ssize_t written = write(STDERR_FILENO, text, (size_t)size);
    (void)written;
}

static void on_signal(int number_of) {
    if (number_of == SIGALRM) {
        static const char hangs[] = "it hangs\n";
        ssize_t written = write(STDERR_FILENO, hangs, sizeof hangs - 1);
        (void)written;
    }
    say_which();
    (void)signal(number_of, SIG_DFL);
    (void)raise(number_of);
}

static void watch_over(void) {
    if (__sanitizer_set_death_callback) {
        __sanitizer_set_death_callback(say_which);
    } else {
        (void)signal(SIGSEGV, on_signal);
        (void)signal(SIGBUS, on_signal);
    }
    (void)signal(SIGABRT, on_signal);
    (void)signal(SIGALRM, on_signal);
}

/* --- Inputs ----------------------------------------------------------------------------------- */

/* Splitmix64. */
static uint64_t draw(uint64_t *state) {
    uint64_t z = (*state += 0x9E3779B97F4A7C15u);
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
    z = (z ^ z >> 27) * 0x94D049BB133111EBu;
    return z ^ z >> 31;
}

static unsigned count_seeds(void) {
    static unsigned count;
    unsigned char bytes[FUZZ_SIZE_MOST];
    while (fuzz_seed(count, bytes, sizeof bytes)) count++;
    return count;
}

/* A piece of another good input, put in the place of what was there. */
static size_t splice(unsigned char *bytes, size_t size, uint64_t *state) {
    unsigned char other[FUZZ_SIZE_MOST];
    size_t have = fuzz_seed((unsigned)(draw(state) % count_seeds()), other, sizeof other);
    size_t from = draw(state) % have, at = draw(state) % (size + 1);
    size_t length = 1 + draw(state) % (have - from);
    if (length > FUZZ_SIZE_MOST - at) length = FUZZ_SIZE_MOST - at;
    memcpy(bytes + at, other + from, length);
    return at + length > size ? at + length : size;
}

static size_t change(unsigned char *bytes, size_t size, uint64_t *state) {
    static const unsigned char telling[] = {0, 1, 0x7F, 0x80, 0x90, 0xC1, 0xDD, 0xFF};
    uint64_t chance = draw(state);
    size_t at = size ? draw(state) % size : 0, length = 1 + (chance >> 8) % 8;
    switch (size ? chance % 6 : 1) {
    case 0: /* something is left out */
        if (length > size - at) length = size - at;
        memmove(bytes + at, bytes + at + length, size - at - length);
        return size - length;
    case 1: /* something more */
        if (size + length > FUZZ_SIZE_MOST) return size;
        memmove(bytes + at + length, bytes + at, size - at);
        for (size_t i = 0; i < length; i++) bytes[at + i] = (unsigned char)draw(state);
        return size + length;
    case 2:
        return splice(bytes, size, state);
    case 3:
        bytes[at] = telling[(chance >> 16) % sizeof telling];
        return size;
    case 4:
        bytes[at] ^= (unsigned char)(1u << (chance >> 16) % 8);
        return size;
    default:
        bytes[at] = (unsigned char)(chance >> 16);
        return size;
    }
}

static size_t make_input(unsigned char *bytes) {
    uint64_t state = seed * 0xD1342543DE82EF95u + number;
    size_t size = 0;
    if (draw(&state) % 8)
        size = fuzz_seed((unsigned)(draw(&state) % count_seeds()), bytes, FUZZ_SIZE_MOST);
    for (uint64_t changes = draw(&state) % 12; changes > 0; changes--)
        size = change(bytes, size, &state);
    return size;
}

/* Tries a copy that ends where its memory ends. */
static void try(const unsigned char *bytes, size_t size) {
    unsigned char *copy = malloc(size ? size : 1);
    MUST(copy);
    memcpy(copy, bytes, size);
    (void)alarm(PATIENCE_S);
    (void)LLVMFuzzerTestOneInput(copy, size);
    free(copy);
}

/* --- The program ------------------------------------------------------------------------------ */

static int try_file(const char *path) {
    unsigned char bytes[FUZZ_SIZE_MOST];
    FILE *file = fopen(path, "rb");
    from_file = true;
    if (!file) {
        perror(path);
        return 1;
    }
    size_t size = fread(bytes, 1, sizeof bytes, file);
    (void)fclose(file);
    try(bytes, size);
    printf("%s: fine\n", path);
    return 0;
}

static int write_corpus(const char *folder) {
    unsigned char bytes[FUZZ_SIZE_MOST];
    for (unsigned n = 0; n < count_seeds(); n++) {
        char path[512];
        size_t size = fuzz_seed(n, bytes, sizeof bytes);
        (void)snprintf(path, sizeof path, "%s/good-%u", folder, n);
        FILE *file = fopen(path, "wb");
        bool ok = file && fwrite(bytes, 1, size, file) == size;
        if (!file || fclose(file) != 0 || !ok) {
            perror(path);
            return 1;
        }
    }
    return 0;
}

int main(int argc, char **argv) {
    uint64_t runs = 20000;
    int i = 1;
    for (; i + 1 < argc && strncmp(argv[i], "--", 2) == 0; i += 2) {
        uint64_t value = strtoull(argv[i + 1], NULL, 10);
        if (!strcmp(argv[i], "--corpus")) return write_corpus(argv[i + 1]);
        if (!strcmp(argv[i], "--seed")) seed = value;
        if (!strcmp(argv[i], "--first")) number = value;
        if (!strcmp(argv[i], "--runs")) runs = value;
    }
    if (i < argc && strncmp(argv[i], "--", 2) == 0) {
        fprintf(stderr, usage, argv[0]);
        return 2;
    }
    watch_over();
    int status = 0;
    if (i < argc) {
        for (; i < argc; i++) status |= try_file(argv[i]);
        return status;
    }
    for (uint64_t end = number + runs; number < end; number++) {
        unsigned char bytes[FUZZ_SIZE_MOST];
        try(bytes, make_input(bytes));
    }
    printf("%llu inputs of seed %llu, nothing found\n", (unsigned long long)runs,
           (unsigned long long)seed);
    return 0;
}
