/* Services: programs that run until they are told to end. All of this is by invitation: what does
 * not call these functions keeps its signals to itself.
 *
 *     int main(void) {
 *         troupe_hold_signals();
 *         troupe *rt = NULL;
 *         troupe_ref root;
 *         if (troupe_open(NULL, &rt) || troupe_supervise(rt, &tree, 5000, &root)) return 1;
 *         troupe_err why = troupe_await_end(rt, root, TROUPE_FOREVER);
 *         troupe_err end = troupe_shutdown(&rt, 10000, 0, NULL); // <troupe/shutdown.h>
 *         return why == TROUPE_SHUTDOWN && !end ? 0 : 1;
 *     } */
#ifndef TROUPE_SERVICE_H
#define TROUPE_SERVICE_H

#include <troupe/supervisor.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Keeps SIGTERM and SIGINT from the calling thread, and from all threads that it starts later,
 * until `troupe_await_end` takes one. The first call of `main`: a thread that was there before
 * would still be interrupted. Installs no handler. */
TROUPE_API void troupe_hold_signals(void);

/* Waits until the program is told to end, or its tree has ended by itself. A plain thread that
 * holds the signals, or does from here on. SHUTDOWN: SIGTERM or SIGINT has come; from here on the
 * calling thread lets both through again, so a second one ends the program if the close takes too
 * long. TIMEOUT: nothing of that in `timeout_ms` (TROUPE_FOREVER: no limit). How `root` ended, if
 * it did: OK, GAVE_UP, GONE if it was no more, and whatever else an actor can end for. Or, with
 * `root` still there: INVALID: a stepped runtime, whose owner waits by himself, or called by an
 * actor; NOMEM; SYSTEM: no descriptors. */
TROUPE_CHECKED troupe_err troupe_await_end(troupe *rt, troupe_ref root, unsigned timeout_ms);

#ifdef __cplusplus
}
#endif
#endif
