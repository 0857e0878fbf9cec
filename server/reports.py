"""RTCP reports: what a receiver tells of the way to it, and what a sender tells it."""

import time
from dataclasses import dataclass

from aiortc import RTCRtpSender, clock
from aiortc.rtp import AnyRtcpPacket, RtcpReceiverInfo, RtcpSrPacket

from server.tracks import PacketTrack

MAX_ROUND_TRIP_S = 60.0


@dataclass(frozen=True)
class Network:
    """What a viewer's receiver tells of the way to it.

    loss: share of packets missed since its last report, 0 to 1. round_trip_s: None
    before it has heard a sender report.
    """

    loss: float
    round_trip_s: float | None

    @classmethod
    def of(cls, report: RtcpReceiverInfo) -> "Network":
        """RFC 3550, section 6.4.1: the way there and back is what is left of time."""
        round_trip_s = None
        if report.lsr:
            now = (clock.current_ntp_time() >> 16) & 0xFFFFFFFF  # in 1/65536 s
            round_trip_s = ((now - report.lsr - report.dlsr) & 0xFFFFFFFF) / 65536
            # Else the clock was set, or the report is wrong.
            if round_trip_s > MAX_ROUND_TRIP_S:
                round_trip_s = None
        return cls(report.fraction_lost / 256, round_trip_s)


def report_schedule(sender: RTCRtpSender, track: PacketTrack) -> None:
    """Let sender reports pair RTP time with the time a packet was due.

    aiortc pairs it with the time of sending, so that one late frame would make a
    browser shift the picture against the sound until the next report.
    """
    send = sender._send_rtcp

    async def scheduled(packets: list[AnyRtcpPacket]) -> None:
        for packet in packets:
            if isinstance(packet, RtcpSrPacket) and track.scheduled_s is not None:
                late_s = time.monotonic() - track.scheduled_s
                now = clock.current_ntp_time()
                packet.sender_info.ntp_timestamp = now - int(late_s * 2**32)
        await send(packets)

    sender._send_rtcp = scheduled  # type: ignore[method-assign]
