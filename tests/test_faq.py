"""The embedded brain: it answers what it knows, and says so when it does not."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from server.brain.brain import Asked, Message
from server.brain.faq import CERTAIN, FaqBrain
from server.brain.knowledge import Entry, KnowledgeError, parse_markdown, read_knowledge
from server.brain.search import Index
from tests.llm_server import LlmServer, llm_serving

# Questions in other words than the files have them, and what their answer must have.
KNOWN = {
    "what hardware does it need": "graphics card",
    "how can I change your voice": "choose a voice",
    "how do I choose another voice?": "choose a voice",
    "how do I upload my own photo": "Your photo",
    "what languages can you speak": "hundred languages",
    "who is the woman in the picture": "Grace Hopper",
    "how do I connect my own language model": "endpoint",
    "do you record what I say": "stays on the server",
    "tell me about the price of the project": "costs nothing",
    "can you speak with another vice": "choose a voice",  # misheard
    "怎么更换声音": "语言按钮",
    "我想用自己的照片": "你的照片",
    "多少钱啊": "不要钱",
    "你是谁呀": "肖像",
}
UNKNOWN = (
    "what is the weather in Berlin today",
    "how tall is the Eiffel tower",
    "who won the world cup",
    "can you book a flight to Paris",
    "tell me a joke",
    "what is the capital of France",
    "how do I cook rice",
    "the",
    "asdf qwer zxcv",
    "今天天气怎么样",
    "法国的首都是哪里",
    "给我讲个笑话",
    "😀",
    "",
)


@pytest.fixture(scope="module")
def brain() -> FaqBrain:
    return FaqBrain()


async def said(brain: FaqBrain, question: str, language: str = "en") -> str:
    asked = Asked([Message("user", question)], language, "ses_1")
    return "".join([piece async for piece in brain.answer(asked)])


@pytest.mark.parametrize("question", KNOWN)
async def test_it_knows(brain: FaqBrain, question: str) -> None:
    assert KNOWN[question] in await said(brain, question)


@pytest.mark.parametrize("question", UNKNOWN)
async def test_it_does_not_know(brain: FaqBrain, question: str) -> None:
    answer = await said(brain, question)
    assert answer in ("I do not know that.", "这个我不知道。")


def test_every_question_of_the_files_finds_its_own_answer() -> None:
    from server.brain.faq import KNOWLEDGE

    entries = read_knowledge(KNOWLEDGE)
    index = Index(entries)
    for entry in entries:
        for question in entry.questions:
            match = index.best(question)
            assert match and match.score > 0.99 > CERTAIN
            assert match.entry.answer == entry.answer, question


async def test_it_answers_in_the_language_of_the_conversation(brain: FaqBrain) -> None:
    assert await said(brain, "qwertz uiop", "de-DE") == "Das weiß ich nicht."
    assert await said(brain, "qwertz uiop", "sw") == "I do not know that."


async def test_a_very_long_question(brain: FaqBrain) -> None:
    assert await said(brain, "what is the price? " * 1_100)
    assert await said(brain, "天气" * 10_000)


async def test_hostile_questions_are_only_words(brain: FaqBrain) -> None:
    for question in ('" OR 1=1 --', "NEAR(a b)", "voice*", "words:voice", "\0", "'"):
        assert await said(brain, question)


@pytest.fixture
async def llm() -> AsyncIterator[LlmServer]:
    async with llm_serving() as server:
        yield server


async def test_it_hands_over_to_a_person(llm: LlmServer) -> None:
    brain = FaqBrain(handover_url=f"{llm.url}/tool")
    assert "person" in await said(brain, "can I talk to a human please")
    (call,) = llm.called
    assert call["session_id"] == "ses_1"
    assert call["messages"][-1]["text"] == "can I talk to a human please"
    assert "If you want a person" in await said(brain, "who won the world cup")
    llm.behaviour = "tool-fails"
    assert "nobody can take over" in await said(brain, "I want a person")
    await brain.close()


async def test_whether_a_person_was_called_is_told(llm: LlmServer) -> None:
    brain = FaqBrain(handover_url=f"{llm.url}/tool")
    told: list[bool] = []

    async def ask(brain: FaqBrain, question: str) -> None:
        asked = Asked([Message("user", question)], "en", "ses_1", told.append)
        async for _ in brain.answer(asked):
            pass

    await ask(brain, "who won the world cup")
    assert told == []
    await ask(brain, "can I talk to a human please")
    llm.behaviour = "tool-fails"
    await ask(brain, "I want a person")
    await ask(FaqBrain(), "I want a person")
    assert told == [True, False, False]
    await brain.close()


async def test_nobody_to_hand_over_to(brain: FaqBrain) -> None:
    assert "nobody can take over" in await said(brain, "I want to talk to a human")


def test_markdown() -> None:
    text = "# T\nintro\n## A?\n### B?\nFirst.\n\nSecond.\n# U\n## C\n## D ##\nThird."
    assert parse_markdown(text) == [
        Entry(("A?", "B?"), "First.\n\nSecond."),
        Entry(("C", "D"), "Third."),
    ]
    assert parse_markdown("## only a question") == []


def test_yaml(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(
        '- question: ["When are you open?", Opening hours]\n  answer: Nine to five.\n'
        "- question: 几点开门？\n  answer: 九点。\n"
    )
    first, second = read_knowledge(tmp_path)
    assert first.questions == ("When are you open?", "Opening hours")
    assert second.answer == "九点。"
    match = Index([first, second]).best("when do you open")
    assert match and match.entry is first


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("a.yaml", b"- [", "line 1|line 2|not YAML"),
        ("a.yaml", b"a: b", "not a list"),
        ("a.yaml", b"- question: x", "entry 1 needs"),
        ("a.yaml", b"- {question: 5, answer: x}", "must be text"),
        ("a.md", b"\xff\xfe\xff", "UTF-8"),
        ("a.txt", b"## A\nb", "no questions"),
    ],
)
def test_damaged_knowledge_says_where(
    tmp_path: Path, name: str, data: bytes, message: str
) -> None:
    (tmp_path / name).write_bytes(data)
    with pytest.raises(KnowledgeError, match=message):
        read_knowledge(tmp_path)


def test_no_folder(tmp_path: Path) -> None:
    with pytest.raises(KnowledgeError, match="no folder"):
        read_knowledge(tmp_path / "missing")
