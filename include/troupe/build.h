/* Builders: for who makes a message out of parts whose number and size turn out on the way.
 *
 *     troupe_builder *b = troupe_build(rt);
 *     struct order order = {.note = troupe_build_text(b, "%d articles", number)};
 *     for (int i = 0; i < number; i++) TROUPE_ADD(b, order.lines, &lines_of(i));
 *     troupe_build_map(b, &order.extra);
 *     troupe_put_text(b, "colour", "red");
 *     troupe_put_list(b, "sizes");
 *     troupe_put_i64(b, NULL, 40);
 *     troupe_put_end(b);
 *     troupe_put_end(b);
 *     troupe_err err = troupe_build_make(b, &order_type, &order, &msg);
 *     troupe_build_drop(&b);
 *
 * A builder keeps what the body points at: texts, bytes, lists, maps. The message is then made of a
 * copy, in one allocation of just its size, as ever; all that the builder has goes at once, when it
 * is dropped. Nothing has to be checked on the way: the first error stays, whatever is built after
 * it is nothing, and troupe_build_make tells it. A builder for which there is no memory is NULL,
 * and every function takes that.
 *
 * One thread at a time; within a callback or without. It may be dropped by another thread than made
 * it, but not after its runtime was closed. Follows protobuf's arenas, and the sticky error of
 * stdio. The errors are, by who may make them:
 * NOMEM: no memory (any). TOOBIG: more than 1 GiB of one text, bytes, list or map (any that grow).
 * INVALID: bytes with a size but no address; a format that can't be printed; a value put where no
 * map is open, with a key into a list or without one into a map; a ninth level; an end of what was
 * not begun; a map begun within another by troupe_build_map. */
#ifndef TROUPE_BUILD_H
#define TROUPE_BUILD_H

#include <troupe/map.h>
#include <troupe/message.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct troupe_builder troupe_builder;

/* Makes a builder, for messages of `rt`. NULL: no memory, which troupe_build_make will say. Any
 * thread. */
TROUPE_API troupe_builder *troupe_build(troupe *rt);

/* Ends a builder, all that it has built, and makes the pointer NULL; does nothing to NULL. Messages
 * that were made stay. */
TROUPE_API void troupe_build_drop(troupe_builder **builder);

/* The first error so far, OK if there was none. NOMEM: there is no builder; else as above. */
TROUPE_CHECKED troupe_err troupe_build_error(const troupe_builder *builder);

/* Makes a message, as troupe_make does, unless something went wrong before. What was built stays:
 * another message may be made of it. On an error `*out` is NULL: that of the builder; INVALID if a
 * map is still open; else that of troupe_make, which does not stay. */
TROUPE_CHECKED troupe_err troupe_build_make(troupe_builder *builder, const troupe_type *type,
                                            const void *body, troupe_msg **out);

/* A text, printed as by printf. Never NULL: after an error it is "". Yours to read until the
 * builder is dropped. */
TROUPE_API const char *troupe_build_text(troupe_builder *builder, const char *format, ...)
    TROUPE_PRINTF(2, 3);

/* Prints on at the end of `*text`, which may be NULL. What was there may be anybody's: it is copied
 * unless the builder made it; then it grows where it is if it can, each time in a time that does
 * not depend on its length. What is printed may not be the text itself. */
TROUPE_API void troupe_build_append(troupe_builder *builder, const char **text, const char *format,
                                    ...) TROUPE_PRINTF(3, 4);

/* A copy of some bytes; none after an error. */
TROUPE_API troupe_bytes troupe_build_bytes(troupe_builder *builder, const void *data, size_t size);

/* The same at the end of others, which may be none, or anybody's, as with texts. */
TROUPE_API void troupe_build_append_bytes(troupe_builder *builder, troupe_bytes *bytes,
                                          const void *data, size_t size);

/* Adds a copy of a value, whose address follows, to a list that was declared by TROUPE_MANY:
 * TROUPE_ADD(b, order.lines, &line). A list begins as all zero, or with values of anybody's. A
 * compiler objects to a value of another type. What the value points at is not copied: it must stay
 * until the message is made, as what was built does. */
#define TROUPE_ADD(builder, list, ...)                                                             \
    troupe_build_add((builder), &(list), sizeof *(list).at, 1 ? (__VA_ARGS__) : (list).at)

/* What TROUPE_ADD does: `list` is the address of a TROUPE_MANY whose values have `size` bytes, more
 * than 0. */
TROUPE_API void troupe_build_add(troupe_builder *builder, void *list, size_t size,
                                 const void *value);

/* Begins to put values into `*map`, behind those that it has; written back by the last end. */
TROUPE_API void troupe_build_map(troupe_builder *builder, troupe_map *map);

/* Ends the map or list that was begun last. */
TROUPE_API void troupe_put_end(troupe_builder *builder);

/* Begins a map as the value of a key, or in a list, where `key` is NULL; so with all that follow. A
 * key is copied. That none is there twice is looked at when the message is made. */
TROUPE_API void troupe_put_map(troupe_builder *builder, const char *key);

/* Begins a list. */
TROUPE_API void troupe_put_list(troupe_builder *builder, const char *key);

/* Puts nil. */
TROUPE_API void troupe_put_nil(troupe_builder *builder, const char *key);

/* Puts a bool. */
TROUPE_API void troupe_put_bool(troupe_builder *builder, const char *key, bool truth);

/* Puts an integer. */
TROUPE_API void troupe_put_i64(troupe_builder *builder, const char *key, int64_t number);

/* Puts an integer from 0 on. */
TROUPE_API void troupe_put_u64(troupe_builder *builder, const char *key, uint64_t number);

/* Puts a float. */
TROUPE_API void troupe_put_f64(troupe_builder *builder, const char *key, double number);

/* Puts a copy of a text; NULL is "". */
TROUPE_API void troupe_put_text(troupe_builder *builder, const char *key, const char *text);

/* Puts a copy of bytes. */
TROUPE_API void troupe_put_bytes(troupe_builder *builder, const char *key, const void *data,
                                 size_t size);

/* Puts a moment. */
TROUPE_API void troupe_put_time(troupe_builder *builder, const char *key, troupe_time time);

#ifdef __cplusplus
}
#endif
#endif
