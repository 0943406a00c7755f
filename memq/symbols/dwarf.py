"""A profile of a Linux kernel whose vmlinux has DWARF, for kernels that carry no types themselves.

The profile is a symbol table in volatility3's format (ISF), as memq.symbols.isf reads it. DWARF is
read by pyelftools, which is looked for only when a profile is made; it takes minutes for a kernel.
"""

from __future__ import annotations

import base64
import json
import struct
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from memq.errors import ImageError, SymbolError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from elftools.dwarf.die import DIE
    from elftools.elf.elffile import ELFFile

    from memq.progress import Progress

Described: TypeAlias = dict[str, Any]
"""A type as the JSON document has it."""

_MAX_DEPTH = 64
_MAX_BANNER = 1024
_MAX_SECTION = 4 << 30
"""Bytes that a compressed section may unpack to; that of types has some 300 MB."""
_TAGS = {
    "DW_TAG_structure_type": "struct",
    "DW_TAG_class_type": "struct",
    "DW_TAG_union_type": "union",
    "DW_TAG_enumeration_type": "enum",
}
_TRANSPARENT = frozenset({
    "DW_TAG_const_type", "DW_TAG_volatile_type", "DW_TAG_restrict_type", "DW_TAG_atomic_type",
})  # fmt: skip
_ENCODINGS = {
    2: ("bool", False), 4: ("float", True), 5: ("int", True), 6: ("char", True), 7: ("int", False),
    8: ("char", False), 0x10: ("char", False),
}  # fmt: skip
"""DW_ATE_...: kind and sign."""
_VOID: Described = {"kind": "base", "name": "void"}
_PLUS = 0x23
"""DW_OP_plus_uconst, by which DWARF 2 tells where a member is."""
_DAMAGED = (
    ArithmeticError, AssertionError, AttributeError, IndexError, KeyError, NotImplementedError,
    RecursionError, TypeError, UnicodeDecodeError, ValueError, struct.error,
)  # fmt: skip
"""What pyelftools raises, beside errors of its own, for files that are damaged."""


def profile_of_vmlinux(path: Path | str, progress: Progress) -> bytes:
    """Return the JSON document with types and symbols of a vmlinux.

    ImageError where the file cannot be read, SymbolError where it has no DWARF or is damaged.
    """
    try:
        from elftools.common.exceptions import DWARFError, ELFError  # noqa: PLC0415  an extra
        from elftools.elf.elffile import ELFFile  # noqa: PLC0415
    except ImportError as error:
        raise SymbolError(
            "DWARF is read by pyelftools, which is not installed: pip install 'memq[profile]'"
        ) from error
    try:
        with Path(path).open("rb") as file:
            document = _document(ELFFile(file), Path(path).name, progress)
    except OSError as error:
        raise ImageError(f"{path}: {error.strerror or error}") from error
    except SymbolError as error:
        raise SymbolError(f"{path}: {error}") from error
    except (DWARFError, ELFError, *_DAMAGED) as error:
        raise SymbolError(f"{path}: no vmlinux, or a damaged one: {_said(error)}") from error
    return json.dumps(document, sort_keys=True).encode()


def _said(error: Exception) -> str:
    text = "".join(letter if letter.isprintable() else "?" for letter in str(error))
    return text[:200] or type(error).__name__


