// resume-stress: campaigns of modelled guests' lives (program/), and real guests (real/).
#include <cstring>

#include "tests/stress/program/program.h"
#include "tests/stress/real/main.h"

int main(int argc, char** argv) {
    if (argc > 1 && std::strcmp(argv[1], "real") == 0) {
        return resume::stress::real::real_main(argc - 1, argv + 1);
    }
    return resume::stress::stress_main(
        argc, argv,
        {.more = "And of a real guest: resume-stress real, which has a help of its own."});
}
