"""What is said when there is nothing to say, in the language of the conversation."""

from typing import Literal

Phrase = Literal["unknown", "offer", "nobody", "sorry", "no_answer", "filler"]

_ENGLISH: dict[Phrase, str] = {
    "unknown": "I do not know that.",
    "offer": "If you want a person, say so, and I will ask for one.",
    "nobody": "I am sorry, nobody can take over here.",
    "sorry": "I am sorry, I could not think of an answer just now. Please ask again.",
    "no_answer": "I have no answer to that.",
    "filler": "Let me see.",
}
_PHRASES: dict[str, dict[Phrase, str]] = {
    "en": _ENGLISH,
    "zh": {
        "unknown": "这个我不知道。",
        "offer": "如果你想找真人，告诉我，我会去请。",
        "nobody": "抱歉，现在没有人可以接手。",
        "sorry": "抱歉，我刚才没能想出答案，请再问一次。",
        "no_answer": "这个我没有答案。",
        "filler": "让我想想。",
    },
    "de": {
        "unknown": "Das weiß ich nicht.",
        "offer": "Wenn Sie einen Menschen sprechen möchten, sagen Sie es mir.",
        "nobody": "Es tut mir leid, hier kann niemand übernehmen.",
        "sorry": "Es tut mir leid, mir ist gerade nichts eingefallen. Bitte fragen "
        "Sie noch einmal.",
        "no_answer": "Darauf habe ich keine Antwort.",
        "filler": "Einen Moment.",
    },
    "es": {
        "unknown": "Eso no lo sé.",
        "offer": "Si quiere hablar con una persona, dígamelo.",
        "nobody": "Lo siento, aquí nadie puede atenderle.",
        "sorry": "Lo siento, no he podido pensar una respuesta. Pregunte otra vez.",
        "no_answer": "No tengo respuesta para eso.",
        "filler": "Déjeme ver.",
    },
    "fr": {
        "unknown": "Je ne le sais pas.",
        "offer": "Si vous voulez parler à une personne, dites-le-moi.",
        "nobody": "Je suis désolé, personne ne peut prendre le relais ici.",
        "sorry": "Je suis désolé, je n’ai pas trouvé de réponse. Demandez encore.",
        "no_answer": "Je n’ai pas de réponse à cela.",
        "filler": "Voyons.",
    },
}


def phrase(name: Phrase, language: str) -> str:
    """In that language (BCP 47), else in English."""
    primary = language.replace("_", "-").split("-")[0].casefold()
    primary = "zh" if primary in ("cmn", "yue") else primary
    return _PHRASES.get(primary, _ENGLISH)[name]
