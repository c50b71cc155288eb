#include "base/check.h"

#include <stdio.h>
#include <stdlib.h>

_Noreturn void tr_check_failed(const char *what, const char *file, int line) {
    fprintf(stderr, "troupe: internal error: %s does not hold (%s:%d)\n", what, file, line);
    abort();
}
