"""Services of Windows images, held to the truth of their registry."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from memq.image import Image
    from tests.os.windows.images import WindowsImage

ABOVE = "ControlSet001\\Services\\"
STARTS = ("boot", "system", "automatic", "manual", "disabled")


def test_services_are_those_of_the_registry(windows: WindowsImage, opened: Image) -> None:
    system = next(one for one in windows.truth["hives"] if one["mount"].endswith("\\SYSTEM"))
    found = {
        row["name"]: row
        for row in opened.query(
            "service.Select({name: name, start: start_type, kind: service_type, path: image_path, "
            "key: key.path, dll: service_dll})"
        ).rows()
    }
    for path, values in system["keys"].items():
        name = path.removeprefix(ABOVE)
        if not path.startswith(ABOVE) or "\\" in name:
            continue
        raw = {key: bytes.fromhex(value["data"]) for key, value in values.items()}
        assert found.pop(name) == {
            "name": name,
            "start": STARTS[raw["Start"][0]] if "Start" in raw else None,
            "kind": raw["Type"][0] if "Type" in raw else None,
            "path": raw["ImagePath"].decode("utf-16-le").rstrip("\0")
            if "ImagePath" in raw
            else None,
            "key": f"{system['mount']}\\{path}",
            "dll": None,
        }
    assert not found
