/* The biased lock with revocation (base/bias.h): an owner whose stores wait in a buffer, and
 * thieves who announce themselves, empty that buffer by a membarrier, and wait. Unlike the
 * explorer's models this one has no bound on preemptions, and its threads never end; but it is a
 * copy of the protocol, not the source. */

#ifndef THIEVES
#define THIEVES 4
#endif

bit inside;                /* as memory has it */
chan buffer = [3] of {bit} /* the owner's stores to `inside` that have not reached memory */
bit revoked = 1;
bit mutex;
bit handshake;             /* a thief waits for the owner */

byte within;               /* threads inside */
byte seen;                 /* plain data, guarded by the lock: each who is inside adds one */
byte truth;                /* and what it must be */

inline lock() {
    atomic { !mutex -> mutex = 1 }
}

inline unlock() {
    mutex = 0
}

/* An addition in two steps, which anybody who gets in between would spoil. */
inline work() {
    within++;
    assert(within == 1);
    mine = seen;
    seen = (mine + 1) % 4;
    truth = (truth + 1) % 4;
    assert(seen == truth);
    within--
}

/* All stores of the owner that have been made reach memory. */
inline membarrier() {
    atomic {
        do
        :: nempty(buffer) -> buffer?inside
        :: empty(buffer) -> break
        od
    }
}

/* Stores reach memory when they like. */
active proctype memory() {
end:
    do
    :: buffer?inside
    od
}

active proctype owner() {
    byte mine;
home:
    lock();
    revoked = 0;
    unlock();
    do
    :: buffer!1; /* tr_bias_enter */
       if
       :: !revoked ->
          work();
          buffer!0 /* release: after all that it did inside, by the buffer's order */
       :: else ->
          buffer!0;
          /* An unlock lets all stores go, a lock does not. */
          lock();
          work();
          revoked = 0;
          membarrier();
          unlock()
       fi
    :: lock(); /* tr_bias_lend, and then it sleeps */
       revoked = 1;
       membarrier();
       unlock();
       goto home
    od
}

active [THIEVES] proctype thief() {
    byte mine;
end:
    do
    :: lock(); /* tr_bias_take */
       if
       :: revoked /* the owner has been outside since */
       :: else ->
          revoked = 1;
          membarrier();
          handshake = 1;
          !inside; /* a spin: nothing else happens while it waits */
          handshake = 0
       fi;
       work();
       unlock()
    :: atomic { !mutex -> mutex = 1 } /* tr_bias_try_take */
       if
       :: revoked -> work()
       :: else
       fi;
       unlock()
    od
}

/* Who waits for the owner does not wait for ever. In a smaller world, since this search is dear:
 * ltl: -DTHIEVES=2 */
ltl answered { [] (handshake -> <> !handshake) }
