#include "drivers/model/store/embedded.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "libresume/assert.h"

namespace resume::model {

namespace {

/// A path of the host's, absolute. On the stack: there is one for each write.
class Absolute {
  public:
    Absolute(std::string_view home, std::string_view path) {
        if (path.front() == '/') {
            view_ = path;
            return;
        }
        RESUME_ASSERT(home.size() + 1 + path.size() <= sizeof text_);
        char* end = std::copy(home.begin(), home.end(), text_);
        *end++ = '/';
        end = std::copy(path.begin(), path.end(), end);
        view_ = {text_, static_cast<std::size_t>(end - text_)};
    }
    Absolute(const Absolute&) = delete;
    Absolute& operator=(const Absolute&) = delete;
    operator std::string_view() const { return view_; }

  private:
    char text_[XENSTORE_ABS_PATH_MAX];
    std::string_view view_;
};

}  // namespace

EmbeddedStore::EmbeddedStore(DomId domid) : domid_{domid} {
    host_ = daemon_.connect(0, [this](const StoreMessage& message) { host_event(message); });
    move_to(domid);
}

void EmbeddedStore::create(const std::string& path, const std::string& value, DomId owner,
                           DomId reader) {
    daemon_.write(Absolute{home_, path}, value, {{'n', owner}, {'r', reader}});
}

void EmbeddedStore::move_to(DomId domid) {
    domid_ = domid;
    home_ = "/local/domain/" + std::to_string(domid);
    build_home();
}

// What libxl makes for a domain, as far as a guest looks at it (libxl_create.c): the guest may
// read its home, and write what is listed as its own.
void EmbeddedStore::build_home() {
    const StorePerms readable{{'n', 0}, {'r', domid_}};
    const StorePerms own{{'n', domid_}};
    const auto put = [this](const char* name, const std::string& value, const StorePerms& perms) {
        daemon_.write(Absolute{home_, name}, value, perms);
    };
    daemon_.write("/local", "");
    daemon_.write("/local/domain", "");
    daemon_.write(home_, "", readable);
    put("name", "modelled", readable);
    put("domid", std::to_string(domid_), readable);
    put("memory", "", readable);
    put("memory/static-max", "16384", readable);
    put("memory/target", target_, readable);
    put("control", "", readable);
    for (const char* name :
         {"control/shutdown", "control/feature-poweroff", "control/feature-reboot",
          "control/feature-suspend", "control/sysrq"}) {
        put(name, "", own);
    }
    for (const char* name : {"control/platform-feature-multiprocessor-suspend",
                             "control/platform-feature-xs_reset_watches"}) {
        put(name, "1", readable);
    }
    put("device", "", readable);
    put("data", "", own);
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
        gone.payload = watch_payload(i);
        daemon_.handle(host_, gone);
    }
    target_ = read("memory/target").value_or(target_);
    daemon_.remove(home_);
    move_to(domid);
    for (std::size_t i = 0; i < watches_.size(); ++i) {
        register_host_watch(i);
    }
}

std::optional<std::string> EmbeddedStore::read(const std::string& path) {
    const StoreNode* node = daemon_.tree().find(Absolute{home_, path});
    return node == nullptr ? std::nullopt : std::optional{node->value};
}

void EmbeddedStore::write(const std::string& path, const std::string& value) {
    daemon_.write(Absolute{home_, path}, value);
}

void EmbeddedStore::remove(const std::string& path) {
    daemon_.remove(Absolute{home_, path});
}

void EmbeddedStore::watch(const std::string& path, Changed changed) {
    watches_.push_back({path, std::move(changed)});
    register_host_watch(watches_.size() - 1);
}

std::string EmbeddedStore::watch_payload(std::size_t index) const {
    const Absolute path{home_, watches_[index].path};
    return std::string{std::string_view{path}} + '\0' + std::to_string(index) + '\0';
}

void EmbeddedStore::register_host_watch(std::size_t index) {
    StoreMessage message{.type = XS_WATCH};
    message.payload = watch_payload(index);
    daemon_.handle(host_, message);
}

void EmbeddedStore::host_event(const StoreMessage& event) {
    if (event.type != XS_WATCH_EVENT) {
        return;
    }
    // Our own tokens: the index.
    const StoreWords words = words_of(event.payload);
    std::size_t index = 0;
    std::from_chars(words.at(1).data(), words.at(1).data() + words.at(1).size(), index);
    watches_.at(index).changed();
}

}  // namespace resume::model
