/* Process children that are nodes: real ones, of the helper `child`. */
#include "transport/parent.h"

#include <sys/mman.h>

#include "test/support/exhaust.h"
#include "test/support/node_orders.h"
#include "test/transport/certificates.h"
#include "test/transport/process_scene.h"
#include "transport/node.h"

TestSuite(parent, .timeout = 60);

#define NAMED "keeper"

/* A node with one such child. */
typedef struct family {
    scene s;
    troupe_node *node;
    char path[4200], url[TROUPE_URL_MAX + 1];
    const char *argv[3];
    troupe_program program;
    troupe_child child;
} family;

static void family_open(family *f, const char *mode, unsigned heartbeat_ms) {
    memset(f, 0, sizeof *f);
    scene_open(&f->s);
    const troupe_node_config config = {.name = "parent",
                                       .secret = "a secret of this test",
                                       .secret_size = sizeof "a secret of this test",
                                       .heartbeat_ms = heartbeat_ms};
    cr_assert_eq(troupe_node_open(f->s.rt, &config, &f->node), TROUPE_OK);
    (void)snprintf(f->url, sizeof f->url, "ipc://%s/node", f->s.dir);
    cr_assert_eq(troupe_listen(f->node, f->url, NULL, 0), TROUPE_OK);
    cr_assert_eq(troupe_register_type(f->s.rt, &count_type), TROUPE_OK);
    (void)snprintf(f->path, sizeof f->path, "%s", beside());
    (void)snprintf(strrchr(f->path, '/') + 1, 32, "troupe_helper_child");
    f->argv[0] = f->path;
    f->argv[1] = mode;
    f->program = (troupe_program){
        .argv = f->argv, .env = f->s.env, .node = f->node, .url = f->url, .stop_ms = 3600 * 1000};
    f->child = (troupe_child){.id = "child",
                              .what = &troupe_process,
                              .arg = &f->program,
                              .restart = TROUPE_TEMPORARY,
                              .shutdown_ms = TROUPE_FOREVER,
                              .name = NAMED};
}

static void family_close(family *f) {
    scene_close(&f->s);
    cr_assert_neq(access(f->url + strlen("ipc://"), F_OK), 0, "a socket is left");
}

/* Starts it; its id is its first word. Returns a pidfd. */
static int start(family *f, pid_t *pid) {
    cr_assert_eq(scene_supervise(&f->s, &f->child, 1, 9), TROUPE_OK);
    return said_pid(&f->s, pid);
}

/* The one peer. */
static bool peer_of(family *f, troupe_peer *peer) {
    return troupe_peers(f->node, peer, 1) == 1;
}

/* Asks its service on that node. */
static troupe_err ask(family *f, const char *peer, uint64_t *answer) {
    troupe_ref who;
    troupe_msg *msg = NULL;
    const struct order order = {.what = ORDER_ANSWER, .n = 41};
    troupe_err err = troupe_lookup(f->node, peer, "service", PATIENCE_MS, &who);
    if (!err) err = troupe_make(f->s.rt, &order_type, &order, &msg);
    if (!err) err = troupe_ask(f->s.rt, who, &msg, PATIENCE_MS);
    const struct count *count = troupe_as(msg, &count_type);
    if (count) *answer = count->n;
    troupe_drop(&msg);
    return err;
}

Test(parent, a_child_is_a_node_once_it_has_started) {
    family f;
    pid_t pid;
    troupe_peer peer;
    uint64_t answer = 0;
    char name[64];
    family_open(&f, NULL, 0);
    (void)close(start(&f, &pid));
    cr_assert(peer_of(&f, &peer), "its start was complete before it had connected");
    (void)snprintf(name, sizeof name, "troupe_helper_child-%d", (int)pid);
    cr_assert_str_eq(peer.name, name);
    cr_assert_eq(ask(&f, peer.name, &answer), TROUPE_OK);
    cr_assert_eq(answer, 42);
    family_close(&f);
}

Test(parent, the_key_is_in_no_environment_and_no_command_line) {
    family f;
    pid_t pid;
    char path[64], text[65536];
    family_open(&f, NULL, 0);
    (void)close(start(&f, &pid));
    for (int i = 0; i < 2; i++) {
        (void)snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, i ? "cmdline" : "environ");
        int file = open(path, O_RDONLY);
        ssize_t size = read(file, text, sizeof text);
        cr_assert_gt(size, 0);
        cr_assert_null(memmem(text, (size_t)size, "a secret of", 11));
        cr_assert_null(memmem(text, (size_t)size, f.node->key, 8));
        cr_assert_eq(memmem(text, (size_t)size, "TROUPE_PARENT=4", 16) != NULL, i == 0);
        (void)close(file);
    }
    (void)snprintf(path, sizeof path, "/proc/%d/fd/4", (int)pid);
    ssize_t size = readlink(path, text, sizeof text - 1); /* nng may have taken the number */
    text[size > 0 ? size : 0] = 0;
    cr_assert_null(strstr(text, "troupe-parent"), "%s", text);
    family_close(&f);
}

