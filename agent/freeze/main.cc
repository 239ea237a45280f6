// resume-freeze: freezes file systems for its other end, and thaws them whatever happens to it.
//
//   in:  "freeze TTL_S\n" and one mount point a line, then an empty line; later "thaw\n"
//   out: "frozen\n", or "failed ERRNO MOUNT\n"; then "thawed WHY\n" (asked, expired, gone, signal)
//
// The one program of libresume with CAP_SYS_ADMIN. It is a dead man's switch: file systems are
// thawed when they are asked to be, when the time is over, when the other end is gone, and on
// SIGTERM. Between freezing and thawing it opens nothing, allocates nothing and logs nothing.
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "agent/base/signals.h"

namespace {

constexpr int kMostMounts = 64;
constexpr long kMostTtl = 60;

struct Mount {
    char* path = nullptr;
    int fd = -1;
    bool frozen = false;
};
Mount mounts[kMostMounts];
int mount_count = 0;
char request[16UL * 1024];

void say(const char* text) {
    // A gone reader is no reason to stop: thawing matters more.
    [[maybe_unused]] const ssize_t ignored = write(STDOUT_FILENO, text, strlen(text));
}

/// Reads the request into `request`, up to its empty line. False when it breaks off.
bool read_request() {
    size_t used = 0;
    while (used < sizeof request - 1) {
        const ssize_t count = read(STDIN_FILENO, request + used, sizeof request - 1 - used);
        if (count < 0 && errno == EINTR) {
            continue;
        }
        if (count <= 0) {
            return false;
        }
        used += static_cast<size_t>(count);
        if (used >= 2 && memcmp(request + used - 2, "\n\n", 2) == 0) {
            return true;
        }
    }
    return false;
}

/// The time to live in seconds, 0 when the request is none. Fills `mounts`.
long take_apart() {
    char* rest = nullptr;
    char* line = strtok_r(request, "\n", &rest);
    if (line == nullptr || strncmp(line, "freeze ", 7) != 0) {
        return 0;
    }
    const long ttl = strtol(line + 7, nullptr, 10);
    while ((line = strtok_r(nullptr, "\n", &rest)) != nullptr) {
        if (line[0] != '/' || mount_count == kMostMounts) {
            return 0;
        }
        mounts[mount_count++].path = line;
    }
    return ttl >= 1 && ttl <= kMostTtl && mount_count > 0 ? ttl : 0;
}

int open_mounts() {
    for (int i = 0; i < mount_count; ++i) {
        Mount& mount = mounts[i];
        // The path must be the mount point itself: freezing "/var/lib/x" must not freeze "/".
        struct stat here {
        }, above{};
        char parent[4096];
        snprintf(parent, sizeof parent, "%s/..", mount.path);
        mount.fd = open(mount.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (mount.fd < 0 || fstat(mount.fd, &here) != 0 || stat(parent, &above) != 0) {
            return errno;
        }
        if (here.st_dev == above.st_dev && here.st_ino != above.st_ino) {
            errno = ENOTBLK;
            return ENOTBLK;
        }
    }
    return 0;
}

void thaw() {
    for (int i = mount_count - 1; i >= 0; --i) {
        if (mounts[i].frozen) {
            // EINVAL: somebody else has thawed it.
            ioctl(mounts[i].fd, FITHAW, 0);
            mounts[i].frozen = false;
        }
    }
}

/// 0, or the errno of the mount that would not be frozen; all of them are thawed then.
int freeze(int& at) {
    for (at = 0; at < mount_count; ++at) {
        if (ioctl(mounts[at].fd, FIFREEZE, 0) != 0) {
            const int error = errno;
            thaw();
            return error;
        }
        mounts[at].frozen = true;
    }
    return 0;
}

long now_ms() {
    timespec time{};
    clock_gettime(CLOCK_BOOTTIME, &time);
    return time.tv_sec * 1000 + time.tv_nsec / 1'000'000;
}

/// Why the wait ended.
const char* wait_for_end(int signals, long ttl_s) {
    const long until = now_ms() + ttl_s * 1000;
    for (;;) {
        const long left = until - now_ms();
        if (left <= 0) {
            return "thawed expired\n";
        }
        pollfd ready[2] = {{STDIN_FILENO, POLLIN, 0}, {signals, POLLIN, 0}};
        const int count = poll(ready, 2, static_cast<int>(left));
        if (count <= 0) {
            continue;
        }
        if (ready[1].revents != 0) {
            return "thawed signal\n";
        }
        char word[16] = "";
        const ssize_t size = read(STDIN_FILENO, word, sizeof word - 1);
        if (size == 0 || (size < 0 && errno != EINTR && errno != EAGAIN)) {
            return "thawed gone\n";
        }
        if (strncmp(word, "thaw", 4) == 0) {
            return "thawed asked\n";
        }
    }
}

/// Where the mounts stand while they are frozen, for `--thaw`: RuntimeDirectory of the unit.
constexpr const char* kNotePath = "/run/libresume-freeze/frozen";

/// Before the first FIFREEZE: no file may be written behind it.
void note_mounts() {
    const int fd = open(kNotePath, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0) {
        return;  // not under the unit: then nobody runs --thaw either
    }
    for (int i = 0; i < mount_count; ++i) {
        dprintf(fd, "%s\n", mounts[i].path);
    }
    close(fd);
}

/// `--thaw`: what is frozen still when a helper was killed (ExecStopPost), last frozen first.
int thaw_noted() {
    const int note = open(kNotePath, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    const ssize_t count = note < 0 ? -1 : read(note, request, sizeof request - 1);
    if (count <= 0) {
        return 0;
    }
    request[count] = '\0';
    char* rest = nullptr;
    for (char* line = strtok_r(request, "\n", &rest); line != nullptr && mount_count < kMostMounts;
         line = strtok_r(nullptr, "\n", &rest)) {
        mounts[mount_count++] = {line, open(line, O_RDONLY | O_DIRECTORY | O_CLOEXEC), true};
    }
    thaw();
    unlink(kNotePath);
    return 0;
}

}  // namespace

int main(int argc, char** argv) {
    if (argc == 2 && strcmp(argv[1], "--thaw") == 0) {
        return thaw_noted();
    }
    if (argc != 1) {
        fputs(
            "usage: resume-freeze             (spoken to on stdin; see resume-agent(8))\n"
            "       resume-freeze --thaw      (what a killed one left frozen)\n",
            stderr);
        return 64;
    }
    const int signals = resume::agent::take_signals({SIGTERM, SIGINT, SIGHUP, SIGQUIT});
    const long ttl = read_request() ? take_apart() : 0;
    if (ttl == 0 || signals < 0) {
        say("failed 22 request\n");
        return 64;
    }
    char answer[4200];
    if (const int error = open_mounts(); error != 0) {
        int at = 0;
        while (at + 1 < mount_count && mounts[at + 1].fd >= 0) {
            ++at;
        }
        snprintf(answer, sizeof answer, "failed %d %s\n", error, mounts[at].path);
        say(answer);
        return 1;
    }
    // Without the right it may still be that nothing is paged out.
    mlockall(MCL_CURRENT | MCL_FUTURE);
    note_mounts();
    int at = 0;
    if (const int error = freeze(at); error != 0) {
        unlink(kNotePath);
        snprintf(answer, sizeof answer, "failed %d %s\n", error, mounts[at].path);
        say(answer);
        return 1;
    }
    say("frozen\n");
    const char* why = wait_for_end(signals, ttl);
    thaw();
    unlink(kNotePath);
    say(why);
    return 0;
}
