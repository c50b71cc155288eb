/* child [deaf]: a process child that is a node, with an actor called "service". It says lines to
 * the file in $S: its id, and why it was to stop. `deaf`: SIGTERM does nothing. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <troupe/process.h>
#include <troupe/service.h>
#include <troupe/supervisor.h>
#include <unistd.h>

#include "test/support/node_service.h"

enum { CONNECT_MS = 20000 };

static void say(const char *text) {
    const char *path = getenv("S");
    int file = path ? open(path, O_WRONLY) : -1;
    if (file < 0 || write(file, text, strlen(text)) < 0) _exit(9);
    (void)close(file);
}

int main(int argc, char **argv) {
    if (argc > 1 && strcmp(argv[1], "deaf") == 0) (void)signal(SIGTERM, SIG_IGN);
    troupe *rt = NULL;
    troupe_parent parent;
    troupe_ref who;
    char line[64];
    troupe_err err = troupe_open(&(troupe_config){.workers = 1}, &rt);
    if (!err) err = troupe_register_type(rt, &order_type);
    if (!err) err = troupe_spawn(rt, &node_service, NULL, &who);
    if (!err) err = troupe_register(rt, who, "service");
    (void)snprintf(line, sizeof line, "%ld\n", (long)getpid());
    if (!err) say(line);
    if (!err) err = troupe_child_connect(rt, CONNECT_MS, &parent);
    if (!err) {
        troupe_parent again;
        if (troupe_child_connect(rt, CONNECT_MS, &again) != TROUPE_NOTFOUND) say("twice\n");
        err = troupe_await_end(rt, parent.deputy, TROUPE_FOREVER);
    }
    (void)snprintf(line, sizeof line, "%s\n", troupe_errname(err));
    say(line);
    troupe_close(&rt);
    return 0;
}
