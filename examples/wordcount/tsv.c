#define _XOPEN_SOURCE 700 /* realpath */
#include "tsv.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Where a table is written to. */
struct target {
    int file;
    char path[PATH_MAX];      /* what was named, links followed */
    char temporary[PATH_MAX]; /* becomes `path` at the end; empty: `path` is a device or a pipe */
};

static bool failed(const char *name, int error) {
    fprintf(stderr, "wordcount: can't write %s: %s\n", name, strerror(error));
    return false;
}

static bool is_special(const char *name) {
    struct stat status;
    return stat(name, &status) == 0 && !S_ISREG(status.st_mode);
}

static bool target_open(struct target *target, const char *name) {
    target->temporary[0] = '\0';
    if (is_special(name)) { /* to replace a device by a file would be a bad surprise */
        target->file = open(name, O_WRONLY | O_CLOEXEC | O_NOCTTY);
        return target->file >= 0 || failed(name, errno);
    }
    if (realpath(name, target->path) == NULL) {
        if (errno != ENOENT || strlen(name) >= sizeof(target->path)) {
            return failed(name, errno);
        }
        strcpy(target->path, name);
    }
    int size = snprintf(target->temporary, sizeof(target->temporary), "%s.XXXXXX", target->path);
    if ((size_t)size >= sizeof(target->temporary)) {
        return failed(name, ENAMETOOLONG);
    }
    target->file = mkstemp(target->temporary);
    if (target->file < 0) {
        return failed(name, errno);
    }
    mode_t mask = umask(0);
    umask(mask);
    fchmod(target->file, 0666 & ~mask); /* as any new file */
    return true;
}

bool tsv_check(const char *name) {
    struct target target;
    if (is_special(name)) {
        return true; /* to open it can have effects: a pipe waits for its reader */
    }
    if (!target_open(&target, name)) {
        return false;
    }
    close(target.file);
    unlink(target.temporary);
    return true;
}

/* Closes the stream. 0, or the errno of what was not written. */
static int print(FILE *stream, const struct table *table) {
    const struct entry **sorted = table_sorted(table, entry_by_word);
    if (sorted == NULL && table->words > 0) {
        fclose(stream);
        return ENOMEM;
    }
    int error = 0;
    errno = EIO; /* for a failure that does not say */
    for (size_t i = 0; error == 0 && i < table->words; i++) {
        if (fwrite(sorted[i]->word, 1, sorted[i]->size, stream) != sorted[i]->size ||
            fprintf(stream, "\t%" PRIu64 "\n", sorted[i]->count) < 0) {
            error = errno;
        }
    }
    free(sorted);
    if (error == 0 && fflush(stream) != 0) {
        error = errno;
    }
    /* A pipe or a device can't be synced, which is no failure. */
    if (error == 0 && fsync(fileno(stream)) != 0 && errno != EINVAL && errno != EROFS) {
        error = errno;
    }
    if (fclose(stream) != 0 && error == 0) {
        error = errno;
    }
    return error;
}

static bool write_to_end(const char *name, const struct table *table) {
    struct target target;
    if (!target_open(&target, name)) {
        return false;
    }
    FILE *stream = fdopen(target.file, "w");
    int error = errno;
    if (stream != NULL) {
        error = print(stream, table);
    } else {
        close(target.file);
    }
    if (error == 0 && target.temporary[0] != '\0' && rename(target.temporary, target.path) != 0) {
        error = errno;
    }
    if (error != 0 && target.temporary[0] != '\0') {
        unlink(target.temporary);
    }
    return error == 0 || failed(name, error);
}

bool tsv_write(const char *name, const struct table *table) {
    if (is_special(name)) {
        return write_to_end(name, table); /* may take as long as its reader, and be interrupted */
    }
    sigset_t all, before;
    sigfillset(&all);
    sigprocmask(SIG_BLOCK, &all, &before); /* or a signal could leave the temporary file behind */
    bool written = write_to_end(name, table);
    sigprocmask(SIG_SETMASK, &before, NULL);
    return written;
}
