#include "base/symbol.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stddef.h>
#include <unistd.h>

static tr_symbol by_linker(uintptr_t at) {
    Dl_info info;
    tr_symbol symbol = {.offset = at};
    if (!dladdr((void *)at, &info)) return symbol;
    symbol.function = info.dli_sname;
    symbol.module = info.dli_fname;
    symbol.offset = at - (uintptr_t)info.dli_fbase;
    return symbol;
}

#ifdef TR_DWFL
#include <elfutils/libdwfl.h>

/* libdw is not made for two threads at a time. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

/* What the system has beside a program, found by its build's number; nothing from the network. */
static const Dwfl_Callbacks callbacks = {.find_elf = dwfl_linux_proc_find_elf,
                                         .find_debuginfo = dwfl_build_id_find_debuginfo};

static Dwfl *open_all(void) {
    Dwfl *dwfl = dwfl_begin(&callbacks);
    if (!dwfl) return NULL;
    if (dwfl_linux_proc_report(dwfl, getpid()) == 0 && dwfl_report_end(dwfl, NULL, NULL) == 0)
        return dwfl;
    dwfl_end(dwfl);
    return NULL;
}

static void add_source(Dwfl *dwfl, uintptr_t at, tr_symbol *symbol) {
    Dwfl_Module *module = dwfl_addrmodule(dwfl, at);
    if (!module) return;
    const char *function = dwfl_module_addrname(module, at);
    if (function) symbol->function = function;
    Dwfl_Line *line = dwfl_module_getsrc(module, at);
    if (line) symbol->file = dwfl_lineinfo(line, NULL, &symbol->line, NULL, NULL, NULL);
}

void tr_symbol_find(const uintptr_t *at, unsigned n,
                    void (*tell)(void *ctx, const tr_symbol *symbol), void *ctx) {
    pthread_mutex_lock(&lock);
    Dwfl *dwfl = open_all();
    for (unsigned i = 0; i < n; i++) {
        tr_symbol symbol = by_linker(at[i] - 1);
        if (dwfl) add_source(dwfl, at[i] - 1, &symbol);
        tell(ctx, &symbol);
    }
    if (dwfl) dwfl_end(dwfl);
    pthread_mutex_unlock(&lock);
}

#else

void tr_symbol_find(const uintptr_t *at, unsigned n,
                    void (*tell)(void *ctx, const tr_symbol *symbol), void *ctx) {
    for (unsigned i = 0; i < n; i++) {
        tr_symbol symbol = by_linker(at[i] - 1);
        tell(ctx, &symbol);
    }
}

#endif
