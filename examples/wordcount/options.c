#include "options.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct option names[] = {
    {"workers", required_argument, NULL, 'w'},
    {"kill", required_argument, NULL, 'k'},
    {"seed", required_argument, NULL, 's'},
    {"chunk", required_argument, NULL, 'c'},
    {"repeat", required_argument, NULL, 'r'},
    {"at-least", required_argument, NULL, 'a'},
    {"tsv", required_argument, NULL, 't'},
    {"tcp", no_argument, NULL, 'T'},
    {"keep-going", no_argument, NULL, 'g'},
    {"quiet", no_argument, NULL, 'q'},
    {"worker", required_argument, NULL, 'W'},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

void options_help(void) {
    fputs("usage: wordcount [OPTION...] [PATH...]\n"
          "Counts the words of every regular file under the paths, in worker processes under one\n"
          "supervisor. A word is a run of ASCII letters, folded to lower case. Symbolic links are\n"
          "followed only where they are given as PATH. Without PATH: the text that every Debian\n"
          "has (common-licenses, perl, copyright files) and Troupe's own source.\n"
          "\n"
          "  -w, --workers N       worker processes (4)\n"
          "  -k, --kill K          send SIGKILL to K workers while they have work in flight (0)\n"
          "  -s, --seed S          chooses who is killed, and when (1)\n"
          "  -c, --chunk BYTES     bytes in a chunk; no word is cut (1M)\n"
          "  -r, --repeat R        count the input R times (1)\n"
          "  -a, --at-least BYTES  repeat the input until that much is read\n"
          "  -t, --tsv FILE        write all counts as word TAB count, sorted by word\n"
          "  -T, --tcp             connect the workers by tcp, not by a socket file\n"
          "  -g, --keep-going      leave out what can't be read; without it that is an error,\n"
          "                        and nothing is counted\n"
          "  -q, --quiet           no progress\n"
          "  -h, --help            this text\n"
          "\n"
          "BYTES may end in K, M or G. Exit status: 0 all was counted; 1 an error; 2 a wrong\n"
          "command line; 130 and the like: ended by a signal.\n",
          stdout);
}

static bool wrong(const char *name, const char *value, const char *why) {
    fprintf(stderr, "wordcount: --%s %s: %s\n", name, value, why);
    return false;
}

static bool number(const char *name, const char *value, uint64_t least, uint64_t most,
                   uint64_t *out) {
    char *end = NULL;
    errno = 0;
    *out = strtoull(value, &end, 10);
    if (value[0] < '0' || value[0] > '9' || *end != '\0' || errno != 0) {
        return wrong(name, value, "is not a number");
    }
    if (*out < least || *out > most) {
        char why[80];
        snprintf(why, sizeof(why), "must be from %llu to %llu", (unsigned long long)least,
                 (unsigned long long)most);
        return wrong(name, value, why);
    }
    return true;
}

static bool bytes(const char *name, const char *value, uint64_t least, uint64_t *out) {
    static const char units[] = "KkMmGg";
    char digits[32];
    size_t size = strlen(value);
    const char *unit = size > 0 ? strchr(units, value[size - 1]) : NULL;
    unsigned shift = unit != NULL ? 10 * ((unsigned)(unit - units) / 2 + 1) : 0;
    if (size >= sizeof(digits)) {
        return wrong(name, value, "is not a number");
    }
    memcpy(digits, value, size + 1);
    if (unit != NULL) {
        digits[size - 1] = '\0';
    }
    uint64_t most = (uint64_t)INT64_MAX >> shift;
    if (!number(name, digits, unit != NULL && least > 0 ? 1 : least, most, out)) {
        return false;
    }
    *out <<= shift;
    return true;
}

static bool take(struct options *options, int letter, const char *value) {
    switch (letter) {
    case 'w':
        return number("workers", value, 1, WORKERS_MAX, &options->workers);
    case 'k':
        return number("kill", value, 0, KILLS_MAX, &options->kills);
    case 's':
        return number("seed", value, 0, UINT64_MAX, &options->seed);
    case 'c':
        return bytes("chunk", value, 1, &options->chunk);
    case 'r':
        return number("repeat", value, 1, INT64_MAX, &options->repeat);
    case 'a':
        return bytes("at-least", value, 0, &options->at_least);
    case 't':
        options->tsv = value;
        return true;
    case 'T':
        options->tcp = true;
        return true;
    case 'g':
        options->keep_going = true;
        return true;
    case 'q':
        options->quiet = true;
        return true;
    case 'W':
        options->worker_url = value;
        return true;
    case 'h':
        options->help = true;
        return true;
    default:
        return false; /* getopt has said what is wrong */
    }
}

bool options_read(struct options *options, int argc, char **argv) {
    *options = (struct options){.workers = 4, .seed = 1, .chunk = 1 << 20, .repeat = 1};
    int letter;
    while ((letter = getopt_long(argc, argv, "w:k:s:c:r:a:t:Tgqh", names, NULL)) != -1) {
        if (!take(options, letter, optarg)) {
            fputs("Try --help.\n", stderr);
            return false;
        }
    }
    options->path = argv + optind;
    options->paths = (size_t)(argc - optind);
    return true;
}
