/* The same protocol for SPIN: five devices below the store that nothing orders among one another,
 * four phases down and their mirrors up, hooks that finish later than they begin, at most one fault
 * (a hook that refuses, the host that calls it off, a hypercall that fails), and the hypercall's
 * two returns. What it checks is what explore's oracle checks of the core: whoever went down comes
 * up, once, with the outcome known, and nobody else does.
 */
#define DEVICES 5
#define PHASES 4 /* down: 1 .. 4; their mirrors up: 8 .. 5 */
#define MIRROR(p) (2 * PHASES + 1 - (p))

byte phase;
byte left;           /* hooks of the phase that have not ended */
bool due[DEVICES];   /* its turn in this phase is still to come */
byte went[DEVICES];  /* a bit for each phase that it went down with */
bool stopping;       /* nobody else goes down */
bool faulty;         /* the fault was */
bool outcome_known;
bool over;

proctype Device(byte me) {
    do
    :: over -> break
    :: due[me] && phase <= PHASES ->
        due[me] = false;
        if
        :: stopping
        :: !stopping ->
            /* The hook has begun. Whoever is ready goes on until it ends. */
            if
            :: went[me] = went[me] | (1 << phase)
            :: !faulty -> faulty = true; stopping = true
            fi
        fi;
        left--
    :: due[me] && phase > PHASES ->
        due[me] = false;
        if
        :: (went[me] & (1 << MIRROR(phase))) != 0 ->
            assert(outcome_known);
            went[me] = went[me] & ~(1 << MIRROR(phase))
        :: else
        fi;
        left--
    od
}

inline walk(number) {
    atomic {
        phase = number;
        left = DEVICES;
        i = 0;
        do
        :: i < DEVICES -> due[i] = true; i++
        :: else -> break
        od
    }
    if
    :: left == 0
    :: number <= PHASES && !faulty && !stopping ->
        faulty = true; stopping = true; /* called off */
        left == 0
    fi
}

active proctype Engine() {
    byte i, at;
    atomic {
        i = 0;
        do
        :: i < DEVICES -> run Device(i); i++
        :: else -> break
        od
    }
    at = 1;
    do
    :: at <= PHASES && !stopping -> walk(at); at++
    :: else -> break
    od;
    if
    :: stopping                          /* aborted */
    :: !stopping && !faulty -> faulty = true /* the hypercall failed: aborted */
    :: !stopping                         /* it returned 1: cancelled */
    :: !stopping                         /* it returned 0: resumed */
    fi;
    outcome_known = true;
    do
    :: at > 1 -> at--; walk(MIRROR(at))
    :: else -> break
    od;
    atomic {
        i = 0;
        do
        :: i < DEVICES -> assert(went[i] == 0); i++
        :: else -> break
        od
    }
    over = true
}
