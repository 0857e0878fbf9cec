"""A language model that streams, stalls, errs, sends garbage and breaks off."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from server.brain.brain import Asked, Brain, BrainError, Message
from server.brain.knowledge import KnowledgeError
from server.brain.openai import Endpoint, OpenAIBrain
from server.brain.tools import Tool, ToolBox, read_tools
from tests.llm_server import LlmServer, llm_serving

STALL_S = 0.4
QUESTION = Asked([Message("user", "Hello?")], "en", "ses_1")


@pytest.fixture
async def llm() -> AsyncIterator[LlmServer]:
    async with llm_serving() as server:
        yield server


@pytest.fixture
async def brain(llm: LlmServer) -> AsyncIterator[OpenAIBrain]:
    tool = Tool.model_validate(
        {"name": "weather", "description": "The weather.", "url": f"{llm.url}/tool"}
    )
    endpoint = Endpoint(f"{llm.url}/v1", "m", "secret", stall_s=STALL_S)
    brain = OpenAIBrain(endpoint, [tool])
    yield brain
    await brain.close()


async def said(brain: Brain, asked: Asked = QUESTION) -> str:
    return "".join([piece async for piece in brain.answer(asked)])


async def test_it_streams(llm: LlmServer, brain: OpenAIBrain) -> None:
    llm.behaviour = "slow:one two three four"
    times = []
    async for _ in brain.answer(QUESTION):
        times.append(time.monotonic())
    assert len(times) == 4 and times[-1] - times[0] > 0.1
    request = llm.asked[-1]
    assert request["model"] == "m" and request["stream"] is True
    assert [m["role"] for m in request["messages"]] == ["system", "user"]


async def test_the_persona_takes_the_place_of_the_usual_prompt(
    llm: LlmServer, brain: OpenAIBrain
) -> None:
    persona = Message("system", "You are a pirate.")
    await said(brain, Asked([persona, *QUESTION.messages], "en"))
    assert [m["content"] for m in llm.asked[-1]["messages"]] == [
        "You are a pirate.",
        "Hello?",
    ]


@pytest.mark.parametrize(
    ("behaviour", "code", "begun"),
    [
        ("stall", "brain_slow", "Well, "),
        ("comments", "brain_slow", ""),
        ("refuse", "brain_refused", ""),
        ("broken", "brain_refused", ""),
        ("limit", "brain_busy", ""),
        ("garbage", "brain_garbled", "Fine so far. "),
        ("wrong", "brain_garbled", ""),
        ("html", "brain_cut_off", ""),
        ("cut", "brain_cut_off", "I was about to "),
    ],
)
async def test_each_way_to_fail_is_a_typed_error_in_good_time(
    llm: LlmServer, brain: OpenAIBrain, behaviour: str, code: str, begun: str
) -> None:
    llm.behaviour = behaviour
    pieces: list[str] = []
    began_s = time.monotonic()
    with pytest.raises(BrainError) as caught:
        async for piece in brain.answer(QUESTION):
            pieces.append(piece)
    assert caught.value.code == code
    assert "".join(pieces) == begun
    assert time.monotonic() - began_s < 6
    llm.behaviour = "say:Fine again."
    assert await said(brain) == "Fine again. "


async def test_nobody_is_there() -> None:
    brain = OpenAIBrain(Endpoint("http://127.0.0.1:9/v1", "m", stall_s=STALL_S))
    with pytest.raises(BrainError) as caught:
        await said(brain)
    assert caught.value.code == "brain_unreachable"
    await brain.close()


async def test_an_empty_answer_is_empty(llm: LlmServer, brain: OpenAIBrain) -> None:
    llm.behaviour = "empty"
    assert await said(brain) == ""


async def test_an_answer_nobody_wants_any_more_is_given_up(
    llm: LlmServer, brain: OpenAIBrain
) -> None:
    llm.behaviour = "forever"

    async def listen() -> None:
        async for _ in brain.answer(QUESTION):
            pass

    task = asyncio.create_task(listen())
    await asyncio.sleep(0.2)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(task, 2)
    llm.behaviour = "say:Yes?"
    assert await said(brain) == "Yes? "


@pytest.mark.parametrize(
    ("behaviour", "told"),
    [("tool", "It says: Sunny, 25 degrees."), ("tool-fails", "did not answer")],
)
async def test_tools_are_called(
    llm: LlmServer, brain: OpenAIBrain, behaviour: str, told: str
) -> None:
    llm.behaviour = behaviour
    assert told in await said(brain)
    (call,) = llm.called
    assert call == {
        "name": "weather",
        "arguments": {"place": "Berlin"},
        "session_id": "ses_1",
    }


@pytest.mark.parametrize(
    ("behaviour", "called"), [("tool", True), ("tool-fails", False)]
)
async def test_a_tool_named_hand_over_calls_a_person(
    llm: LlmServer, behaviour: str, called: bool
) -> None:
    told: list[bool] = []
    asked = replace(QUESTION, handed_over=told.append)
    for name in ("weather", "hand_over"):
        tool = Tool.model_validate(
            {"name": name, "description": "It.", "url": f"{llm.url}/tool"}
        )
        box = ToolBox([tool])
        llm.behaviour = behaviour
        await box.call(name, "{}", asked)
        await box.close()
    assert told == [called]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "cannot be read"),
        ("{", "Invalid JSON"),
        ([{"name": "a b", "description": "", "url": "http://x"}], "0.name"),
        ([{"name": "a", "description": "", "url": "file:///etc/passwd"}], "0.url"),
        ([{"name": "a", "description": "", "url": "http://x", "z": 1}], "0.z"),
    ],
)
def test_a_bad_file_of_tools_says_where(
    tmp_path: Path, content: object, message: str
) -> None:
    path = tmp_path / "tools.json"
    if content is not None:
        path.write_text(content if isinstance(content, str) else json.dumps(content))
    with pytest.raises(KnowledgeError, match=message):
        read_tools(path)
