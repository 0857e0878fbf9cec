"""Portraits: enrolled apart from the server, kept in a folder, nothing half-made."""

import asyncio
import logging
import os
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from server.app import create_app
from server.store import IdentityStore
from tests.fakes import FAKE_PARTS, fake_settings
from tests.test_api import calling, refused

CONSENT = {"consent": "This is me, and I agree.", "consent_by": "Ada"}


async def post(client: httpx.AsyncClient, photo: bytes, **form: str) -> httpx.Response:
    return await client.post(
        "/v1/identities", files={"photo": photo}, data=CONSENT | form
    )


async def enrol(client: httpx.AsyncClient, photo: bytes, **form: str) -> dict[str, Any]:
    answer = await post(client, photo, **form)
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
        big = await post(client, b"x" * 101)
        refused(big, 413, "photo_too_large")
        none = await client.post("/v1/identities", data={"name": "x"})
        refused(none, 422, "nothing_to_show")
        answers = [await post(client, b"hang %d" % number) for number in range(5)]
        refused(answers[-1], 429, "enrolments_full")
        assert "retry-after" in answers[-1].headers


async def test_the_default_is_protected(tmp_path: Path) -> None:
    async with calling(create_app(fake_settings(tmp_path), FAKE_PARTS)) as client:
        default = (await client.get("/v1/identities/default")).json()
        assert default["status"] == "ready"
        answer = await client.delete("/v1/identities/default")
        refused(answer, 403, "identity_protected")


async def test_deleted_while_it_is_made(tmp_path: Path) -> None:
    """The process is ended, its photo is gone, and the next one is not kept waiting."""
    async with calling(create_app(fake_settings(tmp_path), FAKE_PARTS)) as client:
        answer = await post(client, b"hang")
        await asyncio.sleep(0.05)
        path = f"/v1/identities/{answer.json()['identity_id']}"
        assert (await client.delete(path)).status_code == 204
        await enrol(client, b"another")
    names = " ".join(os.listdir(tmp_path / "identities"))
    assert answer.json()["identity_id"] not in names


async def test_the_size_reaches_the_enrolment_or_is_refused(tmp_path: Path) -> None:
    async with calling(create_app(fake_settings(tmp_path), FAKE_PARTS)) as client:
        record = await enrol(client, b"photo", size="288x512")
        assert "The size is 288x512." in record["notes"]
        for size, code in (("big", "bad_size"), ("64", "size_out_of_range")):
            answer = await post(client, b"photo", size=size)
            refused(answer, 422, code)
        assert len((await client.get("/v1/identities")).json()["identities"]) == 2


async def test_consent_is_required_and_shown(tmp_path: Path) -> None:
    async with calling(create_app(fake_settings(tmp_path), FAKE_PARTS)) as client:
        for form in (
            {"consent": ""},
            {"consent": "false"},
            {"consent_by": " "},
        ):
            refused(await post(client, b"photo", **form), 422, "consent_required")
        refused(await post(client, b"photo", consent="x" * 2_001), 422, "bad_consent")
        bare = await client.post("/v1/identities", files={"photo": b"photo"})
        refused(bare, 422, "consent_required")
        refused(await post(client, b"photo", consent_by="A\x07da"), 422, "bad_name")
        assert list((tmp_path / "identities").glob("*idn*")) == []
        record = await enrol(client, b"photo")
    async with calling(create_app(fake_settings(tmp_path), FAKE_PARTS)) as client:
        shown = (await client.get(f"/v1/identities/{record['identity_id']}")).json()
        assert shown["consent"]["statement"] == CONSENT["consent"]
        assert shown["consent"]["by"] == "Ada"
        assert datetime.fromisoformat(shown["consent"]["at"]).tzinfo
        assert (shown["source"], shown["synthetic"]) == ("photo", False)
        default = (await client.get("/v1/identities/default")).json()
        assert (default["consent"], default["source"]) == (None, "embedded")


async def test_the_same_again_is_the_same_identity(tmp_path: Path) -> None:
    async with calling(create_app(fake_settings(tmp_path), FAKE_PARTS)) as client:
        twice = await asyncio.gather(*(post(client, b"photo") for _ in range(2)))
        first, second = (answer.json()["identity_id"] for answer in twice)
        assert first == second
        record = await enrol(client, b"other")
        again = await post(client, b"other", consent="I agree once more.")
        assert again.status_code == 200
        assert again.json()["identity_id"] == record["identity_id"]
        others = [
            await enrol(client, b"other", name="Ada"),
            await enrol(client, b"other", size="288x512"),
            await enrol(client, b"other", face="2"),
            await enrol(client, b"other", consent_by="Grace"),
            await enrol(client, b"others"),
        ]
        ids = {each["identity_id"] for each in (record, *others)}
        assert len(ids) == 6
        path = f"/v1/identities/{record['identity_id']}"
        assert (await client.delete(path)).status_code == 204
        anew = await enrol(client, b"other")
        assert anew["identity_id"] not in ids
        failed = [await enrol(client, b"faceless") for _ in range(2)]
        assert failed[0]["identity_id"] != failed[1]["identity_id"]


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("  Zoe\u0308 ", "Zo\u00eb"),
        ("鲍勃", "鲍勃"),
        ("می\u200cخواهم", "می\u200cخواهم"),
        ("../../etc/passwd", "../../etc/passwd"),
        ("<b>&'\"", "<b>&'\""),
        ("x" * 100, "x" * 100),
    ],
)
async def test_names_in_any_language(tmp_path: Path, name: str, kept: str) -> None:
    async with calling(create_app(fake_settings(tmp_path), FAKE_PARTS)) as client:
        assert (await enrol(client, b"photo", name=name))["name"] == kept


