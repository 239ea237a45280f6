// Rank grant_table: pages that another domain may map. Nothing of it survives: version and frame
// limit are negotiated anew (L12), the frames mapped again, and every grant made before means
// nothing; drivers grant anew.
#pragma once

#include "drivers/support/limits.h"
#include "drivers/xen_guest/bugs.h"
#include "libresume/device.h"
#include "libresume/platform/xen.h"

namespace resume {
inline namespace v0 {

class GrantTable final : public Device {
  public:
    /// `frame`: first of `frames` consecutive guest frames where the table appears.
    GrantTable(Machine& machine, Gfn frame, uint32_t frames, Bugs bugs) noexcept;

    /// Boot, CPU 0. Where Xen allows fewer frames, only those are used, until a host allows more.
    Result<> boot(BootContext& boot) noexcept;

    /// A reference that lets `domain` map `gfn`. Thread context. no_space when none is free.
    Result<uint32_t> grant(DomId domain, Gfn gfn, bool readonly) noexcept;
    /// busy while the other side has it mapped; a reference of before a resume only counts as gone.
    Result<> end(uint32_t reference) noexcept;
    [[nodiscard]] uint32_t in_use() const noexcept { return in_use_; }
    /// Counts real resumes in a fresh domain: a reference is valid in its own generation only.
    [[nodiscard]] uint32_t generation() const noexcept { return generation_; }

    static constexpr uint32_t kReserved = 8;  ///< 0 console, 1 xenstore (xen/grant_table.h)
    static constexpr uint32_t kMaxFrames = 4;

  private:
    Result<> syscore_suspend(SyscoreContext&) noexcept;
    Result<> syscore_resume(SyscoreContext&, Outcome) noexcept;
    Result<> set_up() noexcept;
    Result<> negotiate() noexcept;
    Result<> map() noexcept;
    void forget_all() noexcept;
    [[nodiscard]] grant_entry_v1& entry(uint32_t reference) const noexcept;
    [[nodiscard]] uint32_t entries() const noexcept;
    static const DriverOps kOps;

    static constexpr uint32_t kEntriesPerFrame = kPageSize / sizeof(grant_entry_v1);
    Machine& machine_;
    Gfn frame_;
    uint32_t frames_;
    uint32_t usable_;  ///< of them, on this host
    Bugs bugs_;
    uint32_t in_use_ = 0;
    uint32_t next_ = kReserved;
    uint32_t generation_ = 1;
    uint64_t used_[kMaxFrames * kEntriesPerFrame / 64] = {};
};

}  // namespace v0
}  // namespace resume
