#include "agent/doctor/changelog.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/epoll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <optional>
#include <utility>

#include "libresume/assert.h"

extern char** environ;

namespace resume::agent::doctor {
namespace {

constexpr size_t kOutputMax = 16U << 20;
constexpr size_t kLineMax = 4096;
constexpr std::chrono::milliseconds kReapAgain{10};

pid_t spawn(std::vector<std::string>& command, int output) {
    posix_spawn_file_actions_t actions;
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
    ::posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    ::posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
    // The daemon blocks the signals that it reads from a descriptor; a child inherits that.
    posix_spawnattr_t attributes;
    ::posix_spawnattr_init(&attributes);
    sigset_t none;
    sigemptyset(&none);
    ::posix_spawnattr_setsigmask(&attributes, &none);
    ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
    std::vector<char*> words;
    words.reserve(command.size() + 1);
    for (std::string& word : command) {
        words.push_back(word.data());
    }
    words.push_back(nullptr);
    pid_t child = 0;
    const int failed =
        ::posix_spawnp(&child, words[0], &actions, &attributes, words.data(), environ);
    ::posix_spawnattr_destroy(&attributes);
    ::posix_spawn_file_actions_destroy(&actions);
    return failed == 0 ? child : 0;
}

}  // namespace

ChangelogExtract::ChangelogExtract(const KnownBadTable& table) {
    for (const KnownBad& row : table.rows) {
        for (const auto* list : {&row.cause_subjects, &row.fix_subjects}) {
            subjects_.insert(subjects_.end(), list->begin(), list->end());
        }
    }
}

void ChangelogExtract::add(std::string_view chunk) {
    while (!chunk.empty()) {
        const size_t end = chunk.find('\n');
        line_ += chunk.substr(0, std::min(end, kLineMax - std::min(kLineMax, line_.size())));
        if (end == chunk.npos) {
            return;
        }
        end_line();
        chunk.remove_prefix(end + 1);
    }
}

void ChangelogExtract::end_line() {
    const bool asked_for =
        std::any_of(subjects_.begin(), subjects_.end(),
                    [&](const std::string& subject) { return line_.find(subject) != line_.npos; });
    if (!line_.empty() && (kept_.empty() || asked_for)) {
        kept_ += line_ + "\n";
    }
    line_.clear();
}

std::string ChangelogExtract::take() {
    end_line();
    return std::exchange(kept_, {});
}

ChangelogQuery::~ChangelogQuery() {
    loop_.cancel(limit_);
    loop_.cancel(reaper_);
    if (output_.valid()) {
        loop_.unwatch(output_.get());
    }
    if (pid_ != 0) {
        ::kill(pid_, SIGKILL);
        ::waitpid(pid_, nullptr, 0);
    }
}

void ChangelogQuery::ask(const Root& root, const Kernel& kernel, const KnownBadTable& table,
                         Found found) {
    RESUME_ASSERT(pid_ == 0);
    extract_ = ChangelogExtract{table};
    found_ = std::move(found);
    commands_.clear();
    const auto place = root.resolve("/");
    if (kernel.vendor.rfind("el", 0) == 0 && place) {
        for (const char* package : {"kernel-", "kernel-rt-core-", "kernel-uek-", "kernel-core-"}) {
            std::vector<std::string> command{"rpm", "-q", "--changelog", package + kernel.release};
            if (*place != "/") {
                command.insert(command.begin() + 1, {"--root", place->string()});
            }
            commands_.push_back(std::move(command));
        }
    }
    next();
}

void ChangelogQuery::next() {
    while (!commands_.empty()) {
        std::vector<std::string> command = std::move(commands_.back());
        commands_.pop_back();
        if (start(std::move(command))) {
            return;
        }
    }
    const Found found = std::exchange(found_, nullptr);
    found(extract_.take());
}

bool ChangelogQuery::start(std::vector<std::string> command) {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0) {
        return false;
    }
    output_ = UniqueFd{ends[0]};
    const UniqueFd input{ends[1]};
    ::fcntl(input.get(), F_SETFL, 0);  // the child's end waits for us, as it expects
    pid_ = spawn(command, input.get());
    if (pid_ == 0) {
        return false;  // no rpm here
    }
    if (loop_.watch(output_.get(), EPOLLIN, [this](uint32_t) { on_output(); }) != 0) {
        ::kill(pid_, SIGKILL);
        ::waitpid(std::exchange(pid_, 0), nullptr, 0);
        return false;
    }
    bytes_ = 0;
    limit_ = loop_.after(kPatience, [this] { ::kill(pid_, SIGKILL); });
    return true;
}

void ChangelogQuery::on_output() {
    char buffer[65536];
    const ssize_t got = ::read(output_.get(), buffer, sizeof buffer);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) {
        return;
    }
    bytes_ += got > 0 ? static_cast<size_t>(got) : 0;
    if (got <= 0 || bytes_ > kOutputMax) {
        end_output();
        return;
    }
    extract_.add({buffer, static_cast<size_t>(got)});
}

void ChangelogQuery::end_output() {
    loop_.unwatch(output_.get());
    output_.reset();
    reap();
}

// A child that has closed its output is about to end; it is not waited for, it is asked again.
void ChangelogQuery::reap() {
    int status = 0;
    if (::waitpid(pid_, &status, WNOHANG) == 0) {
        reaper_ = loop_.after(kReapAgain, [this] { reap(); });
        return;
    }
    loop_.cancel(limit_);
    pid_ = 0;
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) {
        commands_.clear();
    } else {
        extract_.forget();  // "package kernel-... is not installed", on stdout
    }
    next();
}

std::string package_changelog(const Root& root, const Kernel& kernel, const KnownBadTable& table) {
    EventLoop loop;
    std::optional<std::string> answer;
    ChangelogQuery query{loop};
    query.ask(root, kernel, table, [&](std::string extract) { answer = std::move(extract); });
    while (!answer) {
        loop.step();
    }
    return *answer;
}

}  // namespace resume::agent::doctor
