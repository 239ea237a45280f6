// resume-lab-usb: plugs a USB device made of nothing into vhci_hcd, the USB/IP host controller of
// Linux, and answers for it until it is killed. While it is plugged in, vhci_hcd refuses to freeze
// (-EBUSY): a device that makes a Xen suspend fail, on any kernel with that module.
//
// The protocol is USB/IP's of the kernel (Documentation/usb/usbip_protocol.rst): all numbers big
// endian, 48 bytes of header, then the data.
#include <arpa/inet.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <string>
#include <vector>

namespace {

constexpr uint32_t kSubmit = 1;
constexpr uint32_t kUnlink = 2;
constexpr uint32_t kReplySubmit = 3;
constexpr uint32_t kReplyUnlink = 4;
constexpr uint8_t kGetStatus = 0;
constexpr uint8_t kGetDescriptor = 6;
constexpr uint8_t kDeviceDescriptor = 1;
constexpr uint8_t kConfigDescriptor = 2;
constexpr int32_t kStall = -EPIPE;
constexpr uint32_t kDataLimit = 4096;
constexpr const char* kAttach = "/sys/devices/platform/vhci_hcd.0/attach";

/// Header of every message; the meaning of `arguments` depends on the command.
struct Header {
    uint32_t command;
    uint32_t sequence;
    uint32_t device;
    uint32_t direction;  ///< 1 = towards the host
    uint32_t endpoint;
    uint32_t arguments[5];
    uint8_t setup[8];
};
static_assert(sizeof(Header) == 48);

bool read_all(int descriptor, void* data, size_t length) {
    auto* at = static_cast<uint8_t*>(data);
    while (length > 0) {
        const ssize_t done = read(descriptor, at, length);
        if (done <= 0) {
            return false;
        }
        at += done;
        length -= static_cast<size_t>(done);
    }
    return true;
}

/// A device of a vendor's own class with one configuration and no endpoint but number 0.
std::vector<uint8_t> descriptor_for(uint8_t type) {
    if (type == kDeviceDescriptor) {
        return {18, 1, 0, 2, 0xff, 0, 0, 64, 0x34, 0x12, 0x78, 0x56, 0, 1, 0, 0, 0, 1};
    }
    if (type == kConfigDescriptor) {
        return {9, 2, 18, 0, 1, 1, 0, 0x80, 50, 9, 4, 0, 0, 0, 0xff, 0, 0, 0};
    }
    return {};
}

/// Answer to a request on endpoint 0; false = stall.
bool answer(const Header& request, std::vector<uint8_t>& data) {
    if (request.setup[1] == kGetDescriptor) {
        data = descriptor_for(request.setup[3]);
        return !data.empty();
    }
    data = {0, 0};
    return request.setup[1] == kGetStatus;
}

bool reply(int descriptor, const Header& request) {
    Header header{};
    std::vector<uint8_t> data;
    header.sequence = request.sequence;
    const uint32_t length = ntohl(request.arguments[1]);
    if (ntohl(request.command) == kUnlink) {
        header.command = htonl(kReplyUnlink);
        header.arguments[0] = htonl(static_cast<uint32_t>(-ECONNRESET));
    } else if (request.direction == 0) {
        header.command = htonl(kReplySubmit);
        data.resize(length);
        if (length > kDataLimit || !read_all(descriptor, data.data(), length)) {
            return false;
        }
        data.clear();
        header.arguments[1] = htonl(length);
    } else {
        header.command = htonl(kReplySubmit);
        const bool known = answer(request, data);
        data.resize(known ? std::min<size_t>(data.size(), length) : 0);
        header.arguments[0] = htonl(static_cast<uint32_t>(known ? 0 : kStall));
        header.arguments[1] = htonl(static_cast<uint32_t>(data.size()));
    }
    std::vector<uint8_t> message(sizeof header + data.size());
    memcpy(message.data(), &header, sizeof header);
    memcpy(message.data() + sizeof header, data.data(), data.size());
    return write(descriptor, message.data(), message.size()) ==
           static_cast<ssize_t>(message.size());
}

bool plug_in(int kernel_end) {
    constexpr int kPort = 0;
    constexpr int kHighSpeed = 3;
    constexpr int kDeviceId = 0x10002;
    const std::string words = std::to_string(kPort) + " " + std::to_string(kernel_end) + " " +
                              std::to_string(kDeviceId) + " " + std::to_string(kHighSpeed);
    const int file = open(kAttach, O_WRONLY | O_CLOEXEC);
    return file >= 0 && write(file, words.data(), words.size()) > 0;
}

}  // namespace

int main() {
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) != 0 || !plug_in(ends[0])) {
        fprintf(stderr, "%s: %s\n", kAttach, strerror(errno));
        return 66;
    }
    puts("plugged in");
    fflush(stdout);
    Header request{};
    while (read_all(ends[1], &request, sizeof request)) {
        const uint32_t command = ntohl(request.command);
        if ((command != kSubmit && command != kUnlink) || !reply(ends[1], request)) {
            return 70;
        }
    }
    return 0;
}
