"""Fetching a PDB from a symbol server, by HTTP or HTTPS; only where the user has named the server.

What comes is not believed: its size is bounded, and it is kept only if GUID and age are right.
Proxies are those of the environment (`https_proxy`, `no_proxy`, ...).
"""

from __future__ import annotations

import http.client
import tempfile
import urllib.error
import urllib.request
from pathlib import Path
from typing import IO, TYPE_CHECKING
from urllib.parse import quote, urlsplit

from memq.errors import SymbolError
from memq.symbols.cab import MAGIC as CABINET
from memq.symbols.cab import unpack_cab
from memq.symbols.cache import store_place
from memq.symbols.msf import Unpacked
from memq.symbols.pdb import pdb_identity

if TYPE_CHECKING:
    from memq.progress import Progress
    from memq.symbols.tables import Identity

MAX_FILE = 256 << 20
"""Bytes that are taken of an answer; a kernel's PDB has about 12 MB."""
_TIMEOUT = 30.0
"""Seconds without a byte from the server."""
_CHUNK = 1 << 16
_MISSING = frozenset({404, 410})


def fetch_pdb(url: str, name: str, identity: Identity, folder: Path, progress: Progress) -> Path:
    """Fetch an image's PDB into a folder, laid out as a symbol store, and return its path.

    `name` is as the image has it. The file is written aside and gets its name when GUID and age in
    it have been found to be right. SymbolError where the server has none, or cannot be reached.
    """
    if not _is_address(url):
        raise SymbolError(f"{url}: not the address of a symbol server, as https://HOST/PATH is")
    target = store_place(folder, name, identity)
    clean = target.name
    base = f"{url.rstrip('/')}/{quote(clean)}/{target.parent.name}/"
    with progress.step(f"fetching {clean}"):
        for remote in (clean, f"{clean[:-1]}_"):
            content = _fetched(base + quote(remote), progress)
            if content is not None:
                _keep(_unpacked(content, base, progress), base, target, identity)
                return target
    raise SymbolError(f"{url}: the server has no {clean} of {identity}; name another server")


def _is_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in {"http", "https"} and bool(parts.hostname) and url.isprintable()
    except ValueError:
        return False


def _unpacked(content: bytes, base: str, progress: Progress) -> bytes:
    """Return the PDB in what came, which may be compressed whatever its name."""
    if not content.startswith(CABINET):
        return content
    try:
        return unpack_cab(content, progress)
    except SymbolError as error:
        raise SymbolError(f"{base}: {error}") from error


def _keep(content: bytes, base: str, target: Path, identity: Identity) -> None:
    """Write a PDB to its place, if it is the one that was asked for."""
    try:
        found = pdb_identity(Unpacked(content))
    except SymbolError as error:
        raise SymbolError(f"{base}: what the server sent is no PDB: {error}") from error
    if found != identity:
        raise SymbolError(f"{base}: the server sent the PDB of {found}; name another server")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile("wb", dir=target.parent, delete=False) as aside:
            path = Path(aside.name)
            try:
                aside.write(content)
                aside.close()
                path.replace(target)
            finally:
                path.unlink(missing_ok=True)
    except OSError as error:
        raise SymbolError(f"{target}: cannot be written: {error.strerror or error}") from error


def _fetched(address: str, progress: Progress) -> bytes | None:
    """Return what is at an address, None if the server has nothing there."""
    headers = {"User-Agent": "memq", "Accept-Encoding": "identity"}
    try:
        request = urllib.request.Request(address, headers=headers)  # noqa: S310 - checked before
        with _opener().open(request, timeout=_TIMEOUT) as answer:
            return _content(answer, answer.headers.get("Content-Length"), address, progress)
    except urllib.error.HTTPError as error:
        error.close()
        if error.code in _MISSING:
            return None
        says = f"answers {error.code}"
        if error.code // 100 == 3:
            says = "redirects too often, or to an address that is not followed"
        raise SymbolError(f"{address}: the server {says}; check its address") from error
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise SymbolError(
            f"{address}: cannot be fetched: {_reason(error)}; "
            "check the address, and the proxy (https_proxy)"
        ) from error


def _content(answer: IO[bytes], told: str | None, address: str, progress: Progress) -> bytes:
    """Return an answer's bytes; SymbolError for more than there may be, or fewer than was told."""
    total = int(told) if told and told.isdecimal() else 0
    content = bytearray()
    while len(content) <= MAX_FILE and total <= MAX_FILE:
        progress.tick(len(content), total)
        chunk = answer.read(_CHUNK)
        if not chunk:
            break
        content += chunk
    if max(len(content), total) > MAX_FILE:
        raise SymbolError(f"{address}: the file has more than {MAX_FILE >> 20} MB and is not kept")
    if len(content) < total:
        raise SymbolError(f"{address}: the connection broke off; try again")
    return bytes(content)


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Follows a server to another address, a few times, and never from HTTPS to HTTP."""

    max_redirections = 5
    max_repeats = 2

    def redirect_request(
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: http.client.HTTPMessage,
        newurl: str,
    ) -> urllib.request.Request | None:
        """Return the request for the new address, None if it is not followed."""
        allowed = {"https"} if req.type == "https" else {"http", "https"}
        if urlsplit(newurl).scheme.lower() not in allowed:
            return None
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _opener() -> urllib.request.OpenerDirector:
    """Return what opens addresses of HTTP and HTTPS, and no others (no files, no FTP)."""
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler(),
        urllib.request.HTTPHandler(),
        urllib.request.HTTPSHandler(),
        urllib.request.HTTPDefaultErrorHandler(),
        urllib.request.HTTPErrorProcessor(),
        urllib.request.UnknownHandler(),
        _Redirects(),
    ):
        opener.add_handler(handler)
    return opener


def _reason(error: Exception) -> str:
    """Say what went wrong, with nothing in it that a server could have written for a terminal."""
    inner = error.reason if isinstance(error, urllib.error.URLError) else error
    text = (inner.strerror if isinstance(inner, OSError) else "") or str(inner)
    return "".join(c if c.isprintable() else "?" for c in text)[:200] or type(inner).__name__
