// mutants [--guest G] [--kind K] [--only TEXT] [--verbose]: breaks the library in every generated
// way, on each guest and in each kind of cycle, and wants each break to be noticed: by the oracle,
// or by the guest itself. Each mutant runs in a process of its own.
//
// A mutant whose run is the unbroken run, event for event, twice over and with the guest alive
// after each cycle, changed nothing. A call that a later one of its kind makes good is proved
// redundant: swallowed together with the next ones it must be noticed. What else survives stands in
// xen_equivalents.cc or kvm_equivalents.cc with its reason.
// Exit 0 when all others were killed, 1 when not or when a row there is not needed, 70 when an
// unbroken guest is not clean.
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>
#include <map>
#include <string>

#include "tests/mutants/equivalents.h"
#include "tests/mutants/kvm_victim.h"
#include "tests/mutants/mutation.h"

namespace {

using namespace resume;
using namespace resume::mutants;

constexpr unsigned kPatienceSeconds = 60;  ///< of real time, for a mutant that never ends
constexpr uint32_t kMostInARow = 10;       ///< calls swallowed in a row, to prove one redundant

struct Options {
    std::string guest;
    std::string kind;
    std::string only;
    bool verbose = false;
};

struct Count {
    uint32_t killed = 0;
    uint32_t survived = 0;
    uint32_t same_run = 0;
    uint32_t redundant = 0;
    uint32_t excused = 0;
};

/// Runs it in a child; a child that dies of a signal was killed by what it did to itself.
Ending run_apart(const Field& field, size_t kind, const Mutation& mutation) {
    int ends[2];
    if (pipe(ends) != 0) {
        return {.wrong = "no pipe"};
    }
    std::fflush(nullptr);
    const pid_t child = fork();
    if (child == 0) {
        close(ends[0]);
        if (!freopen("/dev/null", "w", stderr)) {
            _exit(70);
        }
        alarm(kPatienceSeconds);
        const Ending ending = field.run(kind, mutation);
        const std::string text = std::to_string(ending.digest) + " " + ending.wrong;
        const ssize_t written = write(ends[1], text.data(), text.size());
        _exit(written == static_cast<ssize_t>(text.size()) ? 0 : 70);
    }
    close(ends[1]);
    std::string text;
    char buffer[512];
    for (ssize_t got = 0; (got = read(ends[0], buffer, sizeof buffer)) > 0;) {
        text.append(buffer, static_cast<size_t>(got));
    }
    close(ends[0]);
    int status = 0;
    waitpid(child, &status, 0);
    if (WIFSIGNALED(status)) {
        return {.wrong = std::string{"the process: "} + strsignal(WTERMSIG(status))};
    }
    const size_t space = text.find(' ');
    if (space == std::string::npos) {
        return {.wrong = "the process said nothing"};
    }
    return {.wrong = text.substr(space + 1), .digest = std::stoull(text)};
}

class Hunt {
  public:
    explicit Hunt(const Options& options) : options_{options} {}

    int run() {
        // The guests of Xen's share their excuses.
        const Field fields[] = {xen_field(model::GuestKind::xen_hvm, equivalents_),
                                xen_field(model::GuestKind::xen_pvh, equivalents_),
                                kvm_field(kvm_equivalents_)};
        for (const Field& field : fields) {
            if (!options_.guest.empty() && options_.guest != field.guest) {
                continue;
            }
            const auto mutations = field.all();
            for (size_t kind = 0; kind < field.kinds.size(); ++kind) {
                if (!hunt_in(field, kind, mutations)) {
                    return 70;
                }
            }
        }
        const bool tidy =
            !whole() || (all_excuses_needed(fields[0]) && all_excuses_needed(fields[2]));
        print_end();
        return count_.survived == 0 && tidy ? 0 : 1;
    }

  private:
    bool whole() const {
        return options_.guest.empty() && options_.kind.empty() && options_.only.empty();
    }

    static bool all_excuses_needed(const Field& field) {
        const auto rows = field.equivalents->unneeded();
        for (const std::string& row : rows) {
            std::printf("%s: no mutant needs the excuse for \"%s\"; take it out\n",
                        field.guest.c_str(), row.c_str());
        }
        return rows.empty();
    }

