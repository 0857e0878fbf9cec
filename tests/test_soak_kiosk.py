"""What scripts.soak_kiosk makes of what it measured, and its network."""

import socket
from collections.abc import Iterator

import pytest

from scripts.faulty_network import OPUS, FaultyNetwork, is_video
from scripts.soak_kiosk import Rest, Visit, free_ports, growth, problems

CALM = Rest(heap_mib=3.0, nodes=600, listeners=50, sessions=0)


def visits(
    back_s: float = 2.0, heap_mib: float = 0.0, nodes: float = 0, sessions: int = 0
) -> list[Visit]:
    """Twelve, each with so much more than the one before."""
    return [
        Visit(
            "cut",
            1.0,
            back_s,
            22.0,
            Rest(3 + n * heap_mib, round(600 + n * nodes), 50, sessions),
        )
        for n in range(12)
    ]


def test_a_calm_run_has_no_problems() -> None:
    assert problems(visits()) == []
    assert growth(visits()) == Rest(0, 0, 0, 0)


@pytest.mark.parametrize(
    ("found", "told"),
    [
        (visits(back_s=10.5), "back after 10.5 s"),
        (visits(back_s=float("nan")), "back after nan s"),
        (visits(heap_mib=0.3), "the heap grew by 2.4 MiB"),
        (visits(nodes=6), "48 nodes more"),
        (visits(sessions=1), "1 sessions are left"),
    ],
)
def test_each_kind_of_trouble_is_told(found: list[Visit], told: str) -> None:
    assert any(told in each for each in problems(found))


def test_video_is_told_from_sound_rtcp_stun_and_dtls() -> None:
    rtp, rest = 0x80, bytes(20)
    assert is_video(bytes([rtp, 96]) + rest)
    assert is_video(bytes([rtp, 0x80 | 102]) + rest)  # with the marker bit
    assert not is_video(bytes([rtp, 0x80 | OPUS]) + rest)
    assert not is_video(bytes([rtp, 200]) + rest)  # a sender report
    assert not is_video(bytes([0, 1]) + rest)
    assert not is_video(bytes([22, 254]) + rest)
    assert not is_video(b"")


class Echo:
    """A media port that answers what it gets."""

    def __init__(self, address: str, port: int) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((address, port))
        self.socket.settimeout(5)

    def answer(self) -> bytes:
        data, sender = self.socket.recvfrom(2_000)
        self.socket.sendto(data, sender)
        return data


@pytest.fixture
def media() -> Iterator[tuple[FaultyNetwork, Echo, socket.socket]]:
    (port,) = free_ports(1)
    with FaultyNetwork(9, [port]) as network:
        echo = Echo(network.address, port)
        with (
            echo.socket,
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as browser,
        ):
            browser.connect((network.address, network.ports[port]))
            browser.settimeout(5)
            yield network, echo, browser


VIDEO, SOUND = bytes([0x80, 96]) + bytes(20), bytes([0x80, OPUS]) + bytes(20)


def test_a_cut_network_loses_packets_and_a_mended_one_does_not(
    media: tuple[FaultyNetwork, Echo, socket.socket],
) -> None:
    network, echo, browser = media
    browser.send(b"one")
    assert echo.answer() == b"one"
    assert browser.recv(100) == b"one"
    network.cut()
    browser.send(b"two")
    network_is_idle(browser)
    network.mend()
    browser.send(b"three")
    assert echo.answer() == b"three"


def test_a_frozen_picture_lets_sound_and_later_connections_pass(
    media: tuple[FaultyNetwork, Echo, socket.socket],
) -> None:
    network, echo, browser = media
    browser.send(VIDEO)
    echo.answer()
    assert browser.recv(100) == VIDEO
    network.freeze_video()
    browser.send(VIDEO)
    echo.answer()
    browser.send(SOUND)
    echo.answer()
    assert browser.recv(100) == SOUND
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as later:
        later.connect(browser.getpeername())
        later.settimeout(5)
        later.send(VIDEO)
        echo.answer()
        assert later.recv(100) == VIDEO


def network_is_idle(browser: socket.socket) -> None:
    browser.settimeout(0.3)
    with pytest.raises(TimeoutError):
        browser.recv(100)
    browser.settimeout(5)
