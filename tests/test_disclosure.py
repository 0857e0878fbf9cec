"""The mark that people see, and the words that machines read."""

import struct
from pathlib import Path
from uuid import UUID
from xml.etree import ElementTree

import av
import cv2
import numpy as np
import pytest

from models import mark as mark_module
from models.disclosure import VOCABULARY, XMP_BOX, Disclosure
from models.film import ALPHA_MOV, ALPHA_WEBM, MP4, FilmFormat, FilmWriter
from models.mark import TEXTS, make_mark, text_for
from models.media import PLAYOUT_SAMPLES_PER_FRAME
from server.app import create_app
from server.encoders import VideoCodec, VideoEncoder, VideoForm
from tests.fakes import FAKE_PARTS, fake_settings
from tests.test_api import calling

COMPOSITE = f"{VOCABULARY}compositeWithTrainedAlgorithmicMedia"
RDF = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}"
IPTC = "{http://iptc.org/std/Iptc4xmpExt/2008-02-29/}"


def film(path: Path, form: FilmFormat, disclosure: Disclosure) -> Path:
    channels = 4 if form.with_alpha else 3
    frame = np.full((64, 64, channels), 90, np.uint8)
    silence = np.zeros(PLAYOUT_SAMPLES_PER_FRAME, np.float32)
    with FilmWriter(path, 64, 64, form, disclosure) as writer:
        for _ in range(5):
            writer.write(frame, silence)
    return path


def boxes(data: bytes) -> list[tuple[bytes, bytes]]:
    """Type and content of each box at the top of an MP4 file."""
    found, at = [], 0
    while at < len(data):
        size, kind = struct.unpack_from(">I4s", data, at)
        found.append((kind, data[at + 8 : at + size]))
        at += size
    assert at == len(data)
    return found


@pytest.mark.parametrize("synthetic", [False, True])
def test_an_mp4_says_in_xmp_what_it_is(tmp_path: Path, synthetic: bool) -> None:
    disclosure = Disclosure(synthetic)
    path = film(tmp_path / "film.mp4", MP4, disclosure)
    kind, content = boxes(path.read_bytes())[-1]
    assert kind == b"uuid" and UUID(bytes=content[:16]) == XMP_BOX
    packet = ElementTree.fromstring(content[16:].decode())
    (said,) = packet.iter(f"{RDF}Description")
    kind_of_source = said.attrib[f"{IPTC}DigitalSourceType"]
    assert kind_of_source == disclosure.source_uri
    assert kind_of_source.endswith(
        "/trainedAlgorithmicMedia"
        if synthetic
        else "/compositeWithTrainedAlgorithmicMedia"
    )
    with av.open(str(path)) as container:
        assert len(list(container.decode(video=0))) == 5
        assert "AI-generated" in container.metadata["comment"]


@pytest.mark.parametrize(
    ("name", "form"), [("film.webm", ALPHA_WEBM), ("film.mov", ALPHA_MOV)]
)
def test_other_containers_say_it_in_tags(
    tmp_path: Path, name: str, form: FilmFormat
) -> None:
    path = film(tmp_path / name, form, Disclosure())
    with av.open(str(path)) as container:
        tags = {key.lower(): value for key, value in container.metadata.items()}
        assert tags["digital_source_type"] == COMPOSITE
        assert "AI-generated" in tags["comment"]
        assert len(list(container.decode(video=0))) == 5


@pytest.mark.parametrize("size", [(128, 128), (512, 512), (1280, 720), (720, 1280)])
@pytest.mark.parametrize("text", sorted(set(TEXTS.values())))
def test_the_mark_is_small_and_inside(size: tuple[int, int], text: str) -> None:
    height, width = size
    made = make_mark(text, height, width)
    high, wide = made.alpha.shape
    assert made.top + high <= height and made.left + wide <= width
    assert high * wide < 0.16 * height * width
    assert high % 2 == wide % 2 == made.top % 2 == made.left % 2 == 0
    assert made.alpha.max() == 255 and made.grey.max() > 200


