#include "drivers/model/store/embedded.h"

#include <array>
#include <utility>

namespace resume::model {

EmbeddedStore::EmbeddedStore(DomId domid) : domid_{domid} {
    host_ = daemon_.connect(0, [this](const StoreMessage& message) { host_event(message); });
    build_home();
}

std::string EmbeddedStore::home() const {
    return "/local/domain/" + std::to_string(domid_);
}

std::string EmbeddedStore::absolute(const std::string& path) const {
    return path.front() == '/' ? path : home() + "/" + path;
}

void EmbeddedStore::create(const std::string& path, const std::string& value, DomId owner,
                           DomId reader) {
    daemon_.write(absolute(path), value, {{'n', owner}, {'r', reader}});
}

// What libxl makes for a domain, as far as a guest looks at it (libxl_create.c): the guest may
// read its home, and write what is listed as its own.
void EmbeddedStore::build_home() {
    const std::vector<StorePerm> readable{{'n', 0}, {'r', domid_}};
    const std::vector<StorePerm> own{{'n', domid_}};
    const std::string base = home();
    daemon_.write("/local", "");
    daemon_.write("/local/domain", "");
    daemon_.write(base, "", readable);
    daemon_.write(base + "/name", "modelled", readable);
    daemon_.write(base + "/domid", std::to_string(domid_), readable);
    daemon_.write(base + "/memory", "", readable);
    daemon_.write(base + "/memory/target", "16384", readable);
    daemon_.write(base + "/control", "", readable);
    for (const char* name :
         {"shutdown", "feature-poweroff", "feature-reboot", "feature-suspend", "sysrq"}) {
        daemon_.write(base + "/control/" + name, "", own);
    }
    for (const char* name :
         {"platform-feature-multiprocessor-suspend", "platform-feature-xs_reset_watches"}) {
        daemon_.write(base + "/control/" + name, "1", readable);
    }
    daemon_.write(base + "/device", "", readable);
    daemon_.write(base + "/data", "", own);
}

void EmbeddedStore::connect(Deliver deliver) {
    if (guest_ != 0) {
        daemon_.disconnect(guest_);
    }
    guest_ = daemon_.connect(domid_, std::move(deliver));
}

void EmbeddedStore::submit(const StoreMessage& message) {
    daemon_.handle(guest_, message);
}

uint32_t EmbeddedStore::open_transactions() const {
    return guest_ == 0 ? 0 : daemon_.open_transactions(guest_);
}

void EmbeddedStore::introduce(DomId domid) {
    if (guest_ != 0) {
        daemon_.disconnect(guest_);
        guest_ = 0;
    }
    if (domid == domid_) {
        return;  // in place: the nodes stay
    }
    for (std::size_t i = 0; i < watches_.size(); ++i) {
        StoreMessage gone{.type = XS_UNWATCH};
        gone.payload = absolute(watches_[i].path) + '\0' + std::to_string(i) + '\0';
        daemon_.handle(host_, gone);
    }
    daemon_.remove(home());
    domid_ = domid;
    build_home();
    for (std::size_t i = 0; i < watches_.size(); ++i) {
        register_host_watch(i);
    }
}

std::optional<std::string> EmbeddedStore::read(const std::string& path) {
    const StoreNode* node = daemon_.tree().find(absolute(path));
    return node == nullptr ? std::nullopt : std::optional{node->value};
}

void EmbeddedStore::write(const std::string& path, const std::string& value) {
    daemon_.write(absolute(path), value);
}

void EmbeddedStore::remove(const std::string& path) {
    daemon_.remove(absolute(path));
}

void EmbeddedStore::watch(const std::string& path, Changed changed) {
    watches_.push_back({path, std::move(changed)});
    register_host_watch(watches_.size() - 1);
}

void EmbeddedStore::register_host_watch(std::size_t index) {
    StoreMessage message{.type = XS_WATCH};
    message.payload = absolute(watches_[index].path) + '\0' + std::to_string(index) + '\0';
    daemon_.handle(host_, message);
}

void EmbeddedStore::host_event(const StoreMessage& event) {
    if (event.type != XS_WATCH_EVENT) {
        return;
    }
    const auto strings = split_strings(event.payload);
    const std::size_t index = std::stoul(strings.at(1));
    watches_.at(index).changed();
}

}  // namespace resume::model
