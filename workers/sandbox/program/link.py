"""Links one BPF object file into a shared object that Solana's loader takes (sBPF v0).

No upstream linker knows the target. The output follows what the loader's lenient ELF parser reads:
every section's address equals its file offset, read-only data is addressed from 0x1_0000_0000,
system calls stay as R_BPF_64_32 relocations against undefined dynamic symbols.
"""

import struct
from dataclasses import dataclass, field

_EHDR = struct.Struct("<16sHHIQQQIHHHHHH")
_PHDR = struct.Struct("<IIQQQQQQ")
_SHDR = struct.Struct("<IIQQQQIIQQ")
_SYM = struct.Struct("<IBBHQQ")
_REL = struct.Struct("<QQ")
_DYN = struct.Struct("<QQ")

_EM_BPF = 247
_ET_DYN = 3
_SHT_PROGBITS, _SHT_STRTAB, _SHT_DYNAMIC, _SHT_REL, _SHT_DYNSYM = 1, 3, 6, 9, 11
_SHF_WRITE, _SHF_ALLOC, _SHF_EXECINSTR = 1, 2, 4
_PT_LOAD, _PT_DYNAMIC = 1, 2
_R_BPF_64_64, _R_BPF_64_32 = 1, 10
_DT_STRTAB, _DT_SYMTAB, _DT_STRSZ, _DT_SYMENT, _DT_REL, _DT_RELSZ, _DT_RELENT = (
    5,
    6,
    10,
    11,
    17,
    18,
    19,
)
_STT_SECTION = 3
_SHN_UNDEF = 0
_GLOBAL_NOTYPE = 0x10

_PROGRAM_HEADERS = 3
_BYTECODE_BASE = 0x1_0000_0000
_INSTRUCTION = 8


class UnableToLink(Exception):
    """The object file uses something this linker (or the VM) has no answer to."""


@dataclass(slots=True, kw_only=True)
class _Section:
    name: str
    kind: int
    flags: int
    data: bytearray
    link: int = 0
    info: int = 0
    align: int = 8
    entry_size: int = 0
    address: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Symbol:
    name: str
    kind: int
    section: int
    value: int


@dataclass(slots=True, kw_only=True)
class _Object:
    sections: list[_Section]
    symbols: list[_Symbol] = field(default_factory=list)

    def only(self, name: str) -> _Section:
        found = [section for section in self.sections if section.name == name]
        if len(found) != 1:
            raise UnableToLink(f"{len(found)} sections {name}")
        return found[0]


def link(object_file: bytes, *, entry: str = "entrypoint") -> bytes:
    """The shared object for `object_file` (relocatable ELF64, BPF, one .text).

    The same input gives the same bytes. UnableToLink on writable data or unknown relocations.
    """
    source = _read_object(object_file)
    text = source.only(".text")
    constants = [s for s in source.sections if s.name.startswith(".rodata") and s.data]
    _refuse_writable_data(source)
    _place([text, *constants], start=_EHDR.size + _PROGRAM_HEADERS * _PHDR.size)
    system_calls = _relocate(source, text)
    rodata = _merge(constants)
    entry_at = next((s.value for s in source.symbols if s.name == entry), None)
    if entry_at is None:
        raise UnableToLink(f"no symbol {entry}")
    return _write(text, rodata, system_calls, entry_address=text.address + entry_at)


def _read_object(raw: bytes) -> _Object:
    header = _EHDR.unpack_from(raw)
    if raw[:6] != b"\x7fELF\x02\x01" or header[2] != _EM_BPF:
        raise UnableToLink("not a little-endian BPF ELF64 object")
    table_at, count, names_index = header[6], header[12], header[13]
    headers = [_SHDR.unpack_from(raw, table_at + i * _SHDR.size) for i in range(count)]
    names = _bytes_of(raw, headers[names_index])
    sections = [
        _Section(
            name=_text_at(names, h[0]), kind=h[1], flags=h[2], data=bytearray(_bytes_of(raw, h)),
            link=h[6], info=h[7], align=max(h[8], 1),
        )
        for h in headers
    ]  # fmt: skip
    read = _Object(sections=sections)
    table = read.only(".symtab")
    strings = bytes(sections[table.link].data)
    for name, info, _, section, value, _size in _SYM.iter_unpack(table.data):
        symbol = _Symbol(name=_text_at(strings, name), kind=info & 15, section=section, value=value)
        read.symbols.append(symbol)
    return read


