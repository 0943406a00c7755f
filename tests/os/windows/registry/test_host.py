"""What the registry tells of the machine."""

from __future__ import annotations

from typing import TYPE_CHECKING

from memq.summary import summary

if TYPE_CHECKING:
    from memq.image import Image
    from tests.os.windows.images import WindowsImage

NAME = "ControlSet001\\Control\\ComputerName\\ComputerName"


def test_host_name_is_the_recorded_one(windows: WindowsImage, opened: Image) -> None:
    system = next(one for one in windows.truth["hives"] if one["mount"].endswith("\\SYSTEM"))
    recorded = bytes.fromhex(system["keys"][NAME]["ComputerName"]["data"]).decode("utf-16-le")
    found = list(opened.query("kernel.Select({host: host_name, domain: domain_name})").rows())
    assert found == [{"host": recorded.rstrip("\0"), "domain": None}]
    assert f"host {recorded.rstrip(chr(0))}," in summary(opened)
