/* Messages: typed, immutable, with one owner at a time.
 *
 * One rule of ownership holds everywhere. A function that takes a `troupe_msg **` may take the
 * message: if it did, your pointer is NULL afterwards; if it did not, the message is still yours
 * and unchanged. `troupe_drop` does nothing to a NULL message, so it is always a safe end.
 *
 * A message type is a C struct and a list of its fields, written once:
 *
 *     struct greet { const char *who; uint32_t times; };
 *     static const troupe_type greet_type =
 *         TROUPE_TYPE(greet, TROUPE_FIELD(greet, who), TROUPE_FIELD(greet, times));
 *
 * All that a field can be is in <troupe/type.h>.
 *
 * Inside a process a message moves by pointer and is never encoded. Between nodes it travels as a
 * msgpack array of its fields in the order of the list. C++ writes types in the same way. */
#ifndef TROUPE_MESSAGE_H
#define TROUPE_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <troupe/error.h>
#include <troupe/type.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct troupe troupe;         /* a runtime: its workers, timers and actors */
typedef struct troupe_msg troupe_msg; /* one message */

/* Makes a message out of a copy of `*body`, its texts, bytes and lists included, in one allocation,
 * and stores it in `*out`. `body` is NULL for a type without fields. The message belongs to the
 * caller, who may send it to actors of `rt` or drop it. Any thread.
 * NOMEM: no memory. TOOBIG: more than 1 GiB. INVALID: no body for a type that has fields; bytes or
 * a list with a size but no address; structs on more than 16 levels; a one-of that is none of its
 * cases (see <troupe/one_of.h>); a map with a key twice, or too many or none (<troupe/map.h>). */
TROUPE_CHECKED troupe_err troupe_make(troupe *rt, const troupe_type *type, const void *body,
                                      troupe_msg **out);

/* Makes a second message of the same contents, which are not copied: both are of one body, which
 * goes with the last that is dropped or handled. Each is sent, kept and dropped by its owner like
 * any other. `*msg` stays yours, though it may be another pointer afterwards; bodies that were read
 * from it stay where they are as long as one of them is there. To another node, where nothing can
 * be shared, each goes as a message of its own. Whoever holds `*msg`. NOMEM, INVALID (no message):
 * `*msg` is as it was. */
TROUPE_CHECKED troupe_err troupe_share(troupe *rt, troupe_msg **msg, troupe_msg **out);

/* The body, to read while you hold the message; NULL if the message is NULL or of another type.
 * For a type without fields a non-NULL pointer that must not be read. Whoever holds it. */
TROUPE_API const void *troupe_as(const troupe_msg *msg, const troupe_type *type);

/* The type's name, for logs; never NULL. Valid as long as the type. Whoever holds the message. */
TROUPE_API const char *troupe_type_name(const troupe_msg *msg);

/* Writes a message for people, all its listed fields, long ones cut:
 * `withdraw {account: 7, note: "for rent", key: 16 bytes 0123456789abcdef...}`. Writes at most
 * `room` bytes, a NUL with them; what does not fit ends in "...". Returns the length without the
 * NUL. Whoever holds the message. */
TROUPE_API size_t troupe_print(const troupe_msg *msg, char *text, size_t room);

/* Whether two messages are of one type and say the same in all its listed fields. Values are the
 * same if their bits are: a NaN is equal to itself, 0.0 and -0.0 differ. NULL is equal to NULL
 * alone. Whoever holds both. */
TROUPE_API bool troupe_equal(const troupe_msg *one, const troupe_msg *other);

/* A number that equal messages have in common, for a table of them; others hardly ever. Not to be
 * stored or sent: it differs with the byte order of machines. Of NULL it is 0. Whoever holds it. */
TROUPE_API uint64_t troupe_hash(const troupe_msg *msg);

/* Makes another message that says the same, for one who may send it to actors of `rt`; it has no
 * sender. The first one stays whose it is. Whoever holds it.
 * NOMEM: no memory. INVALID: there is no message. */
TROUPE_CHECKED troupe_err troupe_copy(troupe *rt, const troupe_msg *msg, troupe_msg **out);

/* Writes what a message says to `bytes`, of which there are `room`, as it would travel to another
 * node (docs/wire-format.md), and stores in `*size` how many it takes. No memory is taken. Its type
 * is not in the bytes. Whoever holds the message.
 * TOOBIG: more than there is room for; what is in `bytes` then means nothing. INVALID: there is no
 * message; or a text is not UTF-8, an enum none of its choices, a one-of none of its cases, or a
 * moment out of range. */
TROUPE_CHECKED troupe_err troupe_encode(const troupe_msg *msg, void *bytes, size_t room,
                                        size_t *size);

/* Makes a message of a type, which must be sound (see troupe_check_type), out of just these bytes,
 * wherever they come from: all of them are judged before any memory is taken, and it is taken once.
 * They may be of an older or a newer version of the type (<troupe/type.h>): fields that are missing
 * are what the field list says, and fields behind the last one are passed over. On an error `*out`
 * is NULL, and `why` (may be NULL; `room` bytes) says what is wrong and where:
 * "order.lines[3].price: expected f64, got text". The message belongs to the caller. Any thread.
 * MALFORMED: too few bytes or too many, another kind of value than the type has, an array of
 * another length, no field where one is required, an integer or float that does not fit, a text
 * that is not UTF-8 or holds a NUL; lists whose values lack so many fields that they would take 264
 * times the memory of the bytes. TOOBIG: it would be over 1 GiB. NOMEM. */
TROUPE_CHECKED troupe_err troupe_decode(troupe *rt, const troupe_type *type, const void *bytes,
                                        size_t size, troupe_msg **out, char *why, size_t room);

/* Ends a message that you own and makes the pointer NULL; does nothing to NULL. Any thread. */
TROUPE_API void troupe_drop(troupe_msg **msg);

/* Judges a type, as a test of yours may do with each of its types: OK if it could be registered
 * and each byte of its struct belongs to a field or is padding, so that no member was forgotten.
 * INVALID otherwise, and `why` (may be NULL; `room` bytes) says what is wrong: "order: bytes 8 to
 * 15 are in no field". Any thread. */
TROUPE_CHECKED troupe_err troupe_check_type(const troupe_type *type, char *why, size_t room);

/* Makes a type known to a runtime, so that messages of it can arrive from other nodes. These may
 * have an older or a newer version of it (<troupe/type.h>); one that differs in another way is told
 * by a report when they connect, with the fields that do, and its messages become dead letters. The
 * sender needs no registration. Registering the same type again does nothing. Any thread.
 * TAKEN: another layout is registered under this name. INVALID: the field list is not sound (a
 * field outside the struct, two that overlap, no name, a struct that is not of its type's size, a
 * list whose values may take 256 times the memory of the bytes that they came as, a `missing` that
 * could not come); the log says which. NOMEM. Where assertions are compiled in, the log also warns
 * of bytes in no field. */
TROUPE_CHECKED troupe_err troupe_register_type(troupe *rt, const troupe_type *type);

#ifdef __cplusplus
}
#include <troupe/cxx.h>
#endif
#endif
