#include "transport/process.h"

#include <errno.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/check.h"
#include "base/heap.h"
#include "base/list.h"
#include "base/os.h"
#include "serial/envelope.h"
#include "transport/command.h"
#include "transport/voice.h"
#include "transport/watch.h"

enum {
    NEWS = 3,        /* the most that is told of a run: RUNS, READY, and an end */
    CLOSE_MS = 5000, /* how long a close waits for killed processes to be gone */
    LEAST_MS = 500   /* the same, however late it is */
};

typedef struct service {
    tr_service base;
    troupe *rt;
    const troupe_heap *heap;
    tr_thread thread;
    int epoll, wake;
    tr_mutex lock;   /* guards what follows, and the orders of every run */
    tr_fifo todo;    /* runs with orders */
    uint64_t serial; /* of the last run */
    bool closing;
    tr_list live, waiting; /* the thread's own */
} service;

/* What a keeper wants; signal 0 is none. */
typedef struct orders {
    bool spawn, let_go;
    int signal;
} orders;

typedef enum run_state {
    NEW,     /* made */
    WAITING, /* to be spawned; another process of its keeper is not gone yet */
    LIVE,    /* there is a process */
    OVER     /* there is none any more, or never will be */
} run_state;

struct tr_process {
    service *service; /* this and the next two never change */
    troupe_ref keeper;
    uint64_t serial;
    tr_link todo;
    bool queued;   /* whether it is in service->todo */
    orders orders; /* not yet taken by the thread */
    /* What follows is the thread's own. */
    tr_list place; /* in live or waiting */
    run_state state;
    bool let_go, failed, ended;
    tr_process_event cause; /* SILENT, TROUBLE: it is ended for that */
    tr_watch status, exit; /* the status socket, the pidfd */
    tr_voice voice;
    tr_parent_note note; /* if its program has a node */
    pid_t pid;
    bool by_thread;     /* there are no pidfds here: `waiter` waits, and `exit` is an eventfd */
    tr_thread waiter;
    tr_command *command;
    troupe_msg *news[NEWS]; /* still to be told */
    unsigned told;
};

/* Its name is what a report says that the keeper was handling. */
const troupe_type tr_process_news_type = TROUPE_NAMED_TYPE(
    "news of its process", tr_process_news, TROUPE_FIELD(tr_process_news, serial),
    TROUPE_FIELD(tr_process_news, event), TROUPE_FIELD(tr_process_news, number));

/* --- Telling the keeper ----------------------------------------------------------------------- */

/* Without the lock: an actor that ends may wait for it while it holds locks of the runtime's. */
static void tell(tr_process *p, tr_process_event event, int number) {
    TR_CHECK(p->told < NEWS);
    troupe_msg *msg = p->news[p->told];
    p->news[p->told++] = NULL;
    struct tr_process_news *news = tr_msg_body(msg);
    *news = (struct tr_process_news){p->serial, event, number};
    if (p->let_go ||
        tr_port_deliver(p->service->rt, TROUPE_NOBODY, p->keeper, TR_SEND_FREE, &msg) != TROUPE_OK)
        troupe_drop(&msg);
}

/* --- The life of a run, on the service's thread ----------------------------------------------- */

static void spawn(tr_process *p); /* when another ends: they wait for each other */

static void destroy(tr_process *p) {
    const troupe_heap *heap = p->service->heap;
    for (size_t i = 0; i < NEWS; i++) troupe_drop(&p->news[i]);
    tr_command_free(p->command);
    tr_give(heap, p, sizeof *p);
}

/* A run of the same keeper in a list; NULL: none. */
static tr_process *of_keeper(tr_list *list, troupe_ref keeper) {
    for (tr_list *at = list->next; at != list; at = at->next) {
        tr_process *p = TR_OWNER(at, tr_process, place);
        if (troupe_same(p->keeper, keeper)) return p;
    }
    return NULL;
}

static void finish(tr_process *p) {
    service *s = p->service;
    troupe_ref keeper = p->keeper;
    if (p->by_thread) tr_thread_join(&p->waiter);
    p->by_thread = false;
    tr_voice_end(&p->voice); /* tells nothing any more, unless there was no end of it to tell */
    tr_watch_end(s->epoll, &p->status);
    tr_watch_end(s->epoll, &p->exit);
    tr_list_remove(&p->place);
    p->state = OVER;
    if (p->let_go) destroy(p);
    tr_process *next = of_keeper(&s->waiting, keeper);
    if (next && !of_keeper(&s->live, keeper)) spawn(next);
}

static tr_process_event failed_at(int step) {
    if (step == TR_LAUNCH_FOLDER) return TR_PROCESS_NO_FOLDER;
    return step == TR_LAUNCH_LIMIT ? TR_PROCESS_NO_LIMIT : TR_PROCESS_NO_PROGRAM;
}

