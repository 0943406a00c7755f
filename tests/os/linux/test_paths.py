"""Names of files: directories, mounts, deleted files, pseudo files, and what is malformed."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import pytest

from memq.column import Column
from memq.errors import Reason
from memq.os.linux.files import FileColumn, file_column
from memq.os.linux.paths import MAX_LEVELS, MAX_PATH
from tests.os.linux.small import SmallKernel, SmallTypes, addresses
from tests.os.linux.trees_of_files import FILES, Files

if TYPE_CHECKING:
    from pathlib import Path

    from memq.os.linux.kernel import LinuxKernel


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return Files(SmallKernel(SmallTypes(FILES), tmp_path))


def named(files: Files, *places: int, mapped: bool = False) -> FileColumn:
    """Open the dump and return the files at these addresses."""
    context = files.kernel.open_()
    kernel = cast("LinuxKernel", files.kernel)
    return file_column(kernel, context, Column(addresses(*places)), mapped=mapped)


def shown(column: FileColumn) -> list[str | Reason]:
    """Return names as /proc shows them, or the reason where there is none."""
    rows = zip(
        column.names.to_list(), column.names.statuses.tolist(), column.deleted.values.tolist(),
        strict=True,
    )  # fmt: skip
    return [
        Reason(status) if name is None else f"{name} (deleted)" if deleted else name
        for name, status, deleted in rows
    ]


def test_paths_of_files_and_directories(files: Files) -> None:
    root = files.dentry("/")
    usr = files.dentry("usr", root)
    program = files.dentry("bin", usr)
    long = files.dentry("x" * 200, usr)
    mount = files.mount(root)
    places = [files.file(mount, dentry) for dentry in (program, root, long, program, usr)]
    expected = ["/usr/bin", "/", "/usr/" + "x" * 200, "/usr/bin", "/usr"]
    assert shown(named(files, *places)) == expected


def test_mounts_in_each_other_and_a_bind_mount(files: Files) -> None:
    root = files.dentry("/")
    home, point = files.dentry("home", root), files.dentry("srv", root)
    disk = files.dentry("/")
    ann = files.dentry("ann", disk)
    notes = files.dentry("notes", ann)
    top = files.mount(root)
    whole = files.mount(disk, top, home)
    bound = files.mount(ann, top, point)
    deep = files.mount(root, bound, notes)
    places = [
        files.file(mount, dentry)
        for mount, dentry in (
            (whole, notes),
            (bound, notes),
            (bound, ann),
            (whole, disk),
            (deep, home),
        )
    ]
    expected = ["/home/ann/notes", "/srv/notes", "/srv", "/home", "/srv/notes/home"]
    assert shown(named(files, *places)) == expected


def test_root_mounted_over_the_first_root(files: Files) -> None:
    first = files.dentry("/")
    below = files.mount(first)
    root = files.dentry("/")
    top = files.mount(root, below, first)
    assert shown(named(files, files.file(top, files.dentry("etc", root)))) == ["/etc"]


def test_deleted_file_and_file_of_a_mount_without_a_place(files: Files) -> None:
    root = files.dentry("/")
    mount = files.mount(root)
    gone = files.dentry("gone", root, hashed=False)
    loose = files.dentry("loose")
    places = [
        files.file(mount, gone),
        files.file(mount, files.dentry("f", loose)),
        files.file(mount, root),
    ]
    assert shown(named(files, *places)) == ["/gone (deleted)", "/f", "/"]


def test_pseudo_files(files: Files) -> None:
    mount = files.mount(files.dentry("/"))
    kinds = files.page()
    files.kernel.text(kinds + 64, "net")
    files.kernel.put("proc_ns_operations", kinds, {"name": kinds + 64})
    space = files.kernel.put("ns_common", kinds + 128, {"ops": kinds})
    buffer = files.kernel.put(
        "dma_buf", kinds + 256, {"name": files.kernel.text(kinds + 300, "gpu")}
    )
    namespace = files.inode(number=78, private=space)
    dentries = [
        files.pseudo("sockfs_dname", "", files.inode(number=4711)),
        files.pseudo("pipefs_dname", "", files.inode(number=12)),
        files.pseudo("anon_inodefs_dname", "[eventpoll]", files.inode()),
        files.pseudo("anon_inodefs_dname", "bpf-map", files.inode()),
        files.pseudo("simple_dname", "memfd:payload", files.inode()),
        files.pseudo("pidfs_dname", "", files.inode()),
        files.pseudo("dmabuffs_dname", "dmabuf", files.inode(), d_fsdata=buffer),
        files.pseudo("ns_dname", "x", namespace, d_fsdata=kinds),
        files.pseudo("ns_dname", "x", namespace, d_fsdata=space),
        files.pseudo("ns_dname", "x", files.inode(number=79)),
    ]
    expected = [
        "socket:[4711]", "pipe:[12]", "anon_inode:[eventpoll]", "anon_inode:bpf-map",
        "/memfd:payload (deleted)", "anon_inode:[pidfd]", "/dmabuf:gpu", "net:[78]", "net:[78]",
        Reason.MALFORMED,
    ]  # fmt: skip
    assert shown(named(files, *(files.file(mount, dentry) for dentry in dentries))) == expected


def test_function_that_is_not_known_leaves_the_plain_name(files: Files) -> None:
    root = files.dentry("/")
    odd = files.pseudo("vendor_dname", "thing", d_parent=root)
    assert shown(named(files, files.file(files.mount(root), odd))) == ["/thing (deleted)"]


def test_name_that_is_not_text(files: Files) -> None:
    root = files.dentry("/")
    odd = files.dentry(b"a\xff\x1b[31m\n", root)
    assert shown(named(files, files.file(files.mount(root), odd))) == ["/a\\xff\x1b[31m\n"]


def test_no_file_and_files_that_are_not_there(files: Files) -> None:
    root = files.dentry("/")
    mount = files.mount(root)
    good = files.file(mount, files.dentry("good", root))
    bare = files.file(0, 0)
    lost = files.file(mount, files.dentry("lost", root))
    files.kernel.lose(lost)
    found = named(files, 0, good, bare, lost)
    assert shown(found) == [Reason.NULL, "/good", Reason.NULL, Reason.NOT_IN_DUMP]
    assert found.deleted.statuses.tolist() == [0, 0, 0, Reason.NOT_IN_DUMP]


def test_missing_directory_mount_or_name(files: Files) -> None:
    root = files.dentry("/")
    mount = files.mount(root)
    away = files.dentry("away", root)
    far = files.dentry("y" * 100, away)
    other = files.mount(files.dentry("/"), mount, root)
    places = [
        files.file(mount, far),
        files.file(other, files.dentry("z", root)),
        files.file(mount, files.dentry("here", root)),
    ]
    files.kernel.lose(away)
    files.kernel.lose(other)
    lost = Reason.NOT_IN_DUMP
    assert shown(named(files, *places)) == [lost, lost, "/here"]


def test_directories_that_loop(files: Files) -> None:
    root = files.dentry("/")
    mount = files.mount(root)
    outer = files.dentry("outer", root)
    inner = files.dentry("inner", outer)
    files.kernel.set("dentry", outer, "d_parent", inner)
    places = [files.file(mount, inner), files.file(mount, outer), files.file(mount, root)]
    assert shown(named(files, *places)) == [Reason.LOOP, Reason.LOOP, "/"]


def test_mounts_that_loop(files: Files) -> None:
    root = files.dentry("/")
    first = files.mount(root)
    second = files.mount(root, first, root)
    inside = files.kernel.offset("mount", "mnt")
    files.kernel.set("mount", first - inside, "mnt_parent", second - inside)
    assert (
        shown(named(files, files.file(first, root), files.file(second, root))) == [Reason.LOOP] * 2
    )


def test_path_that_is_too_long(files: Files) -> None:
    dentry = root = files.dentry("/")
    levels = MAX_PATH // 250 + 2
    for _ in range(levels):
        dentry = files.dentry("d" * 250, dentry)
    assert shown(named(files, files.file(files.mount(root), dentry))) == [Reason.LIMIT]
    assert levels < MAX_LEVELS


def test_each_directory_is_read_once(files: Files) -> None:
    root = files.dentry("/")
    mount = files.mount(root)
    deep = root
    for level in range(20):
        deep = files.dentry(f"d{level}", deep)
    leaves = [files.dentry(f"f{n}", deep) for n in range(50)]
    places = [files.file(mount, leaf) for leaf in leaves for _ in range(20)]
    found = named(files, *places)
    before = files.kernel.physical.bytes_read
    names = shown(found)
    assert names[-1] == "/" + "/".join(f"d{level}" for level in range(20)) + "/f49"
    dentries = 50 + 21
    assert files.kernel.physical.bytes_read - before < len(places) * 100 + dentries * 1000


def test_inode_and_device(files: Files) -> None:
    mount = files.mount(files.dentry("/"))
    dentry = files.dentry("f")
    first = files.file(mount, dentry, files.inode(0o100755, 42, 0xFE << 20 | 3))
    second = files.file(mount, dentry, 0)
    found = named(files, first, 0, second)
    assert found.devices.to_list() == ["fe:03", None, None]
    assert found.of_inode("i_ino").values.tolist()[0] == 42
    assert found.of_inode("i_ino").statuses.tolist() == [0, Reason.NULL, Reason.NULL]


def test_mapped_file_behind_an_overlay(tmp_path: Path) -> None:
    more = "struct backing_file { struct file file; struct path user_path; };"
    files = Files(SmallKernel(SmallTypes(FILES + more), tmp_path))
    root = files.dentry("/")
    upper = files.mount(root)
    base = files.dentry("/")
    lower = files.mount(base, upper, files.dentry("lower", root))
    behind = files.dentry("f", base, d_inode=files.inode(number=1))
    seen = files.dentry("f", root, d_inode=files.inode(number=2))
    backing = files.file(lower, behind, files.inode(number=1), f_mode=1 << 25)
    files.kernel.set("backing_file", backing, "user_path.mnt", upper)
    files.kernel.set("backing_file", backing, "user_path.dentry", seen)
    plain = files.file(upper, seen, files.inode(number=2))
    found = named(files, backing, plain, mapped=True)
    assert shown(found) == ["/f", "/f"]
    assert found.of_inode("i_ino").values.tolist() == [2, 2]
    assert shown(named(files, backing)) == ["/lower/f"]
