#include "session.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <troupe/troupe.h>
#include <unistd.h>

enum { SECRET_MOST = 4096 };

void complain(const char *format, ...) {
    va_list args;
    (void)fputs("troupe: ", stderr);
    va_start(args, format);
    (void)vfprintf(stderr, format, args);
    va_end(args);
    (void)fputc('\n', stderr);
}

/* --- The secret ------------------------------------------------------------------------------- */

/* False: standard error was told why. */
static bool read_secret_file(const char *name, char *secret, size_t *size) {
    int file = open(name, O_RDONLY | O_CLOEXEC);
    struct stat status;
    ssize_t got = file < 0 || fstat(file, &status) ? -1 : read(file, secret, SECRET_MOST);
    if (got < 0) complain("can't read the secret from %s: %s", name, strerror(errno));
    if (file >= 0) (void)close(file);
    if (got < 0) return false;
    if (S_ISREG(status.st_mode) && status.st_mode & 077) {
        complain("others than its owner may use %s: chmod 600 it, and change the secret", name);
        return false;
    }
    if (got > 0 && secret[got - 1] == '\n') got--;
    *size = (size_t)got;
    return true;
}

static bool find_secret(const struct options *options, char *secret, size_t *size) {
    const char *given = getenv("TROUPE_SECRET");
    if (options->secret_file) {
        if (!read_secret_file(options->secret_file, secret, size)) return false;
    } else if (given) {
        *size = strnlen(given, SECRET_MOST);
        memcpy(secret, given, *size);
    } else {
        complain("which secret? Say --secret-file FILE, or set TROUPE_SECRET_FILE");
        return false;
    }
    if (*size >= TROUPE_SECRET_MIN) return true;
    complain("the secret has %zu bytes; one has at least %d", *size, (int)TROUPE_SECRET_MIN);
    return false;
}

/* --- Connecting ------------------------------------------------------------------------------- */

/* What happens on the way is told by what comes of it. */
static void say_nothing(void *ctx, troupe_level level, const char *line) {
    (void)ctx, (void)level, (void)line;
}

/* A socket that is not there would be tried until the time is over. */
static bool is_there(const char *url) {
    if (strncmp(url, "ipc://", 6) != 0 || access(url + 6, F_OK) == 0) return true;
    complain("no node at %s: %s", url, strerror(errno));
    return false;
}

static bool become_a_node(struct session *s, const char *secret, size_t size) {
    char name[TROUPE_NAME_MAX + 1];
    const troupe_config config = {.workers = 1, .log = say_nothing};
    (void)snprintf(name, sizeof name, "troupe-tool-%ld", (long)getpid());
    const troupe_node_config node = {.name = name, .secret = secret, .secret_size = size};
    troupe_err err = troupe_open(&config, &s->rt);
    if (!err) err = troupe_node_open(s->rt, &node, &s->node);
    if (!err) err = troupe_register_type(s->rt, &troupe_console_node_type);
    if (!err) err = troupe_register_type(s->rt, &troupe_console_page_type);
    if (!err) err = troupe_register_type(s->rt, &troupe_console_done_type);
    if (err) complain("can't start: %s", troupe_strerror(err));
    return !err;
}

static bool connect_to(struct session *s) {
    const char *url = s->options->url;
    troupe_peer peer;
    troupe_err err = troupe_connect(s->node, url, s->options->timeout_ms);
    if (err == TROUPE_REFUSED)
        complain("the node at %s refuses: it has another secret, or another version", url);
    else if (err == TROUPE_TIMEOUT)
        complain("nobody answers at %s", url);
    else if (err == TROUPE_INVALID)
        complain("not an address: %s", url);
    else if (err)
        complain("can't connect to %s: %s", url, troupe_strerror(err));
    if (err) return false;
    bool there = troupe_peers(s->node, &peer, 1) == 1;
    if (there) memcpy(s->peer, peer.name, sizeof s->peer);
    if (!there) complain("the connection to %s was lost", url);
    return there;
}

bool session_open(struct session *session, const struct options *options) {
    char secret[SECRET_MOST];
    size_t size;
    *session = (struct session){.options = options};
    bool ok = find_secret(options, secret, &size) && is_there(options->url) &&
              become_a_node(session, secret, size) && connect_to(session);
    explicit_bzero(secret, sizeof secret);
    if (!ok) return false;
    troupe_err err = troupe_lookup(session->node, session->peer, TROUPE_CONSOLE_NAME,
                                   options->timeout_ms, &session->console);
    if (err == TROUPE_NOTFOUND)
        complain("node %s has no console: its program does not call troupe_console_open",
                 session->peer);
    else if (err)
        complain("can't find the console of node %s: %s", session->peer, troupe_strerror(err));
    return !err;
}

troupe_msg *session_ask(struct session *session, const troupe_type *type, const void *body,
                        const troupe_type *wanted, unsigned more_ms) {
    troupe_msg *msg = NULL;
    troupe_err err = troupe_make(session->rt, type, body, &msg);
    if (!err)
        err =
            troupe_ask(session->rt, session->console, &msg, session->options->timeout_ms + more_ms);
    if (!err && !troupe_as(msg, wanted)) err = TROUPE_BADTYPE;
    if (!err) return msg;
    troupe_drop(&msg);
    if (err == TROUPE_TIMEOUT)
        complain("node %s does not answer", session->peer);
    else
        complain("asking node %s: %s", session->peer, troupe_strerror(err));
    return NULL;
}

void session_close(struct session *session) {
    troupe_close(&session->rt);
    troupe_transport_fini();
}
