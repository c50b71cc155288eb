/* Arithmetic that C does not define, in a test that passes. UndefinedBehaviorSanitizer must report
 * it. */
#include <criterion/criterion.h>
#include <limits.h>

Test(canary, overflows) {
    volatile int most = INT_MAX;
    most = most + 1;
    cr_assert(true);
}
