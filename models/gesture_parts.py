"""The parts of a face at rest and in talk: lids, gaze, head, brows, breath.

Each keeps its state in plain numbers and advances one row (40 ms) at a time.
"""

import math
from dataclasses import dataclass, field
from typing import Literal, get_args

from models.media import FRAME_RATE_HZ

Posture = Literal["idle", "listening", "thinking", "speaking"]
POSTURES: tuple[Posture, ...] = get_args(Posture)

_DT = 1 / FRAME_RATE_HZ
_MAX_HEAD_DEG = 8.0


@dataclass(frozen=True)
class Sound:
    """One row of prosody, and what it means in time."""

    energy: float
    speaking: float
    stressed: float  # strength of a stress that peaks in this row, else 0
    phrase_ended: bool


@dataclass
class Chance:
    """SplitMix64 (Steele, Lea, Flood 2014): its whole state is one number."""

    state: int

    def between(self, low: float, high: float) -> float:
        mask = 0xFFFFFFFFFFFFFFFF
        self.state = z = (self.state + 0x9E3779B97F4A7C15) & mask
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & mask
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & mask
        return low + (high - low) * ((z ^ (z >> 31)) >> 11) / (1 << 53)

    def happens(self, probability: float) -> bool:
        return self.between(0, 1) < probability


@dataclass
class Spring:
    """Critically damped, towards a target: smooth in place, bounded in speed.

    Integrated exactly for a target that holds still during the row.
    """

    place: float = 0.0
    speed: float = 0.0

    def follow(self, target: float, settle_s: float) -> float:
        """settle_s: time to come within 10 % of a new target, 3.9 / omega."""
        omega = 3.9 / settle_s
        away = self.place - target
        drift = self.speed + omega * away
        decay = math.exp(-omega * _DT)
        self.place = target + (away + drift * _DT) * decay
        self.speed = (self.speed - omega * drift * _DT) * decay
        return self.place


@dataclass
class Listener:
    """Finds stress peaks and phrase ends in the prosody."""

    stress_before: float = 0.0
    rising: bool = False
    since_stress_s: float = 9.0
    spoken_s: float = 0.0
    silent_s: float = 9.0

    def hear(self, energy: float, stress: float, speaking: float) -> Sound:
        self.since_stress_s += _DT
        strength = 0.0
        if stress < self.stress_before:
            peaked = self.rising and self.stress_before > 0.3
            if peaked and self.since_stress_s > 0.32 and speaking > 0.3:
                strength, self.since_stress_s = self.stress_before, 0.0
            self.rising = False
        elif stress > self.stress_before:
            self.rising = True
        self.stress_before = stress
        ended = False
        if speaking > 0.5:
            self.spoken_s += _DT
            self.silent_s = 0.0
        else:
            self.silent_s += _DT
            # 100 ms of silence: longer than a stop consonant's closure.
            if self.spoken_s > 0.4 and self.silent_s > 0.1:
                ended, self.spoken_s = True, 0.0
        return Sound(energy, speaking, strength, ended)


@dataclass
class Stance:
    """How much of each posture there is now; the sum is about 1."""

    weights: dict[Posture, Spring] = field(
        default_factory=lambda: {
            posture: Spring(1.0 if posture == "idle" else 0.0) for posture in POSTURES
        }
    )

    def blend(self, posture: Posture) -> None:
        for name, weight in self.weights.items():
            weight.follow(1.0 if name == posture else 0.0, 0.7)

    def of(self, posture: Posture) -> float:
        return min(1.0, max(0.0, self.weights[posture].place))


