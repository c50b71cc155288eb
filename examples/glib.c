/* A runtime inside a GLib main loop, as GTK programs have one: a source on its descriptor is all
 * that it takes. Actors run on the loop's thread, so they may call GLib and GTK. */
#include <glib-unix.h>
#include <glib.h>
#include <stdio.h>
#include <troupe/troupe.h>

struct lap {
    uint32_t left;
};
static const troupe_type lap_type = TROUPE_TYPE(lap, TROUPE_FIELD(lap, left));

/* Counts laps down, one each 10 ms, and ends. */
static troupe_err receive(troupe_self *self, void *state, troupe_msg **msg) {
    (void)state;
    const struct lap *lap = troupe_as(*msg, &lap_type);
    if (!lap) return TROUPE_BADTYPE;
    printf("actor: %u to go\n", (unsigned)lap->left);
    if (!lap->left) {
        troupe_exit(self, TROUPE_OK);
        return TROUPE_OK;
    }
    troupe_msg *next = NULL;
    troupe_err err =
        troupe_make(troupe_runtime(self), &lap_type, &(struct lap){lap->left - 1}, &next);
    if (!err) err = troupe_send_after(self, 10, troupe_me(self), &next, NULL);
    troupe_drop(&next);
    return err;
}

static GMainLoop *loop;

static void stop(troupe_self *self, void *state, troupe_err why) {
    (void)self;
    (void)state;
    printf("actor: %s\n", troupe_strerror(why));
    g_main_loop_quit(loop);
}

static const troupe_behaviour runner = {.name = "runner", .receive = receive, .stop = stop};

static gboolean on_readable(gint fd, GIOCondition condition, gpointer rt) {
    (void)fd;
    (void)condition;
    (void)troupe_step(rt, 100);
    return G_SOURCE_CONTINUE;
}

static gboolean on_timer(gpointer rt) {
    troupe_ref who;
    troupe_msg *msg = NULL;
    printf("loop: go\n");
    if (troupe_spawn(rt, &runner, NULL, &who) ||
        troupe_make(rt, &lap_type, &(struct lap){2}, &msg) || troupe_post(rt, who, &msg))
        g_main_loop_quit(loop);
    troupe_drop(&msg);
    return G_SOURCE_REMOVE;
}

int main(void) {
    const troupe_config config = {.workers = TROUPE_STEPPED};
    troupe *rt = NULL;
    int fd;
    if (troupe_open(&config, &rt) || troupe_fd(rt, &fd)) return 1;
    loop = g_main_loop_new(NULL, FALSE);
    guint source = g_unix_fd_add(fd, G_IO_IN, on_readable, rt);
    (void)g_timeout_add(1, on_timer, rt);
    g_main_loop_run(loop);

    (void)g_source_remove(source); /* before the descriptor goes with the runtime */
    g_main_loop_unref(loop);
    troupe_close(&rt);
    return 0;
}
