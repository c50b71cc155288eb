#include "base/signals.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/check.h"
#include "base/os.h"

static sigset_t both(void) {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    return set;
}

void tr_signals_hold(void) {
    const sigset_t set = both();
    TR_CHECK(pthread_sigmask(SIG_BLOCK, &set, NULL) == 0);
}

void tr_signals_release(void) {
    const sigset_t set = both();
    TR_CHECK(pthread_sigmask(SIG_UNBLOCK, &set, NULL) == 0);
}

bool tr_signals_open(tr_signals *signals) {
    const sigset_t set = both();
    signals->come = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    signals->woken = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (signals->come >= 0 && signals->woken >= 0) return true;
    tr_signals_close(signals);
    return false;
}

void tr_signals_close(tr_signals *signals) {
    if (signals->come >= 0) (void)close(signals->come);
    if (signals->woken >= 0) (void)close(signals->woken);
}

void tr_signals_wake(tr_signals *signals) {
    const uint64_t one = 1;
    TR_CHECK(write(signals->woken, &one, sizeof one) == sizeof one);
}

/* Until a deadline, in milliseconds for poll, rounded up; -1: for ever. */
static int patience(uint64_t deadline) {
    uint64_t now = tr_clock();
    if (deadline == TR_NEVER) return -1;
    if (deadline <= now) return 0;
    uint64_t ms = (deadline - now + TR_MS - 1) / TR_MS;
    return ms > 1000000 ? 1000000 : (int)ms;
}

int tr_signals_wait(tr_signals *signals, uint64_t deadline) {
    struct pollfd wanted[] = {{.fd = signals->come, .events = POLLIN},
                              {.fd = signals->woken, .events = POLLIN}};
    for (;;) {
        struct signalfd_siginfo info;
        int n = poll(wanted, 2, patience(deadline));
        TR_CHECK(n >= 0 || errno == EINTR);
        if (read(signals->come, &info, sizeof info) == sizeof info) return (int)info.ssi_signo;
        if (n > 0 && (wanted[1].revents & POLLIN)) return 0;
        if (tr_clock() >= deadline) return -1;
    }
}
