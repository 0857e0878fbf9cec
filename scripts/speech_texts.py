"""What the synthesisers read: sentences of Debian's fortunes, language by language."""

import re
from pathlib import Path

FORTUNES = Path("/usr/share/games/fortunes")
TEXT_FILES = {
    "en": ("fortunes", "literature", "people", "work", "wisdom", "science", "law")
    + ("education", "politics", "men-women", "love", "food", "sports", "kids")
    + ("miscellaneous", "medicine", "pets", "riddles", "startrek", "platitudes"),
    "zh": ("chinese", "tang300", "song100"),
    "de": ("de/zitate", "de/witze", "de/sprueche", "de/wusstensie"),
    "es": ("es/*.fortunes",),
    "it": ("italia", "itatrek", "formiche"),
    "pt": ("brasil",),
    "ru": ("ru/*",),
    "pl": ("pl/*",),
    "cs": ("cs/*",),
}
# The language of a voice: that of its texts (as above for French).
TEXT_LANGUAGES = {**{name: name for name in TEXT_FILES}, "fr": "es", "nl": "de"}
# Everyday Mandarin: the packaged texts are mostly classical poems.
MANDARIN_SENTENCES = (
    "你好，很高兴认识你。请问有什么可以帮您？",
    "今天天气很好，我们去公园散步吧。",
    "妈妈买了面包、苹果和葡萄，爸爸不怕麻烦。",
    "这个问题比较复杂，我马上帮您查一下。",
    "欢迎光临，门票每张八十八块，明天下午可以退票。",
    "朋友们跑步、爬山、拍照片，忙得不亦乐乎。",
    "非常抱歉，网络不稳定，请您稍后再试一遍。",
    "他说普通话说得很流利，发音也非常标准。",
    "北京、上海和广州的房子都不便宜。",
    "如果您没有别的问题，祝您生活愉快，再见。",
    "我女儿喜欢绿色的裙子，不喜欢红色的。",
    "保护环境，人人有责，不要乱扔塑料瓶。",
)
SENTENCE_CHARACTERS = (25, 180)


class TextsError(Exception):
    """There is nothing to read in a language."""


def clean_text(text: str) -> list[str]:
    """Sentences of a fortune file, without signatures, colours and ASCII art."""
    sentences: list[str] = []
    for fortune in re.split(r"^%.*$", text, flags=re.MULTILINE):
        body = re.sub(r"\x1b\[[\d;]*m|\x08", "", fortune)
        lines = [line for line in body.splitlines() if not re.match(r"\s*-- ?", line)]
        joined = re.sub(r"[\s_*<>|\\/{}\[\]=~^`#$&@]+", " ", " ".join(lines)).strip()
        if re.search(r"https?:|\.{4,}|[-+]{3,}", joined):
            continue
        sentences += re.split(r"(?<=[.!?;。！？；])\s*", joined)
    return [
        sentence
        for sentence in (sentence.strip(" \"'") for sentence in sentences)
        if _fits(sentence)
    ]


def _fits(sentence: str) -> bool:
    """Whether it is long enough to be worth speaking and no whole paragraph."""
    low, high = SENTENCE_CHARACTERS
    ideographs = sum(character > "\u2e80" for character in sentence)
    return low <= len(sentence) + 3 * ideographs <= high


def read_texts(language: str, folder: Path = FORTUNES) -> list[str]:
    """Raises TextsError where the language's package is not installed."""
    sentences: list[str] = []
    for pattern in TEXT_FILES[language]:
        for path in sorted(folder.glob(pattern)):
            if path.is_file() and path.suffix not in (".dat", ".u8"):
                sentences += clean_text(path.read_text("utf-8", "ignore"))
    if language == "zh":
        sentences += MANDARIN_SENTENCES * max(1, len(sentences) // 60)
    if not sentences:
        raise TextsError(
            f"There are no texts in {language} in {folder}: install fortunes and its "
            "language packages (see --help), or name another folder with --texts."
        )
    return sentences
