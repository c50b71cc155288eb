#include "plan.h"

#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "scan.h"

static bool make_room(void **array, size_t *room, size_t count, size_t size) {
    if (count < *room) {
        return true;
    }
    size_t more = *room == 0 ? 64 : *room * 2;
    void *bigger = realloc(*array, more * size);
    if (bigger == NULL) {
        return false;
    }
    *array = bigger;
    *room = more;
    return true;
}

static void unreadable(struct plan *plan, const char *path, const char *why) {
    fprintf(stderr, "wordcount: can't read %s: %s\n", path, why);
    plan->unreadable++;
}

/* The first place from `at` on where no word is cut: that of a byte which is no letter, or `size`.
 * UINT64_MAX: the file can't be read, and errno says why. */
static uint64_t border(int file, uint64_t at, uint64_t size) {
    unsigned char data[512];
    while (at < size) {
        ssize_t got = pread(file, data, sizeof(data), (off_t)at);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got <= 0) {
            errno = got == 0 ? ENODATA : errno; /* it shrank while we read */
            return UINT64_MAX;
        }
        for (ssize_t i = 0; i < got; i++) {
            if (!scan_is_letter(data[i])) {
                uint64_t found = at + (uint64_t)i;
                return found < size ? found : size;
            }
        }
        at += (uint64_t)got;
    }
    return size;
}

/* Cuts a file of `size` bytes. False: no memory. */
static bool cut(struct plan *plan, int file, const char *path, uint64_t size) {
    size_t before = plan->pieces;
    for (uint64_t at = 0; at < size;) {
        uint64_t end = size - at <= plan->chunk ? size : border(file, at + plan->chunk, size);
        if (end == UINT64_MAX) {
            unreadable(plan, path, strerror(errno));
            plan->pieces = before;
            return true;
        }
        void *array = plan->piece;
        if (!make_room(&array, &plan->piece_room, plan->pieces, sizeof(*plan->piece))) {
            return false;
        }
        plan->piece = array;
        plan->piece[plan->pieces++] = (struct piece){plan->paths, at, end - at};
        at = end;
    }
    void *array = plan->path;
    char *name = strdup(path);
    if (name == NULL || !make_room(&array, &plan->path_room, plan->paths, sizeof(*plan->path))) {
        free(name);
        return false;
    }
    plan->path = array;
    plan->path[plan->paths++] = name;
    plan->bytes += size;
    return true;
}

static bool add_file(struct plan *plan, const char *path) {
    struct stat status;
    /* Not to wait for a FIFO that took the file's place since it was listed. */
    int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (file < 0 || fstat(file, &status) != 0) {
        unreadable(plan, path, strerror(errno));
    } else if (!S_ISREG(status.st_mode)) {
        plan->specials++;
    } else if (!cut(plan, file, path, (uint64_t)status.st_size)) {
        close(file);
        return false;
    }
    if (file >= 0) {
        close(file);
    }
    return true;
}

/* One entry of the walk. What the user named must be readable text; what only lies in a folder and
 * is neither file nor folder is left out, and counted. False: no memory. */
static bool add_entry(struct plan *plan, const FTSENT *entry) {
    bool named = entry->fts_level == FTS_ROOTLEVEL;
    switch (entry->fts_info) {
    case FTS_F:
        return add_file(plan, entry->fts_path);
    case FTS_D:
    case FTS_DP:
        return true;
    case FTS_SL:
    case FTS_SLNONE:
        if (named) {
            unreadable(plan, entry->fts_path, "a symbolic link to nothing");
        } else {
            plan->links++;
        }
        return true;
    case FTS_DEFAULT:
        if (named) {
            unreadable(plan, entry->fts_path, "neither a regular file nor a directory");
        } else {
            plan->specials++;
        }
        return true;
    default:
        unreadable(plan, entry->fts_path, strerror(entry->fts_errno));
        return true;
    }
}

/* One order on every machine: a seed then means the same everywhere. */
static int by_name(const FTSENT **a, const FTSENT **b) {
    return strcmp((*a)->fts_name, (*b)->fts_name);
}

