/* An existing program with threads of its own gets a supervisor. One thread produces, another one
 * consumed, and when that failed the program was done for. Now the consumer is a child: the same
 * function, on a thread that the runtime has for `blocking` actors, started again when it fails.
 * The program keeps its other threads, its locks, its log and its exit. */
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <troupe/report.h>
#include <troupe/troupe.h>

/* --- The program as it was: it knows nothing of actors ---------------------------------------- */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static sem_t items, done;
static int queue[8], put, got; /* guarded by `lock` */

static void produce(int item) {
    pthread_mutex_lock(&lock);
    queue[put++] = item;
    pthread_mutex_unlock(&lock);
    sem_post(&items);
}

static void *producer(void *arg) {
    (void)arg;
    for (int item = 1; item <= 5; item++) produce(item == 3 ? -3 : item);
    produce(0); /* the last one */
    return NULL;
}

/* Runs until the last item (0), or until one is spoilt: returns that. */
static int consume(void) {
    for (;;) {
        while (sem_wait(&items)) continue;
        pthread_mutex_lock(&lock);
        int item = queue[got++];
        pthread_mutex_unlock(&lock);
        if (item <= 0) return item;
        printf("consumed %d\n", item);
    }
}

/* --- What is new ------------------------------------------------------------------------------ */

static const troupe_type go_type = TROUPE_SIGNAL_TYPE("go");

static troupe_err start(troupe_self *self, void *state, const void *arg) {
    (void)state;
    (void)arg;
    return troupe_tell(self, troupe_me(self), &go_type, NULL);
}

static troupe_err receive(troupe_self *self, void *state, troupe_msg **msg) {
    (void)state;
    (void)msg;
    int item = consume();
    if (item) return troupe_fail(self, TROUPE_USER, "item %d is spoilt", -item);
    troupe_exit(self, TROUPE_OK);
    return TROUPE_OK;
}

static void stop(troupe_self *self, void *state, troupe_err why) {
    (void)self;
    (void)state;
    if (!why) sem_post(&done);
}

static const troupe_behaviour consumer = {
    .name = "consumer", .blocking = true, .start = start, .receive = receive, .stop = stop};

/* The program's own log hears of each failure, from a thread of the runtime's; it is shown at the
 * end. */
static char log_line[200];

static void on_report(void *ctx, const troupe_report *report) {
    (void)ctx;
    snprintf(log_line, sizeof log_line, "%s: %s; %s", report->path, report->text, report->next);
}

int main(void) {
    pthread_t thread;
    sem_init(&items, 0, 0);
    sem_init(&done, 0, 0);

    const troupe_config config = {.workers = 1, .report = on_report};
    const troupe_child child = {.id = "consumer", .what = &consumer, .restart = TROUPE_TRANSIENT};
    const troupe_supervision tree = {.child = &child, .children = 1, .max_restarts = 3};
    troupe *rt = NULL;
    troupe_ref root;
    if (troupe_open(&config, &rt) || troupe_supervise(rt, &tree, 1000, &root)) return 1;

    if (pthread_create(&thread, NULL, producer, NULL)) return 1;
    while (sem_wait(&done)) continue;
    pthread_join(thread, NULL);
    troupe_close(&rt);
    printf("all %d items are done\nlog: %s\n", got - 1, log_line);
    sem_destroy(&items);
    sem_destroy(&done);
    return 0;
}
