/* node_peer URL NAME HEARTBEAT_MS LOST_MS: a node in a process of its own, to be stopped and killed
 * by a test. It says "ready" once it listens, then every line of its log, and ends with its
 * standard input. Its one actor is called "service". */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <troupe/remote.h>
#include <unistd.h>

#include "test/support/node_orders.h"

static const troupe_type tick_type = TROUPE_SIGNAL_TYPE("tick");

struct service {
    bool flooding;
    troupe_ref to;
    uint64_t next;
};

/* Sends as much as goes, and goes on in a millisecond. */
static troupe_err flood(troupe_self *self, struct service *service) {
    for (int i = 0; i < 64; i++) {
        const struct count count = {1, service->next};
        if (troupe_tell(self, service->to, &count_type, &count)) break;
        service->next++;
    }
    troupe_msg *msg;
    troupe_err err = troupe_make(troupe_runtime(self), &tick_type, NULL, &msg);
    if (!err) err = troupe_send_after(self, 1, troupe_me(self), &msg, NULL);
    return err;
}

static troupe_err receive(troupe_self *self, void *state, troupe_msg **msg) {
    struct service *service = state;
    if (troupe_as(*msg, &tick_type)) return flood(self, service);
    const struct order *order = troupe_as(*msg, &order_type);
    if (!order) return TROUPE_OK;
    if (order->what == ORDER_ANSWER)
        return troupe_answer(self, &count_type, &(struct count){0, order->n + 1});
    if (order->what != ORDER_FLOOD || service->flooding) return TROUPE_OK;
    service->flooding = true;
    service->to = order->who;
    return flood(self, service);
}

static const troupe_behaviour service = {
    .name = "service", .state_size = sizeof(struct service), .receive = receive};

static void say(void *ctx, troupe_level level, const char *line) {
    (void)ctx, (void)level;
    printf("%s\n", line);
    fflush(stdout);
}

int main(int argc, char **argv) {
    if (argc != 5) return 2;
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    const troupe_node_config config = {.name = argv[2],
                                       .secret = "a secret of this test",
                                       .secret_size = sizeof "a secret of this test",
                                       .heartbeat_ms = (unsigned)atoi(argv[3]),
                                       .lost_ms = (unsigned)atoi(argv[4])};
    troupe *rt = NULL;
    troupe_node *node;
    troupe_ref who;
    bool ok = troupe_open(&(troupe_config){.workers = 1, .log = say}, &rt) == TROUPE_OK &&
              troupe_register_type(rt, &order_type) == TROUPE_OK &&
              troupe_spawn(rt, &service, NULL, &who) == TROUPE_OK &&
              troupe_register(rt, who, "service") == TROUPE_OK &&
              troupe_node_open(rt, &config, &node) == TROUPE_OK &&
              troupe_listen(node, argv[1], NULL, 0) == TROUPE_OK;
    if (ok) say(NULL, TROUPE_INFO, "ready");
    char rest;
    while (ok && read(STDIN_FILENO, &rest, 1) > 0) {
    }
    troupe_close(&rt);
    return ok ? 0 : 1;
}
