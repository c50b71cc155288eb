#include "transport/command.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/heap.h"

enum {
    STATUS_FD = 3, /* in the launcher */
    FIXED = 4,     /* arguments of the launcher beside options: path, ids and "--" */
    LIMIT = 48     /* a limit as an option */
};

struct tr_command {
    const troupe_heap *heap;
    size_t size; /* of the allocation */
    char parent[16], status[16];
    size_t before; /* arguments of the launcher before those of the program */
    size_t additions;
    char *stop_line; /* NULL: none */
    char **env;      /* additions to the environment; in `text`, behind the arguments */
    char *text[]; /* the launcher's argument vector, then `env`, then their bytes */
};

/* Texts in a list that ends with NULL, or that is NULL; adds their bytes to `*bytes`. */
static size_t count(const char *const *list, size_t *bytes) {
    size_t n = 0;
    for (; list && list[n]; n++) *bytes += strlen(list[n]) + 1;
    return n;
}

/* Copies a text to `*to` and moves that on. */
static char *put(char **to, const char *text) {
    char *copy = *to;
    size_t size = strlen(text) + 1;
    *to += size;
    return memcpy(copy, text, size);
}

/* What the launcher does before it becomes the program, as options. */
static void put_options(tr_command *c, char **to, const troupe_program *program) {
    char **at = c->text + 3;
    if (program->node) *at++ = put(to, "-k");
    if (program->folder) {
        *at++ = *to;
        *(*to)++ = '-';
        *(*to)++ = 'd';
        (void)put(to, program->folder);
    }
    for (size_t i = 0; i < program->limits; i++) {
        const troupe_limit *limit = &program->limit[i];
        *at++ = *to;
        *to += snprintf(*to, LIMIT, "-l%d:%llu", limit->resource,
                        (unsigned long long)limit->most) + 1;
    }
    *at = put(to, "--");
}

tr_command *tr_command_make(const troupe_heap *heap, const troupe_program *program,
                            const char *launcher) {
    size_t bytes = sizeof(tr_command) + strlen(launcher) + sizeof "" + sizeof "--";
    size_t args = count(program->argv, &bytes), additions = count(program->env, &bytes);
    size_t before = FIXED + program->limits + (program->folder != NULL) + (program->node != NULL);
    bytes += (before + args + 1 + additions) * sizeof(char *) + program->limits * LIMIT;
    if (program->node) bytes += sizeof "-k";
    if (program->folder) bytes += strlen(program->folder) + sizeof "-d";
    if (program->stop_line) bytes += strlen(program->stop_line) + sizeof "";
    tr_command *c = tr_take_zero(heap, bytes);
    if (!c) return NULL;
    c->heap = heap;
    c->size = bytes;
    c->before = before;
    c->additions = additions;
    c->env = c->text + before + args + 1;
    char *to = (char *)(c->env + additions);
    c->text[0] = put(&to, launcher);
    c->text[1] = c->parent;
    c->text[2] = c->status;
    put_options(c, &to, program);
    for (size_t i = 0; i < args; i++) c->text[before + i] = put(&to, program->argv[i]);
    for (size_t i = 0; i < additions; i++) c->env[i] = put(&to, program->env[i]);
    if (program->stop_line) c->stop_line = put(&to, program->stop_line);
    return c;
}

void tr_command_free(tr_command *command) {
    if (command) tr_give(command->heap, command, command->size);
}

/* Whether the environment's `entry` is replaced by an addition of the same name, or is meant for
 * this process alone: who speaks to its supervisor by that would speak to another's. */
static bool left_out(const tr_command *c, const char *entry) {
    static const char *const own[] = {"NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID",
                                      "TROUPE_PARENT"};
    size_t name = strcspn(entry, "=");
    for (size_t i = 0; i < sizeof own / sizeof *own; i++)
        if (strncmp(own[i], entry, name) == 0 && !own[i][name]) return true;
    for (size_t i = 0; i < c->additions; i++)
        if (strncmp(c->env[i], entry, name) == 0 && c->env[i][name] == '=') return true;
    return false;
}

/* The environment with the additions, of `*size` bytes; NULL: no memory. */
static char **environment(const tr_command *c, char *const *more, size_t *size) {
    size_t inherited = 0, used = 0, given = 0;
    for (char **at = environ; at && *at; at++) inherited++;
    while (more && more[given]) given++;
    *size = (inherited + given + c->additions + 1) * sizeof(char *);
    char **merged = tr_take(c->heap, *size);
    if (!merged) return NULL;
    for (size_t i = 0; i < given; i++) merged[used++] = more[i];
    for (size_t i = 0; i < inherited && environ[i]; i++)
        if (!left_out(c, environ[i])) merged[used++] = environ[i];
    for (size_t i = 0; i < c->additions; i++) merged[used++] = c->env[i];
    merged[used] = NULL;
    return merged;
}

/* The status socket is put in its place first: its number here may be 0. */
static int set_up(posix_spawn_file_actions_t *actions, posix_spawnattr_t *attr,
                  const tr_command_gift *gift) {
    const short flags = POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF;
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    int error = posix_spawn_file_actions_adddup2(actions, gift->status, STATUS_FD);
    if (!error && gift->given[STDIN_FILENO] < 0)
        error = posix_spawn_file_actions_addopen(actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    for (int i = 0; !error && i < TR_COMMAND_GIVEN; i++)
        if (gift->given[i] >= 0)
            error = posix_spawn_file_actions_adddup2(actions, gift->given[i],
                                                     i < STATUS_FD ? i : TR_COMMAND_MORE);
    if (!error) error = posix_spawnattr_setsigmask(attr, &none);
    if (!error) error = posix_spawnattr_setsigdefault(attr, &all);
    if (!error) error = posix_spawnattr_setflags(attr, flags);
    return error;
}

static int spawn_with(const tr_command *c, char **env, const tr_command_gift *gift, pid_t *pid) {
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attr;
    int error = posix_spawn_file_actions_init(&actions);
    if (error) return error;
    error = posix_spawnattr_init(&attr);
    if (!error) {
        error = set_up(&actions, &attr, gift);
        if (!error) error = posix_spawn(pid, c->text[0], &actions, &attr, c->text, env);
        (void)posix_spawnattr_destroy(&attr);
    }
    (void)posix_spawn_file_actions_destroy(&actions);
    return error;
}

int tr_command_spawn(tr_command *command, const tr_command_gift *gift, pid_t *pid) {
    size_t size;
    char **env = environment(command, gift->env, &size);
    if (!env) return ENOMEM;
    (void)snprintf(command->parent, sizeof command->parent, "%d", (int)getpid());
    (void)snprintf(command->status, sizeof command->status, "%d", (int)STATUS_FD);
    int error = spawn_with(command, env, gift, pid);
    tr_give(command->heap, env, size);
    return error;
}

const char *tr_command_program(const tr_command *command) {
    return command->text[command->before];
}

const char *tr_command_stop_line(const tr_command *command) {
    return command->stop_line;
}

const char *tr_command_launcher(const tr_command *command) {
    return command->text[0];
}
