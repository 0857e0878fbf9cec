"""The interface is what it says of itself at /openapi.json (schemathesis)."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from server.app import create_app
from server.protocol import command_types, event_types
from tests.fakes import FAKE_PARTS, fake_settings
from tests.fuzzed_server import Fuzzed, fuzzed_server

OPEN = ("/preview.png", "/qr.svg")  # to everybody
EXAMPLES = int(os.environ.get("HYPOTHESIS_EXAMPLES", "12"))
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fuzzed]:
    with fuzzed_server(tmp_path_factory.mktemp("described")) as server:
        yield server


@schemathesis.serializer("application/sdp", "application/trickle-ice-sdpfrag")
def as_text(_: Any, value: Any) -> bytes:
    return str(value).encode("utf-8", "replace")


DESCRIPTION = create_app(fake_settings(Path("nowhere")), FAKE_PARTS).openapi()
SCHEMA = schemathesis.openapi.from_dict(DESCRIPTION)
FOUND = [each.ok() for each in SCHEMA.get_all_operations() if isinstance(each, Ok)]
OPERATIONS = {f"{each.method.upper()} {each.path}": each for each in FOUND}


@pytest.mark.parametrize("name", OPERATIONS)
def test_every_route_answers_as_described(name: str, server: Fuzzed) -> None:
    operation = OPERATIONS[name]

    @settings(
        max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck)
    )
    @given(operation.as_strategy())
    def answers(case: Any) -> None:
        if "session_id" in case.path_parameters:
            case.path_parameters["session_id"] = path.rpartition("/")[2]
        if "identity_id" in case.path_parameters:
            case.path_parameters["identity_id"] = "default"
        case.call_and_validate(base_url=server.live.url, checks=CHECKS)
        if name == "POST /v1/sessions":
            server.end_all()  # or it would soon be full

    path = server.new_session()
    tasks = server.tasks()
    answers()
    server.end_all()
    server.until(lambda: server.tasks() <= tasks)
    assert 'code="internal"' not in server.http.get("/metrics").text


def test_all_of_it_is_described() -> None:
    assert len(OPERATIONS) == sum(map(len, DESCRIPTION["paths"].values()))


def test_every_message_is_described() -> None:
    schemas = DESCRIPTION["components"]["schemas"]
    for name, models in (("Command", command_types()), ("Event", event_types())):
        mapping = schemas[name]["discriminator"]["mapping"]
        assert len(mapping) == len(models) == len(schemas[name]["oneOf"])
        for kind, reference in mapping.items():
            found = schemas[reference.rpartition("/")[2]]
            assert found["properties"]["type"]["const"] == kind
            assert found.get("description") or name == "Event"
    references = {
        line.partition("#/components/schemas/")[2].partition('"')[0]
        for line in json.dumps(DESCRIPTION, indent=0).splitlines()
        if "#/components/schemas/" in line
    }
    assert references <= schemas.keys()


def test_every_route_says_how_it_refuses() -> None:
    for path, operations in DESCRIPTION["paths"].items():
        for method, operation in operations.items():
            if not path.startswith("/v1/") or method == "options":
                continue
            answers = operation["responses"].keys()
            assert {"403", "429"} <= answers, (method, path)
            assert "401" in answers or path.endswith(OPEN), (method, path)
            if "{" in path:
                assert "404" in answers, (method, path)
