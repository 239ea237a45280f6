// The store in this process: deterministic, in virtual time.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "drivers/model/store/daemon.h"
#include "drivers/model/store/seam.h"

namespace resume::model {

class EmbeddedStore final : public StoreSeam {
  public:
    explicit EmbeddedStore(DomId domid);

    void connect(Deliver deliver) override;
    void submit(const StoreMessage& message) override;
    [[nodiscard]] uint32_t open_transactions() const override;
    void introduce(DomId domid) override;
    std::optional<std::string> read(const std::string& path) override;
    void write(const std::string& path, const std::string& value) override;
    void create(const std::string& path, const std::string& value, DomId owner,
                DomId reader) override;
    void remove(const std::string& path) override;
    void watch(const std::string& path, Changed changed) override;
    void release_domain() override { daemon_.fire_special("@releaseDomain"); }

    [[nodiscard]] StoreDaemon& daemon() { return daemon_; }
    [[nodiscard]] const std::string& home() const { return home_; }

  private:
    struct HostWatch {
        std::string path;
        Changed changed;
    };

    void move_to(DomId domid);
    void build_home();
    void host_event(const StoreMessage& event);
    void register_host_watch(std::size_t index);
    [[nodiscard]] std::string watch_payload(std::size_t index) const;

    StoreDaemon daemon_;
    DomId domid_;
    std::string home_;
    std::string target_ = "16384";  ///< KiB; the toolstack carries it along
    StoreDaemon::ConnectionId guest_ = 0;
    StoreDaemon::ConnectionId host_;
    std::vector<HostWatch> watches_;
};

}  // namespace resume::model
