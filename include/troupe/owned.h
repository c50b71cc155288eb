/* Objects in messages: a pointer that goes from actor to actor with what it points at.
 *
 * A field of a message can't be a mere pointer, since nothing says whose it is: that does not
 * compile. What is to be handed over as it is (an open file, a socket, a large buffer, something of
 * another library) is made into a message of its own, which owns it:
 *
 *     static const troupe_type file_type = TROUPE_OWNED_TYPE("file");
 *     static void close_file(void *file) { fclose(file); }
 *     ...
 *     troupe_make_owned(rt, &file_type, fopen(path, "r"), close_file, &msg);
 *
 * Wherever such a message ends, its destructor runs, once: when it was handled, dropped, became a
 * dead letter, was flushed, or was left in a mailbox at the close. Or who holds it takes the object
 * out, and has it from then on. It is what Rust does with a `Box<T>` that is sent: each object that
 * goes past the compiler's eyes is found by a search for `make_owned`.
 *
 * `troupe_share` makes a second message of the same object, as Rust's `Arc`; the destructor runs
 * with the last. Who shares an object sees to it that it may be used by several threads.
 *
 * To another node it can't go: who sends it there gets INVALID and has it still. Nor can it be
 * encoded, copied or registered, all INVALID. `troupe_print` writes its name. */
#ifndef TROUPE_OWNED_H
#define TROUPE_OWNED_H

#include <troupe/message.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The type of messages that own an object: TROUPE_OWNED_TYPE("file"). `static const` like all. */
#define TROUPE_OWNED_TYPE(text)                                                                    \
    { text, sizeof(struct troupe_owned), NULL, 0, TROUPE_OPAQUE }

/* The body of such a message, which only the functions below look at. */
struct troupe_owned {
    void *object; /* NULL: it was taken out */
    void (*destroy)(void *object);
};

/* Makes a message of a TROUPE_OWNED_TYPE that owns `object`; it belongs to the caller, who may send
 * it to actors of `rt` or drop it. `destroy(object)` will be called by whoever ends the message, on
 * whatever thread, a worker in the middle of something too: it must not wait, nor use the runtime.
 * Any thread. On an error `*out` is NULL, and the object still yours. NOMEM. INVALID: no object, no
 * destructor, or another kind of type. */
TROUPE_CHECKED troupe_err troupe_make_owned(troupe *rt, const troupe_type *type, void *object,
                                            void (*destroy)(void *object), troupe_msg **out);

/* The object of a message, which may be used while you hold that; NULL if the message is NULL or of
 * another type. Whoever holds the message. */
TROUPE_API void *troupe_object(const troupe_msg *msg, const troupe_type *type);

/* Takes the object out, so that it is yours and its destructor will not be called, ends the message
 * and makes the pointer NULL. NULL if there is no message, or it is of another type, or shared with
 * others that are still there: then it is still yours, with its object. Whoever holds the message.
 * As Rust's `Arc::try_unwrap`. */
TROUPE_API void *troupe_take_object(troupe_msg **msg, const troupe_type *type);

#ifdef __cplusplus
}
#endif
#endif
