#!/usr/bin/env python3
"""lint.py ROOT: rules of the tree that no compiler checks, each finding as file:line: rule: why.

Layers (who may include whom), the core's subset, sizes, sources without a target, callers of
BootContext::with, leftovers. The map is ARCHITECTURE.md's, the limits are STYLE.md's.
"""
import pathlib
import re
import subprocess
import sys

FUNCTION_LINES = 70
# Most files stand near 150 lines. What must run inside a kernel is held to 300, a table or a
# reader of the hosted part to half as much again, a test to the story that it tells.
FILE_LINES = {"core": 300, "drivers": 300}
HOSTED_FILE_LINES = 450
TEST_FILE_LINES = 600

# The vocabulary that every layer may speak: no engine, no tables.
WORDS = ("libresume/terms.h", "libresume/trace.h", "libresume/trace_text.h", "libresume/result.h",
         "libresume/assert.h")
# (layer, files of it, what its includes of ours may begin with, what of these they may not).
# The first layer that a path matches is its layer.
LAYERS = (
    ("oracle", ("libresume/oracle/",), (*WORDS, "libresume/oracle/"), ()),
    ("client", ("libresume/client/",), ("libresume/client/",), ()),
    ("store", ("libresume/store/",), ("libresume/store/",), ()),
    ("core", ("libresume/",), ("libresume/",),
     ("libresume/oracle/", "libresume/client/", "libresume/store/")),
    ("model", ("drivers/model/",),
     (*WORDS, "libresume/boot_context.h", "libresume/capability.h", "libresume/poison.h",
      "libresume/platform/", "drivers/model/"), ()),
    ("drivers", ("drivers/",), ("libresume/", "drivers/"),
     ("libresume/oracle/", "libresume/client/", "libresume/store/", "drivers/model/")),
    ("xen", ("xen/",), ("libresume/", "xen/"), ("libresume/oracle/",)),
    ("agent", ("agent/",), ("libresume/", "xen/", "agent/"), ()),
)
SUBSET = ("core", "drivers")
SUBSET_HEADERS = re.compile(
    r"^(stdint\.h|stddef\.h|stdarg\.h|atomic|bit|concepts|new|type_traits|utility|"
    r"boost/intrusive/[\w/]+\.hpp|xen/[\w/-]+\.h|linux/virtio_\w+\.h|asm/kvm_para\.h)$")
SUBSET_WORDS = (
    (r"\bvirtual\b", "no virtual functions in core and drivers"),
    (r"\b(throw|try|catch)\b", "no exceptions in core and drivers"),
    (r"\b(dynamic_cast|typeid)\b", "no RTTI in core and drivers"),
    (r"\bnew\b(?!\s*\()", "no heap in core and drivers"),
    (r"(?<!= )\bdelete\b", "no heap in core and drivers"),
    (r"\b(malloc|calloc|realloc|free)\s*\(", "no heap in core and drivers"),
    (r"\bstd::(function|string|vector|map|set|unordered_\w+|shared_ptr|unique_ptr|thread|mutex)\b",
     "no hosted library in core and drivers"),
    (r"\bthread_local\b", "no thread-local state in core and drivers"),
)
LEFTOVERS = (
    (r"\b(TODO|FIXME|XXX|HACK)\b", "do it, or write an issue"),
    (r"^\s*#\s*if\s+0\b", "dead code"),
    (r"\.\.[/]shared", "names a place outside the project"),
)
# BootContext::with ends boot's privilege: one caller for each thing that boots (L10).
# The forged one is the switch that restores RHEL 8.8's bug.
BOOT_CALLERS = {"drivers/model/": 1, "tests/kernel/": 1,
                "drivers/callback/forged_boot_context.h": 1}


def tracked(root):
    done = subprocess.run(["git", "-C", str(root), "ls-files"], capture_output=True, text=True,
                          check=True)
    return [root / name for name in done.stdout.splitlines() if (root / name).is_file()]


def layer_of(name):
    for layer, folders, allowed, denied in LAYERS:
        if name.startswith(folders):
            return layer, allowed, denied
    return None, (), ()


def without_comments(text):
    """Comments and strings blanked, lines kept."""
    def blank(match):
        return re.sub(r"[^\n]", " ", match.group(0))
    pattern = r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\''
    return re.sub(pattern, blank, text, flags=re.DOTALL)


def check_forgery(name, text):
    """The forged BootContext restores one bug in one driver."""
    if name.startswith("drivers/callback/"):
        return
    for number, line in enumerate(text.splitlines(), 1):
        if re.match(r'\s*#\s*include\s+".*forged_boot_context\.h"', line):
            yield number, "boot", "only drivers/callback may forge a BootContext"


def check_includes(name, text):
    layer, allowed, denied = layer_of(name)
    if layer is None:
        return
    for number, line in enumerate(text.splitlines(), 1):
        ours = re.match(r'\s*#\s*include\s+"([^"]+)"', line)
        if ours and (not ours[1].startswith(allowed) or ours[1].startswith(denied or ("\0",))):
            yield number, "layers", f"{layer} may not include {ours[1]}"
        system = re.match(r"\s*#\s*include\s+<([^>]+)>", line)
        if system and layer in SUBSET and not SUBSET_HEADERS.match(system[1]):
            yield number, "subset", f"<{system[1]}> is not in the core's subset"


