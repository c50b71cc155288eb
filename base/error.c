#include <troupe/error.h>

const char *troupe_strerror(troupe_err err) {
    switch (err) {
#define TEXT_OF(name, number, text)                                                                \
    case TROUPE_##name:                                                                            \
        return text;
        TROUPE_ERRORS(TEXT_OF)
#undef TEXT_OF
    case TROUPE_USER:
        break;
    }
    return err >= TROUPE_USER ? "error of the application" : "unknown error";
}

const char *troupe_errname(troupe_err err) {
    switch (err) {
#define NAME_OF(name, number, text)                                                                \
    case TROUPE_##name:                                                                            \
        return #name;
        TROUPE_ERRORS(NAME_OF)
#undef NAME_OF
    case TROUPE_USER:
        break;
    }
    return err >= TROUPE_USER ? "USER" : "UNKNOWN";
}
