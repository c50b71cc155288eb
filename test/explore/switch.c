/* Stacks and how to change them. By hand on x86-64, since a switch is the explorer's commonest act;
 * by <ucontext.h>, which makes a system call for each, elsewhere. */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "engine.h"

enum { GUARD = 4096 };

static char *stacks; /* THREADS of them, each above a page that may not be touched */

static char *top_of(int thread) {
    if (!stacks) {
        size_t size = (size_t)THREADS * (STACK + GUARD);
        stacks = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (stacks == MAP_FAILED) abort();
        for (int i = 0; i < THREADS; i++)
            if (mprotect(stacks + (size_t)i * (STACK + GUARD), GUARD, PROT_NONE) != 0) abort();
    }
    return stacks + (size_t)(thread + 1) * (STACK + GUARD);
}

#ifdef __x86_64__

__asm__(".text\n"
        ".type ex_switch,@function\n"
        "ex_switch:\n"
        "    pushq %rbp\n"
        "    pushq %rbx\n"
        "    pushq %r12\n"
        "    pushq %r13\n"
        "    pushq %r14\n"
        "    pushq %r15\n"
        "    movq %rsp, (%rdi)\n"
        "    movq %rsi, %rsp\n"
        "    popq %r15\n"
        "    popq %r14\n"
        "    popq %r13\n"
        "    popq %r12\n"
        "    popq %rbx\n"
        "    popq %rbp\n"
        "    ret\n"
        ".size ex_switch,.-ex_switch\n");

void ex_switch(void **from, void *to);

void switch_stack(void **from, void *to) {
    ex_switch(from, to);
}

void *make_stack(int thread, void (*entry)(void)) {
    uintptr_t *top = (uintptr_t *)(void *)top_of(thread);
    *--top = 0; /* `entry` does not return; this also aligns its stack as a call would */
    *--top = (uintptr_t)entry;
    for (int i = 0; i < 6; i++) *--top = 0; /* the saved registers */
    return top;
}

#else

#include <ucontext.h>

static ucontext_t contexts[THREADS + 1];

void *make_stack(int thread, void (*entry)(void)) {
    ucontext_t *context = &contexts[thread];
    if (getcontext(context) != 0) abort();
    context->uc_stack.ss_sp = top_of(thread) - STACK;
    context->uc_stack.ss_size = STACK;
    context->uc_link = NULL;
    makecontext(context, entry, 0);
    return context;
}

void switch_stack(void **from, void *to) {
    /* Whose stack this is, is known by where its handle is kept. */
    ucontext_t *context = &contexts[THREADS];
    for (int i = 0; i < THREADS; i++)
        if (from == &ex.thread[i].stack) context = &contexts[i];
    *from = context;
    if (swapcontext(context, to) != 0) abort();
}

#endif