@dataclass
class Gaze:
    """Where the eyes look, degrees from the viewer; x to the picture's right, y up.

    Saccades last 20 to 50 ms, so one or two rows (Leigh and Zee, The Neurology of Eye
    Movements). Between them the eyes rest on the viewer with small shifts, and now and
    then glance aside.
    """

    x: Spring = field(default_factory=Spring)
    y: Spring = field(default_factory=Spring)
    target_x: float = 0.0
    target_y: float = 0.0
    left_s: float = 0.6
    aside: bool = False
    side: float = 1.0

    def step(self, chance: Chance, stance: Stance) -> bool:
        """Advance; tells whether a large shift began."""
        self.left_s -= _DT
        shifted = False
        if self.left_s <= 0:
            before = self.target_x, self.target_y
            self._choose(chance, stance)
            moved = math.hypot(self.target_x - before[0], self.target_y - before[1])
            shifted = moved > 5
        self.x.follow(self.target_x, 0.09)
        self.y.follow(self.target_y, 0.09)
        return shifted

    def _choose(self, chance: Chance, stance: Stance) -> None:
        thinking, listening = stance.of("thinking"), stance.of("listening")
        if thinking > 0.5:
            self._think(chance)
            return
        glance = 0.13 * (1 - 0.7 * listening)
        if not self.aside and chance.happens(glance):
            self.aside = True
            self.target_x = chance.between(6, 12) * (1 if chance.happens(0.5) else -1)
            self.target_y = chance.between(-6, 3)
            self.left_s = chance.between(0.4, 1.1)
            return
        self.aside = False
        self.target_x = chance.between(-1.3, 1.3)
        self.target_y = chance.between(-0.9, 0.9)
        self.left_s = chance.between(0.35, 1.6)

    def _think(self, chance: Chance) -> None:
        if chance.happens(0.25):
            self.side = -self.side
        self.aside = True
        self.target_x = self.side * chance.between(6, 12)
        self.target_y = chance.between(4, 10)
        self.left_s = chance.between(0.7, 1.8)


@dataclass
class Blink:
    """Lids: 2 to 5 s apart, closing in about 80 ms and opening in about 150 ms."""

    age_s: float = 1.0  # since the last one began
    next_s: float = 2.5
    closing_s: float = 0.08
    opening_s: float = 0.15

    def step(self, chance: Chance, prompted: float) -> float:
        """prompted: how likely this row's event calls for a blink, 0 to 1."""
        self.age_s += _DT
        early = prompted > 0 and self.age_s >= 2.0 and chance.happens(prompted)
        if early or self.age_s >= self.next_s:
            # Begun somewhere inside the row, so that no two look alike.
            self.age_s = 0.0 if early else min(self.age_s - self.next_s, _DT)
            # Skewed to the short side; the mean is 3.4 s.
            self.next_s = 2.0 + 2.96 * chance.between(0, 1) ** 1.1
            self.closing_s = chance.between(0.07, 0.09)
            self.opening_s = chance.between(0.13, 0.18)
        return self._closed()

    def _closed(self) -> float:
        if self.age_s < self.closing_s:
            return _smoothstep(self.age_s / self.closing_s)
        # Shut for one row, so that every blink has a row in which the eye is shut.
        opening = (self.age_s - self.closing_s - _DT) / self.opening_s
        return 1.0 - _smoothstep(opening)


@dataclass
class Wander:
    """Smooth noise: a spring after targets that change at irregular times."""

    spring: Spring = field(default_factory=Spring)
    eased: Spring = field(default_factory=Spring)
    target: float = 0.0
    left_s: float = 0.0

    def step(self, chance: Chance, size: float, hold_s: float) -> float:
        """Mostly within `size`; a new target after 0.4 to 1.6 times `hold_s`."""
        self.left_s -= _DT
        if self.left_s <= 0:
            # The sum of two even draws favours the middle.
            self.target = chance.between(-0.5, 0.5) + chance.between(-0.5, 0.5)
            self.left_s = hold_s * chance.between(0.4, 1.6)
        # Slow enough never to come to rest before the next target.
        eased = self.eased.follow(self.target * size, 0.5 * hold_s)
        return self.spring.follow(eased, 0.5 * hold_s)


