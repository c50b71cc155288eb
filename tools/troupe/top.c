/* top: two looks at the tree, and what happened between them. */
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "print.h"
#include "rows.h"
#include "show.h"
#include "table.h"

/* An actor and how busy it was. */
struct busy {
    const struct troupe_console_row *row;
    double rate; /* messages a second */
};

static int by_ref(const void *a, const void *b) {
    const struct troupe_console_row *const *one = a, *const *other = b;
    uint64_t x = (*one)->who.id, y = (*other)->who.id;
    return (x > y) - (x < y);
}

/* The most messages a second first; then the fullest, then the longest wait. */
static int by_load(const void *a, const void *b) {
    const struct busy *one = a, *other = b;
    if (one->rate != other->rate) return one->rate < other->rate ? 1 : -1;
    if (one->row->waiting != other->row->waiting)
        return one->row->waiting < other->row->waiting ? 1 : -1;
    if (one->row->oldest_ms != other->row->oldest_ms)
        return one->row->oldest_ms < other->row->oldest_ms ? 1 : -1;
    return strcmp(one->row->path, other->row->path);
}

/* What each did since the look before; who was not there then has no rate. */
static size_t compare(const struct rows *before, const struct rows *now, struct busy *busy) {
    double seconds = (double)(now->at_ms - before->at_ms) / 1000;
    size_t count = 0;
    if (before->count) qsort(before->at, before->count, sizeof *before->at, by_ref);
    for (size_t i = 0; i < now->count; i++) {
        const struct troupe_console_row *row = now->at[i];
        if (!row->who.id) continue;
        const struct troupe_console_row *const *old =
            before->count ? bsearch(&row, before->at, before->count, sizeof *before->at, by_ref)
                          : NULL;
        busy[count] = (struct busy){row, 0};
        if (old && seconds > 0 && row->handled >= (*old)->handled)
            busy[count].rate = (double)(row->handled - (*old)->handled) / seconds;
        count++;
    }
    if (count) qsort(busy, count, sizeof *busy, by_load);
    return count;
}

static void print_top_json(const struct busy *busy, size_t count, double seconds) {
    json_t *actors = json_array();
    for (size_t i = 0; i < count; i++) {
        json_t *json = row_json(busy[i].row);
        if (json) (void)json_object_set_new(json, "rate", json_real(busy[i].rate));
        (void)json_array_append_new(actors, json);
    }
    print_json(json_pack("{s:f, s:o}", "seconds", seconds, "actors", actors));
}

static void print_top(const struct busy *busy, size_t count) {
    static const char *const heads[] = {"MSG/S", "MAIL",      "OLDEST", "HANDLED",
                                        "RUNS",  "BEHAVIOUR", "DOING",  "ACTOR"};
    struct table table = {.columns = 8, .right = {true, true, true, true}};
    for (size_t i = 0; i < table.columns; i++) table_add(&table, "%s", heads[i]);
    for (size_t i = 0; i < count; i++) {
        const struct troupe_console_row *row = busy[i].row;
        table_add(&table, "%.0f", busy[i].rate);
        table_add(&table, "%" PRIu32 "/%" PRIu32, row->waiting, row->limit);
        table_add(&table, "%s", span_text(row->oldest_ms).text);
        table_add(&table, "%" PRIu64, row->handled);
        table_add(&table, "%s", row->running ? "yes" : "");
        table_add(&table, "%s", row->behaviour);
        table_add(&table, "%s", row->doing);
        table_add(&table, "%s", row->path);
    }
    table_print(&table);
}

/* Prints one look. False: no memory. */
static bool print_look(const struct session *session, const struct rows *before,
                       const struct rows *now) {
    const struct options *options = session->options;
    struct busy *busy = malloc((now->count + 1) * sizeof *busy);
    if (!busy) {
        complain("out of memory");
        return false;
    }
    size_t count = compare(before, now, busy);
    size_t shown = count < options->rows ? count : options->rows;
    double seconds = (double)(now->at_ms - before->at_ms) / 1000;
    if (options->json) {
        print_top_json(busy, shown, seconds);
    } else {
        if (!options->once && isatty(STDOUT_FILENO)) (void)fputs("\033[H\033[J", stdout);
        (void)printf("node %s: %" PRIu64 " actors, over %.1f s\n", session->peer,
                     (uint64_t)count + now->left_out, seconds);
        print_top(busy, shown);
        if (!options->once) (void)putchar('\n');
    }
    free(busy);
    return fflush(stdout) == 0; /* who read it may have gone */
}

int show_top(struct session *session) {
    const unsigned ms = session->options->interval_ms;
    const struct timespec pause = {(time_t)(ms / 1000), (long)(ms % 1000) * 1000000};
    struct rows before, now;
    if (!rows_get(session, &before)) return STATUS_UNREACHED;
    for (bool more = true; more;) {
        (void)nanosleep(&pause, NULL);
        if (!rows_get(session, &now)) {
            rows_free(&before);
            return STATUS_UNREACHED;
        }
        more = print_look(session, &before, &now) && !session->options->once;
        rows_free(&before);
        before = now;
    }
    rows_free(&before);
    return STATUS_OK;
}
