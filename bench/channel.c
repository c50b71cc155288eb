/* channel [SENDERS] [CAPACITY] [MESSAGES] [BATCH]: plain threads send to one through a channel, and
 * wait while it is full; the receiver takes up to BATCH at once. */
#include <pthread.h>

#include "measure.h"

enum { WAIT_MS = 60000, BATCH_MAX = 1024 };

static uint64_t each;

static void *send_all(void *arg) {
    troupe_tx *tx = arg;
    for (uint64_t i = 0; i < each; i++) {
        void *item = &each;
        MUST(troupe_channel_send(tx, &item, WAIT_MS));
    }
    troupe_channel_drop(&tx);
    return NULL;
}

static uint64_t receive_all(troupe_rx *rx, size_t batch) {
    void *item[BATCH_MAX];
    uint64_t all = 0;
    size_t received;
    troupe_err err;
    while (!(err = troupe_channel_recv_many(rx, item, batch, WAIT_MS, &received))) all += received;
    return err == TROUPE_CLOSED ? all : 0;
}

int main(int argc, char **argv) {
    uint64_t senders = bench_arg(argc, argv, 1, 4), capacity = bench_arg(argc, argv, 2, 1024);
    each = bench_arg(argc, argv, 3, 2000000) / senders;
    size_t batch = bench_arg(argc, argv, 4, 1);
    if (batch > BATCH_MAX) batch = BATCH_MAX;
    pthread_t *thread = bench_alloc(senders, sizeof *thread);
    troupe_tx *tx;
    troupe_rx *rx;
    MUST(troupe_channel_open((uint32_t)capacity, NULL, NULL, &tx, &rx));
    uint64_t began = bench_now();
    for (uint64_t i = 0; i < senders; i++)
        if (pthread_create(&thread[i], NULL, send_all, troupe_channel_clone(tx))) return 1;
    troupe_channel_drop(&tx);
    if (receive_all(rx, batch) != senders * each) return 1;
    bench_rate("channel", senders * each, bench_now() - began);
    for (uint64_t i = 0; i < senders; i++) pthread_join(thread[i], NULL);
    (void)troupe_channel_end(&rx);
    free(thread);
}
