/* A message that was moved on is gone: the pointer is NULL. In a debug build who uses it all the
 * same hears where it went. Here that is switched on for this source, whatever the build. */
#define TROUPE_DEBUG_MOVES 1 /* what CMake defines for a Debug build */
#include <stdio.h>
#include <troupe/report.h>
#include <troupe/troupe.h>

static const troupe_type parcel_type = TROUPE_SIGNAL_TYPE("parcel");

static troupe_err ignore(troupe_self *self, void *state, troupe_msg **msg) {
    (void)self, (void)state, (void)msg;
    return TROUPE_OK;
}

static const troupe_behaviour shelf = {.name = "shelf", .receive = ignore};

/* Gives a parcel back to who brought it, and then puts it on the shelf: of course it has gone. */
static troupe_err receive(troupe_self *self, void *state, troupe_msg **msg) {
    troupe_ref to;
    (void)state;
    troupe_err err = troupe_whereis(troupe_runtime(self), "shelf", &to);
    if (!err) err = troupe_reply(self, msg);
    if (!err) err = troupe_send(self, to, msg);
    return err;
}

static const troupe_behaviour clerk = {.name = "clerk", .receive = receive};

static char said[400];

static void on_report(void *ctx, const troupe_report *report) {
    (void)ctx;
    snprintf(said, sizeof said, "%s fails at %s:%d, %s\n  %s", report->behaviour, report->file,
             report->line, troupe_errname(report->why), report->text);
}

int main(void) {
    const troupe_config config = {.workers = 1, .report = on_report};
    troupe *rt = NULL;
    troupe_ref who, other;
    troupe_msg *msg = NULL;
    if (troupe_open(&config, &rt) || troupe_spawn(rt, &shelf, NULL, &other) ||
        troupe_register(rt, other, "shelf") || troupe_spawn(rt, &clerk, NULL, &who) ||
        troupe_make(rt, &parcel_type, NULL, &msg))
        return 1;
    troupe_err err = troupe_ask(rt, who, &msg, 5000);
    printf("who asked: %s, and has %s\n", troupe_strerror(err), msg ? "it back" : "nothing");
    troupe_drop(&msg);
    troupe_close(&rt);
    puts(said);
    return 0;
}