/* The status socket has something to say, or the process has ended: the program runs, or can't. */
static void settle_start(void *ctx) {
    tr_process *p = ctx;
    tr_launch_failure failure;
    ssize_t got = recv(p->status.fd, &failure, sizeof failure, MSG_DONTWAIT);
    if (got < 0 && errno == EAGAIN && !p->ended) return;
    tr_watch_end(p->service->epoll, &p->status);
    p->failed = got == (ssize_t)sizeof failure;
    if (p->failed) {
        tell(p, failed_at(failure.step), failure.error);
    } else {
        tell(p, TR_PROCESS_RUNS, p->pid);
        tr_voice_runs(&p->voice);
    }
}

static void settle_end(void *ctx) {
    tr_process *p = ctx;
    siginfo_t info = {0};
    idtype_t by = p->by_thread ? P_PID : P_PIDFD;
    id_t id = p->by_thread ? (id_t)p->pid : (id_t)p->exit.fd;
    bool lost = waitid(by, id, &info, WEXITED | WNOHANG) != 0;
    if (!lost && info.si_pid == 0) return; /* not yet */
    p->ended = true;
    if (p->status.fd >= 0) settle_start(p);
    tr_voice_end(&p->voice); /* that it is ready, and its last line, come before its end */
    tr_process_event event = info.si_code == CLD_EXITED ? TR_PROCESS_EXITED : TR_PROCESS_SIGNALLED;
    if (p->cause) event = p->cause;
    if (lost) event = TR_PROCESS_LOST;
    if (!p->failed) tell(p, event, info.si_status); /* else the keeper has ended for it already */
    finish(p);
}

static void send_signal(tr_process *p, int number) {
    if (p->state == LIVE && p->by_thread) {
        (void)kill(p->pid, number); /* its id is its own until this thread reaps it */
    } else if (p->state == LIVE) {
        (void)pidfd_send_signal(p->exit.fd, number, NULL, 0); /* ESRCH: it has ended already */
    } else if (p->state != OVER) {
        tell(p, TR_PROCESS_SIGNALLED, number);
        finish(p);
    }
}

/* The keeper asks for an end. */
static void ask_to_end(tr_process *p, int number) {
    if (p->state == LIVE) tr_voice_stop(&p->voice, number == TR_PROCESS_SAY_STOP);
    if (p->state != LIVE || number != TR_PROCESS_SAY_STOP) send_signal(p, number);
}

/* --- What its voice has to say ---------------------------------------------------------------- */

/* It can't say so before it runs, though that may not have been looked at yet. */
static void is_ready(void *ctx) {
    tr_process *p = ctx;
    if (p->status.fd >= 0) settle_start(p);
    if (!p->failed) tell(p, TR_PROCESS_READY, 0);
}

static void is_silent(void *ctx, int number, bool trouble) {
    tr_process *p = ctx;
    if (p->ended) return; /* it has said that it is in trouble, and ended */
    p->cause = trouble ? TR_PROCESS_TROUBLE : TR_PROCESS_SILENT;
    send_signal(p, number);
}

/* Waits for a process's end, without reaping it. */
static void *wait_for_end(void *arg) {
    tr_process *p = arg;
    const uint64_t one = 1;
    siginfo_t info;
    while (waitid(P_PID, (id_t)p->pid, &info, WEXITED | WNOWAIT) != 0 && errno == EINTR) continue;
    ssize_t put = write(p->exit.fd, &one, sizeof one);
    (void)put;
    return NULL;
}

/* A descriptor that becomes readable at the process's end. Without pidfds (a kernel before 5.3, or
 * valgrind, which knows none) a thread waits. -1: errno says why not. */
static int end_of(tr_process *p) {
    p->exit.fd = pidfd_open(p->pid, 0);
    if (p->exit.fd >= 0 || errno != ENOSYS) return p->exit.fd;
    p->exit.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (p->exit.fd < 0) return -1;
    p->by_thread = tr_thread_start(&p->waiter, "troupe-waiter", wait_for_end, p);
    errno = EAGAIN;
    return p->by_thread ? p->exit.fd : -1;
}

/* Gets hold of a launcher that has just been spawned, and waits to be let on; an errno. Without a
 * hold on it, it is ended: here alone by its id, which is still its own, as it was not reaped. */
static int adopt(tr_process *p) {
    const int epoll = p->service->epoll;
    int error = tr_voice_watch(&p->voice, p->pid);
    if (!error && end_of(p) >= 0 && tr_watch_begin(epoll, &p->exit) &&
        tr_watch_begin(epoll, &p->status))
        return 0;
    if (!error) error = errno;
    (void)kill(p->pid, SIGKILL);
    if (p->by_thread) tr_thread_join(&p->waiter); /* before the reaping: it waits by the id */
    p->by_thread = false;
    siginfo_t info;
    while (waitid(P_PID, (id_t)p->pid, &info, WEXITED) != 0 && errno == EINTR) continue;
    return error;
}

