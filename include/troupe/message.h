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
 * Inside a process a message moves by pointer and is never encoded. Between nodes it travels as a
 * msgpack array of its fields in the order of the list. */
#ifndef TROUPE_MESSAGE_H
#define TROUPE_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <troupe/error.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct troupe troupe;         /* a runtime: its workers, timers and actors */
typedef struct troupe_msg troupe_msg; /* one message */

/* An actor's address: a value to copy, compare, store, and send in messages to any node. It never
 * dangles: once its actor has ended it is GONE for ever, and never somebody else's. A supervised
 * actor keeps its ref over a restart. All zero (TROUPE_NOBODY) is nobody's address. */
typedef struct troupe_ref {
    uint64_t node; /* the incarnation of the actor's runtime, drawn at random when it opened */
    uint64_t id;   /* place (low 32 bits) and generation (high 32 bits) in that runtime */
} troupe_ref;

#define TROUPE_NOBODY ((troupe_ref){0, 0})

/* Whether two refs name the same actor. */
static inline bool troupe_same(troupe_ref a, troupe_ref b) {
    return a.node == b.node && a.id == b.id;
}

/* Bytes in a message. In a body that you hand to `troupe_make` they are yours and are copied; in a
 * message that you received they live as long as the message. `data` may be NULL if `size` is 0. */
typedef struct troupe_bytes {
    const void *data;
    size_t size;
} troupe_bytes;

/* What a field of a message can be, and its form in msgpack. */
typedef enum troupe_kind {
    TROUPE_BOOL,  /* bool: true or false */
    TROUPE_I32,   /* int32_t: integer; out of range on arrival is MALFORMED */
    TROUPE_I64,   /* int64_t: integer */
    TROUPE_U32,   /* uint32_t: integer */
    TROUPE_U64,   /* uint64_t: integer */
    TROUPE_F64,   /* double: float 64 */
    TROUPE_TEXT,  /* const char *: str, valid UTF-8 without NUL; NULL is sent as "" */
    TROUPE_BYTES, /* troupe_bytes: bin */
    TROUPE_REF    /* troupe_ref: array [node, id] */
} troupe_kind;

typedef struct troupe_field {
    const char *name;
    size_t offset; /* bytes from the start of the struct */
    troupe_kind kind;
} troupe_field;

/* Whether a body is its struct alone. */
typedef enum troupe_extent {
    TROUPE_UNKNOWN_EXTENT, /* the field list tells, each time; of a type written without macros */
    TROUPE_FLAT,           /* no text, no bytes: to make a message copies the struct and no more */
    TROUPE_DEEP            /* some field points at what is behind the struct */
} troupe_extent;

/* A message type. Keep it `static const` at file scope; it must outlive every message of it and
 * every runtime that has seen one. */
typedef struct troupe_type {
    const char *name;          /* unique in the system: it is what a node registers */
    size_t size;               /* bytes of the struct */
    const troupe_field *field; /* `fields` of them, in the order in which they are encoded */
    size_t fields;
    troupe_extent extent; /* TROUPE_TYPE finds out, when the program is compiled */
} troupe_type;

/* One field of `struct tag`; its kind follows from the member's C type. A member of another type
 * (an `int *`, say) does not compile: what may not cross to another actor can't be listed. */
