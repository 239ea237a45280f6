// The generation of the machine (QEMU: docs/specs/vmgenid.rst; Linux: drivers/virt/vmgenid.c): an
// id in the guest's memory that the host changes whenever this guest's past may be lived twice,
// that is after a snapshot or a clone, and leaves alone over a migration. Only another id asks for
// a reseed, and one that fails is told (failure 37). A clone has, beside it, another machine's
// UUID, which QEMU's configuration device tells (docs/specs/fw_cfg.rst: key 2).
#pragma once

#include "drivers/irq_lines/irq_lines.h"
#include "drivers/xen_guest/bugs.h"

namespace resume {
inline namespace v0 {

/// 128 bits that the host writes; compared, never interpreted.
struct GenerationId {
    uint64_t low = 0;
    uint64_t high = 0;
    bool operator==(const GenerationId&) const noexcept = default;
};

/// What became of the machine since it was looked at last.
enum class Descent : uint8_t {
    same,      ///< another generation was not seen: it stayed, or migrated
    snapshot,  ///< this machine, from a state that may be lived again
    clone,     ///< another machine, from that of this one
};
const char* name_of(Descent descent) noexcept;

struct VmgenidConfig {
    const GenerationId* shown = nullptr;  ///< where the host writes (ACPI: method ADDR); null: none
    void* argument = nullptr;
    /// Stirs the id into the random number generator, and makes it forget. Thread context.
    Result<> (*reseed)(void* argument, const GenerationId& id) noexcept = nullptr;
};

class Vmgenid final : public Device {
  public:
    Vmgenid(Machine& machine, IrqLines& lines, const VmgenidConfig& config, Bugs bugs) noexcept;

    /// Remembers the id; takes the line of ACPI's notification (Notify 0x80 by GPE 5).
    Result<> boot(BootContext& boot) noexcept;

    /// Compares and, when the id is another, reseeds. `interrupted`: something else says that the
    /// guest was stopped. Thread context. Errors are the reseed's; it is tried again then.
    Result<Descent> look(bool interrupted) noexcept;
    /// The host said that the id has changed, and nobody has looked since.
    [[nodiscard]] bool notified() const noexcept { return notified_; }
    [[nodiscard]] const IrqLine& line() const noexcept { return line_; }
    [[nodiscard]] uint32_t reseeds() const noexcept { return reseeds_; }

  private:
    struct Uuid {
        uint8_t bytes[16] = {};
        bool operator==(const Uuid&) const noexcept = default;
    };
    Progress suspend(ThreadContext&) noexcept;
    Progress resume(ThreadContext&, Outcome) noexcept;
    [[nodiscard]] Uuid read_uuid() noexcept;
    [[nodiscard]] GenerationId read_id() const noexcept;
    static const DriverOps kOps;

    Machine& machine_;
    IrqLines& lines_;
    VmgenidConfig config_;
    Bugs bugs_;
    IrqLine line_;
    GenerationId known_;
    Uuid uuid_;
    bool notified_ = false;
    uint32_t reseeds_ = 0;
};

}  // namespace v0
}  // namespace resume
