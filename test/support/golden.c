#include "test/support/golden.h"

#include <criterion/criterion.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char seen[32768]; /* all reports so far; written by one thread at a time */

tr_atomic32 golden_told;
bool golden_keeps_callers;

void golden_see(void *ctx, const troupe_report *report) {
    (void)ctx;
    char text[4096];
    cr_assert_lt(troupe_report_text(report, text, sizeof text), sizeof text - 1);
    size_t lines = 1;
    for (const char *at = text; *at; at++) lines += *at == '\n';
    cr_assert_leq(lines, 20);
    cr_assert_lt(strlen(seen) + strlen(text) + 2, sizeof seen);
    strcat(strcat(seen, text), "\n");
    tr_store32_release(&golden_told, 1);
}

/* --- Masks ------------------------------------------------------------------------------------ */

/* Whether a ref stands there, as reports write it; how long it is. */
static size_t ref_at(const char *at) {
    size_t n = 0;
    while (isxdigit((unsigned char)at[n])) n++;
    if (n != 8 || at[n++] != ':') return 0;
    while (isdigit((unsigned char)at[n])) n++;
    if (at[n++] != '.') return 0;
    while (isdigit((unsigned char)at[n])) n++;
    return n;
}

/* Copies a text without what differs: refs, lines of sources, and for how long. */
static void mask(const char *from, char *to) {
    bool inside = false; /* of a word: there no ref begins */
    while (*from) {
        size_t ref = inside ? 0 : ref_at(from);
        const char *put = ref ? "REF" : NULL, *digits = NULL;
        if (strncmp(from, ".c:", 3) == 0) put = ".c:LINE", digits = from + 3;
        if (strncmp(from, " (/", 3) == 0) { /* the folder of a source, as the compiler saw it */
            const char *end = strchr(from, ')');
            const char *name = end;
            while (name[-1] != '/') name--;
            put = " (";
            ref = (size_t)(name - from);
        }
        if (strncmp(from, ", for ", 6) == 0) put = ", for N", digits = from + 6;
        if (strncmp(from, "answer, ", 8) == 0 && isdigit((unsigned char)from[8]))
            put = "answer, N", digits = from + 8;
        inside = isalnum((unsigned char)*from);
        if (!put) {
            *to++ = *from++;
            continue;
        }
        to += sprintf(to, "%s", put);
        from += ref;
        if (digits)
            for (from = digits; isdigit((unsigned char)*from);) from++;
    }
    *to = '\0';
}

/* Takes out what a build may have or not, and an optimiser change: the lines of callers. */
static void cut_callers(char *text) {
    for (char *at; (at = strstr(text, "\nCallers "));) {
        const char *next = at + 1;
        do next = strchr(next, '\n') + 1;
        while (*next == ' ');
        memmove(at + 1, next, strlen(next) + 1);
    }
}

void golden_expect(const char *room, const char *name) {
    static char masked[sizeof seen], file[sizeof seen];
    char path[512];
    (void)snprintf(path, sizeof path, "%s/test/%s/golden/%s.txt", TEST_SOURCE_DIR, room, name);
    mask(seen, masked);
    if (!golden_keeps_callers) cut_callers(masked);
    const char *wish = getenv("GOLDEN");
    FILE *golden = fopen(path, wish && strcmp(wish, "write") == 0 ? "w" : "r");
    cr_assert_not_null(golden, "%s", path);
    if (wish) {
        cr_assert_gt(fprintf(golden, "%s", masked), 0);
    } else {
        file[fread(file, 1, sizeof file - 1, golden)] = '\0';
        cr_assert_str_eq(masked, file, "%s:\n%s", path, masked);
    }
    cr_assert_eq(fclose(golden), 0);
}

void golden_forget(void) {
    seen[0] = '\0';
}
