"""What happens in the sound as it leaves, told: speech begins, its words, its end."""

from collections.abc import Callable

from server.dialogue import Dialogue
from server.look import Look
from server.metrics import Metrics
from server.pipeline import Speech
from server.playout import Captioned, Ended, PlayoutBuffer, Released, Started, to_ms
from server.protocol import Caption, Event, SpeechEnded, SpeechStarted, Word


class Narration:
    """Of one session: to its viewers, its dialogue, its face and the figures."""

    def __init__(
        self,
        playout: PlayoutBuffer,
        speech: Speech,
        dialogue: Dialogue,
        look: Look,
        tell: Callable[[Event], None],
        metrics: Metrics,
    ) -> None:
        self._playout = playout
        self._speech = speech
        self._dialogue = dialogue
        self._look = look
        self._tell = tell
        self._metrics = metrics

    def on_released(self, released: Released) -> None:
        """A packet of sound has left: tell what happens in it."""
        self._speech.released()
        self._dialogue.hearing.played(released.samples)
        for event in released.events:
            if isinstance(event, Started):
                self._started(event)
            elif isinstance(event, Captioned):
                self._captioned(event)
            else:
                self._ended(event)

    def _started(self, event: Started) -> None:
        utterance = event.utterance
        seconds = self._speech.first_audio_s(utterance)
        if seconds is not None:
            self._metrics.first_audio_s.observe(seconds)
        self._look.speak_with(utterance.emotion)
        self._dialogue.sound_began(event.media_sample)
        self._tell(
            SpeechStarted(
                utterance_id=utterance.utterance_id,
                source_event_id=utterance.source_event_id,
                media_ms=to_ms(event.media_sample),
            )
        )

    def _captioned(self, event: Captioned) -> None:
        mark = event.mark
        self._dialogue.captioned(event)
        words = tuple(
            Word(
                text=text,
                start_ms=to_ms(event.offset + start),
                end_ms=to_ms(event.offset + end),
            )
            for text, start, end in mark.words
        )
        self._tell(
            Caption(
                utterance_id=event.utterance.utterance_id,
                text=mark.text,
                start_ms=to_ms(event.offset + mark.start),
                end_ms=to_ms(event.offset + mark.end),
                words=words,
            )
        )

    def _ended(self, event: Ended) -> None:
        self._tell(
            SpeechEnded(
                utterance_id=event.utterance.utterance_id,
                source_event_id=event.utterance.source_event_id,
                media_ms=to_ms(event.media_sample),
            )
        )
        self._look.speak_with(None)
        self._dialogue.utterance_over(event.utterance)
        if not self._playout.active:
            self._dialogue.sound_ended(event.media_sample)