@pytest.mark.parametrize("name", ["x" * 101, "a\x00b", "a\nb", "\u202eevil", "\ufeff"])
async def test_names_that_are_refused(tmp_path: Path, name: str) -> None:
    async with calling(create_app(fake_settings(tmp_path), FAKE_PARTS)) as client:
        refused(await post(client, b"photo", name=name), 422, "bad_name")


async def test_the_list_comes_in_pages(tmp_path: Path) -> None:
    async with calling(create_app(fake_settings(tmp_path), FAKE_PARTS)) as client:
        made = [await enrol(client, b"%d" % number) for number in range(4)]
        everything = (await client.get("/v1/identities")).json()
        ids = [each["identity_id"] for each in everything["identities"]]
        assert ids == ["default", *(each["identity_id"] for each in made)]
        assert everything["next"] is None
        found: list[str] = []
        after = ""
        while after is not None:
            url = f"/v1/identities?limit=2&after={after}"
            page = (await client.get(url)).json()
            assert len(page["identities"]) <= 2
            found += [each["identity_id"] for each in page["identities"]]
            after = page["next"]
        assert found == ids
        query = {"after": "idn_unknown"}
        answer = await client.get("/v1/identities", params=query)
        refused(answer, 404, "identity_unknown")


async def test_a_full_disk_is_told_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_arguments: object) -> None:
        raise OSError(28, "No space left on device")

    async with calling(create_app(fake_settings(tmp_path), FAKE_PARTS)) as client:
        with monkeypatch.context() as patch:
            patch.setattr(IdentityStore, "begin", full)
            answer = await post(client, b"photo")
            refused(answer, 507, "storage_failed")
            assert "No space left" in answer.json()["message"]
        with monkeypatch.context() as patch:
            patch.setattr(IdentityStore, "publish", full)
            record = await enrol(client, b"photo")
            assert record["error"]["code"] == "storage_failed"
        assert (await enrol(client, b"photo"))["status"] == "ready"
    assert len(list((tmp_path / "identities").glob("*idn*"))) == 1


async def test_nothing_of_a_photo_or_a_name_is_logged(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    async with calling(create_app(fake_settings(tmp_path), FAKE_PARTS)) as client:
        record = await enrol(client, b"secret-photo", name="Secret Name")
        await enrol(client, b"secret-photo faceless", name="Secret Name")
        await client.delete(f"/v1/identities/{record['identity_id']}")
    assert "secret" not in caplog.text.lower()


async def test_a_prompt_becomes_a_synthetic_portrait_without_consent(
    tmp_path: Path,
) -> None:
    settings = fake_settings(tmp_path, diffusion_model=str(tmp_path))
    async with calling(create_app(settings, FAKE_PARTS)) as client:
        form = {"prompt": "A smiling woman with blonde hair", "seed": "7"}
        answer = await client.post("/v1/identities", data=form)
        assert answer.status_code == 202, answer.text
        record = answer.json()
        assert record["source"] == "prompt" and record["consent"] is None
        async with asyncio.timeout(10):
            while record["status"] == "enrolling":
                await asyncio.sleep(0.02)
                url = f"/v1/identities/{record['identity_id']}"
                record = (await client.get(url)).json()
        assert (record["synthetic"], record["refined"]) == (True, True)
        assert f"--prompt={form['prompt']}" in record["notes"]
        again = await client.post("/v1/identities", data=form)
        assert again.status_code == 200  # the same prompt and seed
        other = await client.post("/v1/identities", data=form | {"seed": "8"})
        assert other.status_code == 202


async def test_a_photo_is_refined_where_it_is_asked_for(tmp_path: Path) -> None:
    async with calling(create_app(fake_settings(tmp_path), FAKE_PARTS)) as client:
        plain = await enrol(client, b"photo", refine="off")
        assert (plain["refined"], plain["synthetic"]) == (False, False)
        refined = await enrol(client, b"photo", refine="on", strength="0.2")
        assert (refined["refined"], refined["synthetic"]) == (True, False)


@pytest.mark.parametrize(
    ("form", "status", "code"),
    [
        ({}, 422, "nothing_to_show"),
        ({"prompt": " "}, 422, "nothing_to_show"),
        ({"prompt": "a woman", "refine": "off"}, 422, "prompt_needs_refining"),
        ({"prompt": "a woman"}, 503, "weights_missing"),
        ({"prompt": "a\x00woman"}, 422, "bad_prompt"),
        ({"prompt": "a woman", "seed": "-1"}, 422, "bad_seed"),
        ({"prompt": "a woman", "strength": "nan"}, 422, "bad_strength"),
        ({"prompt": "a woman", "refine": "maybe"}, 422, "bad_request"),
    ],
)
async def test_what_cannot_be_painted_is_refused_at_once(
    tmp_path: Path, form: dict[str, str], status: int, code: str
) -> None:
    async with calling(create_app(fake_settings(tmp_path), FAKE_PARTS)) as client:
        refused(await client.post("/v1/identities", data=form), status, code)
