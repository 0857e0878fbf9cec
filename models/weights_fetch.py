"""Fetching weights from the hub: resumed where it stopped, checked at the end.

The checksum is the manifest's, else the hub's own of the pinned commit: X-Linked-Etag
is the sha256 of a large file, ETag the git blob hash of a small one.
Source: huggingface_hub, file_download.get_hf_file_metadata.
"""

import os
import time
from dataclasses import dataclass
from pathlib import Path

import httpx

from models.errors import WeightsError
from models.weights import Weights, WeightsFile, readable
from models.weights_place import (
    Progress,
    check_room,
    locked,
    part_of,
    place,
)

HUB = "https://huggingface.co"
ATTEMPTS = 5  # without a byte of progress
TIMEOUT_S = 30.0
_HEADERS = {"Accept-Encoding": "identity"}  # bytes as they are stored


@dataclass(frozen=True)
class _Stated:
    """What the hub says of a file. size: bytes, 0 where it does not say."""

    size: int
    digest: str


def hub_url() -> str:
    """The hub, or the mirror that HF_ENDPOINT names, as huggingface_hub has it."""
    return os.environ.get("HF_ENDPOINT", "").rstrip("/") or HUB


def fetch(
    weights: Weights,
    root: Path,
    *,
    hub: str | None = None,
    on_progress: Progress | None = None,
    retry_s: float = 1.0,
) -> Path:
    """Downloads what is not here yet; gives the folder.

    Two at once do not clash: the second waits, and finds the work done.

    Raises:
        WeightsError: offline, download_cut, refused, wrong_checksum, disk_full,
            not_writable, locked.
    """
    report = on_progress or (lambda _file, _done, _size: None)
    with (
        locked(weights, root) as folder,
        httpx.Client(headers=_HEADERS, timeout=TIMEOUT_S) as client,
    ):
        for file in weights.files:
            if not (folder / file.path).is_file():
                at = f"{hub or hub_url()}/{weights.repository}/resolve"
                url = f"{at}/{weights.revision}/{file.source or file.path}"
                download = _Download(client, url, file, folder / file.path, report)
                download.run(retry_s)
    return folder


class _Download:
    """One file on its way."""

    def __init__(
        self,
        client: httpx.Client,
        url: str,
        file: WeightsFile,
        target: Path,
        report: Progress,
    ) -> None:
        self._client, self._url, self._file = client, url, file
        self._target, self._part = target, part_of(target)
        self._report = report

    def run(self, retry_s: float) -> None:
        self._target.parent.mkdir(parents=True, exist_ok=True)
        stated = self._ask()
        most = failures = 0
        while not self._is_whole(stated.size):
            try:
                if self._receive(stated.size) and not stated.size:
                    break
                reason = "it keeps beginning anew"
            except httpx.TransportError as error:
                reason = _reason(error)
            failures = 0 if self._here() > most else failures + 1
            most = max(most, self._here())
            if failures >= ATTEMPTS:
                raise self._cut(reason)
            time.sleep(retry_s * failures)
        place(self._file, self._target, stated.digest)

    def _here(self) -> int:
        return self._part.stat().st_size if self._part.exists() else 0

    def _is_whole(self, size: int) -> bool:
        if size and self._here() > size:
            self._part.unlink()  # left by another file of this name
        return size > 0 and self._here() == size

    def _ask(self) -> _Stated:
        """The redirect to a store is not followed: the store knows no digest."""
        url = self._url
        try:
            for _ in range(5):
                answer = self._client.head(url)
                self._refuse_errors(answer)
                place = answer.headers.get("location", "")
                if not (answer.is_redirect and place.startswith("/")):
                    break  # only renamed repositories redirect within the hub
                url = str(answer.url.join(place))
        except httpx.TransportError as error:
            raise self._offline(error) from error
        size = answer.headers.get("x-linked-size", "")
        if not (size or answer.is_redirect):
            size = answer.headers.get("content-length", "")
        etag = answer.headers.get("x-linked-etag") or answer.headers.get("etag", "")
        digest = etag.removeprefix("W/").strip('"').lower()
        known = len(digest) in (40, 64) and set(digest) <= set("0123456789abcdef")
        return _Stated(int(size or 0), digest if known else "")

    def _receive(self, size: int) -> bool:
        """Appends what is missing; all anew where the server cannot resume. Whether it
        came to the end of the answer."""
        here = self._here() if size else 0
        check_room(self._target, (size or self._file.size) - here)
        headers = {"Range": f"bytes={here}-"} if here else {}
        with self._client.stream(
            "GET", self._url, headers=headers, follow_redirects=True
        ) as answer:
            if answer.status_code == httpx.codes.REQUESTED_RANGE_NOT_SATISFIABLE:
                self._part.unlink()
                return False
            self._refuse_errors(answer)
            resumed = answer.status_code == httpx.codes.PARTIAL_CONTENT
            with self._part.open("ab" if resumed else "wb") as part:
                for chunk in answer.iter_raw():  # as it comes: a cut loses nothing
                    part.write(chunk)
                    self._report(self._file.path, part.tell(), size)
        return True

    def _refuse_errors(self, answer: httpx.Response) -> None:
        if answer.status_code >= 400:
            raise WeightsError(
                "refused",
                f"{answer.url.host} does not give {self._file.path} (HTTP "
                f"{answer.status_code}). Try again later, or fetch {self._url} by hand "
                f"and put it into {self._target.parent}.",
            )

    def _offline(self, error: httpx.TransportError) -> WeightsError:
        size = f" ({readable(self._file.size)})" if self._file.size else ""
        return WeightsError(
            "offline",
            f"{httpx.URL(self._url).host} cannot be reached ({_reason(error)}). Where "
            f"there is a network, fetch {self._url}{size} and put it into "
            f"{self._target.parent} as {self._target.name}; or bring a folder of all "
            "files and use --from FOLDER.",
        )

    def _cut(self, reason: str) -> WeightsError:
        return WeightsError(
            "download_cut",
            f"The download of {self._file.path} broke off ({reason}). The "
            f"{readable(self._here())} that came are kept: run the command again.",
        )


def _reason(error: Exception) -> str:
    return str(error) or type(error).__name__
