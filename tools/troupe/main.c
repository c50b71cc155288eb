/* troupe: shows and pokes a running system. See docs/tools.md. */
#include <stdio.h>
#include <stdlib.h>

#include "show.h"

int main(int argc, char **argv) {
    static int (*const commands[])(struct session * session) = {[COMMAND_LS] = show_node,
                                                                [COMMAND_TREE] = show_tree,
                                                                [COMMAND_TOP] = show_top,
                                                                [COMMAND_SEND] = act_send,
                                                                [COMMAND_STOP] = act_stop};
    struct options options;
    struct session session;
    options_parse(&options, argc, argv);
    int status = STATUS_UNREACHED;
    if (session_open(&session, &options)) status = commands[options.command](&session);
    session_close(&session);
    free(options.field);
    if (fflush(stdout) != 0 && status == STATUS_OK) {
        complain("can't write to standard output");
        status = STATUS_REFUSED;
    }
    return status;
}
