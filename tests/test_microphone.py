"""A microphone's packets: in order, whole, and what of them is speech."""

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from aiortc import RTCPeerConnection, RTCRtpCodecParameters
from aiortc.codecs import get_encoder
from aiortc.rtp import RtpPacket
from av import AudioFrame
from hypothesis import given
from hypothesis import strategies as st

from models.conceal import BLEND_SAMPLES, HISTORY_SAMPLES, LONGEST_SAMPLES, made_up
from models.gate import FRAME_SAMPLES, ROOM_GAIN, Gate, SpeechDetector
from models.media import PLAYOUT_RATE_HZ, FloatArray
from models.stretch import Stretch
from server.arrivals import Arrivals, unwrapped
from server.microphone import (
    Heard,
    MicPacket,
    Order,
    Ordered,
    PacketDecoder,
    Span,
    Unpacked,
    VoiceActivity,
    tap,
)
from tests.speech import question, silence

RATE = PLAYOUT_RATE_HZ
PACKET = 960
OPUS = RTCRtpCodecParameters("audio/opus", 48_000, 2, 96)
PCMU = RTCRtpCodecParameters("audio/PCMU", 8_000, 1, 0)


def tone(seconds: float, hz: float = 180) -> FloatArray:
    place = np.arange(round(seconds * RATE))
    made: FloatArray = (0.3 * np.sin(2 * np.pi * hz * place / RATE)).astype(np.float32)
    return made


