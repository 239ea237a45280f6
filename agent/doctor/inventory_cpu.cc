// CPU features, clock, hypervisor: what CPUID and /sys say.
#include <stdio.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "agent/doctor/inventory.h"

namespace resume::agent::doctor {
namespace {

enum class Register { eax, ebx, ecx, edx };

// A CPUID register whose bits are features. Names are the kernel's where it has one (and a program
// may know it by); a bit without a name here is called by its place. "-" is a bit that is no
// feature of the CPU: a reflection of the kernel's own settings.
struct FeatureWord {
    uint32_t leaf;
    uint32_t subleaf;
    Register place;
    const char* label;
    std::array<const char*, 32> names;
};

constexpr const char* kNone = nullptr;

// Intel SDM volume 2, CPUID; AMD APM volume 3, appendix E.
constexpr FeatureWord kWords[] = {
    {1,
     0,
     Register::ecx,
     "1-ecx",
     {"sse3",   "pclmulqdq", "dtes64", "monitor", "ds_cpl",
      "vmx",    "smx",       "est",    "tm2",     "ssse3",
      "cid",    "sdbg",      "fma",    "cx16",    "xtpr",
      "pdcm",   kNone,       "pcid",   "dca",     "sse4_1",
      "sse4_2", "x2apic",    "movbe",  "popcnt",  "tsc_deadline_timer",
      "aes",    "xsave",     "-",      "avx",     "f16c",
      "rdrand", "hypervisor"}},
    {1, 0, Register::edx, "1-edx", {"fpu", "vme",  "de",   "pse",   "tsc", "msr",     "pae",
                                    "mce", "cx8",  "-",    kNone,   "sep", "mtrr",    "pge",
                                    "mca", "cmov", "pat",  "pse36", "pn",  "clflush", kNone,
                                    "dts", "acpi", "mmx",  "fxsr",  "sse", "sse2",    "ss",
                                    "ht",  "tm",   "ia64", "pbe"}},
    {7, 0, Register::ebx, "7-ebx", {"fsgsbase", "tsc_adjust", "sgx",      "bmi1",       "hle",
                                    "avx2",     kNone,        "smep",     "bmi2",       "erms",
                                    "invpcid",  "rtm",        "cqm",      kNone,        "mpx",
                                    "rdt_a",    "avx512f",    "avx512dq", "rdseed",     "adx",
                                    "smap",     "avx512ifma", kNone,      "clflushopt", "clwb",
                                    "intel_pt", "avx512pf",   "avx512er", "avx512cd",   "sha_ni",
                                    "avx512bw", "avx512vl"}},
    {7,
     0,
     Register::ecx,
     "7-ecx",
     {"prefetchwt1", "avx512vbmi",   "umip",          "pku",       "-",
      "waitpkg",     "avx512_vbmi2", "shstk",         "gfni",      "vaes",
      "vpclmulqdq",  "avx512_vnni",  "avx512_bitalg", "tme",       "avx512_vpopcntdq",
      kNone,         "la57",         kNone,           kNone,       kNone,
      kNone,         kNone,          "rdpid",         kNone,       "bus_lock_detect",
      "cldemote",    kNone,          "movdiri",       "movdir64b", "enqcmd",
      "sgx_lc",      kNone}},
    {7,
     0,
     Register::edx,
     "7-edx",
     {kNone,
      kNone,
      "avx512_4vnniw",
      "avx512_4fmaps",
      "fsrm",
      "uintr",
      kNone,
      kNone,
      "avx512_vp2intersect",
      kNone,
      "md_clear",
      kNone,
      kNone,
      kNone,
      "serialize",
      "hybrid",
      "tsxldtrk",
      kNone,
      "pconfig",
      "arch_lbr",
      "ibt",
      kNone,
      "amx_bf16",
      "avx512_fp16",
      "amx_tile",
      "amx_int8",
      "spec_ctrl",
      "intel_stibp",
      "flush_l1d",
      "arch_capabilities",
      "core_capabilities",
      "spec_ctrl_ssbd"}},
    {0xd, 1, Register::eax, "d.1-eax", {"xsaveopt", "xsavec", "xgetbv1", "xsaves"}},
    {0x80000001,
     0,
     Register::ecx,
     "80000001-ecx",
     {"lahf_lm",    "cmp_legacy",  "svm",           "extapic", "cr8_legacy",  "abm",
      "sse4a",      "misalignsse", "3dnowprefetch", "osvw",    "ibs",         "xop",
      "skinit",     "wdt",         kNone,           "lwp",     "fma4",        "tce",
      kNone,        "nodeid_msr",  kNone,           "tbm",     "topoext",     "perfctr_core",
      "perfctr_nb", kNone,         "bpext",         "ptsc",    "perfctr_llc", "mwaitx",
      kNone,        kNone}},
    {0x80000001,
     0,
     Register::edx,
     "80000001-edx",
     {"-",       "-", "-", "-",        "-",       "-",      "-",   "-",   "-",        "-",    kNone,
      "syscall", "-", "-", "-",        "-",       "-",      "-",   kNone, "mp",       "nx",   kNone,
      "mmxext",  "-", "-", "fxsr_opt", "pdpe1gb", "rdtscp", kNone, "lm",  "3dnowext", "3dnow"}},
    {0x80000007,
     0,
     Register::edx,
     "80000007-edx",
     {kNone, kNone, kNone, kNone, kNone, kNone, kNone, "hw_pstate", "constant_tsc"}},
    {0x80000008, 0, Register::ebx, "80000008-ebx", {"clzero", "irperf", "xsaveerptr"}},
};

uint32_t pick(const CpuidLeaf& leaf, Register place) {
    switch (place) {
        case Register::eax:
            return leaf.eax;
        case Register::ebx:
            return leaf.ebx;
        case Register::ecx:
            return leaf.ecx;
        case Register::edx:
            return leaf.edx;
    }
    return 0;
}

bool has_leaf(const Cpuid& cpuid, uint32_t leaf) {
    return cpuid(leaf & 0x80000000, 0).eax >= leaf;
}

void add(std::vector<Item>& items, std::string id, Class importance, Compare compare,
         std::string value) {
    if (!value.empty()) {
        items.push_back({std::move(id), importance, compare, std::move(value)});
    }
}

void add_bits(std::vector<Item>& items, const std::string& prefix, Class importance, uint32_t word,
              const char* const* names, size_t count, const char* label) {
    for (size_t bit = 0; bit < 32; ++bit) {
        const char* name = bit < count ? names[bit] : nullptr;
        if ((word >> bit & 1) == 0 || (name != nullptr && *name == '-')) {
            continue;
        }
        const std::string place = std::string{label} + "-" + std::to_string(bit);
        add(items, prefix + (name != nullptr ? name : place), importance, Compare::presence, "1");
    }
}

void add_features(std::vector<Item>& items, const Cpuid& cpuid) {
    for (const FeatureWord& word : kWords) {
        if (has_leaf(cpuid, word.leaf)) {
            add_bits(items, "cpu.feature.", Class::required,
                     pick(cpuid(word.leaf, word.subleaf), word.place), word.names.data(),
                     word.names.size(), word.label);
        }
    }
}

std::string text_of(std::initializer_list<uint32_t> registers) {
    std::string text;
    for (const uint32_t word : registers) {
        text.append(reinterpret_cast<const char*>(&word), sizeof word);
    }
    return std::string{trim(text.c_str())};
}

std::string brand(const Cpuid& cpuid) {
    std::string text;
    for (uint32_t leaf = 0x80000002; leaf <= 0x80000004 && has_leaf(cpuid, leaf); ++leaf) {
        const CpuidLeaf part = cpuid(leaf, 0);
        const uint32_t words[] = {part.eax, part.ebx, part.ecx, part.edx};
        text.append(reinterpret_cast<const char*>(words), sizeof words);
    }
    return std::string{trim(text.c_str())};
}

std::string hex(uint32_t value) {
    char text[16];
    ::snprintf(text, sizeof text, "0x%x", value);
    return text;
}

// Kilohertz: Xen says it in its time leaf, VMware and KVM's compatible one in 0x40000010, the CPU
// itself as crystal and ratio in 0x15.
uint32_t tsc_khz(const Cpuid& cpuid, const PlatformFacts& facts) {
    if (facts.hypervisor == "XenVMMXenVMM") {
        return cpuid(facts.hypervisor_base + 3, 0).ecx;
    }
    if (facts.hypervisor_base != 0 && cpuid(facts.hypervisor_base, 0).eax >= 0x40000010) {
        return cpuid(0x40000010, 0).eax;
    }
    const CpuidLeaf ratio = has_leaf(cpuid, 0x15) ? cpuid(0x15, 0) : CpuidLeaf{};
    if (ratio.eax == 0 || ratio.ebx == 0 || ratio.ecx == 0) {
        return 0;
    }
    return static_cast<uint32_t>(uint64_t{ratio.ecx} * ratio.ebx / ratio.eax / 1000);
}

// Xen: arch-x86/cpuid.h, XEN_HVM_CPUID_*; KVM: Documentation/virt/kvm/x86/cpuid.rst.
constexpr const char* kXenBits[] = {"apic-access-virt", "x2apic-virt", "iommu-mappings",
                                    "vcpu-id",          "domid",       "ext-dest-id",
                                    "upcall-vector"};
constexpr const char* kKvmBits[] = {
    "clocksource",     "nop-io-delay", "mmu-op",           "clocksource2",   "async-pf",
    "steal-time",      "pv-eoi",       "pv-unhalt",        nullptr,          "pv-tlb-flush",
    "async-pf-vmexit", "pv-send-ipi",  "poll-control",     "pv-sched-yield", "async-pf-int",
    "msi-ext-dest-id", "hc-map-gpa",   "migration-control"};

}  // namespace

void add_cpu(std::vector<Item>& items, const Root& root, const Cpuid& cpuid) {
    const std::string clock = "/sys/devices/system/clocksource/clocksource0/";
    const std::string current{trim(root.line(clock + "current_clocksource"))};
    add(items, "clock.current", Class::expected, Compare::exact, current);
    for (const std::string& name : words(root.line(clock + "available_clocksource"))) {
        add(items, "clock.available." + name, Class::expected, Compare::presence, "1");
    }
    add(items, "cpu.online", Class::required, Compare::exact,
        root.line("/sys/devices/system/cpu/online"));
    if (!cpuid) {
        return;
    }
    const CpuidLeaf vendor = cpuid(0, 0);
    add(items, "cpu.vendor", Class::required, Compare::exact,
        text_of({vendor.ebx, vendor.edx, vendor.ecx}));
    add(items, "cpu.model", Class::expected, Compare::exact, brand(cpuid));
    // Family, model and stepping; the other registers of leaf 1 hold the APIC id of this very CPU.
    add(items, "cpu.signature", Class::expected, Compare::exact, hex(cpuid(1, 0).eax));
    add_features(items, cpuid);
    const uint32_t khz = tsc_khz(cpuid, detect_platform(root, cpuid));
    // Where time is read from the TSC itself, another rate is a wrong clock.
    add(items, "cpu.tsc_khz", current == "tsc" ? Class::required : Class::expected, Compare::exact,
        khz != 0 ? std::to_string(khz) : "");
}

void add_hypervisor(std::vector<Item>& items, const Root& root, const Cpuid& cpuid) {
    const PlatformFacts facts = detect_platform(root, cpuid);
    add(items, "hypervisor.platform", Class::required, Compare::exact, name_of(facts.platform));
    add(items, "hypervisor.name", Class::required, Compare::exact, facts.hypervisor);
    if (facts.hypervisor == "XenVMMXenVMM" && cpuid) {
        const uint32_t version = cpuid(facts.hypervisor_base + 1, 0).eax;
        add(items, "hypervisor.version", Class::informational, Compare::exact,
            std::to_string(version >> 16) + "." + std::to_string(version & 0xffff));
        add_bits(items, "hypervisor.xen.", Class::required, cpuid(facts.hypervisor_base + 4, 0).eax,
                 kXenBits, std::size(kXenBits), "bit");
    } else if (facts.hypervisor == "KVMKVMKVM" && cpuid) {
        add_bits(items, "hypervisor.kvm.", Class::required, cpuid(facts.hypervisor_base + 1, 0).eax,
                 kKvmBits, std::size(kKvmBits), "bit");
    }
    add(items, "hypervisor.xenfeatures", Class::expected, Compare::exact,
        std::string{trim(root.line("/sys/hypervisor/properties/features"))});
    if (facts.hypervisor.empty()) {
        const std::string major = root.line("/sys/hypervisor/version/major");
        add(items, "hypervisor.version", Class::informational, Compare::exact,
            major.empty() ? "" : major + "." + root.line("/sys/hypervisor/version/minor"));
    }
}

}  // namespace resume::agent::doctor
