// Proof that boot is not over. What may only happen at boot (allocating an interrupt gate) takes a
// BootContext&; nothing reachable from a resume hook can make one, so doing it at resume does not
// compile (invariant L10, RHEL 8.8's panic).
#pragma once

namespace resume {
inline namespace v0 {

class BootContext {
  public:
    BootContext(const BootContext&) = delete;
    BootContext& operator=(const BootContext&) = delete;

    /// For the one function that boots a guest (a kernel's entry, a model's start), and for nobody
    /// else: the lint test counts its callers. `boot` runs with the context and it is gone after.
    template <class Boot>
    static decltype(auto) with(Boot&& boot) noexcept {
        BootContext context;
        return boot(context);
    }

  private:
    BootContext() = default;
};

}  // namespace v0
}  // namespace resume