def _bytes_of(raw: bytes, header: tuple[int, ...]) -> bytes:
    return raw[header[4] : header[4] + header[5]]


def _text_at(strings: bytes, offset: int) -> str:
    return strings[offset : strings.index(b"\0", offset)].decode()


def _refuse_writable_data(source: _Object) -> None:
    for section in source.sections:
        if section.flags & _SHF_WRITE and section.data:
            raise UnableToLink(f"{section.name}: programs have no writable data")


def _place(sections: list[_Section], *, start: int) -> int:
    address = start
    for section in sections:
        align = max(section.align, _INSTRUCTION)
        address = section.address = -(-address // align) * align
        address += len(section.data)
    return address


def _relocate(source: _Object, text: _Section) -> list[tuple[int, str]]:
    """Patch `text` in place; the (offset, name) of what is left to the loader: system calls."""
    system_calls = []
    index = source.sections.index(text)
    tables = [s for s in source.sections if s.kind == _SHT_REL and s.info == index]
    for offset, info in (pair for table in tables for pair in _REL.iter_unpack(table.data)):
        symbol, kind = source.symbols[info >> 32], info & 0xFFFFFFFF
        if kind == _R_BPF_64_64:
            _patch_address(
                text.data, offset, source.sections[symbol.section].address + symbol.value
            )
        elif kind == _R_BPF_64_32 and symbol.section == _SHN_UNDEF:
            system_calls.append((offset, symbol.name))
        elif kind == _R_BPF_64_32 and source.sections[symbol.section] is text:
            _patch_call(text.data, offset, symbol)
        else:
            raise UnableToLink(f"relocation {kind} against {symbol.name or symbol.section}")
    return system_calls


def _patch_address(code: bytearray, offset: int, address: int) -> None:
    """A 64-bit load holds its value in the immediates of two instruction slots."""
    (addend,) = struct.unpack_from("<I", code, offset + 4)
    value = _BYTECODE_BASE + address + addend
    struct.pack_into("<I", code, offset + 4, value & 0xFFFFFFFF)
    struct.pack_into("<I", code, offset + 4 + _INSTRUCTION, value >> 32)


def _patch_call(code: bytearray, offset: int, symbol: _Symbol) -> None:
    target = symbol.value
    if symbol.kind == _STT_SECTION:
        (addend,) = struct.unpack_from("<i", code, offset + 4)
        target = (addend + 1) * _INSTRUCTION
    struct.pack_into("<i", code, offset + 4, (target - offset) // _INSTRUCTION - 1)


def _merge(constants: list[_Section]) -> _Section:
    """One .rodata over all constant sections, keeping the addresses they were placed at."""
    start = constants[0].address if constants else 0
    data = bytearray()
    for section in constants:
        data += bytes(section.address - start - len(data)) + section.data
    return _Section(name=".rodata", kind=_SHT_PROGBITS, flags=_SHF_ALLOC, data=data, address=start)


def _write(
    text: _Section, rodata: _Section, system_calls: list[tuple[int, str]], *, entry_address: int
) -> bytes:
    names = sorted({name for _, name in system_calls})
    strings, symbols = bytearray(b"\0"), bytearray(_SYM.size)
    for name in names:
        symbols += _SYM.pack(len(strings), _GLOBAL_NOTYPE, 0, _SHN_UNDEF, 0, 0)
        strings += name.encode() + b"\0"
    relocations = b"".join(
        _REL.pack(text.address + offset, (names.index(name) + 1) << 32 | _R_BPF_64_32)
        for offset, name in system_calls
    )
    text.flags = _SHF_ALLOC | _SHF_EXECINSTR
    code = [text, rodata] if rodata.data else [text]
    strings_index = len(code) + 3
    dynamic, dynsym, dynstr, rel = tables = [
        _table(".dynamic", _SHT_DYNAMIC, bytes(8 * _DYN.size), strings_index, _DYN.size),
        _table(".dynsym", _SHT_DYNSYM, symbols, strings_index, _SYM.size),
        _table(".dynstr", _SHT_STRTAB, strings, 0, 0),
        _table(".rel.dyn", _SHT_REL, relocations, strings_index - 1, _REL.size),
    ]
    dynsym.info = 1
    _place(tables, start=code[-1].address + len(code[-1].data))
    dynamic.data = _dynamic_entries(dynsym=dynsym, dynstr=dynstr, rel=rel)
    return _assemble([*code, *tables], code=code, dynamic=dynamic, entry_address=entry_address)


def _table(
    name: str, kind: int, data: bytes | bytearray, link_to: int, entry_size: int
) -> _Section:
    return _Section(
        name=name, kind=kind, flags=_SHF_ALLOC, data=bytearray(data), link=link_to,
        entry_size=entry_size,
    )  # fmt: skip


def _dynamic_entries(*, dynsym: _Section, dynstr: _Section, rel: _Section) -> bytearray:
    entries = [
        (_DT_REL, rel.address),
        (_DT_RELSZ, len(rel.data)),
        (_DT_RELENT, _REL.size),
        (_DT_SYMTAB, dynsym.address),
        (_DT_SYMENT, _SYM.size),
        (_DT_STRTAB, dynstr.address),
        (_DT_STRSZ, len(dynstr.data)),
        (0, 0),
    ]
    return bytearray(b"".join(_DYN.pack(tag, value) for tag, value in entries))


def _assemble(
    sections: list[_Section], *, code: list[_Section], dynamic: _Section, entry_address: int
) -> bytes:
    names = _Section(name=".shstrtab", kind=_SHT_STRTAB, flags=0, data=bytearray(b"\0"))
    all_sections = [*sections, names]
    name_offsets = []
    for section in all_sections:
        name_offsets.append(len(names.data))
        names.data += section.name.encode() + b"\0"
    end = _place([names], start=sections[-1].address + len(sections[-1].data))
    table_at = -(-end // 8) * 8
    out = bytearray(table_at)
    for section in all_sections:
        out[section.address : section.address + len(section.data)] = section.data
    _put_headers(out, code=code, rest=sections[len(code) :], dynamic=dynamic)
    _EHDR.pack_into(
        out, 0, b"\x7fELF\x02\x01\x01".ljust(16, b"\0"), _ET_DYN, _EM_BPF, 1, entry_address,
        _EHDR.size, table_at, 0, _EHDR.size, _PHDR.size, _PROGRAM_HEADERS, _SHDR.size,
        len(all_sections) + 1, len(all_sections),
    )  # fmt: skip
    out += bytes(_SHDR.size)
    for offset, section in zip(name_offsets, all_sections, strict=True):
        out += _section_header(section, offset)
    return bytes(out)


def _section_header(section: _Section, name_offset: int) -> bytes:
    address = section.address if section.flags & _SHF_ALLOC else 0
    return _SHDR.pack(
        name_offset, section.kind, section.flags, address, section.address, len(section.data),
        section.link, section.info, _INSTRUCTION, section.entry_size,
    )  # fmt: skip


def _put_headers(
    out: bytearray, *, code: list[_Section], rest: list[_Section], dynamic: _Section
) -> None:
    readable, executable = 4, 1
    spans = [
        (_PT_LOAD, readable | executable, code[0], code[-1]),
        (_PT_LOAD, readable, rest[0], rest[-1]),
        (_PT_DYNAMIC, readable, dynamic, dynamic),
    ]
    for index, (kind, flags, first, last) in enumerate(spans):
        start, size = first.address, last.address + len(last.data) - first.address
        _PHDR.pack_into(
            out, _EHDR.size + index * _PHDR.size, kind, flags, start, start, start, size, size, 8
        )
