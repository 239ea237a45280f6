#include "agent/act/hooks.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>

#include "agent/base/log.h"

namespace resume::agent {

namespace {

std::vector<std::string> environment_of(const HookCall& call) {
    return {"LIBRESUME_ID=" + call.id, "LIBRESUME_KIND=" + call.kind,
            "LIBRESUME_OUTCOME=" + call.outcome,
            std::string{"LIBRESUME_ANNOUNCED="} + (call.announced ? "1" : "0"),
            "LIBRESUME_DEADLINE_MS=" + std::to_string(call.deadline_ms)};
}

constexpr int64_t kHookSeconds =
    std::chrono::duration_cast<std::chrono::seconds>(HookRunner::kEach).count();

/// Under a manager: a transient instance of libresume-hook@.service, so that drop-ins of that name
/// apply. `serial` keeps a hook that would not die from being in the way of the next.
std::vector<std::string> arguments_of(const Hook& hook, const HookCall& call, bool manager,
                                      uint64_t serial) {
    std::vector<std::string> arguments;
    if (manager) {
        arguments = {"/usr/bin/systemd-run", "--quiet", "--wait", "--pipe", "--collect",
                     // When systemd-run is killed its unit goes on: the manager ends it as well.
                     "--property=RuntimeMaxSec=" + std::to_string(kHookSeconds),
                     "--unit=libresume-hook@" + hook.name + (call.post ? ".post-" : ".pre-") +
                         std::to_string(::getpid()) + "-" + std::to_string(serial) + ".service"};
        for (const auto& variable : environment_of(call)) {
            arguments.push_back("--setenv=" + variable);
        }
    }
    arguments.push_back(hook.path);
    arguments.push_back(call.post ? "post" : "pre");
    arguments.push_back(call.kind);
    arguments.push_back(call.post ? call.outcome : "-");
    return arguments;
}

std::vector<char*> pointers_to(std::vector<std::string>& texts) {
    std::vector<char*> pointers;
    pointers.reserve(texts.size() + 1);
    for (auto& text : texts) {
        pointers.push_back(text.data());
    }
    pointers.push_back(nullptr);
    return pointers;
}

/// What the hook reads on stdin: a file, so that a hook that does not read never blocks us.
UniqueFd input_of(const std::string& text) {
    UniqueFd fd{::memfd_create("libresume-report", MFD_CLOEXEC)};
    if (fd.valid() && !text.empty()) {
        if (::write(fd.get(), text.data(), text.size()) < 0) {
            return UniqueFd{};
        }
        ::lseek(fd.get(), 0, SEEK_SET);
    }
    return fd;
}

std::string said_of(const HookResult& result) {
    if (result.error != 0) {
        return explain("could not be started", result.error);
    }
    if (result.timed_out) {
        return "killed: it took more than 10 s";
    }
    return "exit status " + std::to_string(result.status);
}

}  // namespace

HookRunner::HookRunner(EventLoop& loop, bool manager)
    : loop_{loop}, manager_{manager}, child_{loop} {}

HookRunner::~HookRunner() {
    stop();
}

void HookRunner::run(std::vector<Hook> hooks, HookCall call, Finished finished) {
    stop();
    std::erase_if(hooks, [](const Hook& hook) {
        if (!hook.problem.empty()) {
            log(LogLevel::warning, "hook %s is not run: it %s", hook.path.c_str(),
                hook.problem.c_str());
        }
        return hook.masked || !hook.problem.empty();
    });
    if (call.post) {
        std::reverse(hooks.begin(), hooks.end());
    }
    hooks_ = std::move(hooks);
    call_ = std::move(call);
    finished_ = std::move(finished);
    results_.clear();
    at_ = 0;
    next();
}

void HookRunner::next() {
    while (at_ < hooks_.size()) {
        const int error = start(hooks_[at_]);
        if (error == 0) {
            return;
        }
        results_.push_back({.name = hooks_[at_].name, .error = error});
        log(LogLevel::warning, "hook %s %s", hooks_[at_].path.c_str(),
            said_of(results_.back()).c_str());
        ++at_;
    }
    const Finished finished = std::move(finished_);
    finished_ = nullptr;
    HookCall over;
    std::swap(call_, over);  // an empty report that is moved over keeps the room of the one before
    if (finished) {
        finished(std::move(results_));
    }
}

int HookRunner::start(const Hook& hook) {
    UniqueFd input = input_of(call_.post ? call_.report + "\n" : "");
    if (!input.valid()) {
        return errno;
    }
    auto environment = environment_of(call_);
    environment.emplace_back("PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
    auto arguments = arguments_of(hook, call_, manager_, ++started_);
    auto argv = pointers_to(arguments);
    auto envp = pointers_to(environment);
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawn_file_actions_adddup2(&actions, input.get(), STDIN_FILENO);
    ::posix_spawn_file_actions_adddup2(&actions, STDERR_FILENO, STDOUT_FILENO);
    ::posix_spawnattr_init(&attributes);
    // A group of its own, so that what it started goes with it; no signal of ours blocked in it.
    sigset_t none;
    sigemptyset(&none);
    ::posix_spawnattr_setsigmask(&attributes, &none);
    ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK);
    int pid = 0;
    const int error = ::posix_spawn(&pid, argv[0], &actions, &attributes, argv.data(), envp.data());
    ::posix_spawn_file_actions_destroy(&actions);
    ::posix_spawnattr_destroy(&attributes);
    if (error != 0) {
        return error;
    }
    timed_out_ = false;
    if (const int failed = child_.watch(pid, [this](int status) { on_exit(status); });
        failed != 0) {
        ::kill(-pid, SIGKILL);
        ::waitpid(pid, nullptr, 0);
        return failed;
    }
    timer_ = loop_.after(kEach, [this] {
        timed_out_ = true;
        ::kill(-child_.pid(), SIGKILL);
    });
    return 0;
}

void HookRunner::on_exit(int status) {
    loop_.cancel(timer_);
    HookResult result{.name = hooks_[at_].name, .timed_out = timed_out_};
    result.status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    const bool veto = result.status == kHookVeto && !call_.post && call_.announced;
    if (veto || result.timed_out || (result.status != 0 && result.status != kHookNotApplicable)) {
        log(veto ? LogLevel::notice : LogLevel::warning, "hook %s: %s%s", hooks_[at_].path.c_str(),
            said_of(result).c_str(), veto ? ", it refuses the suspend" : "");
    }
    results_.push_back(std::move(result));
    at_ = veto ? hooks_.size() : at_ + 1;
    next();
}

void HookRunner::stop() {
    if (busy()) {
        ::kill(-child_.pid(), SIGKILL);
        ::waitpid(child_.pid(), nullptr, 0);
        child_.forget();
        loop_.cancel(timer_);
    }
    finished_ = nullptr;
}

}  // namespace resume::agent
