/* A runtime inside a libuv loop: a uv_poll_t on its descriptor is all that it takes. Actors run on
 * the loop's thread, so they may call libuv. */
#include <stdio.h>
#include <troupe/troupe.h>
#include <uv.h>

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

static uv_loop_t loop;

static void stop(troupe_self *self, void *state, troupe_err why) {
    (void)self;
    (void)state;
    printf("actor: %s\n", troupe_strerror(why));
    uv_stop(&loop);
}

static const troupe_behaviour runner = {.name = "runner", .receive = receive, .stop = stop};

static void on_readable(uv_poll_t *poll, int status, int events) {
    (void)events;
    if (!status) (void)troupe_step(poll->data, 100);
}

static void on_timer(uv_timer_t *timer) {
    troupe *rt = timer->data;
    troupe_ref who;
    troupe_msg *msg = NULL;
    printf("loop: go\n");
    if (troupe_spawn(rt, &runner, NULL, &who) ||
        troupe_make(rt, &lap_type, &(struct lap){2}, &msg) || troupe_post(rt, who, &msg))
        uv_stop(&loop);
    troupe_drop(&msg);
}

int main(void) {
    const troupe_config config = {.workers = TROUPE_STEPPED};
    troupe *rt = NULL;
    uv_poll_t poll;
    uv_timer_t timer;
    int fd;
    if (troupe_open(&config, &rt) || troupe_fd(rt, &fd)) return 1;
    if (uv_loop_init(&loop) || uv_poll_init(&loop, &poll, fd) || uv_timer_init(&loop, &timer))
        return 1;
    poll.data = timer.data = rt;
    if (uv_poll_start(&poll, UV_READABLE, on_readable) || uv_timer_start(&timer, on_timer, 1, 0))
        return 1;
    (void)uv_run(&loop, UV_RUN_DEFAULT);

    uv_close((uv_handle_t *)&poll, NULL); /* before the descriptor goes with the runtime */
    uv_close((uv_handle_t *)&timer, NULL);
    (void)uv_run(&loop, UV_RUN_DEFAULT);
    troupe_close(&rt);
    return uv_loop_close(&loop);
}