@dataclass
class Head:
    """Degrees; smooth noise, nods on stress, a stance for each posture."""

    yaw: Wander = field(default_factory=Wander)
    pitch: Wander = field(default_factory=Wander)
    roll: Wander = field(default_factory=Wander)
    nod: Spring = field(default_factory=Spring)
    eased_nod: Spring = field(default_factory=Spring)
    nod_target: float = 0.0
    nod_left_s: float = 0.0
    lively: Spring = field(default_factory=Spring)
    agree_s: float = 2.5
    tilt: float = 1.0
    turn: Spring = field(default_factory=Spring)

    def step(
        self, chance: Chance, stance: Stance, sound: Sound, gaze_x: float
    ) -> tuple[float, float, float]:
        lively = self.lively.follow(sound.speaking, 1.0)
        listening, thinking = stance.of("listening"), stance.of("thinking")
        size = 4.0 + 1.4 * lively - 1.2 * listening - thinking
        hold_s = 2.4 - 1.2 * lively
        nod = self._nod(chance, listening, sound)
        # The head goes a little way after a glance that lasts.
        turn = self.turn.follow(0.18 * gaze_x, 0.8)
        yaw = self.yaw.step(chance, size, hold_s) + turn
        pitch = self.pitch.step(chance, 0.6 * size, hold_s) + nod
        roll = self.roll.step(chance, 0.6 * size, 1.4 * hold_s)
        pitch += 1.4 * thinking - 0.7 * listening
        roll += self.tilt * (2.2 * listening - 1.2 * thinking)
        return _soft(yaw), _soft(pitch), _soft(roll)

    def _nod(self, chance: Chance, listening: float, sound: Sound) -> float:
        self.nod_left_s -= _DT
        self.agree_s -= _DT
        if sound.stressed and chance.happens(0.65):
            self.nod_target = -sound.stressed * chance.between(1.2, 3.0)
            self.nod_left_s = chance.between(0.12, 0.2)
        elif self.agree_s <= 0:
            # "I am with you": now and then while the other one speaks.
            self.agree_s = chance.between(2.5, 6)
            if listening > 0.6:
                self.nod_target = -chance.between(2.0, 3.6)
                self.nod_left_s = chance.between(0.2, 0.3)
        target = self.nod_target if self.nod_left_s > 0 else 0.0
        return self.nod.follow(self.eased_nod.follow(target, 0.2), 0.25)


@dataclass
class Brows:
    """How far up, how far down, and the smile round the eyes."""

    lift: Spring = field(default_factory=Spring)
    target: float = 0.0
    left_s: float = 0.0
    drift: Wander = field(default_factory=Wander)
    skew: Wander = field(default_factory=Wander)
    warmth: Spring = field(default_factory=Spring)

    def step(self, chance: Chance, sound: Sound) -> tuple[float, float, float]:
        """Lift (may be below 0), skew between the sides, warmth; about 0 to 0.4."""
        self.left_s -= _DT
        if sound.stressed and chance.happens(0.4):
            self.target = sound.stressed * chance.between(0.12, 0.38)
            self.left_s = chance.between(0.2, 0.55)
        lift = self.lift.follow(self.target if self.left_s > 0 else 0.0, 0.3)
        lift += self.drift.step(chance, 0.09, 2.6)
        warmth = self.warmth.follow(0.05 + 0.1 * sound.energy, 1.5)
        return lift, self.skew.step(chance, 0.25, 4.0), max(0.0, warmth)


@dataclass
class Breath:
    """-1 exhaled to 1 inhaled; 15 a minute at rest (adults: 12 to 20)."""

    phase: float = 0.2  # 0 to 1, inhaling over the first 40 %; 0.2 is the middle
    pace: Wander = field(default_factory=Wander)
    hurry: Spring = field(default_factory=Spring)
    value: Spring = field(default_factory=Spring)

    def step(self, chance: Chance, sound: Sound) -> float:
        # In speech the breath out is long, and a pause is used to breathe in.
        inhaling = self.phase < 0.4
        quiet = 1.0 - sound.speaking
        wanted = 0.7 + 0.3 * quiet if not inhaling else 1.0 + 0.3 * sound.speaking
        rate_hz = 0.25 * self.hurry.follow(wanted, 0.5)
        rate_hz *= 1 + self.pace.step(chance, 0.25, 5.0)
        self.phase = (self.phase + rate_hz * _DT) % 1.0
        if self.phase < 0.4:
            shape = -math.cos(math.pi * self.phase / 0.4)
        else:
            shape = math.cos(math.pi * (self.phase - 0.4) / 0.6)
        return min(1.0, max(-1.0, self.value.follow(0.97 * shape, 0.2)))


def _smoothstep(t: float) -> float:
    t = min(1.0, max(0.0, t))
    return t * t * (3 - 2 * t)


def _soft(degrees: float) -> float:
    """Bend towards the limit instead of hitting it."""
    return _MAX_HEAD_DEG * math.tanh(degrees / _MAX_HEAD_DEG)
