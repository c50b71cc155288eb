/* node_peer URL NAME HEARTBEAT_MS LOST_MS: a node in a process of its own, to be stopped and killed
 * by a test. It says "ready" once it listens, then every line of its log, and ends with its
 * standard input. Its one actor is called "service". */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <troupe/remote.h>
#include <unistd.h>

#include "test/support/node_service.h"

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
              troupe_spawn(rt, &node_service, NULL, &who) == TROUPE_OK &&
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
