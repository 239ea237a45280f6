// A guest of QEMU's from outside: stopped, moved to another QEMU, called back in mid-move, saved
// and set back. It is told nothing of it; who asks it how it is, is --check.
#include <poll.h>

#include <algorithm>
#include <filesystem>
#include <utility>

#include "tests/stress/campaign/dice.h"
#include "tests/stress/real/command.h"
#include "tests/stress/real/method.h"
#include "tests/stress/real/qmp.h"

namespace resume::stress::real {

namespace {

constexpr int kLookMs = 10;
constexpr uint64_t kSlowBytes = 4U << 20;  ///< a second: a move that is still there to be cancelled
constexpr const char* kSnapshot = "resume-stress";

class Qemu final : public Driver {
  public:
    explicit Qemu(const Options& options) : options_{options} {}

    [[nodiscard]] std::string kind() const override { return {}; }
    Reports& reports() override { return none_; }

    void prepare(State& state) override {
        state_ = &state;
        if (state_->socket.empty()) {
            state_->socket = options_.socket;
        }
        try {
            Qmp qemu = here();
            if (const std::string status = qemu.status(); status != "running") {
                throw NotAvailable{state_->socket + ": the guest is '" + status +
                                   "' and has to be running"};
            }
            if (state_->bandwidth == 0) {
                state_->bandwidth =
                    qemu.call("query-migrate-parameters").value("max-bandwidth", uint64_t{0});
            }
        } catch (const QmpError& error) {
            throw NotAvailable{error.what()};
        }
    }

    CycleResult cycle(const CycleDraw& draw) override {
        const Act act = draw.number == 0 ? Act::stop : act_of(options_, draw);
        try {
            CycleResult result{.outcome = carry_out(act, draw)};
            if (const std::string status = here().status(); status != "running") {
                result.problem = "after it the guest is '" + status + "'";
                result.needs_reset = true;
            }
            return result;
        } catch (const std::exception& error) {
            return {.outcome = "failed",
                    .problem = std::string{name_of(act)} + ": " + error.what(),
                    .needs_reset = true};
        }
    }

    /// A guest that only stands still goes on; one that is gone is the user's to start.
    std::string reset() override {
        if (!options_.reset_command.empty()) {
            const CommandResult result = run_shell(options_.reset_command, {}, options_.patience);
            state_->socket = options_.socket;
            return result.good() ? "" : "--reset-cmd: " + result.text();
        }
        try {
            here().call("cont");
            return "";
        } catch (const QmpError& error) {
            return std::string{"it cannot go on: "} + error.what();
        }
    }

  private:
    Qmp here() const { return Qmp{state_->socket, options_.patience}; }

    std::string carry_out(Act act, const CycleDraw& draw) {
        switch (act) {
            case Act::stop:
                return stop(draw);
            case Act::migrate:
            case Act::move:
                return migrate(draw, act == Act::move);
            case Act::cancel:
                return cancel(draw);
            case Act::snapshot:
                return snapshot(draw);
            default:
                return {};  // Xen's: no mix of this method has it
        }
    }

    std::string stop(const CycleDraw& draw) const {
        Qmp qemu = here();
        qemu.call("stop");
        ::poll(nullptr, 0, static_cast<int>(draw.asleep_ms));
        qemu.call("cont");
        return "stopped";
    }

    /// The QEMU that --incoming-cmd starts has it afterwards; the one that had it ends.
    std::string migrate(const CycleDraw& draw, bool stopped) {
        const std::string at = options_.state_file + "." + std::to_string(draw.number);
        const std::string uri = "unix:" + at + ".stream";
        const std::string socket = at + ".qmp";
        const CommandResult started = run_shell(options_.incoming_command,
                                                {"RESUME_CYCLE=" + std::to_string(draw.number),
                                                 "RESUME_URI=" + uri, "RESUME_SOCKET=" + socket},
                                                options_.patience);
        if (!started.good()) {
            throw std::runtime_error{"--incoming-cmd: " + started.text()};
        }
        Qmp there{socket, options_.patience};
        try {
            Qmp qemu = here();
            if (stopped) {
                qemu.call("stop");
            }
            qemu.call("migrate", {{"uri", uri}});
            if (const std::string status = end_of_migration(qemu); status != "completed") {
                throw std::runtime_error{"the migration " + status};
            }
            quit(qemu);
        } catch (...) {
            quit(there);  // or each such cycle would leave one behind
            throw;
        }
        if (state_->socket != options_.socket) {
            std::filesystem::remove(state_->socket);
        }
        std::filesystem::remove(at + ".stream");
        state_->socket = socket;
        if (stopped) {
            wait_until(there, "paused");
            there.call("cont");
        }
        wait_until(there, "running");
        return stopped ? "moved" : "migrated";
    }

