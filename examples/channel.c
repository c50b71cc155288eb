/* Three producers and one consumer, plain threads without a runtime, and a channel between them
 * that holds two jobs: who is ahead waits. */
#include <pthread.h>
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

int main(void) {
    troupe_tx *tx;
    troupe_rx *rx;
    if (troupe_channel_open(2, free, NULL, &tx, &rx)) return 1;
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
