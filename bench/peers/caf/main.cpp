// The benchmarks in CAF: bench NAME COUNT... BENCH_WORKERS sets the threads of the scheduler.
#include "bench.hpp"

#include <cstdlib>
#include <map>
#include <thread>

unsigned workers() {
    const char *text = std::getenv("BENCH_WORKERS");
    return text ? unsigned(std::atoi(text)) : std::thread::hardware_concurrency();
}

int main(int argc, char **argv) {
    const std::map<std::string, void (*)(caf::actor_system &, const counts &)> benches = {
        {"ring", ring},     {"fanin", fanin},     {"spawn", spawn_all},   {"idle", idle},
        {"big", big},       {"bank", bank},       {"forkjoin", forkjoin}, {"chameneos", chameneos},
        {"uneven", uneven}, {"latency", latency}, {"wakeup", wakeup}};
    auto found = argc > 1 ? benches.find(argv[1]) : benches.end();
    if (found == benches.end()) {
        std::fprintf(stderr, "usage: bench NAME COUNT...\n");
        return 2;
    }
    counts n;
    for (int i = 2; i < argc; i++) n.push_back(std::strtoull(argv[i], nullptr, 10));
    n.resize(3);
    caf::actor_system_config config;
    config.set("scheduler.max-threads", size_t(workers()));
    caf::actor_system sys{config};
    found->second(sys, n);
    std::fflush(stdout);
    std::_Exit(0); // some actors refer to each other in circles, and would be waited for
}
