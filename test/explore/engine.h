/* What the parts of the explorer share. */
#ifndef EX_ENGINE_H
#define EX_ENGINE_H

#include <setjmp.h>

#include "explore.h"

enum {
    THREADS = 8, /* with the main one, 0, which runs setup and finish */
    BUFFER = 48, /* stores that wait, for each fiber */
    STEPS = 4000,
    CHOICES = 8000,
    IDLE = 3, /* rounds in which everybody yields and nothing changes, before that is a livelock */
    STACK = 64 * 1024
};

/* A vector clock: how far each thread has come, as far as its owner can know. */
typedef struct clocks {
    uint16_t of[THREADS];
} clocks;

/* A store that has not reached memory. */
typedef struct pending {
    uintptr_t at;
    uint64_t value;
    uint64_t number; /* of all stores, in the order they were made */
    unsigned size;
    ex_order order;
    bool fenced;  /* a compiler fence came after it: it has at least been executed */
    clocks known; /* what an acquire of it learns; nothing if relaxed */
} pending;

typedef enum state { RUNNABLE, WANTS_LOCK, SLEEPS, WAITS, YIELDED, ENDED } state;

typedef struct fiber {
    const char *name;
    void (*run)(void *arg);
    void *arg;
    void *stack; /* where it was left */
    state state;
    uintptr_t at;      /* mutex, futex or condition that it waits for */
    uint64_t deadline; /* of a wait */
    bool timed_out, woken;
    uint64_t yielded_at;    /* changes, then */
    unsigned yields;        /* in one spin */
    unsigned ran, must_run; /* sets of threads; see `yield` in sched.c */
    bool flushing; /* its oldest stores are arriving, one by one */
    unsigned stores;        /* in `store` */
    pending store[BUFFER];
    clocks now;
} fiber;

/* What is known of an address in this execution. */
typedef struct spot {
    uintptr_t at;
    uint64_t execution; /* that this is about; another: free */
    clocks known;       /* what an acquire of it learns: atomics and mutexes */
    clocks reads;       /* plain: last read by each fiber */
    uint16_t written;   /* plain: time of the last write, by... */
    uint8_t writer;
    bool mutex; /* it is one */
    int holder; /* of the mutex; -1: nobody */
} spot;

typedef struct choice {
    uint16_t taken, of;
} choice;

typedef struct engine {
    const ex_model *model;
    unsigned bound;
    fiber thread[THREADS];
    int threads; /* with the main one */
    int current; /* 0: main, where nothing is scheduled */
    void *main_stack;
    jmp_buf main_failed;
    choice choice[CHOICES];
    unsigned choices, depth;
    unsigned preemptions, timeouts, spurious; /* used */
    unsigned steps, accesses, idle;
    uint64_t changes; /* to anything that a thread could see */
    uint64_t stores;
    uint64_t execution;
    uint64_t clock;
    uint64_t random; /* where new choices are drawn from; 0: all are explored */
    unsigned wakes;  /* calls that wake somebody, if there is somebody */
    bool tracing;
    ex_end end; /* of this execution */
    char text[256];
} engine;

extern engine ex;

static inline fiber *me(void) {
    return &ex.thread[ex.current];
}

/* One of 0..n-1 by the plan of this execution. */
unsigned choose(unsigned n);
/* A line of the schedule, when one is printed. `at`: the address that it is about, or 0. */
void trace(uintptr_t at, ex_place place, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* What an address is called; "" if nothing. The text lasts until the call after the next. */
const char *name_of(uintptr_t at);

/* sched.c: lets others run before a step that others can see. */
void point(void);
/* The same, and the current thread is not runnable. */
void block(state kind, uintptr_t at, uint64_t deadline);
/* Runs all threads to their ends. */
void run_threads(void);
/* Something changed that others may see. */
void changed(void);

/* memory.c: all stores of a thread reach memory. */
void drain(int thread, bool fenced_only);
/* Stores of others to this address reach memory, or not: all of it is explored. */
void settle(uintptr_t at, int reader);
uint64_t memory_at(uintptr_t at, unsigned size);

/* clocks.c */
spot *place_at(uintptr_t at);
void learn(clocks *who, const clocks *what);
void tick(fiber *t);

/* switch.c: leaves the current stack for another. */
void switch_stack(void **from, void *to);
/* A stack that begins in `entry`. */
void *make_stack(int thread, void (*entry)(void));

/* sched.c: whether this is a thread-local variable of the sources. */
bool is_local(uintptr_t at);

#endif
