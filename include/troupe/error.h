/* Errors: one list, returned by every call that can fail; also the reasons for which actors end.
 *
 * Zero is success. Nothing is kept in errno or in thread-local text. Codes from TROUPE_USER on
 * are yours: return them from a callback and they travel as the reason, unchanged. */
#ifndef TROUPE_ERROR_H
#define TROUPE_ERROR_H

#ifdef __cplusplus
extern "C" {
#endif

#define TROUPE_API __attribute__((visibility("default")))
#define TROUPE_CHECKED __attribute__((warn_unused_result)) TROUPE_API
#define TROUPE_PRINTF(text, first) __attribute__((format(printf, text, first)))

/* The list: X(name, number, text). Numbers are part of the wire format and never change. */
#define TROUPE_ERRORS(X)                                                                         \
    X(OK, 0, "ok")                                                                               \
    X(FULL, 1, "the mailbox is full")                                                            \
    X(GONE, 2, "no such actor: it has ended")                                                    \
    X(TIMEOUT, 3, "the deadline has passed")                                                     \
    X(NOMEM, 4, "out of memory")                                                                 \
    X(INVALID, 5, "invalid argument")                                                            \
    X(BADTYPE, 6, "a message of an unexpected type")                                             \
    X(TOOBIG, 7, "larger than the limit")                                                        \
    X(LATER, 8, "not yet: goes on later")                                                        \
    X(TAKEN, 9, "the name is taken")                                                             \
    X(NOTFOUND, 10, "not found")                                                                 \
    X(SHUTDOWN, 11, "asked to stop")                                                             \
    X(KILLED, 12, "killed")                                                                      \
    X(NOCONNECTION, 13, "the node is not connected")                                             \
    X(GAVE_UP, 14, "too many restarts")                                                          \
    X(REFUSED, 15, "refused: authentication failed")                                             \
    X(MALFORMED, 16, "malformed bytes")                                                          \
    X(SYSTEM, 17, "a system call failed")                                                        \
    X(EXITED, 18, "the process exited with a failure status")                                    \
    X(SIGNALLED, 19, "ended by a fatal signal")                                                  \
    X(FAILED, 20, "the actor failed")                                                            \
    X(START_FAILED, 21, "a child could not be started")                                          \
    X(UNKNOWN_TYPE, 22, "the message type is not registered here")                               \
    X(CLOSED, 23, "closed")                                                                      \
    X(EMPTY, 24, "nothing is queued")                                                            \
    X(RUNNING, 25, "the child is running")                                                       \
    X(RESTARTING, 26, "the child is being restarted")                                            \
    X(PRESENT, 27, "there is a child of this id, which has ended")                               \
    X(IGNORE, 28, "the start decided that nothing is to be started")                             \
    X(OVER_BUDGET, 29, "more memory than its behaviour allows")                                  \
    X(TOO_SLOW, 30, "a callback took longer than its behaviour allows")                          \
    X(UNMET, 31, "a condition that must hold did not")                                           \
    X(HELD, 33, "the child is held: it has used up its restarts")                                \
    X(KILL, 36, "to be killed")                                                                  \
    X(QUIESCED, 38, "no new work is taken: the runtime is shutting down")                        \
    X(BROKEN, 39, "handled, but nobody will answer: a broken promise")                           \
    X(SELF, 40, "an actor asks itself")                                                          \
    X(DEADLOCK, 48, "who was waited for waits in turn")                                          \
    X(STOPPED, 60, "the actor was stopped, or ended by itself, in good order")                   \
    X(DAMAGED, 64, "damaged on the way: a checksum is wrong")                                    \
    X(SILENT, 69, "nothing was heard of it for too long")

typedef enum troupe_err {
#define TROUPE_ERROR_ENUM(name, number, text) TROUPE_##name = (number),
    TROUPE_ERRORS(TROUPE_ERROR_ENUM)
#undef TROUPE_ERROR_ENUM
    TROUPE_USER = 1000 /* your own codes begin here */
} troupe_err;

/* A short English text for a code, never NULL; "error of the application" from TROUPE_USER on.
 * Static storage. Any thread. */
TROUPE_API const char *troupe_strerror(troupe_err err);

/* The code's name without its prefix, for logs: "FULL". Never NULL. Static storage. Any thread. */
TROUPE_API const char *troupe_errname(troupe_err err);

#ifdef __cplusplus
}
#endif
#endif
