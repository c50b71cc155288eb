/* wordcount: counts words in worker processes that may die at any time. See README.md. */
#include "coordinator.h"
#include "options.h"
#include "worker.h"

int main(int argc, char **argv) {
    struct options options;
    if (!options_read(&options, argc, argv)) {
        return STATUS_USAGE;
    }
    if (options.help) {
        options_help();
        return STATUS_OK;
    }
    return options.worker_url != NULL ? worker_run(options.worker_url) : coordinate(&options);
}