/* SIGTERM would do nothing, and comes in an hour. */
Test(parent, a_stop_comes_as_a_message) {
    family f;
    pid_t pid;
    family_open(&f, "deaf", 0);
    int alive = start(&f, &pid);
    scene_watch(&f.s, scene_named(&f.s, NAMED));
    cr_assert_eq(troupe_stop(f.s.rt, scene_named(&f.s, NAMED)), TROUPE_OK);
    expect_said(&f.s, "SHUTDOWN");
    cr_assert_eq(scene_down(&f.s), TROUPE_SHUTDOWN);
    (void)close(alive);
    family_close(&f);
}

Test(parent, one_that_does_not_listen_gets_signals) {
    family f;
    pid_t pid;
    family_open(&f, NULL, 60000);
    f.program.stop_ms = f.program.term_ms = 50;
    int alive = start(&f, &pid);
    scene_watch(&f.s, scene_named(&f.s, NAMED));
    cr_assert_eq(kill(pid, SIGSTOP), 0); /* it hears neither words nor SIGTERM */
    cr_assert_eq(troupe_stop(f.s.rt, scene_named(&f.s, NAMED)), TROUPE_OK);
    cr_assert_eq(scene_down(&f.s), TROUPE_SHUTDOWN);
    cr_assert(ready_within(alive, 0));
    (void)close(alive);
    family_close(&f);
}

/* Whatever is noticed first, its end or that of its connection. */
Test(parent, one_that_is_killed_is_started_again_as_another_node) {
    family f;
    pid_t pid;
    troupe_peer first, peer;
    uint64_t answer = 0;
    family_open(&f, NULL, 0);
    f.child.restart = TROUPE_PERMANENT;
    int alive = start(&f, &pid);
    cr_assert(peer_of(&f, &first));
    for (int i = 0; i < 3; i++) {
        cr_assert_eq(kill(pid, SIGKILL), 0);
        (void)close(alive);
        alive = said_pid(&f.s, &pid);
        char name[64];
        (void)snprintf(name, sizeof name, "troupe_helper_child-%d", (int)pid);
        uint64_t until = troupe_now(f.s.rt) + PATIENCE_MS * UINT64_C(1000000);
        while (!peer_of(&f, &peer) || strcmp(peer.name, name) != 0)
            cr_assert_lt(troupe_now(f.s.rt), until, "it does not connect");
        cr_assert_eq(ask(&f, peer.name, &answer), TROUPE_OK);
    }
    cr_assert_neq(first.node, peer.node);
    cr_assert(scene_logged(&f.s, "was ended by signal 9 (Killed)"));
    (void)close(alive);
    family_close(&f);
}

Test(parent, one_that_is_not_heard_of_has_failed_and_is_ended) {
    family f;
    pid_t pid;
    family_open(&f, NULL, 300);
    f.program.term_ms = 50;
    int alive = start(&f, &pid);
    scene_watch(&f.s, scene_named(&f.s, NAMED));
    cr_assert_eq(kill(pid, SIGSTOP), 0);
    cr_assert_eq(scene_down(&f.s), TROUPE_SILENT);
    cr_assert(scene_logged(&f.s, "was lost as a node, and was ended"));
    cr_assert(ready_within(alive, 0));
    (void)close(alive);
    family_close(&f);
}

/* A program that never connects has the time that its child gives it. */
Test(parent, one_that_does_not_connect_does_not_start) {
    static const char *const argv[] = {"/bin/sleep", "1000", NULL};
    family f;
    family_open(&f, NULL, 0);
    f.program.argv = argv;
    f.child.start_ms = 50;
    cr_assert_eq(scene_supervise(&f.s, &f.child, 1, 0), TROUPE_START_FAILED);
    cr_assert(scene_logged(&f.s, "TIMEOUT"));
    family_close(&f);
}

Test(parent, a_node_without_an_address_is_refused) {
    family f;
    family_open(&f, NULL, 0);
    f.program.url = NULL;
    cr_assert_eq(scene_supervise(&f.s, &f.child, 1, 0), TROUPE_START_FAILED);
    cr_assert(scene_logged(&f.s, "INVALID"));
    family_close(&f);
}

