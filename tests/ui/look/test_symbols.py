"""Symbols by name, address and pattern: every line in symbols.txt, and the guests' own lists."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from memq.errors import QueryError
from memq.ui.look.symbols import MAX_SYMBOLS, symbol
from tests.ui.golden import hold

if TYPE_CHECKING:
    from memq.image import Image
    from memq.os.linux.kernel import LinuxKernel
    from tests.lab import Dump


def test_lines_and_messages(small_kernel: LinuxKernel) -> None:
    hold("look/symbols.txt", lambda text: symbol(small_kernel, text))


def test_names_and_addresses_are_those_of_the_guest(any_image: Image, dump: Dump) -> None:
    kernel, places = any_image.kernel, {}
    for address, names in dump.record.symbols.items():
        places.update(dict.fromkeys(names, address))
    for name in ("init_task", "linux_banner", "schedule", "vfs_read"):
        line, *others = symbol(kernel, name)
        assert line.startswith(f"{places[name]:#018x} ")
        assert f" {name}, " in line
        also = set(dump.record.symbols[places[name]]) - {name}
        assert also == {word for x in others for word in x.split() if word in also}
        first, second, *_ = symbol(kernel, f"{places[name] + 4:#x}")
        assert first.endswith(tuple(f" is {one}+0x4" for one in dump.record.symbols[places[name]]))
        assert second.startswith(f"{places[name]:#018x} ")
        assert list(symbol(kernel, f"{name} + 4")) == list(symbol(kernel, str(places[name] + 4)))


def test_symbols_of_modules(sample_image: Image, sample_dump: Dump) -> None:
    kernel = sample_image.kernel
    (line,) = symbol(kernel, "nft_update_chain_stats")
    address = int(line.split()[0], 16)
    assert "nft_update_chain_stats" in sample_dump.record.symbols[address]
    assert line.endswith(" nft_update_chain_stats, in module nf_tables")
    (below,) = symbol(kernel, f"{address + 1:#x}")
    assert below == f"{address + 1:#018x} is nft_update_chain_stats+0x1 in module nf_tables"


def test_a_pattern_lists_no_more_than_can_be_read(sample_image: Image) -> None:
    lines = list(symbol(sample_image.kernel, "*"))
    assert len(lines) == MAX_SYMBOLS + 1
    count = len(sample_image.kernel.symbols) - MAX_SYMBOLS
    assert lines[-1] == f"... and {count:,} more: a longer pattern lists fewer"


@pytest.mark.parametrize("text", ["task_sruct", "inti_task"])
def test_slips_are_seen_at_once_among_all_symbols(sample_image: Image, text: str) -> None:
    with pytest.raises(QueryError) as caught:
        symbol(sample_image.kernel, text)
    assert caught.value.hint is not None
    assert caught.value.span is not None
