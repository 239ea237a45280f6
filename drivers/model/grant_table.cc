#include "drivers/model/grant_table.h"

#include <cerrno>
#include <cstring>

#include "drivers/model/machine.h"

namespace resume::model {

namespace {

constexpr uint32_t kEntriesV1 = kPageSize / sizeof(grant_entry_v1);
constexpr uint32_t kReserved = 8;

}  // namespace

GrantTable::GrantTable(Machine& machine) : machine_{machine} {
    forget();
}

std::byte* GrantTable::page(uint32_t index) {
    Frame& frame = frames_[index];
    return frame.mapped ? machine_.memory.page(frame.gfn) : frame.own->bytes;
}

void GrantTable::grow(uint32_t count) {
    while (frames_.size() < count) {
        frames_.push_back({.own = std::make_unique<OwnPage>()});
    }
}

void GrantTable::forget() {
    for (const Frame& frame : frames_) {
        if (frame.mapped) {
            machine_.memory.make_hole(frame.gfn);
        }
    }
    frames_.clear();
    mapped_.clear();
    version_ = machine_.host().grant_version_unset ? 0 : 1;
    grow(1);
    auto* entries = reinterpret_cast<grant_entry_v1*>(frames_[0].own->bytes);
    entries[0] = {.flags = GTF_permit_access, .domid = 0, .frame = kConsoleGfn};
    entries[1] = {.flags = GTF_permit_access, .domid = 0, .frame = kStoreGfn};
}

long GrantTable::map(uint64_t index, Gfn gfn) {
    if (index >= machine_.host().grant_frames) {
        return -EINVAL;
    }
    const auto number = static_cast<uint32_t>(index);
    grow(number + 1);
    Frame& frame = frames_[number];
    if (frame.mapped && frame.gfn == gfn) {
        return 0;
    }
    auto copy = std::make_unique<OwnPage>();
    std::memcpy(copy->bytes, page(number), kPageSize);
    if (frame.mapped) {
        machine_.memory.make_hole(frame.gfn);
    }
    machine_.memory.make_ram(gfn);
    std::memcpy(machine_.memory.page(gfn), copy->bytes, kPageSize);
    frame.gfn = gfn;
    frame.mapped = true;
    return 0;
}

grant_entry_v1* GrantTable::entry(uint32_t reference) {
    const uint32_t index = reference / kEntriesV1;
    return index < frames()
               ? reinterpret_cast<grant_entry_v1*>(page(index)) + reference % kEntriesV1
               : nullptr;
}

std::byte* GrantTable::map_page(DomId domain, uint32_t reference, bool readonly) {
    grant_entry_v1* const granted = entry(reference);
    if (version_ == 0 || granted == nullptr ||
        (granted->flags & GTF_type_mask) != GTF_permit_access || granted->domid != domain ||
        (!readonly && (granted->flags & GTF_readonly) != 0)) {
        return nullptr;
    }
    granted->flags =
        static_cast<uint16_t>(granted->flags | GTF_reading | (readonly ? 0 : GTF_writing));
    ++mapped_[reference];
    return machine_.memory.page(granted->frame);
}

void GrantTable::unmap_page(uint32_t reference) {
    const auto found = mapped_.find(reference);
    if (found == mapped_.end() || --found->second != 0) {
        return;
    }
    mapped_.erase(found);
    if (grant_entry_v1* const granted = entry(reference); granted != nullptr) {
        granted->flags =
            static_cast<uint16_t>(granted->flags & ~unsigned{GTF_reading | GTF_writing});
    }
}

bool GrantTable::in_use() {
    for (uint32_t index = 0; index < frames_.size(); ++index) {
        const auto* entries = reinterpret_cast<const grant_entry_v1*>(page(index));
        for (uint32_t i = index == 0 ? kReserved : 0; i < kEntriesV1; ++i) {
            if ((entries[i].flags & GTF_type_mask) != 0) {
                return true;
            }
        }
    }
    return false;
}

long GrantTable::operate(unsigned op, void* argument) {
    switch (op) {
        case GNTTABOP_query_size: {
            auto& a = *static_cast<gnttab_query_size*>(argument);
            a.nr_frames = frames();
            a.max_nr_frames = machine_.host().grant_frames;
            a.status = GNTST_okay;
            return 0;
        }
        case GNTTABOP_get_version:
            static_cast<gnttab_get_version*>(argument)->version = version_;
            return 0;
        case GNTTABOP_set_version: {
            auto& a = *static_cast<gnttab_set_version*>(argument);
            const bool known = a.version == 1 || (a.version == 2 && machine_.host().grant_v2);
            if (!known) {
                a.version = version_;
                return a.version == 2 ? -ENOSYS : -EINVAL;
            }
            if (a.version != version_ && in_use()) {
                return -EBUSY;
            }
            version_ = a.version;
            return 0;
        }
        case GNTTABOP_setup_table: {
            auto& a = *static_cast<gnttab_setup_table*>(argument);
            if (a.nr_frames > machine_.host().grant_frames) {
                a.status = GNTST_general_error;
                return 0;
            }
            grow(a.nr_frames);
            a.status = GNTST_okay;
            return 0;
        }
        default:
            return -ENOSYS;
    }
}

}  // namespace resume::model
