#include "hub.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "messages.h"

enum { START_MS = 60000, ASK_MS = 5000 };

static bool failed(const char *what, troupe_err err) {
    if (err != TROUPE_OK) {
        fprintf(stderr, "wordcount: can't %s: %s\n", what, troupe_strerror(err));
    }
    return err != TROUPE_OK;
}

static bool failed_errno(const char *what) {
    fprintf(stderr, "wordcount: can't %s: %s\n", what, strerror(errno));
    return true;
}

/* A secret for this run only. The workers get it in their environment, which no other user can
 * read; a command line everybody could. */
static bool draw_secret(struct hub *hub) {
    unsigned char random[32];
    if (getrandom(random, sizeof(random), 0) != sizeof(random)) {
        return !failed_errno("draw a secret");
    }
    int size = snprintf(hub->secret, sizeof(hub->secret), "%s=", SECRET_VARIABLE);
    char *at = hub->secret + size;
    for (size_t i = 0; i < sizeof(random) / 2; i++) {
        snprintf(at + 4 * i, 5, "%02x%02x", random[2 * i], random[2 * i + 1]);
    }
    return true;
}

/* Where the workers connect to: a socket in a folder that is ours alone, or a port. */
static bool choose_url(struct hub *hub, bool tcp) {
    if (tcp) {
        strcpy(hub->url, "tcp://127.0.0.1:0");
        return true;
    }
    const char *base = getenv("TMPDIR");
    if (base == NULL || base[0] != '/' || strlen(base) > sizeof(hub->folder) - 24) {
        base = "/tmp"; /* also for a longer one: a socket's path has 107 bytes at most */
    }
    snprintf(hub->folder, sizeof(hub->folder), "%s/wordcount-XXXXXX", base);
    if (mkdtemp(hub->folder) == NULL) {
        hub->folder[0] = '\0';
        return !failed_errno("make a folder for the socket");
    }
    snprintf(hub->url, sizeof(hub->url), "ipc://%s/node.sock", hub->folder);
    return true;
}

static bool listen_for_workers(struct hub *hub) {
    const char *secret = strchr(hub->secret, '=') + 1;
    const troupe_node_config config = {
        .name = JOB_NODE, .secret = secret, .secret_size = strlen(secret)};
    const troupe_type *const arriving[] = {&ready_type, &counts_type, &trouble_type};
    for (size_t i = 0; i < sizeof(arriving) / sizeof(arriving[0]); i++) {
        if (failed("take messages", troupe_register_type(hub->rt, arriving[i]))) {
            return false;
        }
    }
    troupe_node *node = NULL;
    char bound[sizeof(hub->url)];
    if (failed("become a node", troupe_node_open(hub->rt, &config, &node)) ||
        failed("listen for workers", troupe_listen(node, hub->url, bound, sizeof(bound)))) {
        return false;
    }
    memcpy(hub->url, bound, sizeof(bound));
    return true;
}

/* This program again, in another role. */
static bool find_self(struct hub *hub) {
    ssize_t size = readlink("/proc/self/exe", hub->self, sizeof(hub->self) - 1);
    if (size < 0) {
        return !failed_errno("find this program");
    }
    hub->self[size] = '\0';
    hub->argv[0] = hub->self;
    hub->argv[1] = "--worker";
    hub->argv[2] = hub->url;
    hub->env[0] = hub->secret;
    hub->program = (troupe_program){.argv = hub->argv, .env = hub->env};
    return true;
}

/* The workers are permanent: whatever ends one, another takes its place. Beyond those that we kill
 * ourselves a few may fall; if more do, something is wrong with all of them. */
static bool start_workers(struct hub *hub, const struct options *options) {
    for (size_t i = 0; i < options->workers; i++) {
        snprintf(hub->id[i], sizeof(hub->id[i]), "worker-%zu", i + 1);
        hub->child[i] = (troupe_child){.id = hub->id[i],
                                       .what = &troupe_process,
                                       .arg = &hub->program,
                                       .restart = TROUPE_PERMANENT};
    }
    const troupe_supervision workers = {.child = hub->child,
                                        .children = options->workers,
                                        .max_restarts = (unsigned)options->kills + 10,
                                        .within_ms = 600 * 1000,
                                        .name = "workers"};
    hub->began = troupe_now(hub->rt);
    if (failed("start the workers",
               troupe_supervise(hub->rt, &workers, START_MS, &hub->supervisor))) {
        return false;
    }
    /* The job must learn of it if no worker will ever come again. */
    struct watch watch = {hub->supervisor};
    troupe_msg *msg = NULL;
    troupe_err err = troupe_make(hub->rt, &watch_type, &watch, &msg);
    if (err == TROUPE_OK) {
        err = troupe_post(hub->rt, hub->job, &msg);
    }
    troupe_drop(&msg);
    return !failed("watch the workers", err);
}

bool hub_open(struct hub *hub, const struct options *options, const struct job_order *order,
              struct bar *bar) {
    const troupe_config config = {
        .workers = 2,
        .close_ms = 5000 + 100 * (unsigned)options->workers,
        .log = progress_log,
        .log_ctx = bar,
        .quiet = TROUPE_INFO,
    };
    *hub = (struct hub){0};
    /* The job first, so that who connects finds it. */
    return draw_secret(hub) && choose_url(hub, options->tcp) && find_self(hub) &&
           !failed("open a runtime", troupe_open(&config, &hub->rt)) &&
           !failed("start the job", troupe_spawn(hub->rt, &job_behaviour, order, &hub->job)) &&
           !failed("name the job", troupe_register(hub->rt, hub->job, JOB_NAME)) &&
           listen_for_workers(hub) && start_workers(hub, options);
}

void hub_close(struct hub *hub) {
    troupe_close(&hub->rt);
    troupe_transport_fini(); /* nothing else here uses nng */
    if (hub->folder[0] != '\0') {
        char path[sizeof(hub->folder) + 16];
        snprintf(path, sizeof(path), "%s/node.sock", hub->folder);
        unlink(path); /* the node has done so; if it could not, the folder must go all the same */
        rmdir(hub->folder);
    }
}

troupe_err hub_ask(struct hub *hub, const troupe_type *type, const void *body,
                   troupe_msg **answer) {
    *answer = NULL;
    troupe_err err = troupe_make(hub->rt, type, body, answer);
    if (err == TROUPE_OK) {
        err = troupe_ask(hub->rt, hub->job, answer, ASK_MS);
    }
    if (err != TROUPE_OK) {
        troupe_drop(answer);
    }
    return err;
}
