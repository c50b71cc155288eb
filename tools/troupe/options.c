#include "options.h"

#include <argp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <troupe/remote.h>
#include <troupe/troupe.h>

const char *argp_program_version = "troupe " TROUPE_VERSION;

static const char doc[] =
    "Shows and pokes a running system of Troupe.\v"
    "Commands:\n"
    "  ls         the node: its actors, messages, and connected nodes\n"
    "  tree       all actors, supervisors before their children\n"
    "  top        the busiest actors, again and again\n"
    "  send PATH TYPE [FIELD...]\n"
    "             sends an actor a message of a registered type: fields as\n"
    "             key=value (a value is JSON, or else a text), or one\n"
    "             JSON object\n"
    "  stop PATH  asks an actor to stop; its supervisor may start it again\n"
    "\n"
    "An actor is meant by its name, its path in the tree (shop/till), or its\n"
    "number in the last column of `tree` (@12.1), which may also end a path\n"
    "(shop/crew/@12.1).\n"
    "\n"
    "The node's program must have called troupe_console_open, for `send` and\n"
    "`stop` with the right to act. Its secret is read from a file that only\n"
    "its owner may read, or from the environment; never from the command\n"
    "line, which all users can see.\n"
    "\n"
    "Environment: TROUPE_NODE is the address, TROUPE_SECRET_FILE the file of\n"
    "the secret, TROUPE_SECRET the secret itself.\n"
    "\n"
    "Exit status: 0; 1: the node would not do it; 2: a wrong command line;\n"
    "3: the node could not be reached.";

enum { OPTION_JSON = 256, OPTION_ONCE, OPTION_ASK, OPTION_TERMINATE, OPTION_KILL };

static const struct argp_option list[] = {
    {NULL, 0, NULL, 0, "Which node:", 1},
    {"node", 'n', "ADDRESS", 0, "ipc:///path, tcp://host:port, or just a path", 1},
    {"secret-file", 's', "FILE", 0, "what the nodes know; a newline at its end does not count", 1},
    {"timeout", 't', "SECONDS", 0, "how long to wait for it (5)", 1},
    {NULL, 0, NULL, 0, "What is printed:", 2},
    {"json", OPTION_JSON, NULL, 0, "JSON, for programs", 2},
    {NULL, 0, NULL, 0, "For top:", 3},
    {"once", OPTION_ONCE, NULL, 0, "look once and end", 3},
    {"rows", 'r', "N", 0, "that many actors (20)", 3},
    {"interval", 'i', "SECONDS", 0, "between two looks (1)", 3},
    {NULL, 0, NULL, 0, "For send and stop:", 4},
    {"ask", OPTION_ASK, NULL, 0, "send: wait for an answer, and print it", 4},
    {"terminate", OPTION_TERMINATE, NULL, 0, "stop: its supervisor ends it, for good", 4},
    {"kill", OPTION_KILL, NULL, 0, "stop: at once, without its `stop`", 4},
    {0}};

struct parsing {
    struct options *options;
    const char *address, *command;
    int words;
    bool only_top, only_send, only_stop; /* an option of these was there */
};

/* Seconds, to milliseconds. */
static unsigned parse_ms(struct argp_state *state, const char *what, const char *text) {
    char *end;
    double seconds = strtod(text, &end);
    if (end == text || *end || !(seconds >= 0.001) || seconds > 86400)
        argp_error(state, "--%s: not a time in seconds: %s", what, text);
    return (unsigned)(seconds * 1000);
}

static void parse_word(struct parsing *p, char *word, struct argp_state *state) {
    struct options *o = p->options;
    switch (p->words++) {
    case 0:
        if (strcmp(word, "node") != 0) argp_error(state, "not known: %s; say `node`", word);
        return;
    case 1:
        p->command = word;
        return;
    case 2:
        o->path = word;
        return;
    case 3:
        o->type = word;
        return;
    default:
        o->field[o->fields++] = word;
    }
}

