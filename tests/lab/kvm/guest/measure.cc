// How long a thing takes in a guest, in milliseconds:
//
//   resume-lab-measure notify PROGRAM ARGUMENT...        a daemon, until it says READY=1
//   (sd_notify) resume-lab-measure ping SOCKET PROGRAM ARGUMENT...   until it answers a guest-ping
//   there resume-lab-measure suspend                           one "mem" into /sys/power/state
//
// The daemon goes on.
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

namespace {

double now_ms() {
    timespec time{};
    clock_gettime(CLOCK_MONOTONIC, &time);
    return static_cast<double>(time.tv_sec) * 1e3 + static_cast<double>(time.tv_nsec) / 1e6;
}

sockaddr_un address_of(const char* path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    strncpy(address.sun_path, path, sizeof address.sun_path - 1);
    return address;
}

void start(char** arguments) {
    if (fork() != 0) {
        return;
    }
    const int null = open("/dev/null", O_RDWR);
    dup2(null, STDIN_FILENO);
    dup2(null, STDOUT_FILENO);
    dup2(null, STDERR_FILENO);
    setsid();
    execv(arguments[0], arguments);
    _exit(127);
}

bool wait_notified(char** arguments) {
    constexpr const char* kPath = "/run/resume-lab-notify";
    unlink(kPath);
    const int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    const sockaddr_un address = address_of(kPath);
    if (bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
        return false;
    }
    setenv("NOTIFY_SOCKET", kPath, 1);
    start(arguments);
    char text[512];
    for (pollfd ready{fd, POLLIN, 0}; poll(&ready, 1, 10'000) > 0;) {
        const ssize_t count = recv(fd, text, sizeof text - 1, 0);
        text[count > 0 ? count : 0] = '\0';
        if (strstr(text, "READY=1") != nullptr) {
            unlink(kPath);
            return true;
        }
    }
    return false;
}

bool wait_pinged(const char* path, char** arguments) {
    start(arguments);
    const sockaddr_un address = address_of(path);
    const double until = now_ms() + 10'000;
    while (now_ms() < until) {
        const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) {
            constexpr char kPing[] = "{\"execute\":\"guest-ping\"}\n";
            char text[256];
            return write(fd, kPing, sizeof kPing - 1) > 0 && read(fd, text, sizeof text) > 0;
        }
        close(fd);
        usleep(500);  // it has no way of saying that it listens
    }
    return false;
}

bool suspend() {
    const int fd = open("/sys/power/state", O_WRONLY | O_CLOEXEC);
    return write(fd, "mem", 3) == 3;
}

}  // namespace

int main(int argc, char** argv) {
    const bool notify = argc > 2 && strcmp(argv[1], "notify") == 0;
    const bool ping = argc > 3 && strcmp(argv[1], "ping") == 0;
    if (!notify && !ping && !(argc == 2 && strcmp(argv[1], "suspend") == 0)) {
        fputs("usage: resume-lab-measure notify PROGRAM... | ping SOCKET PROGRAM... | suspend\n",
              stderr);
        return 64;
    }
    const double begun = now_ms();
    if (!(notify ? wait_notified(argv + 2) : ping ? wait_pinged(argv[2], argv + 3) : suspend())) {
        fputs("resume-lab-measure: it did not come to that\n", stderr);
        return 75;
    }
    printf("%.1f\n", now_ms() - begun);
    return 0;
}
