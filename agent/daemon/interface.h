// The socket's interface in varlink's own language, as GetInterfaceDescription gives it.
#pragma once

#include <string>
#include <string_view>

#include "libresume/terms.h"

namespace resume::agent {

inline constexpr std::string_view kInterfaceDescription = R"(# Suspends and resumes of this guest.
interface io.libresume.Agent1

# What the agent is doing and what it saw last.
method Status() -> (version: string, busy: bool, cycles: int, subscribers: int, doctor: string,
    last: ?object)
# What it can see, and why not.
method Sources() -> (sources: []object)
# The newest reports (cycle-1.schema.json), oldest first.
method History(count: ?int) -> (reports: []object)
# Is this guest safe to suspend: as `resumectl doctor --json` says it.
method Doctor() -> (verdict: string, node: string, checks: []object)
# With "more": an event "before" (token, kind, deadline_ms) ahead of every announced suspend and an
# event "after" (kind, outcome, id, late, report) behind every one.
method Subscribe(label: ?string) -> (event: string, token: ?string, kind: ?string,
    deadline_ms: ?int, outcome: ?string, id: ?string, late: ?[]string, report: ?object)
# "ready" or "refuse"; only root and group libresume may refuse. A stale token is not taken.
method Answer(token: string, answer: string, reason: ?string) -> (taken: bool)
# Asks announced suspends for time, at most 60 s.
method Hold(ttl_s: ?int, label: ?string) -> (id: int)
# Ends a hold (int) or an announcement (string). Safe twice.
method Release(id: any) -> (taken: ?bool)
# Announces a suspend. The answer comes when everything is ready.
method Prepare(kind: ?string, freeze: ?bool, ttl_s: ?int, deadline_s: ?int) -> (id: string)

error PermissionDenied()
error WantsMore()
error Refused(reason: string)
error TimedOut(reason: string)
)";

inline bool is_kind(std::string_view word) noexcept {
    for (uint8_t kind = 0; kind < kKindCount; ++kind) {
        if (word == name_of(static_cast<Kind>(kind))) {
            return true;
        }
    }
    return false;
}

}  // namespace resume::agent
