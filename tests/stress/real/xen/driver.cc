#include "tests/stress/real/xen/driver.h"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "tests/stress/real/command.h"
#include "tests/stress/real/xen/domain.h"
#include "tests/stress/real/xen/reports.h"

namespace resume::stress::real {

namespace {

constexpr const char* kShutdownNode = "control/shutdown";
constexpr const char* kMayBreak = "data/resume/stress-ok";

class XenGuest final : public Driver {
  public:
    XenGuest(const Options& options, std::function<std::unique_ptr<Hypercalls>()> make)
        : options_{options}, make_{std::move(make)}, image_{options.state_file + ".image"} {}

    [[nodiscard]] std::string kind() const override { return "xen-suspend"; }
    Reports& reports() override { return reports_; }
    [[nodiscard]] std::vector<std::string> environment() const override {
        return {"RESUME_DOMAIN=" + name_,
                "RESUME_DOMID=" + (domain_ ? std::to_string(domain_->domid()) : ""),
                "RESUME_IMAGE=" + image_};
    }

    void prepare(State&) override {
        try {
            xen_ = make_();
            find_it();
            if (domain_->state() == DomainState::suspended) {
                domain_->resume(true);  // as a run that was killed has left it
            }
            if (const DomainState state = domain_->state(); state != DomainState::running) {
                throw NotAvailable{told(std::string{"is "} + name_of(state))};
            }
        } catch (const HostError& error) {
            throw NotAvailable{std::string{error.what()} + ": this has to be dom0 of a Xen host"};
        }
        if (!may_break()) {
            throw NotAvailable{told("has not said that it may be broken: `xenstore-write ") +
                               kMayBreak + " 1` in it says so"};
        }
        const bool in_place =
            std::any_of(options_.mix.begin(), options_.mix.end(),
                        [](const MixRow& row) { return row.act == Act::inplace; });
        if (const std::string why = in_place ? domain_->why_not_in_place() : ""; !why.empty()) {
            throw NotAvailable{told("cannot be restored in place: ") + why};
        }
        reports_.forget();
    }

    CycleResult cycle(const CycleDraw& draw) override {
        const Act act = draw.number == 0 ? Act::fast : act_of(options_, draw);
        CycleResult result;
        try {
            result = act == Act::restore ? save_and_restore(draw) : suspend(act, draw);
            if (result.problem.empty()) {
                result.problem = wait_until_back();
                result.needs_reset = !result.problem.empty();
            }
        } catch (const std::exception& error) {
            result = {.outcome = "failed", .problem = error.what(), .needs_reset = true};
        }
        result.act = name_of(act);
        return result;
    }

    /// One that only stands still goes on; one that is gone is the user's to start.
    std::string reset() override {
        try {
            return stand_again();
        } catch (const HostError& error) {
            return error.what();
        }
    }

  private:
    static constexpr int kLookMs = 50;

    std::string stand_again() {
        if (domain_->state() == DomainState::suspended) {
            domain_->resume(true);
        }
        if (options_.reset_command.empty()) {
            return domain_->state() == DomainState::running ? "" : "no --reset-cmd to start it";
        }
        const CommandResult result = run_shell(options_.reset_command, environment(), patience());
        if (!result.good()) {
            return "--reset-cmd: " + result.text();
        }
        const auto end = Clock::now() + patience();
        while (!is_there() || !may_break()) {  // it has to say so again
            if (Clock::now() >= end) {
                return std::string{"after --reset-cmd the guest has not set "} + kMayBreak;
            }
            ::poll(nullptr, 0, kLookMs);
        }
        return {};
    }

    std::chrono::milliseconds patience() const { return options_.patience; }
    std::string told(const std::string& what) const { return options_.domain + " " + what; }
    bool may_break() const {
        const std::string said = domain_->read(kMayBreak).value_or("");
        return !said.empty() && said != "0";
    }

    /// By its name from now on: its id changes with each restore. False: there is none.
    bool is_there() {
        const auto domid = find_domain(name_.empty() ? options_.domain : name_);
        if (!domid) {
            return false;
        }
        if (*domid == 0) {
            throw NotAvailable{"domain 0 is this host itself"};
        }
        domain_.emplace(*domid, *xen_);
        reports_.look_at(*domain_);
        name_ = domain_->read("name").value_or("");
        if (name_.empty()) {
            throw NotAvailable{told("has no name")};
        }
        return true;
    }