    /// Nobody listens: what is sent before the cancel comes is thrown away.
    std::string cancel(const CycleDraw& draw) const {
        Qmp qemu = here();
        allow(qemu, kSlowBytes);
        qemu.call("migrate", {{"uri", "exec:cat > /dev/null"}});
        const uint32_t wanted = percent_of(draw);
        const auto end = std::chrono::steady_clock::now() + options_.patience;
        while (sent_percent(qemu) < wanted && is_under_way(qemu) &&
               std::chrono::steady_clock::now() < end) {
            ::poll(nullptr, 0, kLookMs);
        }
        qemu.call("migrate_cancel");
        const std::string status = end_of_migration(qemu);
        allow(qemu, state_->bandwidth);
        if (status == "completed") {
            qemu.call("cont");  // it was too fast for us, and nobody took it
            return "sent-whole";
        }
        if (status != "cancelled") {
            throw std::runtime_error{"the cancelled migration " + status};
        }
        return "cancelled";
    }

    /// Saved, lived on, and set back: what it did in between has never been.
    std::string snapshot(const CycleDraw& draw) const {
        Qmp qemu = here();
        monitor(qemu, std::string{"savevm "} + kSnapshot);
        ::poll(nullptr, 0, static_cast<int>(draw.asleep_ms));
        monitor(qemu, std::string{"loadvm "} + kSnapshot);
        monitor(qemu, std::string{"delvm "} + kSnapshot);
        return "set-back";
    }

    /// Savevm is a command of the human monitor only; what it says is what went wrong.
    static void monitor(Qmp& qemu, const std::string& line) {
        const nlohmann::json said = qemu.call("human-monitor-command", {{"command-line", line}});
        if (!said.is_string() || !said.get<std::string>().empty()) {
            throw std::runtime_error{line + ": " + said.dump()};
        }
    }

    static void allow(Qmp& qemu, uint64_t bytes_per_second) {
        qemu.call("migrate-set-parameters", {{"max-bandwidth", bytes_per_second}});
    }

    static void quit(Qmp& qemu) {
        try {
            qemu.call("quit");
        } catch (const QmpError&) {
            return;  // gone before it could answer
        }
    }

    static std::string migration_status(Qmp& qemu) {
        return qemu.call("query-migrate").value("status", "");
    }
    static bool is_under_way(Qmp& qemu) {
        const std::string status = migration_status(qemu);
        return status == "setup" || status == "active";
    }

    /// Of the guest's memory, gone through for the first time.
    static uint32_t sent_percent(Qmp& qemu) {
        const nlohmann::json ram =
            qemu.call("query-migrate").value("ram", nlohmann::json::object());
        const uint64_t total = ram.value("total", uint64_t{0});
        const uint64_t remaining = std::min(ram.value("remaining", total), total);
        return total == 0 ? 0 : static_cast<uint32_t>((total - remaining) * 100 / total);
    }

    uint32_t percent_of(const CycleDraw& draw) const {
        Dice dice{mixed(options_.seed + 1) + draw.number};
        return options_.cancel_percent.least +
               dice.below(options_.cancel_percent.most - options_.cancel_percent.least + 1);
    }

    std::string end_of_migration(Qmp& qemu) const {
        const auto end = std::chrono::steady_clock::now() + options_.patience;
        while (std::chrono::steady_clock::now() < end) {
            std::string status = migration_status(qemu);
            if (status == "completed" || status == "cancelled") {
                return status;
            }
            if (status == "failed") {
                return "failed: " +
                       qemu.call("query-migrate").value("error-desc", "no reason given");
            }
            ::poll(nullptr, 0, kLookMs);
        }
        return "has not ended after " + std::to_string(options_.patience.count() / 1000) + " s";
    }

    void wait_until(Qmp& qemu, const char* status) const {
        const auto end = std::chrono::steady_clock::now() + options_.patience;
        while (qemu.status() != status && std::chrono::steady_clock::now() < end) {
            ::poll(nullptr, 0, kLookMs);
        }
    }

    const Options& options_;
    NoReports none_;
    State* state_ = nullptr;
};

}  // namespace

std::unique_ptr<Driver> qmp_driver(const Options& options) {
    return std::make_unique<Qemu>(options);
}

}  // namespace resume::stress::real
