/* The messages that codec encodes and decodes, and who takes part. */
#ifndef TROUPE_BENCH_CONTENDERS_H
#define TROUPE_BENCH_CONTENDERS_H

#include <troupe/troupe.h>

/* --- The messages ----------------------------------------------------------------------------- */

struct quote {
    uint64_t id;
    int32_t change;
    double price;
    bool open;
    const char *name;
};
struct line {
    const char *article;
    uint32_t number;
    double price;
    const char *note;
};
struct order {
    uint64_t id;
    const char *customer;
    TROUPE_MANY(struct line) lines;
};

/* One-ofs. */
struct point {
    int32_t x, y;
};
struct shape {
    enum what { DOT, CIRCLE, LABEL, CORNER } what;
    union {
        double radius;
        const char *label;
        struct point corner;
    };
};
struct drawing {
    TROUPE_MANY(struct shape) shapes;
};

/* A map. */
struct settings {
    const char *name;
    troupe_map all;
};

enum { QUOTE, ORDER, DRAWING, SETTINGS, MESSAGES };
enum { LINES = 20, SHAPES = 12, KEYS = 8, ROOM = 4096 };

/* Read from here, so that no compiler can know them. */
extern const struct quote *volatile quote_at;
extern const struct order *volatile order_at;
extern const struct drawing *volatile drawing_at;
extern const struct settings *volatile settings_at;

/* What ours becomes. */
extern unsigned char encoded[MESSAGES][ROOM];
extern size_t encoded_size[MESSAGES];

extern double sum; /* whoever works adds to it, so that nothing is left out */

/* --- Who takes part --------------------------------------------------------------------------- */

typedef struct contender {
    const char *system;
    void (*encode[MESSAGES])(void); /* NULL: it does not take part in this */
    void (*decode[MESSAGES])(void);
    void (*prepare)(void); /* called once the messages are there */
    size_t size[MESSAGES]; /* bytes, once it was prepared */
} contender;

/* msgpack-c by calls that are written by hand for the type. */
extern contender by_hand;

/* Where they are installed: protobuf-c by the code that it makes, and jansson. */
extern contender protobuf;
extern contender json;

#endif
