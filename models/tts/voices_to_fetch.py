"""Natural voices that are not here, and how to get them."""

from models.tts.voice import VoiceInfo
from models.weights import all_weights, fetch_command


def voices_to_fetch() -> tuple[VoiceInfo, ...]:
    """The voices of the manifest as they are before they are fetched."""
    return tuple(
        VoiceInfo(
            f"piper:{each.name}",
            f"{each.name.split('-')[0].replace('_', '-')}, "
            f"{each.name.split('-')[1].capitalize()} (natural)",
            each.name.split("-")[0].replace("_", "-"),
            "piper",
            each.licence,
            natural=True,
            installed=False,
            how_to_get=fetch_command(each.name),
            commercial=each.commercial,
        )
        for each in all_weights()
        if each.kind == "voice"
    )
