// resume-lab-server PORT: runs shell commands in dom0 for the lab's driver, several at once, over a
// virtio-serial port. Frames, each a line and then that many bytes:
//
//   to dom0    RUN <id> <timeout_ms> <length>\n<script>    KILL <id> 0 0\n
//   from dom0  HELLO 0 0\n   OUT <id> <length>\n<bytes>    END <id> <status>\n
//
// stdout and stderr of a command are one stream. END's status is the exit code, 128 + the signal
// that ended it, or 124 when its time was over. A frame that cannot be read ends the server: the
// driver sees it and gives up, rather than guess where the next one starts.
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <map>
#include <string>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;

constexpr size_t kScriptLimit = 1 << 20;
constexpr size_t kHeaderLimit = 128;
constexpr size_t kBacklogLimit = 1 << 20;
constexpr int kTimedOut = 124;

struct Command {
    pid_t pid = -1;
    int output = -1;
    Clock::time_point deadline;
    bool timed_out = false;
};

class Server {
  public:
    explicit Server(int port) : port_(port) { send("HELLO 0 0\n"); }
    int serve();

  private:
    void send(const std::string& bytes) { outgoing_ += bytes; }
    void flush();
    bool take_input();
    bool take_frame();
    void start(unsigned id, unsigned timeout_ms, const std::string& script);
    void kill_command(unsigned id);
    void read_output(unsigned id, Command& command);
    void reap();
    void expire();
    [[nodiscard]] std::vector<pollfd> descriptors() const;

    int port_;
    std::string incoming_;
    std::string outgoing_;
    std::map<unsigned, Command> commands_;
};

void Server::flush() {
    while (!outgoing_.empty()) {
        const ssize_t length = write(port_, outgoing_.data(), outgoing_.size());
        if (length <= 0) {
            return;
        }
        outgoing_.erase(0, static_cast<size_t>(length));
    }
}

/// Returns false when the port is broken or a frame is malformed.
bool Server::take_input() {
    char block[4096];
    const ssize_t length = read(port_, block, sizeof block);
    if (length < 0) {
        return errno == EAGAIN || errno == EINTR;
    }
    incoming_.append(block, static_cast<size_t>(length));
    while (incoming_.find('\n') != std::string::npos) {
        const size_t before = incoming_.size();
        if (!take_frame()) {
            return false;
        }
        if (incoming_.size() == before) {
            return true;  // its body is not here yet
        }
    }
    return incoming_.size() <= kHeaderLimit;
}

bool Server::take_frame() {
    const size_t end = incoming_.find('\n');
    const std::string header = incoming_.substr(0, std::min(end, kHeaderLimit));
    char verb[8] = "";
    unsigned id = 0;
    unsigned timeout_ms = 0;
    size_t length = 0;
    if (sscanf(header.c_str(), "%7s %u %u %zu", verb, &id, &timeout_ms, &length) != 4 ||
        length > kScriptLimit) {
        fprintf(stderr, "resume-lab-server: bad frame '%s'\n", header.c_str());
        return false;
    }
    if (incoming_.size() < end + 1 + length) {
        return true;
    }
    const std::string body = incoming_.substr(end + 1, length);
    incoming_.erase(0, end + 1 + length);
    if (strcmp(verb, "RUN") == 0) {
        start(id, timeout_ms, body);
    } else {
        kill_command(id);
    }
    return true;
}

void Server::start(unsigned id, unsigned timeout_ms, const std::string& script) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) {
        send("END " + std::to_string(id) + " 126\n");
        return;
    }
    const pid_t pid = fork();
    if (pid == 0) {
        setpgid(0, 0);
        const int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
        dup2(null, STDIN_FILENO);
        dup2(ends[1], STDOUT_FILENO);
        dup2(ends[1], STDERR_FILENO);
        execl("/bin/sh", "sh", "-c", script.c_str(), nullptr);
        _exit(127);
    }
    close(ends[1]);
    setpgid(pid, pid);
    fcntl(ends[0], F_SETFL, O_NONBLOCK);
    commands_[id] = {pid, ends[0], Clock::now() + std::chrono::milliseconds(timeout_ms), false};
}

void Server::kill_command(unsigned id) {
    const auto found = commands_.find(id);
    if (found != commands_.end()) {
        kill(-found->second.pid, SIGKILL);
    }
}

void Server::read_output(unsigned id, Command& command) {
    char block[8192];
    ssize_t length = 0;
    while (outgoing_.size() < kBacklogLimit &&
           (length = read(command.output, block, sizeof block)) > 0) {
        send("OUT " + std::to_string(id) + " " + std::to_string(length) + "\n");
        send(std::string(block, static_cast<size_t>(length)));
    }
}

void Server::reap() {
    for (auto at = commands_.begin(); at != commands_.end();) {
        auto& [id, command] = *at;
        int status = 0;
        if (waitpid(command.pid, &status, WNOHANG) != command.pid) {
            ++at;
            continue;
        }
        // What it wrote is in the pipe; a daemon that it left behind may hold the other end open,
        // so the end of the pipe is not waited for.
        read_output(id, command);
        close(command.output);
        int code = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
        code = command.timed_out ? kTimedOut : code;
        send("END " + std::to_string(id) + " " + std::to_string(code) + "\n");
        at = commands_.erase(at);
    }
}

void Server::expire() {
    for (auto& [id, command] : commands_) {
        if (!command.timed_out && Clock::now() >= command.deadline) {
            command.timed_out = true;
            kill(-command.pid, SIGKILL);
        }
    }
}

std::vector<pollfd> Server::descriptors() const {
    const short wanted = outgoing_.empty() ? POLLIN : POLLIN | POLLOUT;
    std::vector<pollfd> all{{port_, wanted, 0}};
    for (const auto& [id, command] : commands_) {
        if (outgoing_.size() < kBacklogLimit) {
            all.push_back({command.output, POLLIN, 0});
        }
    }
    return all;
}

int Server::serve() {
    while (true) {
        flush();
        std::vector<pollfd> all = descriptors();
        // A command's end raises SIGCHLD, which interrupts the call; the limit is for its deadline.
        poll(all.data(), all.size(), commands_.empty() ? 1000 : 50);
        if ((all[0].revents & (POLLIN | POLLHUP | POLLERR)) != 0 && !take_input()) {
            return 70;
        }
        for (auto& [id, command] : commands_) {
            read_output(id, command);
        }
        expire();
        reap();
    }
}

void ignore_signal(int) {}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 2) {
        fprintf(stderr, "usage: %s PORT\n", argv[0]);
        return 64;
    }
    const int port = open(argv[1], O_RDWR | O_NONBLOCK | O_CLOEXEC);
    if (port < 0) {
        fprintf(stderr, "%s: %s\n", argv[1], strerror(errno));
        return 66;
    }
    struct sigaction action = {};
    action.sa_handler = ignore_signal;
    sigaction(SIGCHLD, &action, nullptr);
    signal(SIGPIPE, SIG_IGN);
    return Server(port).serve();
}
