"""Trees of mappings: whole ones against what was put into them, and malformed ones."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, cast

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from memq.errors import Reason
from memq.os.linux.trees import mappings
from memq.run import Limits
from memq.symbols.lists import Cuts
from tests.os.linux.small import SmallKernel, SmallTypes, addresses
from tests.os.linux.spaces import (
    CONSTANTS,
    GARBAGE,
    LAST,
    LEAF,
    MAPLE,
    PAGE,
    RANGE,
    RED_BLACK,
    Area,
    Spaces,
)

if TYPE_CHECKING:
    from pathlib import Path

    from memq.os.linux.kernel import LinuxKernel

KINDS = pytest.mark.parametrize("source", [MAPLE, RED_BLACK], ids=["maple", "red-black"])


def spaces_of(source: str, folder: Path) -> Spaces:
    return Spaces(SmallKernel(SmallTypes(source, CONSTANTS), folder))


def walked(
    spaces: Spaces, places: list[int], limits: Limits | None = None
) -> tuple[list[list[int]], Cuts]:
    """Walk the trees of all spaces; return the mappings of each, and the cuts."""
    context = spaces.kernel.open_(limits)
    kernel = cast("LinuxKernel", spaces.kernel)
    cuts = Cuts(len(places))
    structs = kernel.structs("mm_struct", addresses(*places))
    found = mappings(kernel, context.run, structs, cuts)
    assert (np.diff(found.owner) >= 0).all()
    rows = [found.owner == number for number in range(len(places))]
    for mine in rows:
        starts = found.starts[mine]
        assert (starts[1:] > starts[:-1]).all()
    return [found.addresses[mine].tolist() for mine in rows], cuts


def places_of(areas: list[Area]) -> list[int]:
    return [area.address for area in areas]


@KINDS
@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(sizes=st.lists(st.integers(0, 70), min_size=1, max_size=4))
def test_all_mappings_in_order(tmp_path: Path, source: str, sizes: list[int]) -> None:
    spaces = spaces_of(source, tmp_path)
    areas = [spaces.areas(size) for size in sizes]
    found, cuts = walked(spaces, [spaces.space(mine) for mine in areas])
    assert found == [places_of(mine) for mine in areas]
    assert not cuts.status.any()


@KINDS
def test_adjacent_mappings_up_to_the_last_address(tmp_path: Path, source: str) -> None:
    spaces = spaces_of(source, tmp_path)
    areas = [spaces.area(n * PAGE, (n + 1) * PAGE) for n in range(9)]
    areas.append(spaces.area(LAST - PAGE + 1, LAST + 1 & LAST))
    areas[-1].end = LAST + 1
    found, cuts = walked(spaces, [spaces.space(areas)])
    assert found == [places_of(areas)]
    assert not cuts.status.any()


@KINDS
def test_missing_node_cuts_its_own_tree_only(tmp_path: Path, source: str) -> None:
    spaces = spaces_of(source, tmp_path)
    areas = [spaces.areas(30) for _ in range(3)]
    places = [spaces.space(mine) for mine in areas[:1]]
    first_of_second = len(spaces.nodes)
    places += [spaces.space(mine) for mine in areas[1:]]
    lost = areas[1][0].address if source == RED_BLACK else spaces.nodes[first_of_second].address
    spaces.kernel.lose(lost)
    found, cuts = walked(spaces, places)
    assert cuts.status.tolist() == [0, Reason.NOT_IN_DUMP, 0]
    assert cuts.at[1] // PAGE == lost // PAGE
    assert found[0] == places_of(areas[0])
    assert found[2] == places_of(areas[2])
    assert 0 < len(found[1]) < 30
    assert set(found[1]) < set(places_of(areas[1]))


@KINDS
def test_fewer_mappings_than_the_kernel_counts(tmp_path: Path, source: str) -> None:
    spaces = spaces_of(source, tmp_path)
    areas = spaces.areas(5)
    space = spaces.space(areas)
    spaces.kernel.set("mm_struct", space, "map_count", 6)
    found, cuts = walked(spaces, [space])
    assert found == [places_of(areas)]
    assert cuts.status.tolist() == [Reason.MISCOUNTED]
    assert cuts.at.tolist() == [space]


@KINDS
def test_missing_address_space(tmp_path: Path, source: str) -> None:
    spaces = spaces_of(source, tmp_path)
    areas = spaces.areas(3)
    found, cuts = walked(spaces, [0xFFFF_8880_3000_0000, spaces.space(areas)])
    assert found == [[], places_of(areas)]
    assert cuts.status.tolist() == [Reason.NOT_IN_DUMP, 0]


@KINDS
def test_mappings_are_bounded(tmp_path: Path, source: str) -> None:
    spaces = spaces_of(source, tmp_path)
    areas = [spaces.areas(16), spaces.areas(16)]
    found, cuts = walked(spaces, [spaces.space(mine) for mine in areas], Limits(children=24))
    assert sum(map(len, found)) <= 24
    assert Reason.LIMIT in cuts.status.tolist()


# Maple trees alone


def test_full_leaf_uses_its_last_slot(tmp_path: Path) -> None:
    spaces = spaces_of(MAPLE, tmp_path)
    areas = [spaces.area(n * PAGE, (n + 1) * PAGE) for n in range(16)]
    slots = [(area.end - 1, area.address) for area in areas]
    leaf = spaces.node(LEAF, 0, [*slots[:15], (LAST, areas[15].address)])
    space = spaces.space([])
    spaces.kernel.set("maple_node", leaf.address, "parent", space | 1)
    spaces.kernel.set("mm_struct", space, "mm_mt.ma_root", leaf.encoded | 2)
    assert walked(spaces, [space])[0] == [places_of(areas)]


def test_metadata_in_the_last_slot_is_no_mapping(tmp_path: Path) -> None:
    spaces = spaces_of(MAPLE, tmp_path)
    areas = [spaces.area(n * PAGE, (n + 1) * PAGE) for n in range(3)]
    space = spaces.space(areas)
    for node in spaces.nodes:
        spaces.kernel.set("maple_range_64", node.address, "slot[15]", 3 | 2 << 8)
    found, cuts = walked(spaces, [space])
    assert found == [places_of(areas)]
    assert not cuts.status.any()


def test_pivot_of_zero_stands_for_the_nodes_end(tmp_path: Path) -> None:
    spaces = spaces_of(MAPLE, tmp_path)
    areas = spaces.areas(2)
    space = spaces.space(areas)
    leaf = spaces.nodes[0]
    # Gap, mapping, gap, mapping: the last slot goes on to the end of the leaf.
    spaces.kernel.set("maple_range_64", leaf.address, "pivot[3]", 0)
    found, cuts = walked(spaces, [space])
    assert found == [places_of(areas)]
    assert not cuts.status.any()


def test_reserved_entries_are_no_mappings(tmp_path: Path) -> None:
    spaces = spaces_of(MAPLE, tmp_path)
    areas = spaces.areas(3)
    space = spaces.space(areas)
    spaces.kernel.set("mm_struct", space, "map_count", 2)
    _replace(spaces, areas[1].address, 257 << 2 | 2)
    found, cuts = walked(spaces, [space])
    assert found == [[areas[0].address, areas[2].address]]
    assert not cuts.status.any()


def _replace(spaces: Spaces, old: int, new: int) -> None:
    """Change the slot that holds an entry."""
    for page in spaces.kernel.pages.values():
        at = page.find(old.to_bytes(8, "little"))
        if at >= 0:
            page[at : at + 8] = new.to_bytes(8, "little")


@pytest.mark.parametrize("entry", [0x1234_5678, GARBAGE + 1])
def test_entry_that_cannot_be_a_mapping(tmp_path: Path, entry: int) -> None:
    spaces = spaces_of(MAPLE, tmp_path)
    areas = spaces.areas(8)
    space = spaces.space(areas)
    _replace(spaces, areas[3].address, entry)
    found, cuts = walked(spaces, [space])
    assert found == [places_of(areas[:3] + areas[4:])]
    assert cuts.status.tolist() == [Reason.MALFORMED]
    assert cuts.at.tolist() == [entry]


def test_maple_tree_that_loops(tmp_path: Path) -> None:
    spaces = spaces_of(MAPLE, tmp_path)
    areas = spaces.areas(30)
    space = spaces.space(areas)
    top, leaf = spaces.nodes[-1], spaces.nodes[0]
    _replace(spaces, leaf.encoded, top.encoded)
    found, cuts = walked(spaces, [space])
    assert cuts.status.tolist() == [Reason.LOOP]
    assert cuts.at.tolist() == [top.address]
    assert len(found[0]) == len(set(found[0])) < 30


def test_node_that_points_to_itself_and_says_so(tmp_path: Path) -> None:
    spaces = spaces_of(MAPLE, tmp_path)
    node = spaces.node(RANGE, 0, [(LAST, 0)])
    spaces.kernel.set("maple_range_64", node.address, "slot[0]", node.encoded)
    spaces.kernel.set("maple_node", node.address, "parent", node.address | 1)
    space = spaces.space([])
    spaces.kernel.set("mm_struct", space, "mm_mt.ma_root", node.encoded | 2)
    found, cuts = walked(spaces, [space])
    assert found == [[]]
    assert cuts.status.tolist() == [Reason.LOOP]


def test_chain_of_nodes_without_end(tmp_path: Path) -> None:
    spaces = spaces_of(MAPLE, tmp_path)
    chain = [spaces.node(RANGE, 0, [(LAST, 0)]) for _ in range(100)]
    for above, below in itertools.pairwise(chain):
        spaces.kernel.set("maple_range_64", above.address, "slot[0]", below.encoded)
        spaces.kernel.set("maple_node", below.address, "parent", above.address | 6)
    spaces.kernel.set("maple_node", chain[0].address, "parent", 1)
    space = spaces.space([])
    spaces.kernel.set("mm_struct", space, "mm_mt.ma_root", chain[0].encoded | 2)
    assert walked(spaces, [space])[1].status.tolist() == [Reason.LOOP]


def test_node_of_another_tree(tmp_path: Path) -> None:
    spaces = spaces_of(MAPLE, tmp_path)
    mine, other = spaces.areas(30), spaces.areas(30)
    place = spaces.space(mine)
    leaf, nodes = spaces.nodes[0], len(spaces.nodes)
    places = [place, spaces.space(other)]
    stranger = spaces.nodes[nodes]
    _replace(spaces, leaf.encoded, stranger.encoded)
    found, cuts = walked(spaces, places)
    assert cuts.status.tolist() == [Reason.MALFORMED, 0]
    assert set(found[0]) < set(places_of(mine))
    assert found[1] == places_of(other)


def test_node_that_was_just_replaced_is_read_and_said_so(tmp_path: Path) -> None:
    spaces = spaces_of(MAPLE, tmp_path)
    areas = spaces.areas(30)
    space = spaces.space(areas)
    leaf = spaces.nodes[2]
    spaces.kernel.set("maple_node", leaf.address, "parent", leaf.address)
    found, cuts = walked(spaces, [space])
    assert found == [places_of(areas)]
    assert cuts.status.tolist() == [Reason.MALFORMED]
    assert cuts.at.tolist() == [leaf.address]


def test_pivots_out_of_order(tmp_path: Path) -> None:
    spaces = spaces_of(MAPLE, tmp_path)
    areas = spaces.areas(12)
    space = spaces.space(areas)
    spaces.kernel.set("maple_range_64", spaces.nodes[1].address, "pivot[1]", 5)
    cuts = walked(spaces, [space])[1]
    assert cuts.status.tolist() == [Reason.MALFORMED]
    assert cuts.at.tolist() == [spaces.nodes[1].address]


@pytest.mark.parametrize("kind", [0, 7, 15])
def test_unknown_type_of_node(tmp_path: Path, kind: int) -> None:
    spaces = spaces_of(MAPLE, tmp_path)
    areas = spaces.areas(30)
    space = spaces.space(areas)
    leaf = spaces.nodes[0]
    _replace(spaces, leaf.encoded, leaf.address | kind << 3 | 4)
    found, cuts = walked(spaces, [space])
    assert cuts.status.tolist() == [Reason.MALFORMED]
    assert 0 < len(found[0]) < 30


# Red-black trees alone


def test_red_black_tree_that_loops(tmp_path: Path) -> None:
    spaces = spaces_of(RED_BLACK, tmp_path)
    areas = spaces.areas(15)
    space = spaces.space(areas)
    link = spaces.kernel.offset("vm_area_struct", "vm_rb")
    # The first mapping is a leaf of the tree; the middle one its top.
    spaces.kernel.set("vm_area_struct", areas[0].address, "vm_rb.rb_left", areas[7].address + link)
    found, cuts = walked(spaces, [space])
    assert found == [places_of(areas)]
    assert cuts.status.tolist() == [Reason.LOOP]
    assert cuts.at.tolist() == [areas[7].address + link]


def test_red_black_node_with_another_parent(tmp_path: Path) -> None:
    spaces = spaces_of(RED_BLACK, tmp_path)
    areas = spaces.areas(15)
    space = spaces.space(areas)
    spaces.kernel.set("vm_area_struct", areas[0].address, "vm_rb.__rb_parent_color", GARBAGE)
    found, cuts = walked(spaces, [space])
    assert found == [places_of(areas[1:])]
    assert cuts.status.tolist() == [Reason.MALFORMED]


def test_red_black_chain_without_end(tmp_path: Path) -> None:
    spaces = spaces_of(RED_BLACK, tmp_path)
    areas = spaces.areas(120)
    space = spaces.space(areas[:1])
    link = spaces.kernel.offset("vm_area_struct", "vm_rb")
    for above, below in itertools.pairwise(areas):
        spaces.kernel.set("vm_area_struct", above.address, "vm_rb.rb_right", below.address + link)
        members = above.address + link
        spaces.kernel.set("vm_area_struct", below.address, "vm_rb.__rb_parent_color", members)
    assert walked(spaces, [space])[1].status.tolist() == [Reason.LIMIT]
