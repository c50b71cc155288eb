/* Maps: values by name, for what no struct can list since nobody knows it yet: settings, labels,
 * what a stranger sent.
 *
 *     struct job { const char *what; troupe_map settings; };
 *     static const troupe_type job_type =
 *         TROUPE_TYPE(job, TROUPE_FIELD(job, what), TROUPE_FIELD(job, settings));
 *
 *     const char *colour = troupe_map_text(&job->settings, "colour", "black");
 *     for (size_t i = 0; i < job->settings.count; i++) puts(job->settings.at[i].key);
 *
 * A map is part of the message that it is in: one allocation, read in place. It is written as plain
 * structs, or by a builder, which needs no sizes in advance (<troupe/build.h>). Its keys stay in
 * the order in which they were given, and none is there twice. Lists and maps nest within one, on 8
 * levels at most, the map itself being the first; a map has 1024 keys at most.
 *
 * An integer is an I64 if it can be: a U64 is one that is over INT64_MAX. A message that is made of
 * another U64 has an I64 there, for so it would arrive from another node. On the wire it is a map
 * of msgpack, and its values are msgpack's own. */
#ifndef TROUPE_MAP_H
#define TROUPE_MAP_H

#include <troupe/type.h>

#ifdef __cplusplus
extern "C" {
#endif

enum {
    TROUPE_MAP_LEVELS = 8, /* of lists and maps in a map, and it itself */
    TROUPE_MAP_KEYS = 1024 /* of one map */
};

/* What a value of a map is, and its form in msgpack. All zero is nil. */
typedef enum troupe_sort {
    TROUPE_IS_NIL,   /* nothing: nil */
    TROUPE_IS_BOOL,  /* `truth`: true or false */
    TROUPE_IS_I64,   /* `i64`: integer */
    TROUPE_IS_U64,   /* `u64`: integer; over INT64_MAX, or it is an I64 */
    TROUPE_IS_F64,   /* `f64`: float 64; float 32 is taken */
    TROUPE_IS_TEXT,  /* `text`: str, as for a field */
    TROUPE_IS_BYTES, /* `bytes`: bin */
    TROUPE_IS_TIME,  /* `time`: extension -1 */
    TROUPE_IS_LIST,  /* `list`: array */
    TROUPE_IS_MAP    /* `map`: map */
} troupe_sort;

/* Values in a row. `at` may be NULL if `count` is 0; they are yours in a body that you hand over,
 * where they are copied, and part of the message in one that you received. */
typedef struct troupe_any_list {
    const struct troupe_any *at;
    size_t count;
} troupe_any_list;

/* Values by name; the same holds for them. */
typedef struct troupe_map {
    const struct troupe_entry *at;
    size_t count;
} troupe_map;

/* A value, and what it is: `{.is = TROUPE_IS_TEXT, .text = "red"}`. */
typedef struct troupe_any {
    troupe_sort is;
    union {
        bool truth;
        int64_t i64;
        uint64_t u64;
        double f64;
        const char *text;
        troupe_bytes bytes;
        troupe_time time;
        troupe_any_list list;
        troupe_map map;
    };
} troupe_any;

/* A name and its value. */
typedef struct troupe_entry {
    const char *key; /* UTF-8 without NUL, not NULL; may be empty */
    troupe_any value;
} troupe_entry;

/* The value of a key; NULL: there is none, or there is no map. Goes from key to key. Any thread. */
TROUPE_API const troupe_any *troupe_map_find(const troupe_map *map, const char *key);

/* A text by its key; `otherwise` if there is none of that name, or it is no text. Any thread. */
TROUPE_API const char *troupe_map_text(const troupe_map *map, const char *key,
                                       const char *otherwise);

/* The same for an integer; one that no int64_t can be is none. Any thread. */
TROUPE_API int64_t troupe_map_i64(const troupe_map *map, const char *key, int64_t otherwise);

/* The same for a float, or an integer, which becomes the nearest one. Any thread. */
TROUPE_API double troupe_map_f64(const troupe_map *map, const char *key, double otherwise);

/* The same for a bool. Any thread. */
TROUPE_API bool troupe_map_bool(const troupe_map *map, const char *key, bool otherwise);

#ifdef __cplusplus
}
#endif
#endif
