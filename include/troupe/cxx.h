/* What <troupe/message.h> needs of C++ (11 or later), which has no _Generic, and whose compound
 * literals do not last. Included by it; the macros are written and used as in C. C++ initialises a
 * type when the program starts: another file's initialisers may come first. */
#ifndef TROUPE_CXX_H
#define TROUPE_CXX_H

#include <troupe/message.h>

#ifdef __cplusplus

#include <type_traits>

/* The kind of a member by its type; a type that is not here does not compile. */
template <typename member> struct troupe_kind_of;
template <troupe_kind number> struct troupe_kind_is {
    static constexpr troupe_kind kind = number;
};
template <> struct troupe_kind_of<bool> : troupe_kind_is<TROUPE_BOOL> {};
template <> struct troupe_kind_of<int8_t> : troupe_kind_is<TROUPE_I8> {};
template <> struct troupe_kind_of<int16_t> : troupe_kind_is<TROUPE_I16> {};
template <> struct troupe_kind_of<int32_t> : troupe_kind_is<TROUPE_I32> {};
template <> struct troupe_kind_of<int64_t> : troupe_kind_is<TROUPE_I64> {};
template <> struct troupe_kind_of<uint8_t> : troupe_kind_is<TROUPE_U8> {};
template <> struct troupe_kind_of<uint16_t> : troupe_kind_is<TROUPE_U16> {};
template <> struct troupe_kind_of<uint32_t> : troupe_kind_is<TROUPE_U32> {};
template <> struct troupe_kind_of<uint64_t> : troupe_kind_is<TROUPE_U64> {};
template <> struct troupe_kind_of<float> : troupe_kind_is<TROUPE_F32> {};
template <> struct troupe_kind_of<double> : troupe_kind_is<TROUPE_F64> {};
template <> struct troupe_kind_of<const char *> : troupe_kind_is<TROUPE_TEXT> {};
template <> struct troupe_kind_of<troupe_bytes> : troupe_kind_is<TROUPE_BYTES> {};
template <> struct troupe_kind_of<troupe_ref> : troupe_kind_is<TROUPE_REF> {};
template <> struct troupe_kind_of<troupe_time> : troupe_kind_is<TROUPE_TIME> {};
template <> struct troupe_kind_of<troupe_map> : troupe_kind_is<TROUPE_MAP> {};

struct troupe_cxx {
    /* The kind of what `of` describes. */
    static constexpr troupe_kind kind_of(const troupe_type *) {
        return TROUPE_STRUCT;
    }
    static constexpr troupe_kind kind_of(const troupe_enum *) {
        return TROUPE_ENUM;
    }
    static constexpr troupe_kind kind_of(const troupe_one_of *) {
        return TROUPE_ONE_OF;
    }
    /* What TROUPE_EXTENT_ finds out in C. */
    static troupe_extent extent_of(const troupe_field *field, size_t fields) {
        troupe_extent extent = TROUPE_FLAT;
        for (size_t i = 0; i < fields; i++) {
            const troupe_kind kind = field[i].kind;
            bool list = field[i].shape == TROUPE_SHAPE_LIST;
            if (list || kind == TROUPE_TEXT || kind == TROUPE_BYTES || kind == TROUPE_MAP)
                return TROUPE_DEEP;
            if (kind == TROUPE_STRUCT || kind == TROUPE_ONE_OF) extent = TROUPE_UNKNOWN_EXTENT;
        }
        return extent;
    }
};

#undef TROUPE_NOBODY
#define TROUPE_NOBODY (troupe_ref{0, 0})

#undef TROUPE_KIND_
#define TROUPE_KIND_(member)                                                                       \
    (troupe_kind_of<typename std::remove_cv<                                                       \
         typename std::remove_reference<decltype(member)>::type>::type>::kind)

#undef TROUPE_KIND_OF_
#define TROUPE_KIND_OF_(of) troupe_cxx::kind_of(of)

#undef TROUPE_LENGTH_
#define TROUPE_LENGTH_(array)                                                                      \
    (std::extent<typename std::remove_reference<decltype(array)>::type>::value)

#undef TROUPE_MISSING_
#define TROUPE_MISSING_(member, ...)                                                               \
    []() -> const void * {                                                                         \
        static const typename std::remove_reference<decltype(member)>::type it = {__VA_ARGS__};    \
        return &it;                                                                                \
    }()

#undef TROUPE_NAMED_TYPE
#define TROUPE_NAMED_TYPE(named, tag, ...)                                                         \
    []() -> troupe_type {                                                                          \
        static const troupe_field fields[] = {__VA_ARGS__};                                        \
        troupe_type type = troupe_type();                                                          \
        type.name = named;                                                                         \
        type.size = sizeof(struct tag);                                                            \
        type.field = fields;                                                                       \
        type.fields = sizeof fields / sizeof *fields;                                              \
        type.extent = troupe_cxx::extent_of(fields, type.fields);                                  \
        return type;                                                                               \
    }()

#undef TROUPE_ENUM_TYPE
#define TROUPE_ENUM_TYPE(...)                                                                      \
    []() -> troupe_enum {                                                                          \
        static const troupe_choice choices[] = {__VA_ARGS__};                                      \
        return troupe_enum{choices, sizeof choices / sizeof *choices};                             \
    }()

#undef TROUPE_ONE_OF_TYPE
#define TROUPE_ONE_OF_TYPE(tag, chosen, ...)                                                       \
    []() -> troupe_one_of {                                                                        \
        static const troupe_case cases[] = {__VA_ARGS__};                                          \
        return troupe_one_of{sizeof(struct tag), TROUPE_TAG_(tag, chosen), cases,                  \
                             sizeof cases / sizeof *cases};                                        \
    }()

#endif
#endif
