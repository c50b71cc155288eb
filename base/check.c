#include "base/check.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/fatal.h"

_Noreturn void tr_check_failed(const char *what, const char *file, int line) {
    (void)tr_fatal_hide(); /* no actor's failure: it is ours */
    fprintf(stderr, "troupe: internal error: %s does not hold (%s:%d)\n", what, file, line);
    abort();
}