/* The launcher goes on only when it is told to, after the adoption: so whatever its end may be, it
 * is noticed, and its id can't have become another's before there was a pidfd. */
static void spawn(tr_process *p) {
    int ends[2], error = tr_voice_open(&p->voice, p->service->epoll);
    tr_list_remove(&p->place);
    if (!error && socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) error = errno;
    if (!error) {
        const tr_command_gift gift = {ends[1], p->voice.child, p->voice.env};
        p->status.fd = ends[0];
        error = tr_command_spawn(p->command, &gift, &p->pid);
        (void)close(ends[1]);
        if (!error) error = adopt(p);
    }
    if (error) {
        tell(p, TR_PROCESS_NO_LAUNCHER, error);
        finish(p);
        return;
    }
    p->state = LIVE;
    tr_list_add(&p->service->live, &p->place);
    (void)send(p->status.fd, "", 1, MSG_NOSIGNAL); /* if it fails the process has ended */
}

/* --- The service's thread --------------------------------------------------------------------- */

/* Two processes of one keeper at a time would be in each other's way: ports, locks, files. */
static void begin(tr_process *p) {
    service *s = p->service;
    p->state = WAITING;
    if (of_keeper(&s->live, p->keeper))
        tr_list_add(&s->waiting, &p->place);
    else
        spawn(p);
}

/* A keeper that is gone needs no process: if it is not spawned yet it never will be. */
static void obey(tr_process *p, orders o) {
    p->let_go = o.let_go;
    if (o.let_go && p->state == LIVE) {
        send_signal(p, SIGKILL);
    } else if (o.let_go) {
        finish(p);
    } else if (o.signal) {
        ask_to_end(p, o.signal);
    } else if (o.spawn) {
        begin(p);
    }
}

/* Carries out what the keepers want; whether the runtime closes. */
static bool obey_all(service *s) {
    for (;;) {
        tr_lock(&s->lock);
        tr_link *link = tr_fifo_get(&s->todo);
        bool closing = s->closing;
        if (!link) {
            tr_unlock(&s->lock);
            return closing;
        }
        tr_process *p = TR_OWNER(link, tr_process, todo);
        orders taken = p->orders;
        p->orders = (orders){0};
        p->queued = false;
        tr_unlock(&s->lock);
        obey(p, taken);
    }
}

/* One event at a time: what it does may end the run that the next one would be about. */
static void await_event(service *s, int timeout_ms) {
    struct epoll_event event;
    if (epoll_wait(s->epoll, &event, 1, timeout_ms) <= 0) return;
    tr_watch *w = event.data.ptr;
    if (w) {
        w->ready(w->ctx);
    } else {
        uint64_t count;
        ssize_t got = read(s->wake, &count, sizeof count);
        (void)got;
    }
}

/* A process that can't be ended is left to the system; so is what its waiter still uses. */
static void abandon(tr_process *p) {
    if (!p->by_thread) {
        finish(p);
        return;
    }
    tr_thread_detach(&p->waiter);
    tr_list_remove(&p->place);
}

/* Ends what is left. A process that not even SIGKILL ends soon (it hangs in the kernel) must not
 * hold up the close: it is left to the system, which ends it when it can. */
static void close_runs(service *s) {
    uint64_t now = tr_clock(), least = tr_after_ms(now, LEAST_MS), by = tr_port_deadline(s->rt);
    uint64_t deadline = tr_after_ms(now, CLOSE_MS);
    if (by < least) by = least;
    if (by < deadline) deadline = by;
    for (tr_list *at = s->live.next; at != &s->live; at = at->next)
        send_signal(TR_OWNER(at, tr_process, place), SIGKILL);
    while (!tr_list_empty(&s->live)) {
        now = tr_clock();
        if (now < deadline) {
            await_event(s, (int)((deadline - now) / TR_MS) + 1);
            continue;
        }
        tr_process *p = TR_OWNER(s->live.next, tr_process, place);
        tr_port_log(s->rt, TROUPE_ERROR,
                    "%s (process %d) does not end by SIGKILL; it is left behind",
                    tr_process_name(p), (int)p->pid);
        abandon(p);
    }
}

static void *serve(void *arg) {
    service *s = arg;
    while (!obey_all(s)) await_event(s, -1);
    close_runs(s);
    return NULL;
}

static void wake(service *s) {
    const uint64_t one = 1;
    ssize_t put = write(s->wake, &one, sizeof one); /* fails only if it is awake already */
    (void)put;
}

