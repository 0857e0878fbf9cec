"""Emotion, expressivity and background of a session, however they are asked for."""

import asyncio
import base64
import io
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from models.backdrop import GREEN_SCREEN
from scripts.live_client import LiveClient
from server.app import create_app
from server.errors import ApiError
from server.look import read_background
from server.session import Session
from tests.faces import grace
from tests.fakes import FAKE_PARTS, FakePerformer, fake_settings
from tests.live_server import Live, serving


@pytest.fixture
async def live(tmp_path: Path) -> AsyncIterator[Live]:
    parts = replace(FAKE_PARTS, load_identity=lambda path: grace())
    async with serving(create_app(fake_settings(tmp_path), parts)) as live:
        yield live


async def new_session(live: Live, **body: object) -> Session:
    made = await live.http.post("/v1/sessions", json=body)
    assert made.status_code == 201, made.text
    return live.services.sessions.get(made.json()["session_id"])


async def command(live: Live, session: Session, **fields: object) -> int:
    path = f"/v1/sessions/{session.session_id}/commands"
    return (await live.http.post(path, json=fields)).status_code


def expressions(session: Session) -> list[tuple[str, float]]:
    performer = session.lane.performer
    assert isinstance(performer, FakePerformer)
    return list(performer.expressions)


async def until(so: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not so():  # noqa: ASYNC110 a state has no event
            await asyncio.sleep(0.02)


def picture_url(colour: tuple[int, int, int]) -> str:
    data = io.BytesIO()
    Image.new("RGB", (32, 16), colour).save(data, "PNG")
    return "data:image/png;base64," + base64.b64encode(data.getvalue()).decode()


def corner(session: Session) -> tuple[int, ...]:
    return tuple(session.lane.identity.picture[0, 0].tolist())


async def test_what_is_left_out_stays_as_it_is(live: Live) -> None:
    session = await new_session(live)
    assert await command(live, session, type="avatar.set", emotion="happy") < 300
    assert await command(live, session, type="avatar.set", expressivity=0.8) < 300
    assert expressions(session) == [("happy", 0.5), ("happy", 0.8)]


async def test_an_emotion_lasts_as_long_as_its_text(live: Live) -> None:
    async with LiveClient(live.url) as client:
        await client.ready()
        session = live.services.sessions.get(client.session_id)
        await command(live, session, type="avatar.set", emotion="serious")
        say = {"type": "avatar.speak_text", "text": "one"}
        await command(live, session, **say, emotion="surprised")
        await command(live, session, **say)
        await until(lambda: len(expressions(session)) >= 3)
        names = [emotion for emotion, _ in expressions(session)]
        assert names == ["serious", "surprised", "serious"]
        await command(live, session, **say, emotion="happy")
        await until(lambda: expressions(session)[-1][0] == "happy")
        await command(live, session, type="avatar.interrupt")
        assert expressions(session)[-1][0] == "serious"


async def test_the_background_of_a_new_session(live: Live) -> None:
    session = await new_session(live, video={"background": "green"})
    assert corner(session) == GREEN_SCREEN
    assert np.array_equal(grace().picture, grace().picture)
    plain = await new_session(live)
    assert plain.lane.identity is grace()


async def test_the_background_changes_and_comes_back(live: Live) -> None:
    session = await new_session(live)
    await command(live, session, type="avatar.set", background="#102030")
    await until(lambda: corner(session) == (16, 32, 48))
    await command(live, session, type="avatar.set", background=picture_url((9, 8, 7)))
    await until(lambda: corner(session) == (9, 8, 7))
    await command(live, session, type="avatar.set", background="#102030")
    await command(live, session, type="avatar.set", background="keep")
    await until(lambda: session.lane.identity is grace())
    await asyncio.sleep(0.3)  # the colour that was asked for before comes too late
    assert session.lane.identity is grace()


async def test_a_picture_that_cannot_be_read_is_an_error_event(live: Live) -> None:
    session = await new_session(live)
    told: list[str] = []
    session.subscribe(told.append)
    bad = "data:image/png;base64," + base64.b64encode(b"no picture").decode()
    ask = {"type": "avatar.set", "event_id": "b1", "background": bad}
    await command(live, session, **ask)
    await until(lambda: any("not_an_image" in message for message in told))
    assert any('"b1"' in message for message in told)
    assert session.lane.identity is grace()


@pytest.mark.parametrize(
    "fields",
    [
        {"emotion": "furious"},
        {"expressivity": 1.5},
        {"expressivity": "NaN"},
        {"background": ""},
        {"background": "/etc/hostname"},
        {"background": "#12"},
        {"background": "data:image/png;base64,@@@"},
        {"backgroud": "green"},
    ],
)
async def test_what_cannot_be_is_refused_and_changes_nothing(
    live: Live, fields: dict[str, object]
) -> None:
    session = await new_session(live)
    valid = {"type": "avatar.set"} | fields
    assert await command(live, session, **valid) == 422
    assert expressions(session) == [] and session.lane.identity is grace()


@pytest.mark.parametrize("background", ["beach", "#12", "/etc/hostname", "x.png"])
async def test_a_session_with_a_bad_background_is_not_made(
    live: Live, background: str
) -> None:
    body = {"video": {"background": background}}
    answer = await live.http.post("/v1/sessions", json=body)
    assert answer.status_code == 422
    assert len(live.services.sessions) == 0


async def test_a_session_with_a_damaged_picture_gives_its_slot_back(
    live: Live,
) -> None:
    bad = "data:image/png;base64," + base64.b64encode(b"no picture").decode()
    answer = await live.http.post("/v1/sessions", json={"video": {"background": bad}})
    assert answer.status_code == 422 and answer.json()["code"] == "not_an_image"
    await until(lambda: len(live.services.sessions) == 0)


def test_a_path_is_never_opened(tmp_path: Path) -> None:
    Image.new("RGB", (8, 8)).save(tmp_path / "picture.png")
    with pytest.raises(ApiError):
        read_background(str(tmp_path / "picture.png"))
