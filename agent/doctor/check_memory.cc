// Poisoned pages and the generation id.
#include "agent/doctor/checks.h"

namespace resume::agent::doctor {

void check_poison(const Context& context, std::vector<Finding>& findings) {
    const auto corrupted = corrupted_kib(context.root);
    if (!corrupted) {
        findings.push_back(fine("poison", "this kernel does not count corrupted memory"));
        return;
    }
    if (*corrupted == 0) {
        findings.push_back(fine("poison", "HardwareCorrupted is 0"));
        return;
    }
    const bool known = context.poison && context.poison->corrupted_kib == *corrupted;
    const PoisonedPages pages = known ? *context.poison : scan_poisoned(context.root);
    const std::string where = pages.error.empty()
                                  ? counted(pages.found, "page") + ": " + addresses_text(pages)
                                  : "addresses not known (" + pages.error + ")";
    findings.push_back({.id = "poison",
                        .verdict = Verdict::warning,
                        .evidence = "HardwareCorrupted is " + std::to_string(*corrupted) +
                                    " kB (soft offlined pages count too); " + where,
                        .advice = {"ask the host's side whether its save skips poisoned pages: one "
                                   "that reads them dies in the middle of the migration",
                                   "a reboot of the guest gives the pages back to the host"},
                        .sources = {"qemu-devel: migration: skip poisoned memory pages on \"ram "
                                    "saving\" phase"}});
}

// Without a driver a restored snapshot continues with the random numbers of its twin.
void check_vmgenid(const Context& context, std::vector<Finding>& findings) {
    bool device = false;
    for (const std::string& name : context.root.list("/sys/bus/acpi/devices")) {
        const std::string alias = context.root.line("/sys/bus/acpi/devices/" + name + "/modalias");
        device = device || alias.find("VM_GEN_COUNTER") != alias.npos ||
                 alias.find("VMGENCTR") != alias.npos;
    }
    const bool driver = context.root.exists("/sys/bus/acpi/drivers/vmgenid") ||
                        context.root.exists("/sys/bus/platform/drivers/vmgenid");
    Finding finding = fine("vmgenid",
                           "no generation id device; clones of this guest would not "
                           "notice that they are clones");
    if (device && driver) {
        finding.evidence = "a generation id device, and the kernel's driver reseeds by it";
    } else if (device) {
        finding.verdict = Verdict::warning;
        finding.evidence =
            "a generation id device, and no driver for it: a restored snapshot "
            "continues with the random numbers of its twin";
        finding.advice = {"use a kernel of 5.18 or later with CONFIG_VMGENID"};
        finding.sources = {"linux: drivers/virt/vmgenid.c"};
    }
    findings.push_back(std::move(finding));
}

}  // namespace resume::agent::doctor
