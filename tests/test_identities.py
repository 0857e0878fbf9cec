"""Portraits: enrolled apart from the server, kept in a folder, nothing half-made."""

import asyncio
from pathlib import Path
from typing import Any

import httpx

from server.app import create_app
from tests.fakes import FAKE_PARTS, fake_settings
from tests.test_api import calling, refused


async def enrol(client: httpx.AsyncClient, photo: bytes, **form: str) -> dict[str, Any]:
    answer = await client.post("/v1/identities", files={"photo": photo}, data=form)
    assert answer.status_code == 202, answer.text
    record: dict[str, Any] = answer.json()
    async with asyncio.timeout(10):
        while record["status"] == "enrolling":
            await asyncio.sleep(0.02)
            url = f"/v1/identities/{record['identity_id']}"
            record = (await client.get(url)).json()
    return record


async def test_a_photo_becomes_a_portrait_that_outlives_the_server(
    tmp_path: Path,
) -> None:
    settings = fake_settings(tmp_path)
    async with calling(create_app(settings, FAKE_PARTS)) as client:
        record = await enrol(client, b"photo", name="Ada")
        assert (record["status"], record["name"]) == ("ready", "Ada")
        assert record["progress"] == 1.0
        preview = await client.get(record["preview_url"])
        assert preview.content.startswith(b"\x89PNG")
        body = {"identity": record["identity_id"]}
        made = await client.post("/v1/sessions", json=body)
        assert made.json()["identity"] == record["identity_id"]
    async with calling(create_app(settings, FAKE_PARTS)) as client:
        listed = (await client.get("/v1/identities")).json()["identities"]
        assert {each["name"] for each in listed} == {"Ada", "Grace Hopper"}
        (ada,) = [each for each in listed if each["name"] == "Ada"]
        assert ada["notes"] == record["notes"] == ["The photo is small."]
        path = f"/v1/identities/{record['identity_id']}"
        assert (await client.delete(path)).status_code == 204
        refused(await client.get(path), 404, "identity_unknown")
    left = [each.name for each in (tmp_path / "identities").iterdir()]
    assert left and all(name.startswith("default-") for name in left), left


async def test_what_fails_says_why_and_leaves_nothing(tmp_path: Path) -> None:
    async with calling(create_app(fake_settings(tmp_path), FAKE_PARTS)) as client:
        faceless = await enrol(client, b"faceless")
        assert faceless["status"] == "failed"
        assert faceless["error"] == {"code": "no_face", "message": "No face."}
        crashed = await enrol(client, b"crash")
        assert crashed["error"]["code"] == "enrolment_failed"
        body = {"identity": faceless["identity_id"]}
        answer = await client.post("/v1/sessions", json=body)
        refused(answer, 409, "identity_not_ready")
        preview = f"/v1/identities/{faceless['identity_id']}/preview.png"
        refused(await client.get(preview), 404, "preview_not_ready")
    names = [each.name for each in (tmp_path / "identities").iterdir()]
    assert all(name.startswith("default-") for name in names), names


async def test_one_that_hangs_is_ended_and_the_next_goes_on(tmp_path: Path) -> None:
    app = create_app(fake_settings(tmp_path, enrol_timeout_s=0.5), FAKE_PARTS)
    async with calling(app) as client:
        hung, fine = await asyncio.gather(enrol(client, b"hang"), enrol(client, b"ok"))
    assert hung["error"]["code"] == "enrolment_timeout"
    assert fine["status"] == "ready"


async def test_limits(tmp_path: Path) -> None:
    settings = fake_settings(
        tmp_path, max_photo_bytes=100, max_queued_enrolments=1, enrol_timeout_s=1
    )
    async with calling(create_app(settings, FAKE_PARTS)) as client:
        big = await client.post("/v1/identities", files={"photo": b"x" * 101})
        refused(big, 413, "photo_too_large")
        none = await client.post("/v1/identities", data={"name": "x"})
        refused(none, 422, "bad_request")
        answers = [
            await client.post("/v1/identities", files={"photo": b"hang"})
            for _ in range(5)
        ]
        refused(answers[-1], 429, "enrolments_full")
        assert "retry-after" in answers[-1].headers


async def test_the_default_is_protected(tmp_path: Path) -> None:
    async with calling(create_app(fake_settings(tmp_path), FAKE_PARTS)) as client:
        default = (await client.get("/v1/identities/default")).json()
        assert default["status"] == "ready"
        answer = await client.delete("/v1/identities/default")
        refused(answer, 403, "identity_protected")


async def test_deleted_while_it_is_made(tmp_path: Path) -> None:
    async with calling(create_app(fake_settings(tmp_path), FAKE_PARTS)) as client:
        answer = await client.post("/v1/identities", files={"photo": b"photo"})
        path = f"/v1/identities/{answer.json()['identity_id']}"
        assert (await client.delete(path)).status_code == 204
        await enrol(client, b"another")
    stems = {each.name.split(".")[0] for each in (tmp_path / "identities").iterdir()}
    assert answer.json()["identity_id"] not in stems


async def test_the_size_reaches_the_enrolment_or_is_refused(tmp_path: Path) -> None:
    async with calling(create_app(fake_settings(tmp_path), FAKE_PARTS)) as client:
        record = await enrol(client, b"photo", size="288x512")
        assert "The size is 288x512." in record["notes"]
        for size, code in (("big", "bad_size"), ("64", "size_out_of_range")):
            answer = await client.post(
                "/v1/identities", files={"photo": b"photo"}, data={"size": size}
            )
            refused(answer, 422, code)
        assert len((await client.get("/v1/identities")).json()["identities"]) == 2