static void free_service(service *s) {
    if (s->wake >= 0) (void)close(s->wake);
    if (s->epoll >= 0) (void)close(s->epoll);
    tr_mutex_fini(&s->lock);
    tr_give(s->heap, s, sizeof *s);
}

static void close_service(tr_service *base) {
    service *s = TR_OWNER(base, service, base);
    tr_lock(&s->lock);
    s->closing = true;
    tr_unlock(&s->lock);
    wake(s);
    tr_thread_join(&s->thread);
    free_service(s);
}

static tr_service *make_service(troupe *rt) {
    const troupe_heap *heap = tr_port_heap(rt);
    service *s = tr_take_zero(heap, sizeof *s);
    if (!s) return NULL;
    s->base.close = close_service;
    s->rt = rt;
    s->heap = heap;
    tr_mutex_init(&s->lock);
    tr_list_init(&s->live);
    tr_list_init(&s->waiting);
    s->epoll = epoll_create1(EPOLL_CLOEXEC);
    s->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    struct epoll_event event = {.events = EPOLLIN};
    if (s->epoll >= 0 && s->wake >= 0 && epoll_ctl(s->epoll, EPOLL_CTL_ADD, s->wake, &event) == 0 &&
        tr_thread_start(&s->thread, "troupe-process", serve, s))
        return &s->base;
    free_service(s);
    return NULL;
}

/* --- The keepers' side ------------------------------------------------------------------------ */

static troupe_err prepare(tr_process *p, const troupe_program *program, const char *launcher) {
    troupe_err bad = program->node ? tr_parent_note_of(program, p->keeper, &p->note) : TROUPE_OK;
    if (bad) return bad;
    p->command = tr_command_make(p->service->heap, program, launcher);
    if (!p->command) return TROUPE_NOMEM;
    tr_voice_init(&p->voice, &(tr_voice_plan){.rt = p->service->rt,
                                              .name = tr_command_program(p->command),
                                              .logs = program->output == TROUPE_OUTPUT_LOG,
                                              .notifies = program->notifies,
                                              .stop_line = tr_command_stop_line(p->command),
                                              .note = program->node ? &p->note : NULL,
                                              .watchdog_ms = program->watchdog_ms,
                                              .term_ms = program->term_ms ? program->term_ms
                                                                          : TR_PROCESS_TERM_MS,
                                              .ready = is_ready,
                                              .silent = is_silent,
                                              .ctx = p});
    for (size_t i = 0; i < NEWS; i++) {
        const tr_pool *pool = tr_port_pool(p->service->rt);
        troupe_err err = tr_msg_take(pool, &tr_process_news_type, 0, &p->news[i]);
        if (err) return err;
    }
    return TROUPE_OK;
}

troupe_err tr_process_make(troupe *rt, troupe_ref keeper, const troupe_program *program,
                           const char *launcher, tr_process **out) {
    tr_service *base = tr_port_service(rt, &tr_process_news_type, make_service);
    if (!base) return TROUPE_SYSTEM;
    service *s = TR_OWNER(base, service, base);
    tr_process *p = tr_take_zero(s->heap, sizeof *p);
    if (!p) return TROUPE_NOMEM;
    p->service = s;
    p->keeper = keeper;
    p->status = (tr_watch){-1, settle_start, p};
    p->exit = (tr_watch){-1, settle_end, p};
    tr_list_init(&p->place);
    troupe_err err = prepare(p, program, launcher);
    if (err) {
        destroy(p);
        return err;
    }
    tr_lock(&s->lock);
    p->serial = p->note.serial = ++s->serial;
    tr_unlock(&s->lock);
    *out = p;
    return TROUPE_OK;
}

/* Adds to a run's orders; the last use of it by its keeper if it lets it go. */
static void order(tr_process *p, orders more) {
    service *s = p->service;
    tr_lock(&s->lock);
    p->orders.spawn |= more.spawn;
    p->orders.let_go |= more.let_go;
    if (more.signal && p->orders.signal != SIGKILL) p->orders.signal = more.signal;
    if (!p->queued) tr_fifo_put(&s->todo, &p->todo);
    p->queued = true;
    tr_unlock(&s->lock);
    wake(s);
}

void tr_process_spawn(tr_process *process) {
    order(process, (orders){.spawn = true});
}

void tr_process_signal(tr_process *process, int signal) {
    order(process, (orders){.signal = signal});
}

void tr_process_let_go(void *process) {
    order(process, (orders){.let_go = true});
}

uint64_t tr_process_serial(const tr_process *process) {
    return process->serial;
}

const char *tr_process_name(const tr_process *process) {
    return tr_command_program(process->command);
}

const char *tr_process_launcher(const tr_process *process) {
    return tr_command_launcher(process->command);
}
