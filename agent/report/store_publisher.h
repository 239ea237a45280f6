// What the guest shows its host below data/resume/. libxl does not carry data/ to a new domain, so
// all of it is written again after every resume; each node by itself, without a transaction.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>

namespace resume::agent {

/// Our protocol version and the program's, as the node `version` holds them.
inline constexpr std::string_view kStoreVersion = "1 0.1.0";
inline constexpr size_t kMostLastBytes = 1024;

/// A report cut to what one node holds: whole members of the object are left out, the longest
/// first, until it fits; it stays valid JSON. `line` must be an object.
std::string cut_report(std::string_view line, size_t limit = kMostLastBytes);

class StorePublisher {
  public:
    /// Writes one node; returns 0 or an errno. ENOENT, EACCES and the like are logged once a node.
    using Write = std::function<int(std::string_view path, std::string_view value)>;
    explicit StorePublisher(Write write);

    /// Sets a node's value and writes it: `state`, `last`, `doctor`, `answer`.
    void set(const std::string& node, std::string value);
    /// Sets a node's value for the next publish_all().
    void keep(const std::string& node, std::string value);
    /// Forgets a node's value (an answer that belongs to the old domain).
    void forget(const std::string& node);
    /// Writes every node again: the domain may be a new one.
    void publish_all();
    /// How many writes failed since the start.
    [[nodiscard]] unsigned failures() const noexcept { return failures_; }

  private:
    void write(const std::string& node, const std::string& value);
    Write write_;
    std::map<std::string, std::string> values_{};
    std::map<std::string, int> last_error_{};
    unsigned failures_ = 0;
};

}  // namespace resume::agent
