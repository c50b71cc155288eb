#include "print.h"

#include <inttypes.h>
#include <stdio.h>

#include "session.h"

struct short_text ref_text(troupe_ref ref) {
    struct short_text to;
    (void)snprintf(to.text, sizeof to.text, "@%" PRIu32 ".%" PRIu32, (uint32_t)ref.id,
                   (uint32_t)(ref.id >> 32));
    return to;
}

struct short_text hex_text(uint64_t number) {
    struct short_text to;
    (void)snprintf(to.text, sizeof to.text, "%016" PRIx64, number);
    return to;
}

struct short_text span_text(int64_t ms) {
    struct short_text to = {""};
    const int64_t seconds = ms / 1000, minutes = seconds / 60;
    if (ms < 0) return to;
    if (ms < 1000)
        (void)snprintf(to.text, sizeof to.text, "%" PRId64 " ms", ms);
    else if (minutes < 1)
        (void)snprintf(to.text, sizeof to.text, "%.1f s", (double)ms / 1000);
    else if (minutes < 60)
        (void)snprintf(to.text, sizeof to.text, "%" PRId64 " min %02d s", minutes,
                       (int)(seconds % 60));
    else
        (void)snprintf(to.text, sizeof to.text, "%" PRId64 " h %02d min", minutes / 60,
                       (int)(minutes % 60));
    return to;
}

void print_json(json_t *json) {
    if (!json || json_dumpf(json, stdout, JSON_COMPACT | JSON_PRESERVE_ORDER) != 0)
        complain("out of memory");
    (void)putchar('\n');
    json_decref(json);
}
