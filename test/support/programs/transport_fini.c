/* transport_fini: was a node, and leaves nothing behind; a process of its own, since Criterion uses
 * nng as well. Its status says what went wrong: 1 no node, 2 no threads of nng's before, 3 memory
 * was taken at the end, 4 memory is left, 5 threads are left. */
#include <dirent.h>
#include <sched.h>
#include <stdlib.h>
#include <time.h>
#include <troupe/remote.h>

#include "base/atomic.h"

enum { PATIENCE_S = 20 };

static tr_atomic32 takes, blocks;

static void *take(void *ctx, size_t size) {
    (void)ctx;
    (void)tr_add32_seq(&takes, 1);
    (void)tr_add32_seq(&blocks, 1);
    return malloc(size);
}

static void give(void *ctx, void *memory, size_t size) {
    (void)ctx;
    (void)size;
    (void)tr_sub32_seq(&blocks, 1);
    free(memory);
}

static size_t threads(void) {
    DIR *dir = opendir("/proc/self/task");
    size_t n = 0;
    for (struct dirent *entry; (entry = readdir(dir));) n += entry->d_name[0] != '.';
    closedir(dir);
    return n;
}

int main(void) {
    const troupe_config config = {.workers = 1, .heap = {take, give, NULL}};
    const troupe_node_config as = {.name = "node", .secret = "0123456789abcdef", .secret_size = 16};
    troupe *rt;
    troupe_node *node;
    if (troupe_open(&config, &rt) || troupe_node_open(rt, &as, &node) ||
        troupe_listen(node, "tcp://127.0.0.1:0", NULL, 0))
        return 1;
    troupe_close(&rt);
    uint32_t before = tr_load32_seq(&takes);
    if (threads() == 1) return 2;
    troupe_transport_fini();
    if (tr_load32_seq(&takes) != before) return 3;
    if (tr_load32_seq(&blocks)) return 4;
    /* The system lists a thread for a moment after it was joined. */
    for (time_t until = time(NULL) + PATIENCE_S; threads() > 1 && time(NULL) < until;)
        sched_yield();
    return threads() == 1 ? 0 : 5;
}
