#include "pieces.h"

#include <string.h>

bool pieces_pack(const struct plan *plan, const struct range *range, struct pack *out) {
    out->size = 0;
    for (size_t i = 0; i < range->pieces; i++) {
        const struct piece *piece = &plan->piece[range->first + i];
        const char *path = plan->path[piece->path];
        size_t size = strlen(path);
        if (!pack_room(out, 3 * (size_t)PACK_NUMBER + size)) {
            return false;
        }
        pack_number(out, piece->offset);
        pack_number(out, piece->length);
        pack_number(out, size);
        memcpy(out->data + out->size, path, size);
        out->size += size;
    }
    return true;
}

bool pieces_next(const unsigned char **at, const unsigned char *end, struct piece_view *out) {
    uint64_t size = 0;
    if (!unpack_number(at, end, &out->offset) || !unpack_number(at, end, &out->length) ||
        !unpack_number(at, end, &size) || size > (uint64_t)(end - *at)) {
        return false;
    }
    out->path = (const char *)*at;
    out->path_size = (size_t)size;
    *at += size;
    return true;
}
