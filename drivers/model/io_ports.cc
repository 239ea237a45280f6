#include "drivers/model/io_ports.h"

#include "drivers/model/machine.h"

namespace resume::model {

namespace {

constexpr uint16_t kUnplugPort = 0x10;
constexpr uint16_t kVersionPort = 0x12;
constexpr uint16_t kDebugPort = 0xe9;
constexpr uint32_t kMagic = 0x49d2;
constexpr uint32_t kProtocol = 1;

uint32_t all_ones(uint8_t width) {
    return width >= 4 ? ~uint32_t{0} : (uint32_t{1} << (width * 8)) - 1;
}

}  // namespace

uint32_t IoPorts::read(uint16_t port, uint8_t width) {
    const bool device_model = machine_.config.guest == GuestKind::xen_hvm;
    uint32_t value = all_ones(width);
    if (port == kDebugPort) {
        value = kDebugPort;
    } else if (device_model && port == kUnplugPort && width == 2) {
        value = blacklisted_ ? 0 : kMagic;
    } else if (device_model && port == kVersionPort && width == 1) {
        value = kProtocol;
    }
    machine_.sight(EventKind::io_port_read, port, value);
    return value;
}

void IoPorts::write(uint16_t port, uint32_t value, uint8_t width) {
    if (port == kDebugPort) {
        debug_text_.push_back(static_cast<char>(value));
        return;
    }
    if (machine_.config.guest == GuestKind::xen_hvm && port == kUnplugPort && width == 2) {
        unplugged_ = static_cast<uint16_t>(unplugged_ | value);
    }
    machine_.sight(EventKind::io_port_written, port, value);
}

}  // namespace resume::model
