"""WHEP to the letter: what a standard player sends and expects."""

import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from hypothesis import given
from hypothesis import strategies as st

from server.app import create_app
from server.offer import is_mdns, without_mdns
from server.whep import parse_fragment
from tests.fakes import FAKE_PARTS, fake_settings
from tests.live_server import Live, serving

SDP = {"content-type": "application/sdp"}
FRAGMENT = "application/trickle-ice-sdpfrag"


@pytest.fixture
async def live(tmp_path: Path) -> AsyncIterator[Live]:
    settings = fake_settings(
        tmp_path,
        ice_urls=("stun:stun.invalid:3478",),
        ice_for_clients_only=True,  # it would be asked, for 5 s
        max_viewers=2,
    )
    app = create_app(settings, FAKE_PARTS)
    async with serving(app) as live:
        yield live


async def offer_of(pc: RTCPeerConnection) -> str:
    for kind in ("audio", "video"):
        pc.addTransceiver(kind, direction="recvonly")
    await pc.setLocalDescription(await pc.createOffer())
    return str(pc.localDescription.sdp)


@pytest.fixture
async def pc() -> AsyncIterator[RTCPeerConnection]:
    pc = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    yield pc
    await pc.close()


async def new_session(live: Live) -> str:
    made = (await live.http.post("/v1/sessions", json={})).json()
    return str(made["whep_url"])


async def test_a_player_from_post_to_delete(live: Live, pc: RTCPeerConnection) -> None:
    url = await new_session(live)
    answer = await live.http.post(url, content=await offer_of(pc), headers=SDP)
    assert answer.status_code == 201
    assert answer.headers["content-type"].startswith("application/sdp")
    assert "a=sendonly" in answer.text and "a=sendrecv" not in answer.text
    streams = {
        line.split()[0] for line in answer.text.splitlines() if "a=msid:" in line
    }
    assert len(streams) == 1, "sound and picture must be one MediaStream"
    await pc.setRemoteDescription(RTCSessionDescription(answer.text, "answer"))
    (video,) = [r.track for r in pc.getReceivers() if r.track.kind == "video"]
    frame: Any = await asyncio.wait_for(video.recv(), 5)
    assert (frame.width, frame.height) == (512, 512)
    where = answer.headers["location"]
    assert (await live.http.get(where)).status_code == 200
    head = await live.http.head(where)
    assert head.headers["content-type"].startswith("application/sdp")
    assert (await live.http.delete(where)).status_code == 200
    assert (await live.http.delete(where)).status_code == 404


async def test_trickle(live: Live, pc: RTCPeerConnection) -> None:
    url = await new_session(live)
    sdp = await offer_of(pc)
    lines = sdp.splitlines(keepends=True)
    candidates = "".join(line for line in lines if line.startswith("a=candidate"))
    bare = "".join(
        line
        for line in lines
        if not line.startswith(("a=candidate", "a=end-of-candidates"))
    )
    answer = await live.http.post(url, content=bare, headers=SDP)
    where, tag = answer.headers["location"], answer.headers["etag"]
    await pc.setRemoteDescription(RTCSessionDescription(answer.text, "answer"))
    patch = {"content-type": FRAGMENT, "if-match": tag}
    body = f"a=mid:0\r\n{candidates}a=candidate:garbage\r\na=end-of-candidates\r\n"

    async def status(content: str, headers: dict[str, str]) -> int:
        answer = await live.http.patch(where, content=content, headers=headers)
        return answer.status_code

    assert await status(body, {"content-type": FRAGMENT}) == 428
    assert await status(body, patch | {"if-match": '"stale"'}) == 412
    assert await status(body, patch | SDP) == 415
    assert await status("a=ice-ufrag:other\r\n", patch) == 422
    assert await status(body, patch) == 204
    (video,) = [r.track for r in pc.getReceivers() if r.track.kind == "video"]
    await asyncio.wait_for(video.recv(), 10)


async def test_refusals(live: Live, pc: RTCPeerConnection) -> None:
    url = await new_session(live)
    sdp = await offer_of(pc)
    assert (await live.http.post(url, content=sdp)).status_code == 415
    bad = await live.http.post(url, content="v=0", headers=SDP)
    assert (bad.status_code, bad.json()["code"]) == (400, "bad_sdp")
    bad = await live.http.post(url, content=b"\xff\xfe", headers=SDP)
    assert bad.status_code == 400
    huge = await live.http.post(url, content="v" * 200_000, headers=SDP)
    assert huge.status_code == 413
    for _ in range(2):
        assert (await live.http.post(url, content=sdp, headers=SDP)).status_code == 201
    full = await live.http.post(url, content=sdp, headers=SDP)
    assert (full.status_code, full.json()["code"]) == (503, "viewers_full")
    assert "retry-after" in full.headers