static void check_command(struct parsing *p, struct argp_state *state) {
    static const struct {
        const char *name;
        int least, most; /* words, with `node` and the command */
    } known[] = {[COMMAND_LS] = {"ls", 2, 2},
                 [COMMAND_TREE] = {"tree", 2, 2},
                 [COMMAND_TOP] = {"top", 2, 2},
                 [COMMAND_SEND] = {"send", 4, 1 << 20},
                 [COMMAND_STOP] = {"stop", 3, 3}};
    size_t at = 0, all = sizeof known / sizeof *known;
    if (!p->command) argp_error(state, "what is to be done? ls, tree, top, send or stop");
    while (at < all && strcmp(known[at].name, p->command) != 0) at++;
    if (at == all) argp_error(state, "not known: node %s", p->command);
    if (p->words < known[at].least) argp_error(state, "%s needs more to be said", p->command);
    if (p->words > known[at].most) argp_error(state, "%s needs less to be said", p->command);
    p->options->command = (enum command)at;
    if (p->only_top && at != COMMAND_TOP) argp_error(state, "that option is for top");
    if (p->only_send && at != COMMAND_SEND) argp_error(state, "--ask is for send");
    if (p->only_stop && at != COMMAND_STOP) argp_error(state, "that option is for stop");
}

/* A path is an ipc address without its beginning. */
static void set_address(struct parsing *p, struct argp_state *state) {
    const char *address = p->address ? p->address : getenv("TROUPE_NODE");
    if (!address || !*address)
        argp_error(state, "which node? Say --node ADDRESS, or set TROUPE_NODE");
    const char *scheme = strstr(address, "://") ? "" : "ipc://";
    int size = snprintf(p->options->url, sizeof p->options->url, "%s%s", scheme, address);
    if (size < 0 || size > TROUPE_URL_MAX) argp_error(state, "the address is too long");
}

static error_t parse(int key, char *arg, struct argp_state *state) {
    struct parsing *p = state->input;
    struct options *o = p->options;
    switch (key) {
    case 'n':
        p->address = arg;
        break;
    case 's':
        o->secret_file = arg;
        break;
    case 't':
        o->timeout_ms = parse_ms(state, "timeout", arg);
        break;
    case OPTION_JSON:
        o->json = true;
        break;
    case OPTION_ONCE:
        p->only_top = o->once = true;
        break;
    case 'i':
        p->only_top = true;
        o->interval_ms = parse_ms(state, "interval", arg);
        break;
    case 'r': {
        char *end;
        unsigned long rows = strtoul(arg, &end, 10);
        if (end == arg || *end || !rows || rows > 100000) argp_error(state, "--rows: not a number");
        p->only_top = true;
        o->rows = (unsigned)rows;
        break;
    }
    case OPTION_ASK:
        p->only_send = o->ask = true;
        break;
    case OPTION_TERMINATE:
        p->only_stop = o->terminate = true;
        break;
    case OPTION_KILL:
        p->only_stop = o->kill = true;
        break;
    case ARGP_KEY_ARG:
        parse_word(p, arg, state);
        break;
    case ARGP_KEY_END:
        check_command(p, state);
        set_address(p, state);
        break;
    default:
        return ARGP_ERR_UNKNOWN;
    }
    return 0;
}

void options_parse(struct options *options, int argc, char **argv) {
    static const struct argp argp = {list, parse, "node COMMAND [ARGUMENT...]", doc, NULL,
                                     NULL, NULL};
    argp_err_exit_status = STATUS_USAGE;
    *options = (struct options){.timeout_ms = 5000,
                                .rows = 20,
                                .interval_ms = 1000,
                                .secret_file = getenv("TROUPE_SECRET_FILE"),
                                .field = calloc((size_t)argc + 1, sizeof *options->field)};
    struct parsing parsing = {.options = options};
    if (!options->field || argp_parse(&argp, argc, argv, 0, NULL, &parsing)) {
        (void)fprintf(stderr, "troupe: out of memory\n");
        exit(STATUS_USAGE);
    }
}
