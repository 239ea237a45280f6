#include "drivers/model/domain.h"

#include <algorithm>

#include "drivers/model/machine.h"

namespace resume::model {

Domain::Domain(Machine& machine) : machine_{machine}, id_{machine.config.domid} {}

long Domain::suspend(uint32_t cpu) {
    Machine& m = machine_;
    uint32_t running = 0;
    for (uint32_t other = 0; other < m.vcpus.online(); ++other) {
        if (other != cpu && !m.vcpus.at(other).parked) {
            running |= 1u << std::min(other, 31u);
        }
    }
    m.sight(EventKind::guest_at_shutdown, running,
            uint64_t{m.store->open_transactions()} << 32 | m.store_ring.unfinished(),
            m.vcpus.at(cpu).irqs_on ? 1 : 0);
    down_ = true;
    caller_ = cpu;
    return_code_ = 0;
    m.toolstack.domain_went_down();
    // A vCPU's periodic timer that nobody stopped ticks on, so that there is always a next event.
    while (down_) {
        if (!m.clock.run_next(kNever) || m.clock.now() > m.run_limit) {
            m.die(GuestEnd::left_down, "nobody resumed the domain");
        }
    }
    return return_code_;
}

void Domain::run_again(bool new_domain) {
    down_ = false;
    machine_.timekeeping.arrive(machine_.host(), new_domain);
    machine_.timekeeping.publish_all();
}

bool Domain::resume_in_place(bool fast) {
    if (!down_) {
        return false;
    }
    const bool poked = fast && machine_.params.get(HVM_PARAM_CALLBACK_IRQ) != 0;
    return_code_ = poked && caller_ == 0 ? 1 : 0;
    clobbered_ = clobbered_ || (poked && caller_ != 0);
    evidence_ = DomainEvidence::same;
    run_again(false);
    return true;
}

void Domain::restore(const HostConfig& host) {
    Machine& m = machine_;
    for (const auto& backend : m.backends) {
        backend->domain_gone();
    }
    ++id_;
    ++incarnation_;
    m.move_to(host);
    m.shared_info.forget();
    m.grants.forget();
    m.vcpus.forget();
    m.channels.reset();
    m.params.keep_migrated();
    m.ports.forget();
    m.connect_daemons();
    m.replug();
    return_code_ = 0;
    evidence_ = DomainEvidence::fresh;
    run_again(true);
    m.vcpus.begin();
    m.timekeeping.publish_wall();
}

void Domain::soft_reset() {
    Machine& m = machine_;
    for (const auto& backend : m.backends) {
        if (backend->replugs) {
            backend->domain_gone();
        }
    }
    m.channels.reset();
    m.vcpus.unregister();
    m.shared_info.detach();
    m.connect_daemons();
    for (const auto& backend : m.backends) {
        if (backend->replugs && !backend->stays_behind) {
            backend->plug();
        }
    }
    return_code_ = 0;
    evidence_ = DomainEvidence::fresh;
    run_again(false);
}

}  // namespace resume::model
