#include "transport/voice.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/timerfd.h>

#include "actors/port.h"
#include "base/os.h"

enum {
    CHILD_FD = 10,     /* the ends for the process have numbers from here on, out of its way */
    PIECE = 16 * 1024, /* read at a time */
    TURN = 4,          /* pieces, before others have their turn */
    LAST = 64          /* pieces that are read once the process has ended, whoever writes on */
};

/* --- Its output ------------------------------------------------------------------------------- */

static const char *base_name(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash && slash[1] ? slash + 1 : path;
}

static void tell_dropped(tr_voice *v) {
    if (v->dropped)
        tr_port_log(v->plan.rt, TROUPE_WARN, "%s[%d]: %llu lines of it are left out: too many",
                    base_name(v->plan.name), (int)v->pid, (unsigned long long)v->dropped);
    v->dropped = 0;
}

/* Logs a line, `mark` before it, if there were not too many in this second. */
static void log_line(tr_voice *v, const char *mark, const char *line) {
    uint64_t second = tr_clock() / (1000 * TR_MS);
    if (second != v->second) {
        v->second = second;
        v->second_lines = 0;
        tell_dropped(v);
    }
    if (v->second_lines++ < TR_VOICE_LINES)
        tr_port_log(v->plan.rt, TROUPE_INFO, "%.64s[%d]%s: %s", base_name(v->plan.name),
                    (int)v->pid, mark, line);
    else
        v->dropped++;
}

static void take_said(void *ctx, const char *line) {
    log_line(ctx, "", line);
}

static void take_complained(void *ctx, const char *line) {
    log_line(ctx, " stderr", line);
}

/* Reads so many pieces at most; false: there is no more, for now or for good. */
static bool read_some(tr_voice *v, tr_watch *from, tr_lines *lines, tr_line_taker *take, int most) {
    char data[PIECE];
    for (int i = 0; i < most; i++) {
        ssize_t got = read(from->fd, data, sizeof data);
        if (got > 0) {
            tr_lines_feed(lines, data, (size_t)got, take, v);
        } else if (got == 0 || (errno != EINTR && errno != EAGAIN)) {
            tr_lines_end(lines, take, v);
            tr_watch_end(v->epoll, from);
            return false;
        } else if (errno == EAGAIN) {
            return false;
        }
    }
    return true;
}

static void out_ready(void *ctx) {
    tr_voice *v = ctx;
    (void)read_some(v, &v->out, &v->said, take_said, TURN);
}

static void err_ready(void *ctx) {
    tr_voice *v = ctx;
    (void)read_some(v, &v->err, &v->complained, take_complained, TURN);
}

static void read_last(tr_voice *v) {
    if (v->out.fd >= 0) {
        (void)read_some(v, &v->out, &v->said, take_said, LAST);
        tr_lines_end(&v->said, take_said, v);
    }
    if (v->err.fd >= 0) {
        (void)read_some(v, &v->err, &v->complained, take_complained, LAST);
        tr_lines_end(&v->complained, take_complained, v);
    }
    tell_dropped(v);
}

/* --- Its notices ------------------------------------------------------------------------------ */

/* `ms` 0: no more alarm. */
static void set_alarm(tr_voice *v, unsigned ms) {
    const struct itimerspec when = {
        .it_value = {.tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000}};
    if (v->alarm.fd >= 0) (void)timerfd_settime(v->alarm.fd, 0, &when, NULL);
}

static void be_silent(tr_voice *v, bool trouble) {
    if (v->is_silent || v->is_stopping) return;
    v->is_silent = true;
    v->in_trouble = trouble;
    set_alarm(v, v->plan.term_ms);
    v->plan.silent(v->plan.ctx, SIGABRT, trouble);
}

static void hear_status(tr_voice *v, const tr_notice *notice) {
    char text[TR_LINE_ROOM];
    size_t size = notice->status_size < TR_NOTICE_STATUS ? notice->status_size : TR_NOTICE_STATUS;
    tr_line_text(notice->status, size, text, sizeof text);
    log_line(v, " status", text);
}

static void hear(tr_voice *v, const tr_notice *notice) {
    if (notice->said & TR_NOTICE_STATUS_IS) hear_status(v, notice);
    bool first = notice->said & TR_NOTICE_READY && !v->is_ready;
    if (first) {
        v->is_ready = true;
        v->plan.ready(v->plan.ctx);
    }
    if (notice->said & TR_NOTICE_STOPPING) tr_voice_stop(v, false);
    if (notice->said & TR_NOTICE_TROUBLE) be_silent(v, true);
    if (!first && !(notice->said & TR_NOTICE_ALIVE)) return;
    v->beat = true;
    if (v->is_ready && !v->is_silent && !v->is_stopping) set_alarm(v, v->plan.watchdog_ms);
}

static void hear_notices(tr_voice *v) {
    tr_notice notice;
    for (int i = 0; i < LAST && tr_notice_read(v->notices.fd, v->pid, &notice); i++)
        hear(v, &notice);
}

static void notices_ready(void *ctx) {
    hear_notices(ctx);
}

