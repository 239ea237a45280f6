// resume-probe: reads one sector of each disk and says which ones answer. It never waits for a
// disk.
//
//   in:  "disk NAME PATH\n", "forget NAME\n", "probe TIMEOUT_MS\n"
//   out: for each disk of a probe one line, then ".\n":
//        "NAME ok", "NAME silent", "NAME busy" (an earlier read is still out, or the queue is
//        full), "NAME unsupported ERRNO", "NAME failed ERRNO"
//
// The read is asynchronous, without the page cache and without waiting for a free request
// (RWF_NOWAIT), so this task never sleeps uninterruptibly: one that does, on a dead disk, would
// make every later suspend fail. A process with such a read outstanding does so when it *ends* (the
// kernel waits for it), so this one does not end before its reads have: not when its other end is
// gone, not on SIGTERM. One read a disk is outstanding at most.
//
// The kernel refuses such a read of a page that the page cache is still to write, and the first one
// of a mounted disk, with its superblock, often is: another place of the disk is asked then.
#include <errno.h>
#include <fcntl.h>
#include <linux/aio_abi.h>
#include <linux/fs.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "agent/base/signals.h"

namespace {

constexpr int kMostDisks = 256;
constexpr size_t kBuffer = 4096;
constexpr unsigned kPlaces = 4;  ///< of a disk, evenly spread

enum class State { idle, asked, silent };

struct Disk {
    char name[64];  ///< empty: the place is free. Places never move: completions name them
    int fd;
    int open_error;
    unsigned sector;
    uint64_t size;   ///< 0: not known
    unsigned place;  ///< that is being read
    State state;
    void* buffer;  ///< belongs to the kernel while the state is not idle
    iocb request;
};
Disk disks[kMostDisks];
int disk_count = 0;
aio_context_t context = 0;
int completions = -1;
bool leaving = false;

void say(const char* text) {
    [[maybe_unused]] const ssize_t ignored = write(STDOUT_FILENO, text, strlen(text));
}

void say_of(const Disk& disk, const char* what, int error) {
    char line[128];
    if (error == 0) {
        snprintf(line, sizeof line, "%.63s %s\n", disk.name, what);
    } else {
        snprintf(line, sizeof line, "%.63s %s %d\n", disk.name, what, error);
    }
    say(line);
}

Disk* find(const char* name) {
    for (int i = 0; i < disk_count; ++i) {
        if (strcmp(disks[i].name, name) == 0) {
            return &disks[i];
        }
    }
    return nullptr;
}

void add(const char* name, const char* path) {
    int at = 0;
    while (at < disk_count && disks[at].name[0] != '\0') {
        ++at;
    }
    if (find(name) != nullptr || at == kMostDisks) {
        return;
    }
    disk_count = at == disk_count ? at + 1 : disk_count;
    Disk& disk = disks[at];
    disk = {};
    snprintf(disk.name, sizeof disk.name, "%s", name);
    // O_NONBLOCK: no waiting for a medium.
    disk.fd = open(path, O_RDONLY | O_DIRECT | O_NONBLOCK | O_CLOEXEC);
    disk.open_error = disk.fd < 0 ? errno : 0;
    int sector = 0;
    disk.sector = disk.fd >= 0 && ioctl(disk.fd, BLKSSZGET, &sector) == 0 && sector > 0 &&
                          static_cast<size_t>(sector) <= kBuffer
                      ? static_cast<unsigned>(sector)
                      : static_cast<unsigned>(kBuffer);
    if (disk.fd < 0 || ioctl(disk.fd, BLKGETSIZE64, &disk.size) != 0) {
        disk.size = 0;
    }
    if (posix_memalign(&disk.buffer, kBuffer, kBuffer) != 0) {
        disk.open_error = ENOMEM;
    }
}

/// A disk that is gone must not be kept open; one with a read outstanding stays until that ends.
void forget(const char* name) {
    Disk* const disk = find(name);
    if (disk == nullptr || disk->state != State::idle) {
        return;
    }
    if (disk->fd >= 0) {
        close(disk->fd);
    }
    free(disk->buffer);
    *disk = {};
}

bool refuses_direct_reads(int error) {
    return error == EINVAL || error == EOPNOTSUPP || error == ENOMEDIUM;
}

/// One read at the disk's place.
void submit(Disk& disk) {
    disk.request = {};
    disk.request.aio_data = static_cast<__u64>(&disk - disks);
    disk.request.aio_lio_opcode = IOCB_CMD_PREAD;
    disk.request.aio_fildes = static_cast<__u32>(disk.fd);
    disk.request.aio_buf = reinterpret_cast<__u64>(disk.buffer);
    disk.request.aio_nbytes = disk.sector;
    disk.request.aio_offset =
        static_cast<__s64>(disk.size / kPlaces * disk.place / kBuffer * kBuffer);
    disk.request.aio_flags = IOCB_FLAG_RESFD;
    disk.request.aio_resfd = static_cast<__u32>(completions);
    disk.request.aio_rw_flags = RWF_NOWAIT;
    iocb* list[] = {&disk.request};
    if (syscall(SYS_io_submit, context, 1, list) == 1) {
        disk.state = State::asked;
    } else {
        const int error = errno;
        say_of(disk, refuses_direct_reads(error) ? "unsupported" : "failed", error);
    }
}

void ask(Disk& disk) {
    if (disk.open_error != 0) {
        say_of(disk, refuses_direct_reads(disk.open_error) ? "unsupported" : "failed",
               disk.open_error);
        return;
    }
    if (disk.state != State::idle) {
        say_of(disk, "busy", 0);
        return;
    }
    disk.place = 0;
    submit(disk);
}

void take_completions() {
    uint64_t count = 0;
    [[maybe_unused]] const ssize_t ignored = read(completions, &count, sizeof count);
    io_event events[16];
    timespec none{};
    for (long got = 0; (got = syscall(SYS_io_getevents, context, 0, 16, events, &none)) > 0;) {
        for (long i = 0; i < got; ++i) {
            Disk& disk = disks[events[i].data];
            const bool late = disk.state == State::silent;  // has been told already
            const int error = events[i].res < 0 ? static_cast<int>(-events[i].res) : 0;
            disk.state = State::idle;
            if (late) {
                continue;
            }
            if (error == EAGAIN && disk.size != 0 && disk.place + 1 < kPlaces) {
                ++disk.place;
                submit(disk);
                continue;
            }
            say_of(disk,
                   error == 0                    ? "ok"
                   : error == EAGAIN             ? "busy"
                   : refuses_direct_reads(error) ? "unsupported"
                                                 : "failed",
                   error == EAGAIN ? 0 : error);
        }
    }
}

int outstanding(bool told) {
    int count = 0;
    for (int i = 0; i < disk_count; ++i) {
        count += disks[i].state == State::asked || (told && disks[i].state == State::silent);
    }
    return count;
}

long now_ms() {
    timespec time{};
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * 1000 + time.tv_nsec / 1'000'000;
}

void probe(long timeout_ms) {
    for (int i = 0; i < disk_count; ++i) {
        if (disks[i].name[0] != '\0') {
            ask(disks[i]);
        }
    }
    const long until = now_ms() + timeout_ms;
    for (long left = timeout_ms; outstanding(false) > 0 && left > 0; left = until - now_ms()) {
        pollfd ready{completions, POLLIN, 0};
        poll(&ready, 1, static_cast<int>(left));
        take_completions();
    }
    for (int i = 0; i < disk_count; ++i) {
        if (disks[i].state == State::asked) {
            disks[i].state = State::silent;
            say_of(disks[i], "silent", 0);
        }
    }
    say(".\n");
}

void take_line(char* line) {
    char name[64], path[1024];
    long timeout_ms = 0;
    if (sscanf(line, "disk %63s %1023s", name, path) == 2) {
        add(name, path);
    } else if (sscanf(line, "forget %63s", name) == 1) {
        forget(name);
    } else if (sscanf(line, "probe %ld", &timeout_ms) == 1 && timeout_ms > 0) {
        probe(timeout_ms < 60'000 ? timeout_ms : 60'000);
    }
}

/// Lines of stdin; false when the other end is gone.
bool take_input() {
    static char text[8192];
    static size_t used = 0;
    const ssize_t count = read(STDIN_FILENO, text + used, sizeof text - 1 - used);
    if (count <= 0) {
        return count < 0 && errno == EINTR;
    }
    used += static_cast<size_t>(count);
    text[used] = '\0';
    char* begin = text;
    for (char* end = nullptr; (end = strchr(begin, '\n')) != nullptr; begin = end + 1) {
        *end = '\0';
        take_line(begin);
    }
    used = static_cast<size_t>(text + used - begin);
    memmove(text, begin, used);
    return used < sizeof text - 1;
}

}  // namespace

int main() {
    const int signals = resume::agent::take_signals({SIGTERM, SIGINT, SIGHUP, SIGQUIT});
    completions = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (signals < 0 || completions < 0 || syscall(SYS_io_setup, kMostDisks, &context) != 0) {
        fprintf(stderr, "resume-probe: no asynchronous reads here: %s\n", strerror(errno));
        return 70;
    }
    while (!leaving || outstanding(true) > 0) {
        pollfd ready[3] = {{completions, POLLIN, 0},
                           {leaving ? -1 : STDIN_FILENO, POLLIN, 0},
                           {leaving ? -1 : signals, POLLIN, 0}};
        poll(ready, 3, -1);
        if (ready[0].revents != 0) {
            take_completions();
        }
        if (ready[2].revents != 0 || (ready[1].revents != 0 && !take_input())) {
            leaving = true;
        }
    }
    return 0;
}