/* It would have no certificate to show; and the key of no secret lets nobody in. */
Test(parent, where_a_key_lets_nobody_in_is_refused) {
    family f;
    troupe *rt;
    tr_parent_note note;
    family_open(&f, NULL, 0);
    const troupe_program by_tls = {
        .argv = f.argv, .node = f.node, .url = "tls+tcp://127.0.0.1:7000"};
    cr_assert_eq(tr_parent_note_of(&by_tls, (troupe_ref){1, 1}, &note), TROUPE_INVALID);
    troupe_program without = {.argv = f.argv, .url = f.url};
    const troupe_tls tls = tls_of("ca", "right");
    cr_assert_eq(troupe_open(&(troupe_config){.workers = 1}, &rt), TROUPE_OK);
    const troupe_node_config config = {.name = "right", .tls = &tls};
    cr_assert_eq(troupe_node_open(rt, &config, &without.node), TROUPE_OK);
    cr_assert_eq(tr_parent_note_of(&without, (troupe_ref){1, 1}, &note), TROUPE_INVALID);
    troupe_close(&rt);
    family_close(&f);
}

/* --- The note --------------------------------------------------------------------------------- */

static void set_parent(int fd) {
    char text[16];
    (void)snprintf(text, sizeof text, "%d", fd);
    cr_assert_eq(setenv("TROUPE_PARENT", text, 1), 0);
}

Test(parent, a_note_is_read_once) {
    tr_parent_note note = {.size = sizeof note, .serial = 7, .url = "ipc:///x"}, read;
    int fd = tr_parent_write(&note);
    cr_assert_geq(fd, 0);
    cr_assert_eq(write(fd, "x", 1), -1, "it can be changed");
    set_parent(fd);
    cr_assert(tr_parent_read(&read));
    cr_assert_eq(memcmp(&read, &note, sizeof note), 0);
    cr_assert_eq(fcntl(fd, F_GETFD), -1);
    cr_assert_not(tr_parent_read(&read));
}

Test(parent, what_is_no_note_is_left_alone) {
    tr_parent_note note = {.size = sizeof note}, read;
    static const char *const wrong[] = {"", "x", "2", "-1", "4x", "99999999999", "1000"};
    cr_assert_eq(unsetenv("TROUPE_PARENT"), 0);
    cr_assert_not(tr_parent_read(&read));
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        cr_assert_eq(setenv("TROUPE_PARENT", wrong[i], 1), 0);
        cr_assert_not(tr_parent_read(&read));
    }
    int file = open("/dev/null", O_RDWR), plain = memfd_create("plain", 0);
    cr_assert_eq(write(plain, &note, sizeof note), (ssize_t)sizeof note);
    set_parent(file);
    cr_assert_not(tr_parent_read(&read));
    set_parent(plain); /* not sealed: it is something else */
    cr_assert_not(tr_parent_read(&read));
    cr_assert_geq(fcntl(file, F_GETFD), 0, "it was somebody's");
    cr_assert_geq(fcntl(plain, F_GETFD), 0, "it was somebody's");
    note.size++; /* of another version */
    int other = tr_parent_write(&note);
    set_parent(other);
    cr_assert_not(tr_parent_read(&read));
    (void)close(other);
    (void)close(plain);
    (void)close(file);
}

/* --- Memory ----------------------------------------------------------------------------------- */

/* The child is this process as well: a second runtime. */
Test(oom, troupe_child_connect) {
    family f;
    tr_parent_note note;
    family_open(&f, NULL, 0);
    cr_assert_eq(tr_parent_note_of(&f.program, (troupe_ref){1, 1}, &note), TROUPE_OK);
    for (exhaust x = {0}; exhaust_next(&x);) {
        counting_heap heap;
        troupe *rt;
        troupe_parent parent;
        counting_heap_init(&heap);
        set_parent(tr_parent_write(&note));
        cr_assert_eq(troupe_open(
                         &(troupe_config){
                             .workers = 1, .log = scene_log, .log_ctx = &f.s, .heap = heap.heap},
                         &rt),
                     TROUPE_OK);
        exhaust_from(&x, &heap);
        troupe_err err = troupe_child_connect(rt, PATIENCE_MS, &parent);
        bool refused = exhaust_to(&x);
        cr_assert(refused || !err || err == TROUPE_NOCONNECTION, "%s", troupe_errname(err));
        troupe_close(&rt);
        cr_assert(counting_heap_fini(&heap));
    }
    family_close(&f);
}
