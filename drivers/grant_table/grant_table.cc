#include "drivers/grant_table/grant_table.h"

#include "drivers/support/boot_code.h"
#include "drivers/support/emit.h"
#include "drivers/support/xen_result.h"

namespace resume {
inline namespace v0 {
namespace {

constexpr uint32_t kVersion = 1;
constexpr uint32_t kWordBits = 64;
constexpr uint16_t kInUse = GTF_reading | GTF_writing;

bool take_back(grant_entry_v1& old) noexcept {
    if ((__atomic_load_n(&old.flags, __ATOMIC_ACQUIRE) & kInUse) != 0) {
        return false;
    }
    __atomic_store_n(&old.flags, uint16_t{GTF_invalid}, __ATOMIC_SEQ_CST);
    return true;
}

}  // namespace

constexpr DriverOps GrantTable::kOps = {
    .driver = "grant_table",
    .rank = SystemRank::grant_table,
    .syscore_suspend = syscore_down<&GrantTable::syscore_suspend>,
    .syscore_resume = syscore_up<&GrantTable::syscore_resume>,
};

GrantTable::GrantTable(Machine& machine, Gfn frame, uint32_t frames, Bugs bugs) noexcept
    : Device{kOps, "grant_table"},
      machine_{machine},
      frame_{frame},
      frames_{frames},
      usable_{frames},
      bugs_{bugs} {
    RESUME_ASSERT(frames > 0 && frames <= kMaxFrames);
}

RESUME_BOOT_CODE Result<> GrantTable::boot(BootContext&) noexcept {
    return set_up();
}

uint32_t GrantTable::entries() const noexcept {
    return usable_ * kEntriesPerFrame;
}

grant_entry_v1& GrantTable::entry(uint32_t reference) const noexcept {
    auto* page = static_cast<grant_entry_v1*>(
        frame_address(machine_, frame_ + reference / kEntriesPerFrame));
    return page[reference % kEntriesPerFrame];
}

/// The host may have changed: ask for the version that we write, and how many frames it allows.
Result<> GrantTable::negotiate() noexcept {
    gnttab_set_version version{.version = kVersion};
    const Result<> set =
        xen_result(xen::grant_table_op(machine_, GNTTABOP_set_version, version, 1));
    if (!set.ok() && set.error().code != Errc::unsupported) {
        return set;  // a Xen without the operation has version 1 only
    }
    gnttab_query_size size{.dom = DOMID_SELF, .nr_frames = 0, .max_nr_frames = 0, .status = 0};
    RESUME_TRY(xen_result(xen::grant_table_op(machine_, GNTTABOP_query_size, size, 1)));
    if (size.status != GNTST_okay) {
        return {Errc::hypercall, size.status};
    }
    if (size.max_nr_frames == 0) {
        return Errc::no_space;
    }
    usable_ = size.max_nr_frames < frames_ ? size.max_nr_frames : frames_;
    return {};
}

Result<> GrantTable::set_up() noexcept {
    RESUME_TRY(negotiate());
    return map();
}

Result<> GrantTable::map() noexcept {
    for (uint32_t i = 0; i < usable_; ++i) {
        RESUME_TRY(add_to_physmap(machine_, XENMAPSPACE_grant_table, i, frame_ + i));
    }
    return {};
}

Result<uint32_t> GrantTable::grant(DomId domain, Gfn gfn, bool readonly) noexcept {
    for (uint32_t tries = kReserved; tries < entries(); ++tries) {
        const uint32_t reference = next_;
        next_ = reference + 1 < entries() ? reference + 1 : kReserved;
        uint64_t& word = used_[reference / kWordBits];
        const uint64_t bit = uint64_t{1} << reference % kWordBits;
        if ((word & bit) != 0) {
            continue;
        }
        word |= bit;
        ++in_use_;
        grant_entry_v1& made = entry(reference);
        made.domid = domain;
        made.frame = static_cast<uint32_t>(gfn);
        const auto flags =
            static_cast<uint16_t>(readonly ? GTF_permit_access | GTF_readonly : GTF_permit_access);
        // The other side may look as soon as the flags say so.
        __atomic_store_n(&made.flags, flags, __ATOMIC_RELEASE);
        emit(machine_, id(), EventKind::grant_made, reference);
        return reference;
    }
    return Errc::no_space;
}

Result<> GrantTable::end(uint32_t reference) noexcept {
    if (reference < kReserved || reference >= entries()) {
        return Errc::invalid;
    }
    uint64_t& word = used_[reference / kWordBits];
    const uint64_t bit = uint64_t{1} << reference % kWordBits;
    if ((word & bit) == 0) {
        return Errc::gone;
    }
    grant_entry_v1& made = entry(reference);
    uint16_t flags = __atomic_load_n(&made.flags, __ATOMIC_ACQUIRE);
    do {
        if ((flags & kInUse) != 0) {
            return Errc::busy;
        }
    } while (!__atomic_compare_exchange_n(&made.flags, &flags, uint16_t{GTF_invalid}, false,
                                          __ATOMIC_SEQ_CST, __ATOMIC_RELAXED));
    word &= ~bit;
    --in_use_;
    return {};
}

/// A soft reset leaves the old entries in the table: what nobody has mapped is taken back, what
/// somebody has stays out of use, for his mapping lives on. A frame that this host does not allow
/// holds nothing.
void GrantTable::forget_all() noexcept {
    for (uint32_t reference = kReserved; reference < frames_ * kEntriesPerFrame; ++reference) {
        const uint64_t bit = uint64_t{1} << reference % kWordBits;
        if ((used_[reference / kWordBits] & bit) == 0 ||
            (reference < entries() && !take_back(entry(reference)))) {
            continue;
        }
        used_[reference / kWordBits] &= ~bit;
        --in_use_;
    }
    next_ = kReserved;
    ++generation_;
}

Result<> GrantTable::syscore_suspend(SyscoreContext&) noexcept {
    return {};
}

Result<> GrantTable::syscore_resume(SyscoreContext& context, Outcome outcome) noexcept {
    if (outcome != Outcome::resumed || context.evidence() == DomainEvidence::same) {
        return {};
    }
    const Result<> done = bugs_.has(Bug::grant_version_kept) ? map() : set_up();
    forget_all();
    return done;
}

}  // namespace v0
}  // namespace resume
