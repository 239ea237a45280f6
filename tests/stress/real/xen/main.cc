// resume-stress-xen: `resume-stress real --method xen`, which runs it: a program of its own, since
// Xen's toolstack libraries are of one version of Xen, and only a Xen host has them.
#include "tests/stress/real/main.h"
#include "tests/stress/real/xen/driver.h"

int main(int argc, char** argv) {
    using namespace resume::stress::real;
    return real_main(argc, argv,
                     [](const Options& options) { return xen_driver(options, xen_hypercalls); });
}
