/* Parking (mailbox/mailbox.c and a worker's sleep): one word holds the number of letters and
 * whether the receiver is parked. Pushers and a kicker change it by compare-and-swap; who takes PARKED away
 * rings the bell, a futex. The receiver parks, looks at what kicks are for, and sleeps. A lost
 * wake-up is a run in which the receiver never gets everything: futex waits may end for no reason,
 * so it does not sleep for good, but it finds the bell silent for ever. */

#define PUSHERS 2
#ifndef EACH
#define EACH 2 /* letters of a pusher */
#endif
#define KICKS 2

byte letters; /* the word, in two parts that are always read and written together */
bit parked;

bit bell;     /* the futex */
bit asleep;   /* in it */
byte asked;   /* what kicks are for: requests that nobody has looked at */

byte got, done; /* letters and requests that the receiver has taken */
byte parks, wakes;

#define EVERYTHING (got == PUSHERS * EACH && done == KICKS)

/* Only one who took PARKED away rings, so the bell never rings for nothing. */
inline ring() {
    assert(!bell);
    bell = 1;
    if /* futex wake */
    :: asleep -> asleep = 0
    :: else
    fi
}

active [PUSHERS] proctype pusher() {
    byte i, old_letters;
    bit old_parked;
    for (i : 1 .. EACH) {
        atomic { old_letters = letters; old_parked = parked }
again:
        atomic {
            if
            :: letters == old_letters && parked == old_parked ->
               letters++;
               parked = 0;
               if
               :: old_parked -> wakes++; assert(wakes == parks)
               :: else
               fi
            :: else ->
               old_letters = letters;
               old_parked = parked;
               goto again
            fi
        }
        if
        :: old_parked -> ring()
        :: else
        fi
    }
}

inline kick() {
    atomic {
        kicked = parked;
        if
        :: parked -> parked = 0; wakes++; assert(wakes == parks)
        :: else
        fi
    }
}

active proctype kicker() {
    byte i;
    bit kicked;
    for (i : 1 .. KICKS) {
        asked++;
        kick();
        if
        :: kicked -> ring()
        :: else
        fi
    }
}

active proctype receiver() {
    bit kicked, told;
    do
    :: EVERYTHING -> break
    :: else ->
       atomic { got = got + letters; letters = 0 } /* drain */
       atomic { done = done + asked; asked = 0 }
       if
       :: EVERYTHING -> break
       :: else
       fi;
       atomic { /* park */
           told = (letters == 0);
           if
           :: told -> parked = 1; parks++; assert(parks == wakes + 1)
           :: else
           fi
       }
       if
       :: !told
       :: told ->
          if /* a request that came before the parking found nothing to kick */
          :: asked -> kick()
          :: else -> kicked = 0
          fi;
          if
          :: kicked /* by itself */
          :: else ->
             do
             :: atomic { told = bell; bell = 0 } /* swap */
                if
                :: told -> break
                :: else
                fi;
                atomic { /* futex wait: sleeps only while the word is 0 */
                    if
                    :: !bell -> asleep = 1
                    :: else
                    fi
                }
                !asleep
             od
          fi
       fi
    od;
    assert(!parked)
}

/* A wake-up may be spurious. */
active proctype interrupt() {
end:
    do
    :: asleep -> asleep = 0
    od
}

/* The receiver gets everything. In a smaller world, since this search is dear:
 * ltl: -DEACH=1 */
ltl ends { <> EVERYTHING }
