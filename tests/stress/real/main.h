// `resume-stress real` as a function.
#pragma once

#include <memory>

#include "tests/stress/real/method.h"

namespace resume::stress::real {

/// `xen`: the driver for --method xen; without it the program that has it takes over.
/// argv[0] is "real". Returns the exit code.
int real_main(int argc, char** argv, std::unique_ptr<Driver> (*xen)(const Options&) = nullptr);

}  // namespace resume::stress::real