def check_subset(name, text):
    layer, _, _ = layer_of(name)
    if layer not in SUBSET:
        return
    for number, line in enumerate(without_comments(text).splitlines(), 1):
        if line.lstrip().startswith("#"):
            continue
        for pattern, why in SUBSET_WORDS:
            if re.search(pattern, line):
                yield number, "subset", why


NOT_FUNCTIONS = re.compile(
    r"^(if|for|while|switch|else|do|namespace|class|struct|enum|union|extern|case|default|try|"
    r"catch|requires)\b")


def functions(text):
    """(first line, number of lines) of each outermost function body, by its braces."""
    lines = without_comments(text).splitlines()
    stack = []
    header = ""
    for number, line in enumerate(lines, 1):
        if line.lstrip().startswith("#"):
            continue
        for char in line:
            if char == "{":
                words = header.strip()
                is_function = ("(" in words and not NOT_FUNCTIONS.match(words)
                               and not re.search(r"=\s*$", words)
                               and not any(inside for inside, _ in stack))
                stack.append((is_function, number))
                header = ""
            elif char == "}":
                if stack:
                    is_function, first = stack.pop()
                    if is_function:
                        yield first, number - first + 1
                header = ""
            elif char == ";":
                header = ""
            else:
                header += char
        header += " "


def check_sizes(name, text):
    count = text.count("\n")
    hosted = TEST_FILE_LINES if name.startswith("tests/") else HOSTED_FILE_LINES
    limit = FILE_LINES.get(layer_of(name)[0], hosted)
    if count > limit:
        yield 1, "size", f"{count} lines; a file has at most {limit}"
    for first, length in functions(text):
        if length > FUNCTION_LINES:
            yield first, "size", f"a function of {length} lines; at most {FUNCTION_LINES}"


def check_leftovers(name, text):
    if name.startswith("tests/lint/"):
        return  # it spells out what it looks for
    formatted = True  # tables that clang-format leaves alone may be wider
    for number, line in enumerate(text.splitlines(), 1):
        if "clang-format o" in line:
            formatted = "clang-format on" in line
        for pattern, why in LEFTOVERS:
            if re.search(pattern, line):
                yield number, "leftover", why
        if formatted and len(line) > 100 and name.endswith((".cc", ".h")):
            yield number, "size", "more than 100 columns"


def check_header(name, text):
    if name.startswith("tests/gate/no_libc"):
        return  # stands for a system's header
    if name.endswith(".h") and "#pragma once" not in text:
        yield 1, "header", "no #pragma once"


def named_sources(folder, text):
    """Patterns of the sources that a CMakeLists.txt names; a variable stands for anything."""
    for word in re.findall(r"[^\s()\"]+\.(?:cc|c|S)\b", text):
        parts = re.split(r"\$\{\w+\}/?", word)
        yield re.compile(re.escape(folder) + r"[\w./-]*".join(map(re.escape, parts)) + "$")


def check_targets(root, names):
    """Each source is named by a CMakeLists.txt in its folder or above."""
    patterns = [pattern for name in names if name.endswith("CMakeLists.txt")
                for pattern in named_sources(name[:-len("CMakeLists.txt")],
                                             (root / name).read_text(encoding="utf-8"))]
    for name in names:
        if name.endswith((".cc", ".c", ".S")) and not any(p.match(name) for p in patterns):
            yield name, 1, "target", "no CMakeLists.txt names it: it is built by nobody"


def check_boot_callers(texts):
    found = {folder: [] for folder in BOOT_CALLERS}
    for name, text in texts.items():
        if not name.endswith((".cc", ".h")) or name == "libresume/boot_context.h":
            continue
        for number, line in enumerate(without_comments(text).splitlines(), 1):
            if not re.search(r"\bBootContext::with\b", line):
                continue
            folder = next((f for f in BOOT_CALLERS if name.startswith(f)), None)
            if folder is not None:
                found[folder].append((name, number))
            elif not name.startswith("tests/"):
                yield name, number, "boot", "boots nothing, so it may not make a BootContext"
    for folder, callers in found.items():
        for name, number in callers[BOOT_CALLERS[folder]:]:
            yield name, number, "boot", f"{folder} has another caller of BootContext::with"


def lint(root):
    paths = tracked(root)
    names = [str(path.relative_to(root)) for path in paths]
    texts = {}
    for path, name in zip(paths, names):
        try:
            texts[name] = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
    findings = []
    for name, text in texts.items():
        checks = [check_leftovers]
        if name.endswith((".cc", ".h", ".c")):
            checks += [check_includes, check_forgery, check_subset, check_sizes, check_header]
        for check in checks:
            findings += [(name, *found) for found in check(name, text)]
    findings += check_targets(root, names)
    findings += check_boot_callers(texts)
    return sorted(findings), len(texts)


def main():
    root = pathlib.Path(sys.argv[1]).resolve()
    if not (root / ".git").exists():
        print("SKIP: not a git tree, so there is no list of its files")
        return 77
    findings, count = lint(root)
    for name, line, rule, why in findings:
        print(f"{name}:{line}: {rule}: {why}")
    print(f"{count} files, {len(findings)} findings")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
