// The store of a real xenstored: the guest's messages go to its socket, with every path moved below
// a base path, so that nothing outside it is ever touched. A socket's client is privileged, so what
// a domain may not do (introduce, control, other domains' paths) is refused here.
//
// In real time: the machine's clock idles on the sockets. A restart of xenstored loses its whole
// content and our connections: they are made anew, the guest's watches registered again, and what
// was under way is answered with an error that the guest can repeat (EAGAIN).
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "drivers/model/clock.h"
#include "drivers/model/store/seam.h"
#include "drivers/model/store/socket.h"

namespace resume::model {

class BridgedStore final : public StoreSeam {
  public:
    /// `base`: an absolute path without a trailing slash. Throws std::runtime_error when the socket
    /// cannot be reached or the path is none.
    BridgedStore(const std::string& socket, std::string base, Clock& clock);

    void connect(Deliver deliver) override;
    void submit(const StoreMessage& message) override;
    [[nodiscard]] uint32_t open_transactions() const override { return transactions_; }
    void introduce(DomId domid) override;
    std::optional<std::string> read(const std::string& path) override;
    void write(const std::string& path, const std::string& value) override;
    void create(const std::string& path, const std::string& value, DomId owner,
                DomId reader) override;
    void remove(const std::string& path) override;
    void watch(const std::string& path, Changed changed) override;

    /// What a person should know: a lost connection, a refused path. Each once.
    std::function<void(const std::string&)> log;
    /// The connection is back and the store behind it may be empty.
    std::function<void()> reconnected;
    [[nodiscard]] uint32_t restarts() const { return restarts_; }

  private:
    struct Asked {
        uint32_t type;
        uint32_t transaction;
    };
    struct GuestWatch {
        std::string path;  ///< as the guest named it
        bool relative;
    };
    struct HostWatch {
        std::string path;
        Changed changed;
    };

    void idle(Nanoseconds longest);
    void take_all();
    void guest_message(StoreMessage message);
    void host_event(const StoreMessage& event);
    StoreMessage ask(uint32_t type, std::string payload);
    std::optional<StoreMessage> below_base(const StoreMessage& message);
    void refuse(const StoreMessage& message, int error);
    void lost();
    void come_back();
    void remember(const StoreMessage& reply);
    void say(const std::string& text);
    [[nodiscard]] std::string full(const std::string& path) const { return base_ + "/" + path; }
    void write_home();

    std::string base_;
    Clock& clock_;
    StoreSocket guest_;
    StoreSocket host_;
    Deliver deliver_;
    std::map<uint32_t, Asked> asked_;
    std::map<uint32_t, StoreMessage> asked_watches_;
    std::map<std::string, GuestWatch> guest_watches_;  ///< by token
    std::vector<HostWatch> host_watches_;
    uint32_t next_request_ = 1;
    uint32_t transactions_ = 0;
    uint32_t restarts_ = 0;
    DomId domid_ = 0;
    bool away_ = false;
    std::string last_said_;
};

}  // namespace resume::model
