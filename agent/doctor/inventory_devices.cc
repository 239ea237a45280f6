// Devices, disks, links, memory: what /sys and /proc say.
#include "agent/doctor/inventory.h"
#include "agent/doctor/poison_pages.h"

namespace resume::agent::doctor {
namespace {

void add(std::vector<Item>& items, std::string id, Class importance, Compare compare,
         std::string value) {
    if (!value.empty()) {
        items.push_back({std::move(id), importance, compare, std::move(value)});
    }
}

void add_xenbus(std::vector<Item>& items, const Root& root) {
    for (const std::string& name : root.list("/sys/bus/xen/devices")) {
        const std::string base = "/sys/bus/xen/devices/" + name;
        add(items, "xenbus." + name, Class::required, Compare::presence, "1");
        add(items, "xenbus." + name + ".state", Class::required, Compare::exact,
            root.line(base + "/state"));
    }
}

// The features file has one character a bit, the lowest first: what both sides agreed on.
void add_virtio(std::vector<Item>& items, const Root& root) {
    for (const std::string& name : root.list("/sys/bus/virtio/devices")) {
        const std::string base = "/sys/bus/virtio/devices/" + name;
        const std::string type = root.line(base + "/device");
        add(items, "virtio." + name, Class::required, Compare::exact, type);
        const std::string bits = root.line(base + "/features");
        for (size_t bit = 0; bit < bits.size() && bit < 128; ++bit) {
            add(items, "virtio." + name + ".feature." + std::to_string(bit), Class::required,
                Compare::presence, bits[bit] == '1' ? "1" : "");
        }
    }
}

void add_disks(std::vector<Item>& items, const Root& root) {
    for (const std::string& name : root.list("/sys/block")) {
        const std::string base = "/sys/block/" + name;
        const std::string id = "disk." + name;
        if (!root.exists(base + "/device") && name.rfind("xvd", 0) != 0) {
            continue;  // loop, ram, device mapper: nothing of the host's
        }
        add(items, id + ".size", Class::required, Compare::at_least, root.line(base + "/size"));
        add(items, id + ".ro", Class::required, Compare::exact, root.line(base + "/ro"));
        std::string serial = root.line(base + "/serial");
        if (serial.empty()) {
            serial = root.line(base + "/device/serial");
        }
        add(items, id + ".serial", Class::required, Compare::exact, std::string{trim(serial)});
        const std::string queue = base + "/queue/";
        add(items, id + ".logical_block_size", Class::required, Compare::exact,
            root.line(queue + "logical_block_size"));
        for (const char* limit : {"max_hw_sectors_kb", "max_segments", "nr_hw_queues"}) {
            add(items, id + "." + limit, Class::expected, Compare::at_least,
                root.line(queue + limit));
        }
        for (const char* ability : {"discard_max_hw_bytes", "write_zeroes_max_bytes"}) {
            add(items, id + "." + ability, Class::expected, Compare::at_least,
                root.line(queue + ability));
        }
        add(items, id + ".write_cache", Class::expected, Compare::exact,
            root.line(queue + "write_cache"));
    }
}

void add_links(std::vector<Item>& items, const Root& root) {
    for (const std::string& name : root.list("/sys/class/net")) {
        const std::string base = "/sys/class/net/" + name;
        if (!root.exists(base + "/device")) {
            continue;  // bridges, tunnels, loopback: the guest's own
        }
        add(items, "link." + name + ".address", Class::required, Compare::exact,
            root.line(base + "/address"));
        add(items, "link." + name + ".mtu", Class::required, Compare::exact,
            root.line(base + "/mtu"));
        add(items, "link." + name + ".carrier", Class::expected, Compare::at_least,
            root.line(base + "/carrier"));
    }
}

}  // namespace

void add_devices(std::vector<Item>& items, const Root& root) {
    add_xenbus(items, root);
    add_virtio(items, root);
    add_disks(items, root);
    add_links(items, root);
}

void add_memory(std::vector<Item>& items, const Root& root) {
    for (const std::string& line : lines(root.read("/proc/meminfo").text)) {
        const auto fields = words(line);
        if (fields.size() >= 2 && fields[0] == "MemTotal:") {
            // A balloon moves it in both directions, at any time.
            add(items, "memory.total_kib", Class::informational, Compare::exact, fields[1]);
        }
    }
    if (const auto corrupted = corrupted_kib(root)) {
        add(items, "memory.hardware_corrupted_kib", Class::expected, Compare::at_most,
            std::to_string(*corrupted));
    }
}

}  // namespace resume::agent::doctor
