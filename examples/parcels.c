/* Messages whose form turns out on the way: a depot is told what happens to parcels, which is one
 * of several things (a one-of), with whatever else a scanner knows (a map), and answers with a
 * report of a length that nobody knew before (a builder). */
#include <inttypes.h>
#include <stdio.h>
#include <troupe/troupe.h>

/* --- What happens, and the report ------------------------------------------------------------- */

struct arrival {
    const char *from;
    double weight;
};
struct event {
    enum what { ARRIVED, MOVED, LOST } what;
    union {
        struct arrival arrival; /* ARRIVED */
        const char *shelf;      /* MOVED */
    };
};
struct scan {
    uint32_t parcel;
    struct event event;
    troupe_map labels;
};
struct report {
    TROUPE_MANY(const char *) lines;
    troupe_map sums;
};

static const troupe_type arrival_type =
    TROUPE_TYPE(arrival, TROUPE_FIELD(arrival, from), TROUPE_FIELD(arrival, weight));
static const troupe_one_of event_one_of = TROUPE_ONE_OF_TYPE(
    event, what, TROUPE_CASE(ARRIVED, TROUPE_FIELD_OF(event, arrival, &arrival_type)),
    TROUPE_CASE(MOVED, TROUPE_FIELD(event, shelf)), TROUPE_NO_CASE(LOST));
static const troupe_type scan_type =
    TROUPE_TYPE(scan, TROUPE_FIELD(scan, parcel), TROUPE_FIELD_OF(scan, event, &event_one_of),
                TROUPE_FIELD(scan, labels));
static const troupe_type report_type =
    TROUPE_TYPE(report, TROUPE_LIST(report, lines), TROUPE_FIELD(report, sums));
static const troupe_type ask_type = TROUPE_SIGNAL_TYPE("report?");

/* --- The depot -------------------------------------------------------------------------------- */

struct depot {
    troupe_msg *scans[8]; /* kept as they came */
    size_t count;
};

/* A line says what there is to say of its scan, as long as that may be. */
static const char *line_of(troupe_builder *b, const struct scan *scan) {
    const char *line = NULL;
    troupe_build_append(b, &line, "%" PRIu32, scan->parcel);
    switch (scan->event.what) {
    case ARRIVED:
        troupe_build_append(b, &line, " from %s, %g kg", scan->event.arrival.from,
                            scan->event.arrival.weight);
        break;
    case MOVED:
        troupe_build_append(b, &line, " to shelf %s", scan->event.shelf);
        break;
    case LOST:
        troupe_build_append(b, &line, " is lost");
    }
    if (troupe_map_bool(&scan->labels, "fragile", false))
        troupe_build_append(b, &line, ", fragile");
    for (size_t i = 0; i < scan->labels.count; i++)
        if (scan->labels.at[i].value.is == TROUPE_IS_TEXT)
            troupe_build_append(b, &line, ", %s %s", scan->labels.at[i].key,
                                scan->labels.at[i].value.text);
    return line;
}

static troupe_err tell(troupe_self *self, const struct depot *depot) {
    troupe_builder *b = troupe_build(troupe_runtime(self));
    struct report report = {.sums = {NULL, 0}};
    troupe_msg *msg = NULL;
    double weight = 0;
    int64_t lost = 0;
    for (size_t i = 0; i < depot->count; i++) {
        const struct scan *scan = troupe_as(depot->scans[i], &scan_type);
        const char *line = line_of(b, scan);
        TROUPE_ADD(b, report.lines, &line);
        if (scan->event.what == ARRIVED) weight += scan->event.arrival.weight;
        if (scan->event.what == LOST) lost++;
    }
    troupe_build_map(b, &report.sums);
    troupe_put_f64(b, "weight", weight);
    troupe_put_i64(b, "lost", lost);
    troupe_put_end(b);
    troupe_err err = troupe_build_make(b, &report_type, &report, &msg); /* tells all errors */
    troupe_build_drop(&b);
    if (!err) err = troupe_reply(self, &msg);
    troupe_drop(&msg);
    return err;
}

static troupe_err receive(troupe_self *self, void *state, troupe_msg **msg) {
    struct depot *depot = state;
    if (troupe_as(*msg, &ask_type)) return tell(self, depot);
    if (!troupe_as(*msg, &scan_type)) return troupe_fail(self, TROUPE_BADTYPE, "no scan");
    if (depot->count == sizeof depot->scans / sizeof *depot->scans)
        return troupe_fail(self, TROUPE_FULL, "no more room");
    depot->scans[depot->count++] = *msg;
    *msg = NULL;
    return TROUPE_OK;
}

static void stop(troupe_self *self, void *state, troupe_err why) {
    struct depot *depot = state;
    (void)self;
    (void)why;
    while (depot->count) troupe_drop(&depot->scans[--depot->count]);
}

/* --- Who scans -------------------------------------------------------------------------------- */

static troupe_err send_scan(troupe *rt, troupe_ref to, const struct scan *scan) {
    troupe_msg *msg = NULL;
    char text[200];
    troupe_err err = troupe_make(rt, &scan_type, scan, &msg);
    (void)troupe_print(msg, text, sizeof text);
    if (!err) puts(text);
    if (!err) err = troupe_post(rt, to, &msg);
    troupe_drop(&msg);
    return err;
}

int main(void) {
    const troupe_behaviour behaviour = {
        .name = "depot", .state_size = sizeof(struct depot), .receive = receive, .stop = stop};
    const troupe_entry labels[] = {
        {"fragile", {.is = TROUPE_IS_BOOL, .truth = true}},
        {"colour", {.is = TROUPE_IS_TEXT, .text = "red"}},
        {"stamps", {.is = TROUPE_IS_I64, .i64 = 3}},
    };
    const struct scan scans[] = {
        {17, {ARRIVED, {.arrival = {"Oslo", 2.5}}}, {labels, 3}},
        {18, {ARRIVED, {.arrival = {"Rome", 0.75}}}, {NULL, 0}},
        {17, {MOVED, {.shelf = "B4"}}, {labels + 1, 1}},
        {18, {.what = LOST}, {NULL, 0}},
    };
    troupe *rt = NULL;
    troupe_msg *msg = NULL;
    troupe_ref depot;
    if (troupe_open(NULL, &rt) || troupe_spawn(rt, &behaviour, NULL, &depot)) return 1;
    for (size_t i = 0; i < 4; i++)
        if (send_scan(rt, depot, &scans[i])) return 1;
    if (troupe_make(rt, &ask_type, NULL, &msg) || troupe_ask(rt, depot, &msg, 1000)) return 1;
    const struct report *report = troupe_as(msg, &report_type);
    if (!report) return 1;
    for (size_t i = 0; i < report->lines.count; i++) puts(report->lines.at[i]);
    printf("%g kg, %" PRId64 " lost\n", troupe_map_f64(&report->sums, "weight", 0),
           troupe_map_i64(&report->sums, "lost", 0));
    troupe_drop(&msg);
    troupe_close(&rt);
}
