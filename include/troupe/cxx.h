/* What <troupe/message.h> needs of C++ (11 or later), which has no _Generic, and whose compound
 * literals do not last. Included by it; the macros are written and used as in C. C++ initialises a
 * type when the program starts: another file's initialisers may come first. */
#ifndef TROUPE_CXX_H
#define TROUPE_CXX_H

#include <troupe/message.h>

#ifdef __cplusplus

/* The kind of a member by its type; a type that is not here does not compile. */
template <typename member> struct troupe_kind_of;

#define TROUPE_CXX_KINDS(X)                                                                        \
    X(bool, TROUPE_BOOL)                                                                           \
    X(int32_t, TROUPE_I32)                                                                         \
    X(int64_t, TROUPE_I64)                                                                         \
    X(uint32_t, TROUPE_U32)                                                                        \
    X(uint64_t, TROUPE_U64)                                                                        \
    X(double, TROUPE_F64)                                                                          \
    X(const char *, TROUPE_TEXT)                                                                   \
    X(troupe_bytes, TROUPE_BYTES)                                                                  \
    X(troupe_ref, TROUPE_REF)

#define TROUPE_CXX_KIND(type, number)                                                              \
    template <> struct troupe_kind_of<type> {                                                      \
        static constexpr troupe_kind kind = number;                                                \
    };
TROUPE_CXX_KINDS(TROUPE_CXX_KIND)
#undef TROUPE_CXX_KIND
#undef TROUPE_CXX_KINDS

#undef TROUPE_NOBODY
#define TROUPE_NOBODY (troupe_ref{0, 0})

#undef TROUPE_FIELD
#define TROUPE_FIELD(tag, member)                                                                  \
    { #member, offsetof(struct tag, member), troupe_kind_of<decltype(tag::member)>::kind }

#undef TROUPE_TYPE
#define TROUPE_TYPE(tag, ...)                                                                      \
    []() -> troupe_type {                                                                          \
        static const troupe_field fields[] = {__VA_ARGS__};                                        \
        troupe_type type = troupe_type();                                                          \
        type.name = #tag;                                                                          \
        type.size = sizeof(struct tag);                                                            \
        type.field = fields;                                                                       \
        type.fields = sizeof fields / sizeof *fields;                                              \
        return type;                                                                               \
    }()

#endif
#endif
