/* Memory that runs out under the console of a node. */
#include "test/support/exhaust.h"
#include "test/transport/console_scene.h"

/* Whichever allocation fails: an error, of which nothing is left; and the next try opens it. */
Test(oom, troupe_console_open) {
    for (exhaust x = {0}; exhaust_next(&x);) {
        party p;
        party_open(&p, "left");
        exhaust_from(&x, &p.heap);
        troupe_err err = troupe_console_open(p.node, TROUPE_CONSOLE_LOOK);
        bool refused = exhaust_to(&x);
        cr_assert(refused ? !err || err == TROUPE_NOMEM || err == TROUPE_SYSTEM : !err, "%s",
                  troupe_errname(err));
        if (err) cr_assert_eq(troupe_console_open(p.node, TROUPE_CONSOLE_LOOK), TROUPE_OK);
        party_close(&p);
    }
}