def packets(
    sound: FloatArray, codec: RTCRtpCodecParameters = OPUS, first: int = 65_530
) -> list[MicPacket]:
    """As a sender makes them; numbers and times wrap round soon."""
    encoder = get_encoder(codec)
    made: list[MicPacket] = []
    for number in range(len(sound) // PACKET):
        part = sound[number * PACKET : (number + 1) * PACKET]
        pcm = (part * 32767).astype(np.int16)
        frame = AudioFrame.from_ndarray(pcm[None], "s16", "mono")
        frame.sample_rate, frame.pts = RATE, number * PACKET
        frame.time_base = Fraction(1, RATE)
        payloads, timestamp = encoder.encode(frame)
        for payload in payloads:
            sequence = (first + number) % 2**16
            stamp = (2**32 - 4000 + timestamp) % 2**32
            made.append(MicPacket(1, sequence, stamp, payload, codec, 0.0))
    return made


def heard_of(sent: Sequence[MicPacket]) -> list[Heard]:
    order, decoder = Order(), PacketDecoder()
    return [decoder.hear(each) for packet in sent for each in order.push(packet)]


def sound_of(heard: Sequence[Heard]) -> FloatArray:
    return np.concatenate([each.samples for each in heard])


def test_a_microphone_is_heard_packet_by_packet() -> None:
    sent = packets(tone(1))
    heard: list[FloatArray] = []
    unpacked = Unpacked(heard.append)
    for number, packet in enumerate(sent, 1):
        unpacked.receive(packet)
        assert len(heard) == number, "nothing waits"
    np.testing.assert_array_equal(np.concatenate(heard), sound_of(heard_of(sent)))


def test_a_packet_that_breaks_the_decoder_is_passed_over() -> None:
    sent = packets(tone(0.2))
    sent[4] = replace(sent[4], codec=RTCRtpCodecParameters("audio/none", 48_000, 2, 96))
    heard: list[FloatArray] = []
    unpacked = Unpacked(heard.append)
    for packet in sent:
        unpacked.receive(packet)
    assert len(heard) == len(sent) - 1


# Order.


@given(swaps=st.sets(st.integers(1, 38), max_size=8), twice=st.sets(st.integers(1, 39)))
def test_order_is_restored_and_each_packet_comes_once(
    swaps: set[int], twice: set[int]
) -> None:
    numbers = list(range(40))
    for place in sorted(swaps):
        numbers[place], numbers[place + 1 : place + 2] = (
            numbers[min(place + 1, 39)],
            numbers[place : place + 1],
        )
    order, got = Order(), list[Ordered]()
    for number in numbers:
        packet = MicPacket(
            7, (65_520 + number) % 2**16, number * PACKET, b"x", OPUS, 0.0
        )
        for _ in range(2 if number in twice else 1):
            got += order.push(packet)
    places = [each.place // PACKET for each in got]
    assert places == sorted(set(places)), "in order, and once"
    # Whoever is overtaken by more than two counts as lost, and nobody else.
    assert sum(each.lost for each in got) == places[-1] + 1 - len(got)
    overtaken = {
        n for k, n in enumerate(numbers) if sum(m > n for m in numbers[:k]) > 2
    }
    assert set(range(places[-1] + 1)) - set(places) == overtaken


def test_what_is_lost_is_counted_and_another_source_begins_anew() -> None:
    def packet(source: int, number: int) -> MicPacket:
        return MicPacket(source, number, number * PACKET, b"x", OPUS, 0.0)

    order = Order()
    got = [each for n in (0, 1, 4, 5, 6) for each in order.push(packet(1, n))]
    assert [(each.place // PACKET, each.lost) for each in got] == [
        (0, 0),
        (1, 0),
        (4, 2),
        (5, 0),
        (6, 0),
    ]
    assert order.push(packet(1, 2)) == [] and order.late == 1
    (other,) = order.push(packet(2, 500))
    assert other.restarts and other.place == 0


@given(st.integers(0, 2**20), st.integers(-30_000, 30_000))
def test_counters_are_unwrapped(near: int, step: int) -> None:
    assert unwrapped((near + step) % 2**16, near, 16) == near + step


# Decoding.


def test_packets_become_the_sound_that_was_sent() -> None:
    sound = question("voice", RATE)
    heard = heard_of(packets(sound))
    assert [each.jumps for each in heard] == [True] + [False] * (len(heard) - 1)
    got = sound_of(heard)
    assert len(got) == len(sound) // PACKET * PACKET
    late = 312  # samples that Opus looks ahead
    a, b = sound[: len(got) - late], got[late:]
    assert float(np.corrcoef(a, b)[0, 1]) > 0.85


def test_a_telephone_codec_is_heard_too() -> None:
    heard = heard_of(packets(tone(1.0), PCMU))
    assert not any(each.jumps for each in heard[1:])
    assert len(sound_of(heard)) == pytest.approx(RATE, abs=1300)
    assert float(np.abs(sound_of(heard)).max()) == pytest.approx(0.3, abs=0.05)


def test_a_lost_packet_is_made_up_without_a_hole_or_a_click() -> None:
    sent = packets(tone(1.0))
    heard = heard_of(sent[:20] + sent[21:])
    assert [each.made_up for each in heard].count(PACKET) == 1
    got = sound_of(heard)
    assert len(got) == RATE
    levels = np.sqrt((got[RATE // 10 :].reshape(-1, 480) ** 2).mean(1))
    assert levels.min() > 0.6 * np.median(levels)
    assert np.abs(np.diff(got)).max() < 0.03, "the tone itself moves .007 a sample"


def test_a_sender_that_was_silent_is_not_made_up() -> None:
    sent = packets(tone(1.0))
    silent = [
        replace(each, timestamp=(each.timestamp + 20_000) % 2**32) for each in sent[20:]
    ]
    heard = heard_of(sent[:20] + silent)
    assert [each.jumps for each in heard].index(True, 1) == 20
    assert not any(each.made_up for each in heard)


@pytest.mark.parametrize("junk", [b"\xff", b"\x00" * 3, bytes(range(256)) * 5])
def test_what_cannot_be_decoded_is_made_up(junk: bytes) -> None:
    sent = packets(tone(0.6))
    sent[10] = replace(sent[10], payload=junk)
    got = sound_of(heard_of(sent))
    assert np.isfinite(got).all() and abs(len(got) - len(sent) * PACKET) <= 6000


def test_made_up_sound_goes_on_and_fades() -> None:
    history = tone(HISTORY_SAMPLES / RATE, 150)
    made = made_up(history, RATE // 10)
    following = tone(HISTORY_SAMPLES / RATE + 0.01, 150)[HISTORY_SAMPLES:]
    assert made[: RATE // 100] == pytest.approx(following, abs=0.05)
    assert not made[LONGEST_SAMPLES:].any()
    assert not made_up(np.zeros(HISTORY_SAMPLES, np.float32), BLEND_SAMPLES).any()


# Speech or not.


def probabilities(sound: FloatArray) -> list[float]:
    activity = VoiceActivity()
    return [
        each
        for heard in heard_of(packets(sound))
        for each in activity.hear([Span(heard.samples, heard.jumps)])
    ]


def speech(sound: FloatArray) -> list[bool]:
    detector = SpeechDetector()
    return [detector.push(each) for each in probabilities(sound)]


def keyboard(seconds: float) -> FloatArray:
    chance, made = np.random.default_rng(2), silence(seconds, RATE)
    decay = np.exp(-np.arange(1500) / 200)
    for start in range(0, len(made) - 1500, RATE // 6):
        made[start : start + 1500] += 0.3 * chance.standard_normal(1500) * decay
    return made.clip(-1, 1)


def fan(seconds: float, level: float = 0.05) -> FloatArray:
    noise = np.random.default_rng(3).standard_normal(round(seconds * RATE))
    low = np.convolve(noise, np.ones(60) / 60, "same")
    made: FloatArray = (level * low / low.std()).astype(np.float32)
    return made


def chords(seconds: float) -> FloatArray:
    parts = [
        sum(tone(0.5, hz) for hz in each) / 3
        for each in ((220, 277, 330), (196, 247, 294), (247, 311, 370))
    ]
    return np.resize(np.concatenate(parts), round(seconds * RATE)).astype(np.float32)


@pytest.mark.parametrize(
    "noise", [keyboard(6), fan(6), fan(6, 0.2), chords(6)], ids=list("kffc")
)
def test_keyboard_fan_and_music_are_no_speech(noise: FloatArray) -> None:
    assert np.mean(speech(noise)) < 0.03


@pytest.mark.parametrize(
    "noise", [silence(4, RATE), fan(4, 0.01)], ids=["still", "fan"]
)
def test_words_pass_from_their_beginning_to_after_their_end(noise: FloatArray) -> None:
    said = question("card", RATE)
    room = noise[: RATE + len(said) + RATE].copy()
    room[RATE : RATE + len(said)] += said
    found = np.flatnonzero(speech(room)) * FRAME_SAMPLES / RATE
    assert found[0] < 1.0 + 0.09 and found[-1] > 1.0 + len(said) / RATE
    assert found[-1] < 1.0 + len(said) / RATE + 0.5
    assert np.diff(found).max() < 0.04, "no hole within"


def test_one_doubtful_frame_opens_it_for_a_moment_only() -> None:
    detector = SpeechDetector()
    assert [detector.push(p) for p in (0.4, 0.0, 0.0, 0.0)] == [
        True,
        True,
        False,
        False,
    ]
    detector = SpeechDetector()
    after = [detector.push(p) for p in (0.9, *[0.0] * 12)]
    assert after.count(True) == 10


@given(st.lists(st.integers(1, 4000), min_size=1, max_size=12))
def test_a_gate_opens_alike_however_it_is_asked(parts: list[int]) -> None:
    blocks = [part // 480 * 480 for part in parts]
    decisions = [float(n % 7 == 3) for n in range(80)]

    def gains(chunks: list[int]) -> FloatArray:
        gate = Gate(2880)
        for each in decisions:
            gate.decide(each)
        return np.concatenate([gate.push(n).gain for n in chunks])

    assert np.allclose(gains(blocks), gains([sum(blocks)]), atol=1e-6)


def test_a_gate_looks_ahead_and_closes_slowly() -> None:
    gate = Gate(2880)
    for number in range(40):
        gate.decide(float(number == 10))
    gain = gate.push(40 * FRAME_SAMPLES - 2880).gain
    opens = int(np.flatnonzero(gain > 0.99)[0])
    assert 10 * FRAME_SAMPLES - 2880 - 480 <= opens <= 10 * FRAME_SAMPLES - 1440
    assert gain[0] == pytest.approx(ROOM_GAIN) and gain[-1] == pytest.approx(ROOM_GAIN)
    assert np.abs(np.diff(gain)).max() < 0.003


def test_decisions_that_come_late_hold_the_last_one() -> None:
    gate = Gate(0)
    gate.decide(1.0)
    assert gate.push(5 * FRAME_SAMPLES).gain[-1] == pytest.approx(1.0)
    for _ in range(4):
        gate.decide(1.0)
    assert gate.opens_within(FRAME_SAMPLES), "still the last"
    for _ in range(12):
        gate.decide(0.0)
    gate.skip(11 * FRAME_SAMPLES)
    assert not gate.opens_within(FRAME_SAMPLES)
    gate.restart()
    assert not gate.opens_within(FRAME_SAMPLES)


# Other clocks.


@given(
    parts=st.lists(st.integers(8, 3000), min_size=1, max_size=8),
    ratio=st.sampled_from([1.0, 0.996, 1.004, 1.0002]),
)
def test_stretching_in_parts_is_stretching_the_whole(
    parts: list[int], ratio: float
) -> None:
    sound = tone(1.0, 440)

    def stretched(chunks: list[int]) -> FloatArray:
        clock, at, made = Stretch(), 0, []
        for n in chunks:
            assert clock.needs(n, ratio) <= len(sound) - at
            samples, consumed = clock.push(sound[at:], n, ratio)
            made.append(samples)
            at += consumed
        return np.concatenate(made)

    total = sum(parts)
    assert np.allclose(stretched(parts), stretched([total]), atol=1e-4)
    place = np.arange(total) * ratio
    exact = 0.3 * np.sin(2 * np.pi * 440 * place / RATE)
    assert np.abs(stretched(parts)[2:] - exact[2:]).max() < 2e-3


def test_arrivals_know_jitter_and_follow_a_drift() -> None:
    chance, arrivals = np.random.default_rng(0), Arrivals(0.05, 0.08)
    for number in range(3_000):
        sent_s = number * 0.02 * (1 + 300e-6)
        arrivals.note(number * PACKET, 5.0 + sent_s + 0.04 * chance.random())
    assert arrivals.jitter_s == pytest.approx(0.04, abs=0.003)
    assert arrivals.lag_s == 0.05
    now_s = 5.0 + 2_999 * 0.02 * (1 + 300e-6)
    due = arrivals.due(now_s)
    assert due is not None
    assert due / PACKET * 0.02 == pytest.approx(2_999 * 0.02 - 0.05, abs=0.004)


async def test_what_is_tapped_is_counted_and_not_decoded_a_second_time() -> None:
    connection = RTCPeerConnection()
    receiver = connection.addTransceiver("audio").receiver
    # As `receive` would set it, without a transport.
    state = vars(receiver)
    state["_RTCRtpReceiver__codecs"][96] = OPUS
    state["_RTCRtpReceiver__decoder_thread"] = object()
    sent = packets(tone(0.8))
    heard: list[MicPacket] = []

    async def receive(part: Sequence[MicPacket]) -> int:
        for each in part:
            packet = RtpPacket(96, 0, each.sequence, each.timestamp, 1, each.payload)
            await receiver._handle_rtp_packet(packet, 0)
        decoded: int = state["_RTCRtpReceiver__decoder_queue"].qsize()
        return decoded

    before = await receive(sent[:20])
    tap(receiver, [OPUS], heard.append)
    assert await receive(sent[20:]) == before > 0
    assert [each.payload for each in heard] == [each.payload for each in sent[20:]]
    counted = state["_RTCRtpReceiver__remote_streams"][1]
    assert counted.packets_received == len(sent)
    await connection.close()