@pytest.mark.parametrize("shade", [0, 90, 255])
def test_the_mark_can_be_read_on_any_picture_and_touches_nothing_else(
    shade: int,
) -> None:
    frames = np.full((2, 256, 256, 3), shade, np.uint8)
    made = make_mark("AI-generated", 256, 256)
    made.draw(frames)
    high, wide = made.alpha.shape
    inside = frames[0, made.top : made.top + high, made.left : made.left + wide]
    assert int(inside.max()) - int(np.median(inside)) > 100
    assert np.array_equal(frames[0], frames[1])
    frames[:, made.top : made.top + high, made.left : made.left + wide] = shade
    assert (frames == shade).all()


def test_the_mark_of_a_cutout_is_opaque() -> None:
    frame = np.zeros((128, 128, 4), np.uint8)
    make_mark("AI", 128, 128).draw(frame)
    assert frame[..., 3].max() == 255 and frame[0, 0].max() == 0


def test_both_ways_to_draw_show_the_same() -> None:
    picture = np.random.default_rng(0).integers(60, 200, (1, 1, 3), np.uint8)
    picture = np.tile(picture, (256, 256, 1))
    made = make_mark("AI-generated", 256, 256)
    planes: np.ndarray = cv2.cvtColor(picture, cv2.COLOR_RGB2YUV_I420)  # type: ignore[type-arg]
    made.draw_i420(planes)
    made.draw(picture)
    shown = cv2.cvtColor(planes, cv2.COLOR_YUV2RGB_I420).astype(int)
    assert np.abs(shown - picture).mean() < 1.5


def test_a_language_without_its_font_says_it_in_english(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert text_for("de-AT") == TEXTS["de"]
    assert text_for("xx") == text_for("") == TEXTS["en"]
    monkeypatch.setattr(mark_module, "_east_asian_font", lambda: None)
    assert text_for("zh-CN") == TEXTS["en"]
    monkeypatch.setattr(mark_module, "_east_asian_font", lambda: Path("x.ttf"))
    assert text_for("zh-CN") == TEXTS["zh"]


@pytest.mark.parametrize("codec", ["VP8", "H264"])
def test_what_is_sent_carries_the_mark(codec: VideoCodec) -> None:
    picture = np.full((256, 256, 3), 100, np.uint8)
    seen = []
    for made in (None, make_mark("AI-generated", 256, 256)):
        encoder = VideoEncoder(codec, VideoForm(256, 256, 1_000_000), made)
        packet = encoder.encode(picture, 0, key=True)
        assert packet is not None
        decoder = av.CodecContext.create("vp8" if codec == "VP8" else "h264", "r")
        frames = [*decoder.decode(packet), *decoder.decode(None)]
        seen.append(frames[0].to_ndarray(format="rgb24").astype(int))
    difference = np.abs(seen[0] - seen[1]).max(axis=2)
    assert difference[220:, 128:].max() > 80
    assert difference[:200].max() < 8


async def test_a_session_says_that_it_is_generated(tmp_path: Path) -> None:
    async with calling(create_app(fake_settings(tmp_path), FAKE_PARTS)) as client:
        made = (await client.post("/v1/sessions", json={})).json()
        said = made["ai_disclosure"]
        assert said["ai_generated"] is True and said["visible_mark"] is None
        assert said["digital_source_type"] == COMPOSITE
        assert (
            said["synthetic_identity"] is False and "AI-generated" in said["statement"]
        )
        body = {"video": {"mark": True}}
        marked = (await client.post("/v1/sessions", json=body)).json()
        assert marked["ai_disclosure"]["visible_mark"] == "AI-generated"
        listed = (await client.get("/v1/sessions")).json()["sessions"]
        marks = [each["ai_disclosure"]["visible_mark"] for each in listed]
        assert sorted(marks, key=str) == ["AI-generated", None]


async def test_the_operator_may_mark_every_session(tmp_path: Path) -> None:
    settings = fake_settings(tmp_path, mark_video=True)
    async with calling(create_app(settings, FAKE_PARTS)) as client:
        body = {"video": {"mark": False}}
        made = (await client.post("/v1/sessions", json=body)).json()
        assert made["ai_disclosure"]["visible_mark"] == "AI-generated"
