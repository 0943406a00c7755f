"""The HTML report in headless Chromium: hostile names are text there, nothing is loaded, all fits.

Where there is no Chromium, these tests are skipped.
"""

from __future__ import annotations

import html
import json
import shutil
import struct
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import TYPE_CHECKING, Any

import pytest

from memq.hunt.reports.html import as_html
from memq.hunt.running import Finding
from memq.output.cells import clean
from tests.hunt.findings import HOSTILE, heading, hostile, of_every_sort, rule

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
PATIENCE = 60
"""Seconds that a page may take."""
HEIGHT = 900
# What is measured, by a script around the page: in the page itself none may run.
FRAME = """\
<!DOCTYPE html><body style="margin: 0"><pre id="seen"></pre>
<iframe id="page" width="WIDTH" height="HEIGHT" style="border: 0" srcdoc="PAGE"></iframe>
<script>
document.getElementById("page").onload = event => {
  const page = event.target.contentDocument, root = page.documentElement;
  const names = [...page.querySelectorAll("*")].map(one => one.localName);
  document.getElementById("seen").textContent = JSON.stringify({
    width: root.clientWidth, needed: root.scrollWidth, title: page.title,
    names: [...new Set(names)], text: page.body.innerText,
    background: getComputedStyle(page.querySelector(".counts a")).borderLeftColor,
    anchors: [...page.querySelectorAll("a[href^='#']")].map(one => one.hash.slice(1)),
    ids: [...page.querySelectorAll("[id]")].map(one => one.id),
  });
};
</script>"""


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., str]:
    """Open a page with more options; gives what the browser prints."""
    program = next(filter(None, map(shutil.which, PROGRAMS)), None)
    if program is None:
        pytest.skip(f"no browser to look at the report: none of {', '.join(PROGRAMS)} is installed")
    profile = tmp_path_factory.mktemp("profile")

    def opened(page: Path, *options: str) -> str:
        command = [program, "--headless", "--disable-gpu", "--no-sandbox", "--hide-scrollbars"]
        command += ["--no-first-run", "--disable-background-networking", "--no-proxy-server"]
        command += ["--disable-dev-shm-usage"]  # it is small in containers
        command += [f"--user-data-dir={profile}", *options, page.as_uri()]
        done = subprocess.run(command, capture_output=True, timeout=PATIENCE, check=True)
        return done.stdout.decode("utf-8")

    first = profile / "first.html"
    first.write_text("<!DOCTYPE html><p>It runs</p>", "utf-8")
    try:
        runs = "It runs" in opened(first, "--dump-dom")
    except (OSError, subprocess.SubprocessError):
        runs = False
    if not runs:
        pytest.skip(f"{program} shows no page here")
    return opened


@pytest.fixture
def server() -> Iterator[tuple[str, list[str]]]:
    """Serve on this machine; gives the address and the paths that were asked for."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_error(404)

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    with HTTPServer(("127.0.0.1", 0), Handler) as running:
        thread = threading.Thread(target=running.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{running.server_port}", asked
        running.shutdown()
        thread.join()


def report(findings: list[Finding], **more: Any) -> str:
    return "".join(as_html(findings, heading(**more)))


def seen(browser: Callable[..., str], page: str, width: int, path: Path) -> dict[str, Any]:
    """Return what is seen of a page in a window of a width."""
    frame = FRAME.replace("WIDTH", str(width)).replace("HEIGHT", str(HEIGHT))
    path.write_text(frame.replace("PAGE", html.escape(page)), "utf-8")
    dumped = browser(path, "--dump-dom", f"--window-size={width + 100},{HEIGHT}")
    found = dumped.partition('<pre id="seen">')[2].partition("</pre>")[0]
    result: dict[str, Any] = json.loads(html.unescape(found))
    return result


@pytest.mark.parametrize("width", [1200, 400])
def test_the_page_is_not_wider_than_the_window(
    width: int, browser: Callable[..., str], tmp_path: Path
) -> None:
    for page in (report(of_every_sort()), report(hostile(), name=HOSTILE[0])):
        found = seen(browser, page, width, tmp_path / "frame.html")
        assert found["width"] == width
        assert found["needed"] == width
        assert set(found["anchors"]) <= set(found["ids"])
    wide = seen(browser, report([]) + "<p><nobr>" + "wide " * 500, width, tmp_path / "w.html")
    assert wide["needed"] > width


def test_its_style_is_taken_and_the_worst_match_gives_the_colour(
    browser: Callable[..., str], tmp_path: Path
) -> None:
    page = report(of_every_sort())
    assert seen(browser, page, 800, tmp_path / "a.html")["background"] == "rgb(178, 24, 43)"
    # Any other style is refused by the page itself.
    other = page.replace("#b2182b", "#000000")
    assert seen(browser, other, 800, tmp_path / "b.html")["background"] != "rgb(0, 0, 0)"


def test_hostile_names_are_text(browser: Callable[..., str], tmp_path: Path) -> None:
    ordinary = seen(browser, report(of_every_sort()), 1000, tmp_path / "a.html")
    page = report(hostile(), name=HOSTILE[0])
    found = seen(browser, page, 1000, tmp_path / "b.html")
    assert set(found["names"]) <= set(ordinary["names"])
    assert found["title"] == f"Findings in {HOSTILE[0]}"
    text = " ".join(found["text"].split())
    assert [name for name in HOSTILE[:-1] if " ".join(clean(name).split()) not in text] == []
    path = tmp_path / "page.html"
    path.write_text(page, "utf-8")
    dumped = browser(path, "--dump-dom")
    assert "&lt;script&gt;document.title" in dumped
    assert "<script" not in dumped


def test_nothing_is_loaded(
    browser: Callable[..., str], server: tuple[str, list[str]], tmp_path: Path
) -> None:
    address, asked = server
    name = (
        f'"><img src="{address}/image"><script src="{address}/script"></script>'
        f'<link rel="stylesheet" href="{address}/style"><style>@import "{address}/more";</style>'
    )
    own = rule(1, name, "high", "attack.t1055", description=name, references=(f"{address}/ref",))
    page = report([Finding(own, "match", name, ({"name": name, name: name},))], name=name)
    path = tmp_path / "page.html"
    path.write_text(page, "utf-8")
    browser(path, "--dump-dom")
    assert asked == []
    # Nor would it be, had somebody forgotten to escape it.
    path.write_text(page.replace("</h1>", f"</h1>{name}"), "utf-8")
    browser(path, "--dump-dom")
    assert asked == []
    path.write_text(f"<!DOCTYPE html>{name}", "utf-8")
    browser(path, "--dump-dom")
    assert {"/image", "/script", "/style"} <= set(asked)


def test_it_can_be_drawn(browser: Callable[..., str], tmp_path: Path) -> None:
    path, picture = tmp_path / "page.html", tmp_path / "page.png"
    path.write_text(report(hostile() + of_every_sort()), "utf-8")
    browser(path, f"--screenshot={picture}", f"--window-size=1200,{HEIGHT}")
    content = picture.read_bytes()
    assert content.startswith(b"\x89PNG")
    assert struct.unpack(">II", content[16:24]) == (1200, HEIGHT)
    assert len(content) > 20_000  # of one colour, it has 5,000