/* What it has said in time may not have been read yet: this process may have stood still itself. */
static void alarm_ready(void *ctx) {
    tr_voice *v = ctx;
    uint64_t times;
    if (read(v->alarm.fd, &times, sizeof times) != sizeof times) return; /* it was set anew */
    if (v->is_silent) {
        v->plan.silent(v->plan.ctx, SIGKILL, v->in_trouble);
        return;
    }
    v->beat = false;
    hear_notices(v);
    if (!v->beat) be_silent(v, false);
}

/* --- Its life --------------------------------------------------------------------------------- */

void tr_voice_init(tr_voice *voice, const tr_voice_plan *plan) {
    memset(voice, 0, sizeof *voice);
    voice->plan = *plan;
    voice->epoll = voice->in = -1;
    for (int i = 0; i < TR_COMMAND_GIVEN; i++) voice->child[i] = -1;
    voice->out = (tr_watch){-1, out_ready, voice};
    voice->err = (tr_watch){-1, err_ready, voice};
    voice->notices = (tr_watch){-1, notices_ready, voice};
    voice->alarm = (tr_watch){-1, alarm_ready, voice};
}

/* A pipe; `theirs` is for the process. False: errno says why not. */
static bool make_pipe(int *ours, int *theirs, bool theirs_writes) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) return false;
    *ours = ends[!theirs_writes];
    *theirs = fcntl(ends[theirs_writes], F_DUPFD_CLOEXEC, CHILD_FD);
    int error = errno;
    (void)close(ends[theirs_writes]);
    errno = error;
    return *theirs >= 0 && fcntl(*ours, F_SETFL, O_NONBLOCK) == 0;
}

static void add_env(tr_voice *v, char *entry) {
    size_t used = 0;
    while (v->env[used]) used++;
    v->env[used] = entry;
}

/* What tells it how to connect back. */
static bool make_note(tr_voice *v) {
    int fd = tr_parent_write(v->plan.note);
    if (fd < 0) return false;
    int *theirs = &v->child[TR_COMMAND_GIVEN - 1];
    *theirs = fcntl(fd, F_DUPFD_CLOEXEC, CHILD_FD);
    int error = errno;
    (void)close(fd);
    errno = error;
    (void)snprintf(v->parent, sizeof v->parent, "TROUPE_PARENT=%d", (int)TR_COMMAND_MORE);
    add_env(v, v->parent);
    return *theirs >= 0;
}

static bool make_notices(tr_voice *v) {
    static const char socket_is[] = "NOTIFY_SOCKET=";
    char *address = v->address + sizeof socket_is - 1;
    memcpy(v->address, socket_is, sizeof socket_is);
    v->notices.fd = tr_notice_open(address);
    if (v->notices.fd < 0) return false;
    add_env(v, v->address);
    if (!v->plan.watchdog_ms) return true;
    (void)snprintf(v->watchdog, sizeof v->watchdog, "WATCHDOG_USEC=%llu",
                   v->plan.watchdog_ms * 1000ull);
    add_env(v, v->watchdog);
    v->alarm.fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    return v->alarm.fd >= 0;
}

int tr_voice_open(tr_voice *voice, int epoll) {
    tr_voice *v = voice;
    v->epoll = epoll;
    if (v->plan.stop_line && !make_pipe(&v->in, &v->child[0], false)) return errno;
    if (v->plan.logs &&
        (!make_pipe(&v->out.fd, &v->child[1], true) || !make_pipe(&v->err.fd, &v->child[2], true)))
        return errno;
    if ((v->plan.notifies || v->plan.watchdog_ms) && !make_notices(v)) return errno;
    return v->plan.note && !make_note(v) ? errno : 0;
}

static void close_theirs(tr_voice *v) {
    for (int i = 0; i < TR_COMMAND_GIVEN; i++) {
        if (v->child[i] >= 0) (void)close(v->child[i]);
        v->child[i] = -1;
    }
}

int tr_voice_watch(tr_voice *voice, pid_t pid) {
    tr_voice *v = voice;
    v->pid = pid;
    close_theirs(v);
    bool all = tr_watch_begin(v->epoll, &v->out) && tr_watch_begin(v->epoll, &v->err) &&
               tr_watch_begin(v->epoll, &v->notices) && tr_watch_begin(v->epoll, &v->alarm);
    return all ? 0 : errno;
}

void tr_voice_runs(tr_voice *voice) {
    if (voice->plan.notifies) return;
    voice->is_ready = true;
    set_alarm(voice, voice->plan.watchdog_ms);
}

void tr_voice_stop(tr_voice *voice, bool say) {
    voice->is_stopping = true;
    if (!voice->is_silent) set_alarm(voice, 0);
    if (!say || voice->in < 0) return;
    const char *line = voice->plan.stop_line;
    ssize_t put = *line ? write(voice->in, line, strlen(line)) : 0;
    if (put > 0) put = write(voice->in, "\n", 1); /* who does not read has its SIGTERM later */
    (void)put;
    (void)close(voice->in);
    voice->in = -1;
}

void tr_voice_end(tr_voice *voice) {
    tr_voice *v = voice;
    if (v->pid && v->notices.fd >= 0) hear_notices(v);
    if (v->pid) read_last(v);
    close_theirs(v);
    if (v->in >= 0) (void)close(v->in);
    v->in = -1;
    tr_watch_end(v->epoll, &v->out);
    tr_watch_end(v->epoll, &v->err);
    tr_watch_end(v->epoll, &v->notices);
    tr_watch_end(v->epoll, &v->alarm);
}
