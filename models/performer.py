"""One portrait: sound in, motion out, continuous through speech and silence."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import get_args

import numpy as np
import torch
from scipy.signal import firwin

from models.audio2motion import AudioState, AudioToMotion
from models.emotion import (
    DEFAULT_ARTICULATION,
    Emotion,
    Expression,
    ExpressionState,
)
from models.gestures import (
    GESTURE_CHANNELS,
    Gestures,
    GestureState,
    Posture,
    Prosody,
)
from models.media import (
    CHANNEL_INDEX,
    MODEL_RATE_HZ,
    MOTION_CHANNELS,
    PLAYOUT_RATE_HZ,
    PLAYOUT_SAMPLES_PER_FRAME,
    FloatArray,
    Motion,
)
from models.mouth_motion import MOUTH_CHANNELS, MouthMotion
from models.pitch import PitchFollower, PitchState

_DECIMATION = PLAYOUT_RATE_HZ // MODEL_RATE_HZ
_TAPS = 97  # flat to 6.9 kHz, 80 dB down from 8.2 kHz; the delay is 1 ms
_CUT_OFF_HZ = 7550
_MOST_FRAMES = 250  # 10 s heard at a time: bounds the memory of long sounds

_LEAST_RISE, _STRESS_PER_SEMITONE = 1.0, 0.12

_MOUTH_COLUMNS = [CHANNEL_INDEX[name] for name in MOUTH_CHANNELS]
_GESTURE_COLUMNS = [CHANNEL_INDEX[name] for name in GESTURE_CHANNELS]


class Decimator:
    """48 kHz to 16 kHz by a causal FIR; any chunking gives the same samples."""

    def __init__(self) -> None:
        taps = firwin(_TAPS, _CUT_OFF_HZ, window=("kaiser", 8.0), fs=PLAYOUT_RATE_HZ)
        self._taps = np.asarray(taps[::-1], np.float32)
        self._tail = np.zeros(_TAPS - 1, np.float32)

    @property
    def tail(self) -> FloatArray:
        """The samples that the next ones need: the whole state."""
        return self._tail

    @tail.setter
    def tail(self, tail: FloatArray) -> None:
        self._tail = tail

    def push(self, samples: FloatArray) -> FloatArray:
        """float32 [3 n] at 48 kHz -> float32 [n] at 16 kHz."""
        held = np.concatenate([self._tail, samples])
        self._tail = held[len(samples) :]
        windows = np.lib.stride_tricks.sliding_window_view(held, _TAPS)
        kept = windows[_DECIMATION - 1 :: _DECIMATION]
        # With @, OpenBLAS would wake threads that spin after it: a core's twentieth.
        heard: FloatArray = np.einsum("nt,t->n", kept, self._taps)
        return heard


@dataclass(frozen=True, eq=False)
class PerformerState:
    """Everything that the next row depends on but the sound and the commands."""

    tail: FloatArray
    pitch: PitchState
    audio: AudioState
    gestures: GestureState
    expression: ExpressionState


class Performer:
    """One portrait's motion: continuous through speech and silence.

    Row j of the stream is the motion of frame j - delay_frames: the first delay_frames
    rows belong before frame 0. The same network, seed and sound give the same motion,
    whatever the chunking.
    """

    def __init__(
        self,
        network: AudioToMotion,
        *,
        seed: int = 0,
        audio: AudioState | None = None,
    ) -> None:
        """audio: network.initial_state(1), where it is at hand: it takes 40 ms."""
        self.delay_frames = network.look_ahead_frames
        self._network = network
        self._state = audio or network.initial_state(1)
        self._device = self._state.audio.device
        self._decimator = Decimator()
        self._pitch = PitchFollower(self.delay_frames)
        self._gestures = Gestures(seed)
        self._expression = Expression(seed)

    @property
    def state(self) -> PerformerState:
        """Setting it later continues from here: what was heard since is unheard."""
        return PerformerState(
            self._decimator.tail,
            self._pitch.state,
            self._state,
            self._gestures.state,
            self._expression.state,
        )

    @state.setter
    def state(self, state: PerformerState) -> None:
        self._decimator.tail = state.tail
        self._pitch.state = state.pitch
        self._state = state.audio
        self._gestures.state = state.gestures
        self._expression.state = state.expression

    def set_posture(self, posture: Posture) -> None:
        """What the portrait does besides speaking, from the next row on.

        Raises:
            ValueError: for a posture that is none of gestures.Posture.
        """
        if posture not in get_args(Posture):
            raise ValueError(f"posture must be one of {get_args(Posture)}")
        self._gestures.set_posture(posture)

    def set_expression(
        self,
        emotion: Emotion,
        expressivity: float,
        articulation: float = DEFAULT_ARTICULATION,
    ) -> None:
        """How it does what it does, from the next row on; see emotion.Expression.set.

        May be called while another thread is in push_audio.

        Raises:
            ValueError: for an unknown emotion, an expressivity not in 0 to 1, an
                articulation not in 0.5 to 1.5.
        """
        self._expression.set(emotion, expressivity, articulation)

    def push_audio(self, samples: FloatArray) -> Motion:
        """Hear float32 [1920 n] at 48 kHz, -1 to 1; gives n rows.

        Samples that are no numbers count as silence.

        Raises:
            ValueError: for a number of samples that is not whole frames.
        """
        _count_frames(samples)
        most = _MOST_FRAMES * PLAYOUT_SAMPLES_PER_FRAME
        parts = [
            self._hear(samples[first : first + most])
            for first in range(0, len(samples), most)
        ]
        return Motion.concat(parts) if parts else Motion.still(0)

    def _hear(self, samples: FloatArray) -> Motion:
        heard = self._taken_in(samples)
        audio = torch.from_numpy(heard).unsqueeze(0).to(self._device)
        moved, self._state = self._network.step(audio, self._state)
        return self._shown(heard, moved)

    def _taken_in(self, samples: FloatArray) -> FloatArray:
        """What the network hears of them."""
        clean = np.nan_to_num(np.asarray(samples, np.float32), posinf=0.0, neginf=0.0)
        return self._decimator.push(clean.clip(-4, 4))

    def _shown(self, heard: FloatArray, moved: MouthMotion) -> Motion:
        """What the whole face does with what the mouth does."""
        mouth = moved.mouth[0]
        prosody = _prosody(moved, self._pitch.push(heard))
        values = np.zeros((len(mouth), len(MOTION_CHANNELS)), np.float32)
        values[:, _MOUTH_COLUMNS] = mouth
        _add(values, _GESTURE_COLUMNS, self._gestures.step(prosody))
        return Motion(self._expression.apply(values))

    @classmethod
    def push_together(
        cls, performers: Sequence["Performer"], sounds: Sequence[FloatArray]
    ) -> list[Motion]:
        """What push_audio gives of each performer and its sound, up to rounding.

        Those that have one network and hear equally many frames call it once: for
        eight that takes a quarter of the time. No performer may be there twice.

        Raises:
            ValueError: as push_audio, before any has heard anything.
        """
        groups: dict[tuple[AudioToMotion, int], list[int]] = {}
        for place, (performer, samples) in enumerate(
            zip(performers, sounds, strict=True)
        ):
            key = performer._network, _count_frames(samples)
            groups.setdefault(key, []).append(place)
        motions: dict[int, Motion] = {}
        for (_, frames), places in groups.items():
            those = [performers[place] for place in places]
            theirs = [sounds[place] for place in places]
            if len(places) > 1 and 0 < frames <= _MOST_FRAMES:
                found = cls._hear_together(those, theirs)
            else:
                found = [
                    performer.push_audio(samples)
                    for performer, samples in zip(those, theirs, strict=True)
                ]
            motions.update(zip(places, found, strict=True))
        return [motions[place] for place in range(len(performers))]

    @staticmethod
    def _hear_together(
        performers: Sequence["Performer"], sounds: Sequence[FloatArray]
    ) -> list[Motion]:
        pairs = zip(performers, sounds, strict=True)
        heard = [performer._taken_in(samples) for performer, samples in pairs]
        first = performers[0]
        moved, state = first._network.step(
            torch.from_numpy(np.stack(heard)).to(first._device),
            AudioState.joined([performer._state for performer in performers]),
        )
        motions = []
        for performer, own_heard, own_moved, own_state in zip(
            performers, heard, moved.split(), state.split(), strict=True
        ):
            performer._state = own_state
            motions.append(performer._shown(own_heard, own_moved))
        return motions


def _count_frames(samples: FloatArray) -> int:
    frames, over = divmod(len(samples), PLAYOUT_SAMPLES_PER_FRAME)
    if samples.ndim != 1 or over:
        raise ValueError(
            f"samples of shape {samples.shape} are not whole frames "
            f"of {PLAYOUT_SAMPLES_PER_FRAME}"
        )
    return frames


def _prosody(moved: MouthMotion, rise: FloatArray) -> Prosody:
    """rise: of the pitch, in semitones; stressed syllables are louder and higher."""
    speaking = moved.speaking[0]
    higher = (rise - _LEAST_RISE).clip(0) * _STRESS_PER_SEMITONE * speaking
    return Prosody(moved.energy[0], (moved.stress[0] + higher).clip(0, 1), speaking)


def _add(values: FloatArray, columns: Sequence[int], rows: FloatArray) -> None:
    """Gestures never take a mouth channel, so that they add up."""
    values[:, columns] += rows
