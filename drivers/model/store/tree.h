// The store's tree: nodes by absolute path, with permissions, and transactions on it by copy. What
// a transaction read or wrote must be unchanged when it commits, else EAGAIN (4.4.5).
//
// A copy of a tree costs nothing: trees share their nodes, and whoever writes makes its own of
// those on the way to what it changes.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <boost/container/small_vector.hpp>
#include <boost/smart_ptr/intrusive_ptr.hpp>
#include <boost/smart_ptr/intrusive_ref_counter.hpp>

#include "libresume/terms.h"

namespace resume::model {

struct StorePerm {
    char access = 'n';  ///< n none, r read, w write, b both
    DomId domid = 0;
};
using StorePerms = boost::container::small_vector<StorePerm, 3>;

struct StoreNode {
    std::string value;
    StorePerms perms;         ///< the first names the owner and everybody else's access
    uint64_t generation = 0;  ///< of its last change, its children's coming and going included
};

/// A node's parent: "/a" of "/a/b", "/" of "/a".
std::string_view parent_path(std::string_view path);

class StoreTree {
  public:
    StoreTree();

    /// Good until the tree is changed.
    [[nodiscard]] const StoreNode* find(std::string_view path) const;
    [[nodiscard]] std::vector<std::string> children(std::string_view path) const;
    [[nodiscard]] uint32_t owned_by(DomId domid) const;
    /// 0, or ENOENT / EACCES.
    [[nodiscard]] int check(std::string_view path, DomId domid, char access) const;

    /// Makes the node and those above that are missing; new ones take their parent's permissions,
    /// an unprivileged maker as owner. With `perms` the node itself has those.
    void put(std::string_view path, std::string_view value, DomId domid,
             const StorePerms* perms = nullptr);
    /// The node is there.
    void set_perms(std::string_view path, const StorePerms& perms);
    /// With everything below it.
    void remove(std::string_view path);
    /// Lets go of all nodes; nothing but destruction and assignment may follow.
    void release() { root_.reset(); }

  private:
    struct Entry;
    using Pointer = boost::intrusive_ptr<Entry>;
    struct Entry : boost::intrusive_ref_counter<Entry, boost::thread_unsafe_counter> {
        std::string name;
        StoreNode node;
        std::vector<Pointer> children;  ///< in no order
    };

    [[nodiscard]] const Entry* entry(std::string_view path) const;
    /// To be written to: with what is above it, no other tree's. Null when it is not there.
    Entry* own_entry(std::string_view path);
    static Entry& own(Pointer& pointer);
    /// Its index among the children; their count when it is not there.
    static std::size_t place_of(const Entry& parent, std::string_view name);
    static const Entry* child(const Entry& parent, std::string_view name);
    void give(Entry& entry, const StorePerms& perms);
    void count(DomId owner, int32_t more);
    void forget(const Entry& entry);

    Pointer root_;
    uint64_t generation_ = 0;
    boost::container::small_vector<std::pair<DomId, int32_t>, 6> owned_;  ///< nodes of each domain
};

}  // namespace resume::model
