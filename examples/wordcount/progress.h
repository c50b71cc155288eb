/* How far the run is, on standard error: a bar on a terminal, else a line every ten per cent. */
#ifndef WORDCOUNT_PROGRESS_H
#define WORDCOUNT_PROGRESS_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <troupe/troupe.h>

struct bar {
    pthread_mutex_t lock; /* lines of the log come from any thread */
    bool quiet;
    bool terminal;
    bool colour;
    bool drawn; /* the bar stands in the line of the cursor */
    uint64_t total;
    uint64_t tenths; /* the line for so many was printed */
};

/* What there is to show. */
struct standing {
    uint64_t bytes;
    double seconds;
    uint32_t workers;
    uint32_t killed;
};

/* `total`: the bytes that there will be. */
void progress_open(struct bar *bar, uint64_t total, bool quiet);
void progress_show(struct bar *bar, const struct standing *standing);
/* Takes the bar from the screen. */
void progress_close(struct bar *bar);

/* The log hook of a runtime; `ctx` is the bar, which makes way for the line. */
void progress_log(void *ctx, troupe_level level, const char *line);

/* A number of bytes as people read it: "256.3 MB". */
const char *human_bytes(double bytes, char text[static 16]);

#endif