async def test_options(live: Live) -> None:
    answer = await live.http.options(await new_session(live))
    assert answer.status_code == 204
    assert answer.headers["accept-post"] == "application/sdp"


async def test_other_methods_and_answers_are_refused(
    live: Live, pc: RTCPeerConnection
) -> None:
    url = await new_session(live)
    for method in ("GET", "PUT", "DELETE"):
        answer = await live.http.request(method, url)
        assert answer.status_code == 405
        assert "POST" in answer.headers["allow"]
    sdp = await offer_of(pc)
    answer = await live.http.post(url, content=sdp, headers=SDP | {"accept": "a/b"})
    assert (answer.status_code, answer.json()["code"]) == (406, "not_acceptable")
    for hostile in (
        sdp.replace("a=recvonly", "a=sendonly"),
        sdp.replace("a=group:BUNDLE 0 1", "a=group:BUNDLE 7 0 1"),
        sdp.replace("a=mid:1", "a=mid:0"),
    ):
        answer = await live.http.post(url, content=hostile, headers=SDP)
        assert (answer.status_code, answer.json()["code"]) == (400, "bad_sdp")


async def test_ice_servers_are_linked_and_any_user_name_has_a_tag(
    live: Live, pc: RTCPeerConnection
) -> None:
    sdp = re.sub("a=ice-ufrag:.*", 'a=ice-ufrag:h"\u00e9\u6f22', await offer_of(pc))
    answer = await live.http.post(await new_session(live), content=sdp, headers=SDP)
    assert answer.status_code in (201, 400)
    sdp = await offer_of(pc)
    answer = await live.http.post(await new_session(live), content=sdp, headers=SDP)
    assert answer.headers["link"] == '<stun:stun.invalid:3478>; rel="ice-server"'
    assert re.fullmatch('"[0-9a-f]+"', answer.headers["etag"])
    assert answer.headers["accept-patch"] == FRAGMENT


async def test_a_page_elsewhere_may_use_it_and_read_what_it_needs(
    tmp_path: Path, pc: RTCPeerConnection
) -> None:
    page = {"origin": "https://player.example"}
    settings = fake_settings(
        tmp_path,
        allowed_origins=(page["origin"],),
        ice_urls=("turn:turn.invalid",),
        turn_secret="s",
        ice_for_clients_only=True,
    )
    async with serving(create_app(settings, FAKE_PARTS)) as live:
        url = await new_session(live)
        wanted = {
            "access-control-request-method": "PATCH",
            "access-control-request-headers": "authorization,content-type,if-match",
        }
        answer = await live.http.options(url, headers=page | wanted)
        assert answer.status_code == 200
        assert answer.headers["access-control-allow-origin"] == page["origin"]
        assert "PATCH" in answer.headers["access-control-allow-methods"]
        sdp = await offer_of(pc)
        answer = await live.http.post(url, content=sdp, headers=SDP | page)
        exposed = answer.headers["access-control-expose-headers"].split(", ")
        assert {"location", "link", "etag"} <= set(exposed)
        assert 'username="' in answer.headers["link"]
        assert 'credential-type="password"' in answer.headers["link"]
        # Refusals can be read by the page too.
        answer = await live.http.post(url, content="", headers=page)
        assert answer.status_code == 415
        assert answer.headers["access-control-allow-origin"] == page["origin"]


def test_fragment() -> None:
    fragment = (
        "a=ice-ufrag:u\r\na=ice-pwd:p\r\nm=audio 9 RTP/AVP 0\r\na=mid:1\r\n"
        "a=candidate:1 1 udp 1 127.0.0.1 9 typ host\r\na=end-of-candidates\r\n"
    )
    line = "1 1 udp 1 127.0.0.1 9 typ host"
    assert parse_fragment(fragment) == ("u", [("1", line), ("1", None)])


@given(st.text(max_size=400))
def test_any_fragment_is_parsed(fragment: str) -> None:
    _, candidates = parse_fragment(fragment)
    assert len(candidates) <= 64


def test_local_names_are_not_waited_for() -> None:
    """A browser hides its addresses behind names only its own network can resolve."""
    hidden = "candidate:1 1 udp 2122 5f0c7d3e.local 50000 typ host"
    assert is_mdns(hidden)
    assert not is_mdns("candidate:1 1 udp 2122 192.0.2.1 50000 typ host")
    offer = f"v=0\r\na={hidden}\r\na=candidate:2 1 udp 2 192.0.2.1 9 typ host\r\n"
    assert without_mdns(offer).splitlines()[1].endswith("192.0.2.1 9 typ host")
    end = "a=end-of-candidates\r\n"
    assert without_mdns(offer + end).endswith(end)
    assert without_mdns(f"v=0\r\na={hidden}\r\n{end}") == "v=0\r\n"
