#include "serial/skip.h"

#include "serial/scan.h"

/* How many bytes follow a head, that are not values of their own. An ext has a byte of its kind. */
static uint64_t follows(const tr_item *item, unsigned lead) {
    if (item->form == TR_FORM_TEXT || item->form == TR_FORM_BYTES) return item->number;
    if (item->form != TR_FORM_EXT) return 0;
    return lead >= 0xD4 && lead <= 0xD8 ? 1 + (UINT64_C(1) << (lead - 0xD4)) : 1 + item->number;
}

/* How many values follow a head. */
static uint64_t holds(const tr_item *item) {
    if (item->form == TR_FORM_MAP) return 2 * item->number;
    return item->form == TR_FORM_ARRAY ? item->number : 0;
}

tr_skipped tr_skip(const unsigned char *at, size_t left, size_t *size) {
    uint64_t due[TR_SKIP_LEVELS_MOST + 1] = {1}; /* values that are still to come, by level */
    const size_t all = left;
    for (size_t level = 0;;) {
        tr_item item;
        while (!due[level]) {
            if (level == 0) {
                *size = all - left;
                return TR_SKIPPED;
            }
            level--;
        }
        if (!tr_item_read(at, left, &item)) return TR_SKIP_CUT;
        if (item.form == TR_FORM_RESERVED) return TR_SKIP_NONE;
        const uint64_t more = follows(&item, at[0]);
        if (more > left - item.head) return TR_SKIP_CUT;
        at += item.head + more;
        left -= item.head + (size_t)more;
        due[level]--;
        if (!holds(&item)) continue;
        if (holds(&item) > left) return TR_SKIP_CUT; /* each has a byte at least */
        if (level == TR_SKIP_LEVELS_MOST) return TR_SKIP_DEEP;
        due[++level] = holds(&item);
    }
}
