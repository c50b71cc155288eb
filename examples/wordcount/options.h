/* The command line. */
#ifndef WORDCOUNT_OPTIONS_H
#define WORDCOUNT_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { WORKERS_MAX = 256, KILLS_MAX = 1000 };

/* What a run ends with. A signal that ended it adds its number to STATUS_SIGNAL. */
enum { STATUS_OK = 0, STATUS_ERROR = 1, STATUS_USAGE = 2, STATUS_SIGNAL = 128 };

struct options {
    const char *worker_url; /* NULL: this is the coordinator */
    const char *tsv;        /* NULL: none wanted */
    uint64_t workers;
    uint64_t kills;
    uint64_t seed;
    uint64_t chunk;
    uint64_t repeat;
    uint64_t at_least;
    bool tcp;
    bool quiet;
    bool keep_going;
    bool help;
    char **path;
    size_t paths; /* 0: the default */
};

/* Reads the command line. False: it is wrong, which standard error was told. */
bool options_read(struct options *options, int argc, char **argv);

/* Prints what the options are. */
void options_help(void);

#endif
