// A guest of Xen's from its host: suspended and let go on in the same domain, reset in place, saved
// and restored. What the toolstack itself does beside hypercalls and store is `xl`'s
// (ARCHITECTURE.md says why).
#pragma once

#include <functional>
#include <memory>

#include "tests/stress/real/method.h"
#include "tests/stress/real/xen/hypercalls.h"

namespace resume::stress::real {

/// `make` is called in prepare(): what it throws as HostError means that this is no Xen host.
std::unique_ptr<Driver> xen_driver(const Options& options,
                                   std::function<std::unique_ptr<Hypercalls>()> make);

}  // namespace resume::stress::real
