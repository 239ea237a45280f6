#include "tests/stress/campaign/workers.h"

#include <malloc.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <stdexcept>
#include <system_error>

namespace resume::stress {

namespace {

constexpr int kKeptMemory = 1 << 25;  // the most that glibc takes for the first of the two

bool write_all(int fd, const std::string& text) {
    for (size_t done = 0; done < text.size();) {
        const ssize_t wrote = ::write(fd, text.data() + done, text.size() - done);
        if (wrote < 0 && errno != EINTR) {
            return false;
        }
        done += wrote > 0 ? static_cast<size_t>(wrote) : 0;
    }
    return true;
}

}  // namespace

LifePlan plan_of(const WorkPlan& work, uint64_t number) {
    LifePlan plan = draw_life(work.draw, number);
    const uint64_t before = number * kLifeCycles;
    if (work.cycles != 0 && work.cycles - before < plan.cycles.size()) {
        plan.cycles.resize(work.cycles - before);
    }
    return plan;
}

Workers::Workers(const WorkPlan& work) : work_{work}, told_{work.first} {
    for (uint32_t job = 0; job < work_.jobs; ++job) {
        int ends[2];
        if (::pipe(ends) != 0) {
            throw std::system_error{errno, std::generic_category(), "pipe"};
        }
        const pid_t parent = ::getpid();
        const pid_t pid = ::fork();
        if (pid < 0) {
            throw std::system_error{errno, std::generic_category(), "fork"};
        }
        if (pid == 0) {
            ::close(ends[0]);
            ::prctl(PR_SET_PDEATHSIG, SIGKILL);
            if (::getppid() != parent) {
                ::_exit(1);
            }
            std::signal(SIGINT, SIG_IGN);  // the parent ends us when it has told what there is
            std::signal(SIGTERM, SIG_DFL);
            this->work(work_.first + job, ends[1]);
        }
        ::close(ends[1]);
        workers_.push_back({pid, ends[0], work_.first + job, {}});
    }
}

Workers::~Workers() {
    for (Worker& worker : workers_) {
        if (worker.fd >= 0) {
            ::kill(worker.pid, SIGKILL);
            ::close(worker.fd);
            ::waitpid(worker.pid, nullptr, 0);
        }
    }
}

void Workers::work(uint64_t first, int fd) const {
    // A life takes as much memory as the one before it; what is given back to the system is only
    // asked for again, page by page.
    ::mallopt(M_MMAP_THRESHOLD, kKeptMemory);
    ::mallopt(M_TRIM_THRESHOLD, kKeptMemory);
    for (uint64_t index = first; index < work_.end; index += work_.jobs) {
        const uint64_t number = work_.number_of(index);
        const LifeResult result = live(plan_of(work_, number));
        const LifeRecord record{number, result.hash, result.tally, result.finding};
        if (!write_all(fd, to_json(record).dump() + "\n")) {
            ::_exit(1);
        }
    }
    ::_exit(0);
}

void Workers::read(Worker& worker) {
    char bytes[1 << 16];
    const ssize_t count = ::read(worker.fd, bytes, sizeof bytes);
    if (count <= 0) {
        if (count == 0 || errno != EINTR) {
            ended(worker);
        }
        return;
    }
    worker.text.append(bytes, static_cast<size_t>(count));
    size_t at = 0;
    for (size_t end = 0; (end = worker.text.find('\n', at)) != std::string::npos; at = end + 1) {
        early_[worker.next] = record_from(nlohmann::json::parse(worker.text.substr(at, end - at)));
        worker.next += work_.jobs;
    }
    worker.text.erase(0, at);
}

/// At its end, or in the middle of a life: then that life is what ended it.
void Workers::ended(Worker& worker) {
    int status = 0;
    ::close(worker.fd);
    worker.fd = -1;
    ::waitpid(worker.pid, &status, 0);
    if (worker.next >= work_.end) {
        return;
    }
    LifeRecord record;
    record.life = work_.number_of(worker.next);
    record.tally.lives = record.tally.violations = 1;
    record.finding = Finding{Finding::Kind::crash, "process",
                             WIFSIGNALED(status) ? strsignal(WTERMSIG(status))
                                                 : "the process ended in the middle of a life",
                             "", 0};
    early_[worker.next] = record;
}

bool Workers::wait(int milliseconds, const std::function<void(const LifeRecord&)>& tell) {
    std::vector<pollfd> polled;
    for (const Worker& worker : workers_) {
        polled.push_back({worker.fd, POLLIN, 0});  // a negative one is passed over
    }
    if (::poll(polled.data(), polled.size(), milliseconds) > 0) {
        for (size_t i = 0; i < workers_.size(); ++i) {
            if (workers_[i].fd >= 0 && polled[i].revents != 0) {
                read(workers_[i]);
            }
        }
    }
    while (!early_.empty() && early_.begin()->first == told_) {
        tell(early_.begin()->second);
        early_.erase(early_.begin());
        ++told_;
    }
    return told_ < work_.end;
}

}  // namespace resume::stress
