#include "progress.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum { CELLS = 24 };

const char *human_bytes(double bytes, char text[static 16]) {
    static const char *const units[] = {"B", "kB", "MB", "GB", "TB", "PB", "EB"};
    size_t unit = 0;
    while (bytes >= 999.95 && unit < 6) {
        bytes /= 1000;
        unit++;
    }
    snprintf(text, 16, unit == 0 ? "%.0f %s" : "%.1f %s", bytes, units[unit]);
    return text;
}

void progress_open(struct bar *bar, uint64_t total, bool quiet) {
    const char *term = getenv("TERM");
    const char *no_colour = getenv("NO_COLOR");
    *bar = (struct bar){.quiet = quiet, .total = total};
    bar->terminal = isatty(STDERR_FILENO) && term != NULL && strcmp(term, "dumb") != 0;
    bar->colour = bar->terminal && (no_colour == NULL || no_colour[0] == '\0');
    pthread_mutex_init(&bar->lock, NULL);
}

/* With the lock held. */
static void wipe(struct bar *bar) {
    if (bar->drawn) {
        fputs("\r\033[K", stderr);
        bar->drawn = false;
    }
}

static void draw(struct bar *bar, double part, const char *text) {
    struct winsize window = {0};
    int columns = 80;
    if (ioctl(STDERR_FILENO, TIOCGWINSZ, &window) == 0 && window.ws_col > 0) {
        columns = window.ws_col;
    }
    wipe(bar);
    int room = columns - CELLS - 5; /* brackets, blanks, and the last column, which may wrap */
    if (room > 0) {
        char cells[CELLS + 1];
        for (int i = 0; i < CELLS; i++) {
            cells[i] = i < (int)(part * CELLS) ? '#' : '.';
        }
        cells[CELLS] = '\0';
        fprintf(stderr, "%s[%s]%s  %.*s", bar->colour ? "\033[32m" : "", cells,
                bar->colour ? "\033[0m" : "", room, text);
        bar->drawn = true;
    }
    fflush(stderr);
}

void progress_show(struct bar *bar, const struct standing *standing) {
    double part = bar->total > 0 ? (double)standing->bytes / (double)bar->total : 1;
    uint64_t tenths = (uint64_t)(part * 10);
    if (bar->quiet || (!bar->terminal && tenths <= bar->tenths)) {
        return;
    }
    char bytes[16], rate[16], text[128];
    double seconds = standing->seconds > 0 ? standing->seconds : 1e-9;
    snprintf(text, sizeof(text), "%3d %%  %s  %s/s  %u worker%s  %u killed", (int)(part * 100),
             human_bytes((double)standing->bytes, bytes),
             human_bytes((double)standing->bytes / seconds, rate), standing->workers,
             standing->workers == 1 ? "" : "s", standing->killed);
    pthread_mutex_lock(&bar->lock);
    if (bar->terminal) {
        draw(bar, part, text);
    } else {
        fprintf(stderr, "%s\n", text);
        bar->tenths = tenths;
    }
    pthread_mutex_unlock(&bar->lock);
}

void progress_close(struct bar *bar) {
    pthread_mutex_lock(&bar->lock);
    wipe(bar);
    fflush(stderr);
    pthread_mutex_unlock(&bar->lock);
    pthread_mutex_destroy(&bar->lock);
}

void progress_log(void *ctx, troupe_level level, const char *line) {
    struct bar *bar = ctx;
    (void)level;
    pthread_mutex_lock(&bar->lock);
    wipe(bar);
    fprintf(stderr, "wordcount: %s\n", line);
    pthread_mutex_unlock(&bar->lock);
}
