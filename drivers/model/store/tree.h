// The store's tree: nodes by absolute path, with permissions, and transactions on it by copy. What
// a transaction read or wrote must be unchanged when it commits, else EAGAIN (4.4.5).
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "libresume/terms.h"

namespace resume::model {

struct StorePerm {
    char access = 'n';  ///< n none, r read, w write, b both
    DomId domid = 0;
};

struct StoreNode {
    std::string value;
    std::vector<StorePerm> perms;  ///< the first names the owner and everybody else's access
    uint64_t generation = 0;       ///< of its last change, its children's coming and going included
};

/// A node's parent: "/a" of "/a/b", "/" of "/a".
std::string parent_path(const std::string& path);

class StoreTree {
  public:
    StoreTree();

    [[nodiscard]] const StoreNode* find(const std::string& path) const;
    [[nodiscard]] std::vector<std::string> children(const std::string& path) const;
    [[nodiscard]] uint32_t owned_by(DomId domid) const;
    /// 0, or ENOENT / EACCES.
    [[nodiscard]] int check(const std::string& path, DomId domid, char access) const;

    /// Makes the node and those above that are missing; new ones take their parent's permissions,
    /// an unprivileged maker as owner. Names of new nodes are added to `made`.
    void put(const std::string& path, const std::string& value, DomId domid,
             std::vector<std::string>* made = nullptr);
    void touch(const std::string& path);
    void set_perms(const std::string& path, std::vector<StorePerm> perms);
    /// With everything below it.
    void remove(const std::string& path);

  private:
    using Nodes = std::map<std::string, StoreNode>;
    /// To be written to: a copy of its own when another tree shares them.
    Nodes& own();

    std::shared_ptr<Nodes> nodes_;  ///< a copy of a tree costs nothing until one of them is written
    uint64_t generation_ = 0;
};

}  // namespace resume::model
