// xenstored in this process: connections, requests, transactions with conflicts, watches,
// permissions and the quotas of 4.4.8. A message in, a reply out; watch events in between.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "drivers/model/store/message.h"
#include "drivers/model/store/tree.h"

namespace resume::model {

/// Defaults of the C xenstored; for unprivileged connections only.
struct StoreQuota {
    uint32_t nodes = 1000;
    uint32_t watches = 128;
    uint32_t transactions = 10;
    uint32_t transaction_nodes = 1024;
    uint32_t perms = 5;
    uint32_t node_size = 2048;
};

class StoreDaemon {
  public:
    using ConnectionId = uint32_t;
    using Deliver = std::function<void(StoreMessage)>;

    /// Replies and events of the connection go to `deliver`, in order, from inside handle() or
    /// whoever changed the tree.
    ConnectionId connect(DomId domid, Deliver deliver);
    /// Its watches and transactions are gone.
    void disconnect(ConnectionId connection);
    void handle(ConnectionId connection, const StoreMessage& message);
    [[nodiscard]] uint32_t open_transactions(ConnectionId connection) const;
    [[nodiscard]] uint32_t watches(ConnectionId connection) const;

    /// dom0's own acts, never refused.
    [[nodiscard]] const StoreTree& tree() const { return tree_; }
    void write(std::string_view path, std::string_view value, const StorePerms& perms = {});
    void remove(std::string_view path);
    /// `@introduceDomain`, `@releaseDomain`.
    void fire_special(std::string_view name);

    StoreQuota quota;

  private:
    struct Watch {
        std::string path{};          ///< absolute, or @...
        std::string shown_prefix{};  ///< cut from the paths of events: relative watches
        std::string token{};
    };
    struct Transaction {
        StoreTree start;  ///< as it was when the transaction began
        StoreTree tree;   ///< with its own changes
        std::map<std::string, uint64_t, std::less<>>
            seen;  ///< path -> generation at the start; 0 = not there
        struct Change {
            enum class Kind : uint8_t { put, perms, remove } kind;
            std::string path;
            std::string value;
            StorePerms perms;
        };
        std::vector<Change> changes;
    };
    struct Connection {
        DomId domid = 0;
        std::string home{};  ///< with a slash at its end
        Deliver deliver;
        std::vector<std::shared_ptr<const Watch>> watches;
        std::map<uint32_t, Transaction> transactions;
        uint32_t next_transaction = 1;
    };
    struct Context {
        Connection& connection;
        const StoreMessage& message;
        Transaction* transaction;
        StoreWords arguments;
    };
    /// An absolute path: the message's own, or put together here.
    struct Path {
        char text[XENSTORE_ABS_PATH_MAX + 1];
        std::string_view view;
        operator std::string_view() const { return view; }
    };
    /// An errno, or 0 with the reply's payload in `reply`.
    using Handler = int (StoreDaemon::*)(Context&, std::string& reply);

    int dispatch(Context& context, std::string& reply);
    int directory(Context& context, std::string& reply);
    int read(Context& context, std::string& reply);
    int get_perms(Context& context, std::string& reply);
    int set_perms(Context& context, std::string& reply);
    int watch(Context& context, std::string& reply);
    int unwatch(Context& context, std::string& reply);
    int transaction_start(Context& context, std::string& reply);
    int transaction_end(Context& context, std::string& reply);
    int domain_path(Context& context, std::string& reply);
    int write_node(Context& context, std::string& reply);
    int make_directory(Context& context, std::string& reply);
    int remove_node(Context& context, std::string& reply);
    int reset_watches(Context& context, std::string& reply);

    StoreTree& tree_of(Context& context);
    static int resolve(const Context& context, std::string_view path, Path& absolute);
    /// Remembers what a transaction depends on.
    int note_seen(Context& context, std::string_view path);
    int put(Context& context, std::string_view path, std::string_view value);
    int check_quota(const Context& context, std::string_view path, std::string_view value);
    bool conflicts(const Transaction& transaction) const;
    void commit(Transaction& transaction);
    void changed(std::string_view path, bool removed);
    static void fire(const Connection& connection, const Watch& watch, std::string_view path);

    StoreTree tree_;
    std::map<ConnectionId, Connection> connections_;
    ConnectionId next_ = 1;
};

}  // namespace resume::model
