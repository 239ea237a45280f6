// The host's migration stream, as far as the capability contract goes: sections of device state,
// each with the items that it needs of the side that loads it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "libresume/capability.h"

namespace resume::model {

/// A device of one side: its contract, and what the contract's functions look at.
struct StreamDevice {
    std::string name;
    Contract contract;
    const void* state = nullptr;
};

/// The mistake of the report: what the platform below cannot restore is left out without a word.
struct StreamBugs {
    bool drop_silently = false;
};

/// What happened to one item of one device.
struct StreamLine {
    std::string device;
    std::string item;
    ItemFate fate = ItemFate::restored;
};

struct LoadOutcome {
    std::vector<StreamLine> lines;    ///< one for every item that travelled
    std::vector<std::string> failed;  ///< devices whose resume fails
    std::string error;                ///< malformed stream or first refusal, with its cause
    [[nodiscard]] bool ok() const { return error.empty(); }
};

/// The bytes of all sections; empty and `error` set when a contract breaks its own bounds.
std::vector<uint8_t> save_stream(const std::vector<StreamDevice>& devices, std::string& error);

/// Loads an untrusted stream into this side's devices. A refused item fails its own device; the
/// others are loaded, and every item has its line.
LoadOutcome load_stream(const std::vector<uint8_t>& bytes, const std::vector<StreamDevice>& devices,
                        const Waivers& waivers, StreamBugs bugs = {});

}  // namespace resume::model
