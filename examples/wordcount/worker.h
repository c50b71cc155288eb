/* A worker process: a node of its own with one actor that counts. */
#ifndef WORDCOUNT_WORKER_H
#define WORDCOUNT_WORKER_H

/* Connects to the coordinator at `url` and counts until it is told to stop, or the coordinator is
 * gone. The status to exit with. */
int worker_run(const char *url);

#endif
