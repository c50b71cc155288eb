/* Three producers and one consumer, plain threads without a runtime, and a channel between them
 * that holds two jobs: who is ahead waits. */
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <troupe/channel.h>

struct job {
    int from, to; /* numbers to be added up */
};

enum { PRODUCERS = 3, JOBS = 4, WAIT_MS = 10000 };

/* Sends its jobs, and drops its handle: the last to do so ends the channel for the consumer. */
static void *produce(void *arg) {
    troupe_tx *tx = arg;
    for (int i = 0; i < JOBS; i++) {
        struct job *job = malloc(sizeof *job);
        if (!job) break;
        *job = (struct job){10 * i + 1, 10 * i + 10};
        void *item = job; /* from here on the channel's, or still ours */
        if (troupe_channel_send(tx, &item, WAIT_MS)) free(item);
    }
    troupe_channel_drop(&tx);
    return NULL;
}

/* What was received is ours, until it is freed. */
static int do_job(struct job *job) {
    int sum = 0;
    for (int n = job->from; n <= job->to; n++) sum += n;
    free(job);
    return sum;
}

/* What each side hears when the other one is full, empty or gone. */
static bool edges(void) {
    troupe_tx *tx;
    troupe_rx *rx;
    struct job one = {1, 1}, two = {2, 2};
    void *item = &one;
    if (troupe_channel_open(1, NULL, NULL, &tx, &rx)) return false;
    printf("send: %s", troupe_errname(troupe_channel_try_send(tx, &item)));
    item = &two;
    printf(", %s", troupe_errname(troupe_channel_try_send(tx, &item)));
    printf(", %s", troupe_errname(troupe_channel_send(tx, &item, 1)));
    troupe_channel_close(rx);
    printf(", and once the receiver has closed %s",
           troupe_errname(troupe_channel_send(tx, &item, 1)));
    printf("; the item is %s\n", item == &two ? "still ours" : "gone");

    printf("receive: %s", troupe_errname(troupe_channel_try_recv(rx, &item)));
    printf(", %s\n", troupe_errname(troupe_channel_try_recv(rx, &item)));
    troupe_channel_drop(&tx);
    (void)troupe_channel_end(&rx);
    if (troupe_channel_open(1, NULL, NULL, &tx, &rx)) return false;
    printf("of an empty one: %s", troupe_errname(troupe_channel_try_recv(rx, &item)));
    printf(", %s", troupe_errname(troupe_channel_recv(rx, &item, 1)));
    troupe_channel_drop(&tx);
    printf(", and without a sender %s\n", troupe_errname(troupe_channel_recv(rx, &item, 1)));
    (void)troupe_channel_end(&rx);
    return true;
}

int main(void) {
    troupe_tx *tx;
    troupe_rx *rx;
    if (!edges() || troupe_channel_open(2, free, NULL, &tx, &rx)) return 1;
    pthread_t thread[PRODUCERS];
    int started = 0, jobs = 0, sum = 0;
    for (; started < PRODUCERS; started++) {
        troupe_tx *mine = troupe_channel_clone(tx);
        if (!pthread_create(&thread[started], NULL, produce, mine)) continue;
        troupe_channel_drop(&mine);
        break;
    }
    troupe_channel_drop(&tx); /* ours: or there would always be a sender */

    void *item;
    troupe_err err;
    for (; !(err = troupe_channel_recv(rx, &item, WAIT_MS)); jobs++) sum += do_job(item);
    printf("%d jobs, sum %d; then: %s\n", jobs, sum, troupe_strerror(err));

    for (int i = 0; i < started; i++) pthread_join(thread[i], NULL);
    printf("%d left over\n", (int)troupe_channel_end(&rx));
    return err != TROUPE_CLOSED;
}
