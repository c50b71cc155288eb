#include "serial/one_of.h"

#include "serial/type.h"

const troupe_case *tr_case_find(const troupe_one_of *of, int32_t tag) {
    for (size_t i = 0; i < of->cases; i++)
        if (of->when[i].value == tag) return &of->when[i];
    return NULL;
}

bool tr_one_of_is_flat(const troupe_one_of *of) {
    for (size_t i = 0; i < of->cases; i++) {
        const troupe_field *field = &of->when[i].field;
        if (field->shape == TROUPE_SHAPE_LIST || !tr_value_is_flat(field)) return false;
    }
    return true;
}
