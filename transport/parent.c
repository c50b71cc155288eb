#include "transport/parent.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "transport/node.h"
#include "transport/secure.h"

enum { SEALS = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE };

const troupe_type tr_parent_hello_type =
    TROUPE_NAMED_TYPE("troupe.child.hello", tr_parent_hello, TROUPE_FIELD(tr_parent_hello, serial),
                      TROUPE_FIELD(tr_parent_hello, deputy));
const troupe_type tr_parent_stop_type = TROUPE_SIGNAL_TYPE("troupe.child.stop");

/* --- The note --------------------------------------------------------------------------------- */

troupe_err tr_parent_note_of(const troupe_program *program, troupe_ref keeper,
                             tr_parent_note *note) {
    const struct troupe_node *node = program->node;
    const char *slash = strrchr(program->argv[0], '/');
    bool tls = true;
    if (!program->url || strlen(program->url) > TROUPE_URL_MAX) return TROUPE_INVALID;
    if (!tr_secure_url(node, program->url, &tls) || tls) return TROUPE_INVALID; /* it has the key */
    memset(note, 0, sizeof *note); /* what is between its members is sent, too */
    note->size = sizeof *note;
    note->heartbeat_ms = tr_node_heartbeat_ms(node);
    note->lost_ms = (uint32_t)(node->limits.lost / TR_MS);
    note->message_limit = node->message_limit;
    memcpy(note->key, node->key, sizeof note->key);
    memcpy(note->node, node->me.name, sizeof note->node);
    (void)snprintf(note->program, sizeof note->program, "%.31s",
                   slash ? slash + 1 : program->argv[0]);
    memcpy(note->url, program->url, strlen(program->url));
    note->keeper = keeper;
    return TROUPE_OK;
}

int tr_parent_write(const tr_parent_note *note) {
    int fd = memfd_create("troupe-parent", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd < 0) return -1;
    if (write(fd, note, sizeof *note) == sizeof *note && fcntl(fd, F_ADD_SEALS, SEALS) == 0)
        return fd;
    int error = errno;
    (void)close(fd);
    errno = error;
    return -1;
}

/* The number may mean another descriptor by now: the first read closes it, and who inherits the
 * environment has not inherited that. Hardly anything else is sealed, and has this size. */
bool tr_parent_read(tr_parent_note *note) {
    const char *text = getenv("TROUPE_PARENT");
    char *end;
    long fd = text && *text ? strtol(text, &end, 10) : -1;
    if (fd < 3 || fd > 1 << 20 || *end || fcntl((int)fd, F_GET_SEALS) != SEALS) return false;
    ssize_t got = pread((int)fd, note, sizeof *note, 0);
    if (got < (ssize_t)sizeof note->size || lseek((int)fd, 0, SEEK_END) != (off_t)note->size)
        return false;
    (void)close((int)fd);
    return got == sizeof *note && note->size == sizeof *note;
}

/* --- The deputy ------------------------------------------------------------------------------- */

static troupe_err deputy_start(troupe_self *self, void *state, const void *arg) {
    const tr_parent_note *note = arg;
    uint64_t monitor;
    (void)state;
    troupe_err err = troupe_monitor(self, note->keeper, &monitor);
    const struct tr_parent_hello hello = {note->serial, troupe_me(self)};
    return err ? err : troupe_tell(self, note->keeper, &tr_parent_hello_type, &hello);
}

static troupe_err deputy_receive(troupe_self *self, void *state, troupe_msg **msg) {
    (void)state;
    if (troupe_as(*msg, &tr_parent_stop_type)) troupe_exit(self, TROUPE_SHUTDOWN);
    if (troupe_as(*msg, &troupe_down_type)) troupe_exit(self, TROUPE_NOCONNECTION);
    return TROUPE_OK;
}

static const troupe_behaviour deputy = {
    .name = "parent", .start = deputy_start, .receive = deputy_receive};

static troupe_err open_node(troupe *rt, const tr_parent_note *note, troupe_node **out) {
    char name[TROUPE_NAME_MAX + 1];
    (void)snprintf(name, sizeof name, "%s-%ld", note->program, (long)getpid());
    const troupe_node_config config = {.name = name,
                                       .heartbeat_ms = note->heartbeat_ms,
                                       .lost_ms = note->lost_ms,
                                       .message_limit = note->message_limit};
    return tr_node_open(rt, &config, note->key, out);
}

troupe_err troupe_child_connect(troupe *rt, unsigned timeout_ms, troupe_parent *out) {
    tr_parent_note note;
    *out = (troupe_parent){0};
    if (!tr_parent_read(&note)) return TROUPE_NOTFOUND;
    troupe_err err = open_node(rt, &note, &out->node);
    if (!err) err = troupe_register_type(rt, &tr_parent_stop_type);
    if (!err) err = troupe_connect(out->node, note.url, timeout_ms);
    if (!err) err = troupe_spawn(rt, &deputy, &note, &out->deputy);
    memcpy(out->name, note.node, sizeof out->name);
    out->keeper = note.keeper;
    explicit_bzero(note.key, sizeof note.key);
    return err;
}
