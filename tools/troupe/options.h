/* The command line of `troupe`. */
#ifndef TROUPE_TOOL_OPTIONS_H
#define TROUPE_TOOL_OPTIONS_H

#include <stdbool.h>

/* Exit statuses. */
enum {
    STATUS_OK,
    STATUS_REFUSED,   /* the node would not, or could not, do it */
    STATUS_USAGE,     /* the command line makes no sense */
    STATUS_UNREACHED, /* there was no talking to the node */
};

enum command { COMMAND_LS, COMMAND_TREE, COMMAND_TOP, COMMAND_SEND, COMMAND_STOP };

struct options {
    enum command command;
    char url[300];           /* of the node */
    const char *secret_file; /* NULL: the environment has the secret */
    bool json;
    unsigned timeout_ms;
    bool once;
    unsigned rows;        /* of `top` */
    unsigned interval_ms; /* between two looks of `top` */
    bool ask, terminate, kill;
    const char *path, *type; /* of `send` and `stop` */
    char **field;            /* `fields` of them: key=value, or one JSON object */
    int fields;
};

/* Reads the command line; ends the program if it is wrong, or asks for help. */
void options_parse(struct options *options, int argc, char **argv);

#endif
