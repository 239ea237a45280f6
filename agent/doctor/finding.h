// What a check says, and what the doctor says of all of them.
#pragma once

#include <string>
#include <vector>

namespace resume::agent::doctor {

/// In the order of badness that the whole verdict uses; unknown is worse than ok and better than
/// anything that is known to be wrong.
enum class Verdict { ok, unknown, warning, unsafe };

const char* name_of(Verdict verdict);

struct Finding {
    std::string id;  ///< [a-z0-9-], at most 40; stands in xenstore and in exit messages
    Verdict verdict = Verdict::ok;
    std::string evidence;             ///< what was seen, in one sentence
    std::vector<std::string> advice;  ///< what to do; empty when nothing is to be done
    std::vector<std::string> sources;
    bool present = false;  ///< what a row's raise_if asks for is there, whatever the verdict
    bool unclear = false;  ///< nobody could see whether it is there
};

Verdict worst(const std::vector<Finding>& findings);

/// The node data/resume/doctor: "safe|warning|unsafe|unknown CHECK-ID...", worst first, bounded to
/// `limit` bytes; where not all ids fit, the last word is "and-more".
std::string verdict_node(const std::vector<Finding>& findings, size_t limit = 512);

/// Exit codes of interfaces: 0 safe, 1 warning, 2 unsafe, 3 unknown. With `fail_on` warning or
/// unsafe, whatever is better than that is 0 (unknown too).
int exit_code(Verdict verdict, Verdict fail_on = Verdict::ok);

}  // namespace resume::agent::doctor