    bool hunt_in(const Field& field, size_t kind, std::vector<Mutation> mutations) {
        const char* const guest = field.guest.c_str();
        const char* const kind_name = field.kinds[kind].c_str();
        if (!options_.kind.empty() && options_.kind != kind_name) {
            return true;
        }
        const Ending unbroken = run_apart(field, kind, {.what = "unbroken"});
        if (!unbroken.wrong.empty()) {
            std::printf("%s %s: the unbroken guest is not clean: %s\n", guest, kind_name,
                        unbroken.wrong.c_str());
            return false;
        }
        const auto calls = field.calls(kind);
        mutations.insert(mutations.end(), calls.begin(), calls.end());
        const Count before = count_;
        for (const Mutation& mutation : mutations) {
            if (mutation.what.find(options_.only) != std::string::npos) {
                hunt_one(field, kind, mutation, unbroken.digest);
            }
        }
        std::printf(
            "%s %-16s: %u killed, %u survived, %u the same run, %u redundant, %u equivalent\n",
            guest, kind_name, count_.killed - before.killed, count_.survived - before.survived,
            count_.same_run - before.same_run, count_.redundant - before.redundant,
            count_.excused - before.excused);
        return true;
    }

    void hunt_one(const Field& field, size_t kind, const Mutation& mutation, uint64_t unbroken) {
        const Ending ending = run_apart(field, kind, mutation);
        const char* word = "killed";
        bool& killed_somewhere = killed_somewhere_[mutation.what];
        if (!ending.wrong.empty()) {
            ++count_.killed;
            killed_somewhere = true;
        } else if (ending.digest == unbroken) {
            ++count_.same_run;
            word = "same run";
        } else if (const uint32_t needed = calls_in_a_row(field, kind, mutation); needed != 0) {
            ++count_.redundant;
            ++in_a_row_[needed];
            word = "redundant";
        } else if (const char* const excuse = field.equivalents->reason_for(kind, mutation)) {
            ++count_.excused;
            ++reasons_[excuse];
            word = "equivalent";
        } else {
            ++count_.survived;
            word = "SURVIVED";
        }
        const std::string name = field.guest + " " + field.kinds[kind] + ": " + mutation.what;
        if (std::strcmp(word, "SURVIVED") == 0) {
            survivors_.push_back(name);
        }
        if (options_.verbose) {
            std::printf("%s: %s %s\n", name.c_str(), word, ending.wrong.c_str());
        }
    }

    /// How many of these calls in a row must be swallowed until somebody notices; 0 when even
    /// kMostInARow are not missed.
    static uint32_t calls_in_a_row(const Field& field, size_t kind, Mutation mutation) {
        if (mutation.change != Change::swallow_call) {
            return 0;
        }
        while (++mutation.times <= kMostInARow) {
            if (!run_apart(field, kind, mutation).wrong.empty()) {
                return mutation.times;
            }
        }
        return 0;
    }

    void print_end() const {
        std::printf("\n%u mutants ran as the unbroken guest does, event for event\n",
                    count_.same_run);
        if (whole()) {
            for (const auto& [what, killed] : killed_somewhere_) {
                if (!killed && what.find("swallow_call") == std::string::npos) {
                    std::printf("felt in no kind of cycle: %s\n", what.c_str());
                }
            }
        }
        for (const auto& [calls, times] : in_a_row_) {
            std::printf(
                "%u redundant: a call that the next one makes good; killed when %u in a row "
                "are swallowed\n",
                times, calls);
        }
        for (const auto& [reason, times] : reasons_) {
            std::printf("%u equivalent: %s\n", times, reason.c_str());
        }
        for (const std::string& mutant : survivors_) {
            std::printf("SURVIVED: %s\n", mutant.c_str());
        }
        std::printf("%u of %u killed\n", count_.killed, count_.killed + count_.survived);
    }

    const Options& options_;
    Count count_;
    Equivalents equivalents_{xen_equivalents()};
    Equivalents kvm_equivalents_{kvm_equivalents()};
    std::map<std::string, bool> killed_somewhere_;
    std::map<uint32_t, uint32_t> in_a_row_;
    std::map<std::string, uint32_t> reasons_;
    std::vector<std::string> survivors_;
};

}  // namespace

int main(int argc, char** argv) {
    Options options;
    for (int i = 1; i < argc; ++i) {
        const std::string argument = argv[i];
        std::string* const value = argument == "--guest"  ? &options.guest
                                   : argument == "--kind" ? &options.kind
                                   : argument == "--only" ? &options.only
                                                          : nullptr;
        if (argument == "--verbose") {
            options.verbose = true;
        } else if (value != nullptr && i + 1 < argc) {
            *value = argv[++i];
        } else {
            std::fprintf(stderr,
                         "mutants: bad argument %s; usage: mutants [--guest xen-hvm|xen-pvh|kvm] "
                         "[--kind KIND] [--only TEXT] [--verbose]\n",
                         argument.c_str());
            return 64;
        }
    }
    return Hunt{options}.run();
}
