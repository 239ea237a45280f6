#include "agent/daemon/agent.h"

#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <algorithm>

#include "agent/base/log.h"
#include "agent/base/signals.h"
#include "agent/daemon/classifier.h"
#include "agent/daemon/notify.h"
#include "agent/observe/unannounced.h"

namespace resume::agent {

using nlohmann::json;

namespace {

TraceOptions trace_options(const Config& config) {
    return {.buffer_kib = static_cast<uint32_t>(config.trace_buffer_kib),
            .devices = config.trace_devices};
}

doctor::Root doctor_root(const Root& root) {
    return root.prefix.empty() ? doctor::Root::live() : doctor::Root::fixture(root.prefix);
}

std::set<std::string> waived(const Config& config) {
    return {config.waive.begin(), config.waive.end()};
}

VerdictKeeper::Store reader_of(GuestStore* store) {
    if (store == nullptr) {
        return {};
    }
    return [store](std::string_view path) {
        StoreAnswer answer = store->read(path);
        return answer.ok() ? std::optional{std::move(answer.value)} : std::nullopt;
    };
}

/// A cycle's trace and reports take far more than the agent has at rest; the C library would keep
/// it.
void give_memory_back() {
#ifdef __GLIBC__
    ::malloc_trim(0);
#endif
}

bool under_systemd(const Root& root) {
    return ::access(root("/run/systemd/system").c_str(), F_OK) == 0 &&
           ::access(root("/usr/bin/systemd-run").c_str(), X_OK) == 0;
}

}  // namespace

Agent::Agent(const Root& root, LoadedConfig config, std::string config_path,
             std::unique_ptr<GuestStore> store)
    : root_{root},
      loaded_{std::move(config)},
      config_path_{std::move(config_path)},
      store_{std::move(store)},
      sources_{root, trace_options(loaded_.config), store_.get()},
      publisher_{store_ && loaded_.config.store
                     ? std::make_unique<StorePublisher>(
                           [this](std::string_view path, std::string_view value) {
                               return store_->write(path, value).error;
                           })
                     : nullptr},
      reporter_{root, loaded_.config, publisher_.get()},
      record_{doctor_root(root), doctor::live_cpuid(), waived(loaded_.config)},
      doctor_{loop_, record_, publisher_.get(), reader_of(store_.get())},
      coordinator_{loop_, root(loaded_.config.run_dir) + "/announced"},
      time_daemon_{loop_, root, under_systemd(root)},
      clock_{coordinator_.cycle(),
             loaded_.config,
             root,
             {.lost_ns = [this] { return observer_.lost_ns(); },
              .step = step_wall_clock,
              .tell = [this](const std::string& daemon) { time_daemon_.tell(daemon); },
              .moved = [this](int64_t by_ns) { observer_.clock_moved_by_us(by_ns); }}},
      freezer_{coordinator_.cycle(), loop_, loaded_.config},
      links_{coordinator_.cycle(), loop_, loaded_.config, root, {.send = send_packet}},
      disks_{coordinator_.cycle(), loop_, root, store_.get()},
      probe_{coordinator_.cycle(), loop_, loaded_.config, root},
      reseed_{coordinator_.cycle(), loaded_.config, root},
      inventory_{coordinator_.cycle(), loop_, record_},
      recorder_{coordinator_.cycle(), reporter_},
      hooks_{coordinator_.cycle(), loop_, loaded_.config, root, under_systemd(root)},
      service_{loop_,
               {.status =
                    [this] {
                        observer_.look_for_pause();  // somebody asks: a wake-up that is paid for
                        return status();
                    },
                .sources = [this] { return sources_json(); },
                .history = [this](size_t count) { return history(count); },
                .doctor = [this] { return json::parse(doctor::to_json(doctor_.diagnosis())); },
                .prepare =
                    [this](const std::string& kind, bool freeze, unsigned ttl_s,
                           unsigned deadline_s, ServiceMeans::Answer answer) {
                        want(kind, freeze, ttl_s, deadline_s * 1000, std::move(answer));
                    },
                .release = [this](const std::string& id) { release_when_quiet(id); }}},
      clients_{
          coordinator_.cycle(), loop_,
          [this](uint64_t peer, const json& event) { return service_.send_event(peer, event); }},
      observer_{loop_, sources_, classify_trace, [this](std::vector<oracle::CycleReport> reports) {
                    on_reports(std::move(reports));
                }} {
    // The order of the way up: thawed first, since until then no file may be touched; what is wrong
    // is put right, looked at, written down, told.
    coordinator_.add(freezer_);
    coordinator_.add(clock_);
    freezer_.on_expired([this] { coordinator_.release("", Coordinator::End::expired); });
    coordinator_.add(links_);
    coordinator_.add(disks_);
    coordinator_.add(probe_);
    coordinator_.add(reseed_);
    coordinator_.add(inventory_);
    coordinator_.add(recorder_);
    coordinator_.add(hooks_);
    coordinator_.add(clients_);
    coordinator_.on_unrecorded([this](Cycle& cycle) { record(cycle, reporter_); });
    service_.use(clients_);
    observer_.on_memory_failure([this](const MemoryFailure& failure) { on_lost_page(failure); });
    apply_log_level();
}

Agent::~Agent() {
    coordinator_.detach();
    if (signals_.valid()) {
        loop_.unwatch(signals_.get());
    }
}

void Agent::apply_log_level() const {
    const std::string& word = loaded_.config.log_level;
    const LogLevel level = word == "error"     ? LogLevel::error
                           : word == "warning" ? LogLevel::warning
                           : word == "debug"   ? LogLevel::debug
                                               : LogLevel::info;
    configure_log(level, ::getenv("JOURNAL_STREAM") != nullptr);
}

int Agent::open_signals() {
    signals_ = UniqueFd{take_signals({SIGTERM, SIGINT, SIGHUP}, SFD_NONBLOCK)};
    if (!signals_.valid()) {
        return errno;
    }
    return loop_.watch(signals_.get(), EPOLLIN, [this](uint32_t) { on_signal(); });
}

void Agent::on_signal() {
    signalfd_siginfo info{};
    while (::read(signals_.get(), &info, sizeof info) == static_cast<ssize_t>(sizeof info)) {
        if (info.ssi_signo == SIGHUP) {
            reload();
            continue;
        }
        stopping_ = true;
        // In mid-cycle: called off, and every before still gets its after.
        coordinator_.release("", Coordinator::End::stopped);
    }
}

void Agent::reload() {
    notify_manager("RELOADING=1");
    LoadedConfig fresh = load_config(root_, config_path_);
    for (const auto& problem : fresh.problems) {
        log(LogLevel::warning, "%s", problem.text().c_str());
    }
    if (fresh.fatal()) {
        log(LogLevel::error, "the new configuration is not taken over; the old one stays");
    } else {
        // Folders and buffers are taken up at the next start; everything else at once.
        fresh.config.state_dir = loaded_.config.state_dir;
        fresh.config.run_dir = loaded_.config.run_dir;
        loaded_ = std::move(fresh);
        record_.waive(waived(loaded_.config));
        doctor_.refresh();  // rows of known-bad.d may be new as well
        apply_log_level();
        arm_poll();
        probe_.get_ready();
        if (link_) {
            link_->try_again();
        }
        log(LogLevel::info, "configuration read again");
    }
    notify_manager("READY=1");
}

int Agent::open_socket() {
    const std::string folder = root_(loaded_.config.run_dir);
    if (const int error = make_folders(folder); error != 0) {
        log(LogLevel::error, "%s", explain("cannot make " + folder, error).c_str());
        return error;
    }
    const std::string path = folder + "/agent.sock";
    const int error = service_.listen(path);
    if (error != 0) {
        log(LogLevel::error, "%s", explain("cannot listen on " + path, error).c_str());
    }
    return error;
}

void Agent::arm_poll() {
    loop_.cancel(poll_);
    const std::string& every = loaded_.config.rtc_poll;
    const auto seconds = parse_number(every.substr(0, every.size() - 1));
    if (every == "off" || !seconds) {
        return;
    }
    poll_ = loop_.after(std::chrono::seconds{*seconds}, [this] {
        observer_.look_for_pause();
        arm_poll();
    });
}

void Agent::on_reports(std::vector<oracle::CycleReport> reports) {
    for (auto& report : reports) {
        coordinator_.deliver(std::move(report));
    }
}

std::string Agent::new_id() {
    uint32_t random = 0;
    [[maybe_unused]] const ssize_t ignored = ::getrandom(&random, sizeof random, GRND_NONBLOCK);
    char text[40];
    snprintf(text, sizeof text, "a%llu-%08x", static_cast<unsigned long long>(++announcements_),
             random);
    return text;
}

std::string Agent::want(const std::string& kind, bool freeze, unsigned ttl_s, unsigned deadline_ms,
                        ServiceMeans::Answer answer) {
    if (coordinator_.running() || !wanted_.empty()) {
        answer(false, "", "another suspend is under way");
        return {};
    }
    Wanted wanted;
    auto& announcement = wanted.announcement;
    announcement.id = new_id();
    announcement.kind = kind;
    announcement.freeze = freeze;
    announcement.ttl_ms = ttl_s * 1000;
    announcement.deadline_ms = deadline_ms;
    announcement.answer = [answer = std::move(answer), id = announcement.id](
                              bool ready, const std::string& reason) { answer(ready, id, reason); };
    std::string id = announcement.id;
    wanted_.push_back(std::move(wanted));
    return id;
}

void Agent::run_wanted() {
    while (!wanted_.empty()) {
        Wanted wanted = std::move(wanted_.front());
        wanted_.pop_front();
        coordinator_.run(std::move(wanted.announcement));
    }
}

void Agent::release_when_quiet(const std::string& id) {
    constexpr std::chrono::milliseconds kQuiet{100};
    loop_.after(kQuiet, [this, id] {
        if (observer_.busy()) {
            release_when_quiet(id);
        } else {
            coordinator_.release(id);
        }
    });
}

void Agent::pair_left_behind() {
    const auto left = coordinator_.left_behind();
    if (left.empty()) {
        return;
    }
    log(LogLevel::warning, "the agent was killed after announcing %s (%s); its after comes now",
        left[1].c_str(), left[0].c_str());
    // What the kernel still has to say of it comes first.
    for (int i = 0; i < 20 && (observer_.busy() || i == 0); ++i) {
        loop_.step(std::chrono::milliseconds{100});
    }
    if (!coordinator_.has_delivered()) {
        oracle::CycleReport report;
        report.kind = left[1];
        report.confidence = "low";
        report.begin_boot_ns = static_cast<uint64_t>(read_clocks().boot_ns);
        report.cause.emplace();
        report.cause->detail = "the agent was killed between before and after";
        coordinator_.deliver(std::move(report));
    }
    coordinator_.mark_delivered_announced();
    coordinator_.run_delivered();
    coordinator_.forget_left_behind();
}

void Agent::look_after_cycles() {
    if (judged_ != reporter_.count()) {
        judged_ = reporter_.count();
        doctor_.refresh();
        give_memory_back();
        if (link_) {
            link_->try_again();
        }
    }
}

int Agent::run() {
    if (open_signals() != 0 || open_socket() != 0) {
        return 70;
    }
    watch_store();
    if (sources_.logind.fd() >= 0) {
        loop_.watch(sources_.logind.fd(), EPOLLIN, [this](uint32_t) { on_logind(); });
    }
    arm_poll();
    probe_.get_ready();
    reporter_.write_metrics();
    for (const auto& source : sources_.states()) {
        log(LogLevel::debug, "source %s: %s", source.name.c_str(), source.detail.c_str());
    }
    doctor_.start();
    notify_manager("READY=1");
    pair_left_behind();
    while (!stopping_) {
        if (link_) {
            link_->tend();
        }
        loop_.step(wanted_.empty() ? std::nullopt : std::optional{std::chrono::milliseconds{0}});
        coordinator_.run_delivered();
        run_wanted();
        look_after_cycles();
    }
    notify_manager("STOPPING=1");
    if (publisher_) {
        publisher_->set("state", "unknown");
    }
    return 0;
}

}  // namespace resume::agent