    void find_it() {
        if (is_there()) {
            return;
        }
        // A run that was killed between save and restore.
        if (::access(image_.c_str(), F_OK) == 0) {
            name_ = options_.domain;
            if (const std::string problem = restore(); !problem.empty()) {
                throw NotAvailable{problem};
            }
            return;
        }
        throw NotAvailable{told("is not on this host")};
    }

    CycleResult suspend(Act act, const CycleDraw& draw) {
        domain_->write(kShutdownNode, "suspend");
        if (CycleResult refused = wait_until_down(); !refused.problem.empty()) {
            return refused;
        }
        ::poll(nullptr, 0, static_cast<int>(draw.asleep_ms));
        if (act == Act::inplace) {
            domain_->restore_in_place();
            return {.outcome = "resumed"};
        }
        domain_->resume(true);
        return {.outcome = "cancelled"};
    }

    /// Until it has acked and is down, says that it refuses, has ended otherwise, or the time is
    /// over.
    CycleResult wait_until_down() {
        const auto end = Clock::now() + patience();
        for (;;) {
            const DomainState state = domain_->state();
            if (state == DomainState::suspended) {
                return {};
            }
            if (state != DomainState::running) {
                return {.outcome = "failed",
                        .problem = std::string{"it was to suspend and is "} + name_of(state),
                        .needs_reset = true};
            }
            const auto report = reports_.peek();
            if (report && report->outcome == "aborted") {
                return {.outcome = "aborted",
                        .error = report->error,
                        .problem = "the guest refused: " + report->cause};
            }
            if (Clock::now() >= end) {
                return not_down();
            }
            domain_->wait_for_event(end);
        }
    }

    /// Linux acks before it knows whether it can; one that has not is not to suspend later.
    CycleResult not_down() {
        const bool acked = domain_->read(kShutdownNode).value_or("") != "suspend";
        if (!acked) {
            domain_->write(kShutdownNode, "");
        }
        const std::string after = std::to_string(patience().count() / 1000) + " s";
        return {.outcome = "aborted",
                .problem = acked ? "it took the request and is not down after " + after
                                 : "it has not taken the request after " + after};
    }

    CycleResult save_and_restore(const CycleDraw& draw) {
        const CommandResult saved =
            run_shell("xl save \"$RESUME_DOMAIN\" \"$RESUME_IMAGE\"", environment(), patience());
        if (!saved.good()) {
            const bool stands = domain_->state() == DomainState::running;
            const auto report = reports_.peek();
            return {.outcome = stands ? "aborted" : "failed",
                    .error = report ? report->error : 0,
                    .problem = "xl save: " + saved.text() +
                               (report ? "; the guest says: " + report->cause : ""),
                    .needs_reset = !stands};
        }
        ::poll(nullptr, 0, static_cast<int>(draw.asleep_ms));
        const std::string problem = restore();
        return {.outcome = problem.empty() ? "resumed" : "failed",
                .problem = problem,
                .needs_reset = !problem.empty()};
    }

    /// One line on what went wrong; empty: nothing did.
    std::string restore() {
        const CommandResult restored =
            run_shell("xl restore \"$RESUME_IMAGE\"", environment(), patience());
        if (!restored.good()) {
            return "xl restore " + image_ + ": " + restored.text();
        }
        ::unlink(image_.c_str());
        return is_there() ? "" : told("is not there after xl restore");
    }

    /// Also that its disks and interfaces are connected again.
    std::string wait_until_back() const {
        const auto end = Clock::now() + patience();
        for (;;) {
            const DomainState state = domain_->state();
            if (state != DomainState::running) {
                return std::string{"after it the domain is "} + name_of(state);
            }
            if (domain_->all_connected()) {
                return {};
            }
            if (Clock::now() >= end) {
                return "its disks and interfaces are not connected after " +
                       std::to_string(patience().count() / 1000) + " s";
            }
            domain_->wait_for_event(end);
        }
    }

    const Options& options_;
    std::function<std::unique_ptr<Hypercalls>()> make_;
    std::string image_;
    std::string name_;
    std::unique_ptr<Hypercalls> xen_;
    std::optional<Domain> domain_;
    StoreReports reports_;
};

}  // namespace

std::unique_ptr<Driver> xen_driver(const Options& options,
                                   std::function<std::unique_ptr<Hypercalls>()> make) {
    return std::make_unique<XenGuest>(options, std::move(make));
}

}  // namespace resume::stress::real
