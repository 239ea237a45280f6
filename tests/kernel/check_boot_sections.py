#!/usr/bin/env python3
"""Finds references from code that stays to code that is gone after boot, as Linux's modpost does.

usage: check_boot_sections.py ELF [--allow NAME]...

ELF is a kernel linked with --emit-relocs; its boot-only range is given by the symbols
kernel_boot_begin and kernel_boot_end. --allow names a function (a part of its mangled name) that may
refer there: the seam of a bug that is restored on purpose. Exit: 0 none, 1 found, 66 unreadable.
"""

import argparse
import dataclasses
import struct
import sys

SHT_SYMTAB, SHT_RELA, SHF_ALLOC = 2, 4, 2
STT_FUNC, STT_SECTION = 2, 3
# Relative to the place; the addend counts the four bytes of the field itself.
PC_RELATIVE = {2, 4, 9, 41, 42}
# The ELF note names the entry for the domain builder, which needs it before boot.
FREE_SECTIONS = {".note.Xen"}


class BadElf(Exception):
    pass


@dataclasses.dataclass(frozen=True)
class Section:
    name: str
    kind: int
    flags: int
    address: int
    offset: int
    size: int
    link: int
    info: int


@dataclasses.dataclass(frozen=True)
class Symbol:
    name: str
    kind: int
    value: int
    size: int


def read_string(data, offset):
    return data[offset:data.index(b"\0", offset)].decode("ascii", "replace")


def read_sections(data):
    if data[:6] != b"\x7fELF\x02\x01":
        raise BadElf("not a 64-bit little-endian ELF file")
    start, = struct.unpack_from("<Q", data, 0x28)
    size, count, names = struct.unpack_from("<HHH", data, 0x3A)
    raw = [struct.unpack_from("<IIQQQQII", data, start + size * i) for i in range(count)]
    names_at = raw[names][4]
    return [Section(read_string(data, names_at + each[0]), *each[1:8]) for each in raw]


def read_symbols(data, sections):
    table = next((each for each in sections if each.kind == SHT_SYMTAB), None)
    if table is None:
        raise BadElf("no symbol table")
    strings = sections[table.link].offset
    symbols = []
    for at in range(table.offset, table.offset + table.size, 24):
        name, info, _, section, value, size = struct.unpack_from("<IBBHQQ", data, at)
        kind = info & 15
        text = read_string(data, strings + name)
        if kind == STT_SECTION and section < len(sections):
            text = sections[section].name
        symbols.append(Symbol(text, kind, value, size))
    return symbols


def boot_range(symbols):
    by_name = {each.name: each.value for each in symbols}
    try:
        return by_name["kernel_boot_begin"], by_name["kernel_boot_end"]
    except KeyError as missing:
        raise BadElf(f"no symbol {missing}") from None


def function_at(functions, address):
    for each in functions:
        if each.value <= address < each.value + max(each.size, 1):
            return each.name
    return None


def references(data, sections, symbols):
    """(place, name of its section, target, target's name) of each relocation that is loaded, but
    for the compiler's jump tables: relative ones in .rodata, of the very function they lead into."""
    for section in sections:
        if section.kind != SHT_RELA or not sections[section.info].flags & SHF_ALLOC:
            continue
        for at in range(section.offset, section.offset + section.size, 24):
            place, info, addend = struct.unpack_from("<QQq", data, at)
            if sections[section.info].name == ".rodata" and info & 0xFFFFFFFF in PC_RELATIVE:
                continue
            symbol = symbols[info >> 32]
            target = symbol.value
            if symbol.kind == STT_SECTION:
                target += addend + (4 if info & 0xFFFFFFFF in PC_RELATIVE else 0)
            yield place, sections[section.info].name, target, symbol.name


def violations(data, allowed):
    sections = read_sections(data)
    symbols = read_symbols(data, sections)
    begin, end = boot_range(symbols)
    functions = [each for each in symbols if each.kind == STT_FUNC]
    seen = 0
    found = []
    for place, section, target, name in references(data, sections, symbols):
        seen += 1
        outside = not begin <= place < end and section not in FREE_SECTIONS
        if not outside or not begin <= target < end or name == "kernel_boot_begin":
            continue
        user = function_at(functions, place) or f"{section}+{place:#x}"
        if not any(part in user for part in allowed):
            found.append(f"{user} ({section}) refers to {function_at(functions, target) or name} "
                         f"({target:#x}), which is gone after boot")
    if seen == 0:
        raise BadElf("no relocations kept: link with --emit-relocs")
    return seen, found


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("elf")
    parser.add_argument("--allow", action="append", default=[])
    options = parser.parse_args()
    try:
        with open(options.elf, "rb") as file:
            seen, found = violations(file.read(), options.allow)
    except (OSError, BadElf, ValueError, struct.error, IndexError) as error:
        print(f"{options.elf}: {error}", file=sys.stderr)
        return 66
    for line in found:
        print(line)
    print(f"{seen} references looked at, {len(found)} into boot-only sections")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