bool plan_add(struct plan *plan, const char *root) {
    if (root[0] == '\0') {
        unreadable(plan, "\"\"", strerror(ENOENT));
        return true;
    }
    char *name = strdup(root);
    char *roots[] = {name, NULL};
    FTS *walk = NULL;
    if (name != NULL) {
        walk = fts_open(roots, FTS_PHYSICAL | FTS_COMFOLLOW | FTS_NOCHDIR, by_name);
    }
    bool added = walk != NULL;
    FTSENT *entry;
    errno = 0;
    while (added && (entry = fts_read(walk)) != NULL) {
        added = add_entry(plan, entry);
        errno = 0; /* so that after the last entry it tells an end from a failure */
    }
    if (added && errno != 0) {
        unreadable(plan, root, strerror(errno));
    }
    if (walk != NULL) {
        fts_close(walk);
    }
    free(name);
    return added;
}

/* Troupe's sources, as this one was compiled among them. They may be gone or elsewhere by now. */
static bool add_own_source(struct plan *plan) {
    static const char here[] = "/examples/wordcount/plan.c";
    static const char *const rooms[] = {"include",   "base", "mailbox", "serial",  "actors",
                                        "transport", "test", "docs",    "examples"};
    static const char *const self = __FILE__;
    size_t root = strlen(self) - (sizeof(here) - 1);
    if (strlen(self) < sizeof(here) || strcmp(self + root, here) != 0) {
        return true;
    }
    bool added = true;
    for (size_t i = 0; added && i < sizeof(rooms) / sizeof(rooms[0]); i++) {
        char path[4096];
        snprintf(path, sizeof(path), "%.*s/%s", (int)root, self, rooms[i]);
        if (access(path, F_OK) == 0) {
            added = plan_add(plan, path);
        }
    }
    return added;
}

bool plan_add_default(struct plan *plan) {
    static const char *const patterns[] = {"/usr/share/common-licenses", "/usr/share/perl5",
                                           "/usr/share/perl", "/usr/share/doc/*/copyright"};
    bool added = true;
    for (size_t i = 0; added && i < sizeof(patterns) / sizeof(patterns[0]); i++) {
        glob_t found;
        int result = glob(patterns[i], 0, NULL, &found);
        added = result != GLOB_NOSPACE;
        for (size_t n = 0; result == 0 && added && n < found.gl_pathc; n++) {
            added = plan_add(plan, found.gl_pathv[n]);
        }
        globfree(&found);
    }
    return added && add_own_source(plan);
}

bool plan_repeat(struct plan *plan, uint64_t repeat, uint64_t at_least) {
    plan->repeat = repeat;
    if (plan->bytes > 0 && at_least > plan->bytes && (at_least - 1) / plan->bytes >= repeat) {
        plan->repeat = (at_least - 1) / plan->bytes + 1;
    }
    /* A chunk has a byte at least, so their number has room where the bytes have. */
    return plan->bytes == 0 || plan->repeat <= INT64_MAX / plan->bytes;
}

bool plan_finish(struct plan *plan) {
    plan->range = calloc(plan->pieces + 1, sizeof(*plan->range));
    if (plan->range == NULL) {
        return false;
    }
    struct range *range = NULL;
    for (size_t i = 0; i < plan->pieces; i++) {
        uint64_t length = plan->piece[i].length;
        if (range == NULL || range->pieces == RANGE_PIECES || range->bytes >= plan->chunk ||
            length > plan->chunk - range->bytes) {
            range = &plan->range[plan->ranges++];
            range->first = i;
        }
        range->pieces++;
        range->bytes += length;
    }
    return true;
}

uint64_t plan_chunks(const struct plan *plan) {
    return plan->ranges * plan->repeat;
}

const struct range *plan_range(const struct plan *plan, uint64_t n) {
    return &plan->range[n % plan->ranges];
}

void plan_free(struct plan *plan) {
    for (size_t i = 0; i < plan->paths; i++) {
        free(plan->path[i]);
    }
    free(plan->path);
    free(plan->piece);
    free(plan->range);
    *plan = (struct plan){0};
}