def _document(elf: ELFFile, name: str, progress: Progress) -> Described:
    """Read the whole file."""
    if not elf.little_endian:
        raise SymbolError("a kernel of a big-endian machine, which memq does not read")
    _check_sizes(elf)
    if not elf.has_dwarf_info(strict=True):
        raise SymbolError("no DWARF is in it; take the vmlinux of the kernel's debug package")
    with progress.step(f"reading symbols of {name}"):
        symbols = _symbols(elf)
    types = DwarfTypes(elf.elfclass // 8)
    with progress.step(f"reading types of {name}"):
        types.read(elf, progress)
    for variable, described in types.variables.items():
        if variable in symbols:
            symbols[variable]["type"] = described
    source = [{"kind": "dwarf", "name": name}]
    return {
        "metadata": {
            "format": "6.2.0",
            "producer": {"name": "memq", "version": "1"},
            "linux": {"symbols": [{"kind": "symtab", "name": name}], "types": source},
        },
        "base_types": types.bases,
        "user_types": types.all_structs(),
        "enums": types.enums,
        "symbols": symbols,
    }


def _check_sizes(elf: ELFFile) -> None:
    """Refuse sections that are not in the file, or would unpack to more than kernels have."""
    end = elf.stream.seek(0, 2)
    for section in elf.iter_sections():
        if section["sh_type"] == "SHT_NOBITS":
            continue
        is_cut = section["sh_offset"] + section["sh_size"] > end
        if is_cut or section.data_size > (_MAX_SECTION if section.compressed else end):
            raise SymbolError("cut short or damaged: a section lies behind its end")


def _symbols(elf: ELFFile) -> dict[str, Described]:
    """Return the symbols with their addresses, global ones before others of the same name."""
    table = elf.get_section_by_name(".symtab")
    if table is None:
        raise SymbolError("no symbols are in it; take the vmlinux of the kernel's debug package")
    found: dict[str, Described] = {}
    are_global: set[str] = set()
    for symbol in table.iter_symbols():
        info, name = symbol["st_info"], symbol.name
        if not name or symbol["st_shndx"] == "SHN_UNDEF" or info["type"] == "STT_FILE":
            continue
        is_global = info["bind"] != "STB_LOCAL"
        if name not in found or (is_global and name not in are_global):
            found[name] = {"address": symbol["st_value"]}
        if is_global:
            are_global.add(name)
    banner = found.get("linux_banner")
    content = None if banner is None else _text_at(elf, banner["address"])
    if banner is not None and content is not None:
        banner["constant_data"] = base64.b64encode(content).decode()
    return found


def _text_at(elf: ELFFile, address: int) -> bytes | None:
    """Return the bytes at an address up to a zero and with it, None where there are none."""
    for section in elf.iter_sections():
        start = section["sh_addr"]
        is_there = section["sh_type"] != "SHT_NOBITS" and start > 0
        if is_there and start <= address < start + section["sh_size"]:
            elf.stream.seek(section["sh_offset"] + address - start)
            data: bytes = elf.stream.read(_MAX_BANNER)
            return data.split(b"\0", 1)[0] + b"\0"
    return None


class DwarfTypes:
    """The types of all units, each name once: the first full definition counts."""

    def __init__(self, pointer_size: int) -> None:
        self.structs: dict[str, Described] = {}
        self.typedefs: dict[str, Described] = {}
        """Structures without a tag, by the names of their typedefs."""
        self.aliases: dict[str, str] = {}
        """Tags of structures by the names of their typedefs: a table must have both."""
        self.enums: dict[str, Described] = {}
        self.variables: dict[str, Described] = {}
        self.bases: dict[str, Described] = {
            "pointer": _base("int", pointer_size, signed=False),
            "void": _base("void", 0, signed=False),
        }
        self._typedefs_seen: set[str] = set()
        self._enums_seen: set[tuple[tuple[str, int], ...]] = set()
        self._defined_variables: set[str] = set()
        self._known: dict[int, Described] = {}
        """Types of the unit that is read, by their places."""

    def read(self, elf: ELFFile, progress: Progress) -> None:
        """Read all units: of each what stands outside of functions."""
        # A vmlinux is linked: its relocations, kept to move it at boot, have been applied.
        info = elf.get_dwarf_info(relocate_dwarf_sections=False, follow_links=False)
        total = info.debug_info_sec.size
        for unit in info.iter_CUs():
            progress.tick(unit.cu_offset, total)
            self._known = {}
            for die in unit.iter_DIE_children(unit.get_top_DIE()):
                self._read_outer(die)
            # pyelftools keeps every entry for good: some 10 GB for a kernel.
            unit._dielist, unit._diemap = [], []  # noqa: SLF001

    def all_structs(self) -> dict[str, Described]:
        """Return structures by their tags and by their typedefs' names; a tag goes before these."""
        found = self.typedefs | self.structs
        aliases = {name: found[tag] for name, tag in self.aliases.items() if tag in found}
        return aliases | found

    def _read_outer(self, die: DIE) -> None:
        """Read one entry of a unit, unless one of its name has been read."""
        name = _name(die)
        if die.tag == "DW_TAG_variable":
            self._read_variable(die)
        elif die.tag == "DW_TAG_typedef":
            if name not in self._typedefs_seen:
                self._typedefs_seen.add(name)
                described = self.described(die)
                if described["kind"] in {"struct", "union"} and described["name"] != name:
                    self.aliases[name] = described["name"]
        elif die.tag in _TAGS and "DW_AT_declaration" not in die.attributes:
            if die.tag == "DW_TAG_enumeration_type":
                if name not in self.enums:
                    self._add_enum(die, name)
            elif name and name not in self.structs:
                self._add_struct(die, name, self.structs)

    def _read_variable(self, die: DIE) -> None:
        """Note a variable's type; that of its definition goes before that of a declaration."""
        declared = die
        if "DW_AT_specification" in die.attributes:
            declared = die.get_DIE_from_attribute("DW_AT_specification")
        name = _name(declared)
        is_defined = "DW_AT_location" in die.attributes
        if not name or name in self._defined_variables:
            return
        if is_defined or name not in self.variables:
            of = die if "DW_AT_type" in die.attributes else declared
            self.variables[name] = self._behind(of)
        if is_defined:
            self._defined_variables.add(name)

    # Types

    def described(self, die: DIE, depth: int = 0, typedef: str = "") -> Described:
        """Return what stands for a type in the document; `typedef` names one without a tag."""
        if die.offset not in self._known:
            if depth > _MAX_DEPTH:
                raise SymbolError("its types lead to each other without an end")
            self._known[die.offset] = self._describe(die, depth + 1, typedef)
        return self._known[die.offset]

    def _describe(self, die: DIE, depth: int, typedef: str) -> Described:
        if die.tag in _TRANSPARENT:
            return self._behind(die, depth, typedef)
        if die.tag == "DW_TAG_typedef":
            return self._behind(die, depth, _name(die))
        if die.tag == "DW_TAG_pointer_type":
            return {"kind": "pointer", "subtype": self._behind(die, depth)}
        if die.tag == "DW_TAG_array_type":
            return self._array(die, depth)
        if die.tag == "DW_TAG_subroutine_type":
            return {"kind": "function"}
        if die.tag == "DW_TAG_base_type":
            return self._number(die)
        if die.tag == "DW_TAG_enumeration_type":
            name = _name(die) or typedef or f"unnamed_{die.offset:x}"
            if name not in self.enums and "DW_AT_declaration" not in die.attributes:
                self._add_enum(die, name)
            return {"kind": "enum", "name": name} if name in self.enums else dict(_VOID)
        if die.tag in _TAGS:
            return self._structure(die, depth, typedef)
        return dict(_VOID)  # nullptr_t and the like

    def _behind(self, die: DIE, depth: int = 0, typedef: str = "") -> Described:
        """Describe the type that an entry refers to; void where it refers to none."""
        if "DW_AT_type" not in die.attributes:
            return dict(_VOID)
        return self.described(die.get_DIE_from_attribute("DW_AT_type"), depth, typedef)

    def _structure(self, die: DIE, depth: int, typedef: str) -> Described:
        """Describe a struct or union; those without a tag are read with what they stand in."""
        name, kind = _name(die), _TAGS[die.tag]
        if name:
            return {"kind": kind, "name": name}
        name = typedef or f"unnamed_{die.offset:x}"
        if name not in self.typedefs:
            self._add_struct(die, name, self.typedefs, depth)
        return {"kind": kind, "name": name}

    def _array(self, die: DIE, depth: int) -> Described:
        """Describe an array; one of several dimensions as arrays in arrays."""
        described = self._behind(die, depth)
        ranges = [child for child in die.iter_children() if child.tag == "DW_TAG_subrange_type"]
        for one in reversed(ranges):
            described = {"kind": "array", "count": _count(one), "subtype": described}
        return described

    def _number(self, die: DIE) -> Described:
        """Describe a number, and note what it is."""
        name = _name(die)
        kind, is_signed = _ENCODINGS.get(_value(die, "DW_AT_encoding"), ("int", False))
        self.bases.setdefault(name, _base(kind, _value(die, "DW_AT_byte_size"), signed=is_signed))
        return {"kind": "base", "name": name}

    # Structures and enums

    def _add_struct(self, die: DIE, name: str, among: dict[str, Described], depth: int = 0) -> None:
        """Read members; the name is taken before, so that they may refer to it."""
        fields: dict[str, Described] = {}
        among[name] = {
            "kind": _TAGS[die.tag], "size": _value(die, "DW_AT_byte_size"), "fields": fields,
        }  # fmt: skip
        for child in die.iter_children():
            if child.tag == "DW_TAG_member":
                fields.update(self._member(child, depth))

    def _member(self, die: DIE, depth: int) -> Iterator[tuple[str, Described]]:
        """Yield a member's name and description."""
        described, name = self._behind(die, depth), _name(die)
        offset, width = _offset(die), _value(die, "DW_AT_bit_size")
        if width:
            offset, position = divmod(_first_bit(die, offset, width), 8)
            bits = {"bit_position": position, "bit_length": width}
            described = {"kind": "bitfield", "type": described} | bits
        if name:
            yield name, {"offset": offset, "type": described}
        elif described["kind"] in {"struct", "union"}:
            field = {"offset": offset, "type": described, "anonymous": True}
            yield f"unnamed_field_{die.offset:x}", field

    def _add_enum(self, die: DIE, name: str) -> None:
        """Read constants; an enum without a name is taken once, however many units repeat it."""
        children = [child for child in die.iter_children() if child.tag == "DW_TAG_enumerator"]
        constants = {_name(child): _value(child, "DW_AT_const_value") for child in children}
        body = tuple(constants.items())
        if not name and body in self._enums_seen:
            return
        self._enums_seen.add(body)
        size = _value(die, "DW_AT_byte_size")
        if "DW_AT_type" in die.attributes:
            base = self._behind(die).get("name", "")
        else:  # GCC before 8 does not tell
            is_signed = min(constants.values(), default=0) < 0
            base = f"enum{size * 8}" if is_signed else f"unsigned enum{size * 8}"
            self.bases.setdefault(base, _base("int", size, signed=is_signed))
        name = name or f"unnamed_{die.offset:x}"
        self.enums[name] = {"size": size, "base": base, "constants": constants}


def _base(kind: str, size: int, *, signed: bool) -> Described:
    return {"kind": kind, "size": size, "signed": signed, "endian": "little"}


def _name(die: DIE) -> str:
    found = die.attributes.get("DW_AT_name")
    return "" if found is None else found.value.decode("utf-8", "backslashreplace")


def _value(die: DIE, name: str) -> int:
    """Return an attribute that is a number, 0 if it is not there or is reckoned at run time."""
    found = die.attributes.get(name)
    return found.value if found is not None and isinstance(found.value, int) else 0


def _offset(die: DIE) -> int:
    """Return where a member is, in bytes."""
    found = die.attributes.get("DW_AT_data_member_location")
    if found is None or isinstance(found.value, int):
        return 0 if found is None else found.value
    code, *digits = found.value
    if code != _PLUS:
        raise SymbolError(f"a member's place is told by operation {code:#x}")
    return sum((digit & 0x7F) << 7 * at for at, digit in enumerate(digits))


def _first_bit(die: DIE, offset: int, width: int) -> int:
    """Return the lowest bit of a bitfield, counted from the start of its structure."""
    if "DW_AT_bit_offset" not in die.attributes:
        return offset * 8 + _value(die, "DW_AT_data_bit_offset")
    # DWARF 2 and 3 count from the highest bit of what is loaded to have the field.
    loaded = _value(die, "DW_AT_byte_size")
    if not loaded:
        loaded = _size(die.get_DIE_from_attribute("DW_AT_type"))
    return offset * 8 + loaded * 8 - _value(die, "DW_AT_bit_offset") - width


def _size(die: DIE) -> int:
    """Return the bytes of a number behind typedefs and qualifiers."""
    for _ in range(_MAX_DEPTH):
        if "DW_AT_byte_size" in die.attributes or "DW_AT_type" not in die.attributes:
            break
        die = die.get_DIE_from_attribute("DW_AT_type")
    return _value(die, "DW_AT_byte_size")


def _count(die: DIE) -> int:
    """Return the elements of one dimension of an array; 0 where it has no end."""
    if "DW_AT_count" in die.attributes:
        return _value(die, "DW_AT_count")
    if "DW_AT_upper_bound" not in die.attributes:
        return 0
    last = _value(die, "DW_AT_upper_bound")
    return 0 if last >= (1 << 32) - 1 else last + 1
