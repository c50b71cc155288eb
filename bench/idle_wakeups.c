/* idle_wakeups [SECONDS]: a runtime that has done a little work and has nothing to do: how often do
 * its threads wake up, and what do they cost? By the kernel's count of voluntary context switches
 * of all threads but the one that sleeps and counts. */
#include "measure.h"

#include <dirent.h>

static const troupe_type work_type = TROUPE_SIGNAL_TYPE("work");

static troupe_err receive(troupe_self *self, void *state, troupe_msg **msg) {
    (void)msg;
    return troupe_tell(self, *(troupe_ref *)state, &bench_done_type, NULL);
}

static troupe_err start(troupe_self *self, void *state, const void *arg) {
    (void)self;
    *(troupe_ref *)state = *(const troupe_ref *)arg;
    return TROUPE_OK;
}

static const troupe_behaviour worker = {
    .name = "worker", .state_size = sizeof(troupe_ref), .start = start, .receive = receive};

/* Voluntary context switches of one thread so far. */
static uint64_t switches_of(const char *tid) {
    char path[300], line[256];
    unsigned long long count = 0;
    snprintf(path, sizeof path, "/proc/self/task/%s/status", tid);
    FILE *file = fopen(path, "r");
    if (!file) return 0; /* it has ended meanwhile */
    while (fgets(line, sizeof line, file))
        if (sscanf(line, "voluntary_ctxt_switches: %llu", &count) == 1) break;
    fclose(file);
    return count;
}

static uint64_t switches(void) {
    uint64_t sum = 0;
    DIR *tasks = opendir("/proc/self/task");
    if (!tasks) exit(1);
    for (struct dirent *task; (task = readdir(tasks));)
        if (task->d_name[0] != '.' && strtol(task->d_name, NULL, 10) != (long)getpid())
            sum += switches_of(task->d_name);
    closedir(tasks);
    return sum;
}

static uint64_t cpu_ns(void) {
    struct timespec used;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
    return (uint64_t)used.tv_sec * 1000000000 + (uint64_t)used.tv_nsec;
}

int main(int argc, char **argv) {
    uint64_t seconds = bench_arg(argc, argv, 1, 3);
    enum { ACTORS = 100 };
    troupe *rt = bench_open();
    troupe_ref finish = bench_finish_line(rt, ACTORS), ref;
    for (int i = 0; i < ACTORS; i++) {
        MUST(troupe_spawn(rt, &worker, &finish, &ref));
        bench_post(rt, ref, &work_type);
    }
    bench_wait(rt, finish);
    bench_sleep_until(bench_now() + 200000000); /* the last of the work is over */
    uint64_t woken = switches(), used = cpu_ns();
    bench_sleep_until(bench_now() + seconds * 1000000000);
    used = cpu_ns() - used;
    woken = switches() - woken;
    bench_result("idle_wakeups", "rate", (double)woken / (double)seconds, "wakeups/s");
    bench_result("idle_wakeups", "cpu", (double)used / 1e3 / (double)seconds, "us/s");
    troupe_close(&rt);
}
