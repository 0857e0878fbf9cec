"""QR codes: a reader that is not ours gets out what went in."""

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from fastapi.testclient import TestClient

from server.app import create_app
from tests.fakes import FAKE_PARTS, fake_settings


@pytest.fixture
def client(tmp_path: Path) -> Iterator[TestClient]:
    settings = fake_settings(tmp_path, api_key="secret")
    with TestClient(create_app(settings, FAKE_PARTS), "http://127.0.0.1") as client:
        yield client


def drawn(svg: str) -> "np.ndarray[tuple[int, int], np.dtype[np.uint8]]":
    """The picture of segno's SVG: horizontal strokes, one module high."""
    import re

    size = int(re.search(r'width="(\d+)"', svg)[1]) // 8  # type: ignore[index]
    picture = np.full((size, size), 255, np.uint8)
    path = re.search(r'class="qrline"[^>]* d="([^"]+)"', svg)
    assert path
    x = y = 0.0
    for kind, numbers in re.findall(r"([Mmh])([-\d. ]+)", path[1]):
        values = [float(each) for each in numbers.split()]
        if kind == "M":
            x, y = values
        elif kind == "m":
            x, y = x + values[0], y + values[1]
        else:
            picture[int(y), int(x) : int(x + values[0])] = 0
            x += values[0]
    return np.kron(picture, np.ones((8, 8), np.uint8))


@pytest.mark.parametrize(
    "text", ["https://shop.example/chat?from=kiosk&n=1", "tel:+493012345", "你好"]
)
def test_a_reader_gets_out_what_went_in(client: TestClient, text: str) -> None:
    answer = client.get("/v1/qr.svg", params={"text": text})
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "image/svg+xml"
    found, *_ = cv2.QRCodeDetector().detectAndDecode(drawn(answer.text))
    assert found == text


@pytest.mark.parametrize("text", ["", "x" * 501, None])
def test_what_no_phone_could_read_is_refused(
    client: TestClient, text: str | None
) -> None:
    answer = client.get("/v1/qr.svg", params={} if text is None else {"text": text})
    assert answer.status_code == 422
    assert answer.json()["code"] == "bad_request"


def test_the_longest_text_that_is_taken_is_readable(client: TestClient) -> None:
    text = "https://shop.example/" + "a" * 479
    found, *_ = cv2.QRCodeDetector().detectAndDecode(
        drawn(client.get("/v1/qr.svg", params={"text": text}).text)
    )
    assert found == text


def test_a_text_cannot_get_out_of_the_picture(client: TestClient) -> None:
    text = '"><script>alert(1)</script>'
    assert "script" not in client.get("/v1/qr.svg", params={"text": text}).text