#define TROUPE_FIELD(tag, member)                                                                  \
    { #member, offsetof(struct tag, member), TROUPE_KIND_(((struct tag *)0)->member), }

/* The type of messages whose body is `struct tag`, with its fields; at least one. At file scope
 * only. Members that are not listed travel within the process, but not between nodes. */
#define TROUPE_TYPE(tag, ...) TROUPE_NAMED_TYPE(#tag, tag, __VA_ARGS__)

/* The same with a name of its own: TROUPE_NAMED_TYPE("order/2", order, ...). */
#define TROUPE_NAMED_TYPE(name, tag, ...)                                                          \
    {                                                                                              \
        name, sizeof(struct tag), (const troupe_field[]){__VA_ARGS__}, TROUPE_COUNT_(__VA_ARGS__), \
            TROUPE_EXTENT_(TROUPE_KINDS_(__VA_ARGS__, TROUPE_PAD_), TROUPE_COUNT_(__VA_ARGS__))    \
    }

/* The type of messages that say all by their name and have no body: TROUPE_SIGNAL_TYPE("tick"). */
#define TROUPE_SIGNAL_TYPE(text)                                                                   \
    { text, 0, NULL, 0, TROUPE_FLAT }

/* How the macros above work; names that end in _ are not for users. */

/* What can't be in a message has this for a kind, so that the compiler says so. It has no place. */
extern const struct troupe_a_member_of_this_type_can_not_be_in_a_message {
    char no;
} troupe_no_kind_;

#define TROUPE_KIND_(member)                                                                       \
    _Generic((member), bool: TROUPE_BOOL, int32_t: TROUPE_I32, int64_t: TROUPE_I64,                \
             uint32_t: TROUPE_U32, uint64_t: TROUPE_U64, double: TROUPE_F64,                       \
             const char *: TROUPE_TEXT, troupe_bytes: TROUPE_BYTES, troupe_ref: TROUPE_REF,        \
             default: troupe_no_kind_)

#define TROUPE_COUNT_(...) (sizeof((const troupe_field[]){__VA_ARGS__}) / sizeof(troupe_field))

/* Which kinds are in a list: bit by bit. A field is four arguments to the preprocessor, which are
 * taken sixteen at a time; behind the list are as many that say nothing. Of a list of more than 32
 * fields the rest is not looked at, and its extent is unknown. */
#define TROUPE_EXTENT_(kinds, count)                                                               \
    ((kinds) & (1u << TROUPE_TEXT | 1u << TROUPE_BYTES) ? TROUPE_DEEP                              \
     : (count) > 32                                     ? TROUPE_UNKNOWN_EXTENT                    \
                                                        : TROUPE_FLAT)
#define TROUPE_KINDS_(...) TROUPE_KINDS_1_(__VA_ARGS__)
#define TROUPE_KINDS_1_(n1, o1, k1, e1, n2, o2, k2, e2, n3, o3, k3, e3, n4, o4, k4, e4, ...)       \
    (1u << (k1) | 1u << (k2) | 1u << (k3) | 1u << (k4) | TROUPE_KINDS_2_(__VA_ARGS__))
#define TROUPE_KINDS_2_(n1, o1, k1, e1, n2, o2, k2, e2, n3, o3, k3, e3, n4, o4, k4, e4, ...)       \
    (1u << (k1) | 1u << (k2) | 1u << (k3) | 1u << (k4) | TROUPE_KINDS_3_(__VA_ARGS__))
#define TROUPE_KINDS_3_(n1, o1, k1, e1, n2, o2, k2, e2, n3, o3, k3, e3, n4, o4, k4, e4, ...)       \
    (1u << (k1) | 1u << (k2) | 1u << (k3) | 1u << (k4) | TROUPE_KINDS_4_(__VA_ARGS__))
#define TROUPE_KINDS_4_(n1, o1, k1, e1, n2, o2, k2, e2, n3, o3, k3, e3, n4, o4, k4, e4, ...)       \
    (1u << (k1) | 1u << (k2) | 1u << (k3) | 1u << (k4) | TROUPE_KINDS_5_(__VA_ARGS__))
#define TROUPE_KINDS_5_(n1, o1, k1, e1, n2, o2, k2, e2, n3, o3, k3, e3, n4, o4, k4, e4, ...)       \
    (1u << (k1) | 1u << (k2) | 1u << (k3) | 1u << (k4) | TROUPE_KINDS_6_(__VA_ARGS__))
#define TROUPE_KINDS_6_(n1, o1, k1, e1, n2, o2, k2, e2, n3, o3, k3, e3, n4, o4, k4, e4, ...)       \
    (1u << (k1) | 1u << (k2) | 1u << (k3) | 1u << (k4) | TROUPE_KINDS_7_(__VA_ARGS__))
#define TROUPE_KINDS_7_(n1, o1, k1, e1, n2, o2, k2, e2, n3, o3, k3, e3, n4, o4, k4, e4, ...)       \
    (1u << (k1) | 1u << (k2) | 1u << (k3) | 1u << (k4) | TROUPE_KINDS_8_(__VA_ARGS__))
#define TROUPE_KINDS_8_(n1, o1, k1, e1, n2, o2, k2, e2, n3, o3, k3, e3, n4, o4, k4, e4, ...)       \
    (1u << (k1) | 1u << (k2) | 1u << (k3) | 1u << (k4) | 0u)
#define TROUPE_PAD_                                                                                \
    TROUPE_PAD_16_, TROUPE_PAD_16_, TROUPE_PAD_16_, TROUPE_PAD_16_, TROUPE_PAD_16_,                \
        TROUPE_PAD_16_, TROUPE_PAD_16_, TROUPE_PAD_16_, 0
#define TROUPE_PAD_16_ 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0

/* Makes a message out of a copy of `*body`, its texts and bytes included, in one allocation, and
 * stores it in `*out`. `body` is NULL for a type without fields. The message belongs to the caller,
 * who may send it to actors of `rt` or drop it. Any thread.
 * NOMEM: no memory. TOOBIG: more than 1 GiB. INVALID: no body for a type that has fields, or bytes
 * with a size but no data. */
TROUPE_CHECKED troupe_err troupe_make(troupe *rt, const troupe_type *type, const void *body,
                                      troupe_msg **out);

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

/* Ends a message that you own and makes the pointer NULL; does nothing to NULL. Any thread. */
TROUPE_API void troupe_drop(troupe_msg **msg);

/* Makes a type known to a runtime, so that messages of it can arrive from other nodes. Sending
 * needs no registration. Registering the same type again does nothing. Any thread.
 * TAKEN: another layout is registered under this name. INVALID: the field list is not sound (a
 * field outside the struct, two that overlap, no name). NOMEM. */
TROUPE_CHECKED troupe_err troupe_register_type(troupe *rt, const troupe_type *type);

#ifdef __cplusplus
}
#endif
#endif
