"""Watch a session by WHEP with GStreamer's webrtcbin and print what it saw, as JSON.

Runs with Debian's own Python, which has the bindings (python3-gi):

    /usr/bin/python3 gst_whep.py WHEP_URL SECONDS
"""

import json
import sys
from typing import Any
from urllib.parse import urljoin
from urllib.request import Request, urlopen

import gi

for name, version in (("Gst", "1.0"), ("GstSdp", "1.0"), ("GstWebRTC", "1.0")):
    gi.require_version(name, version)
from gi.repository import GLib, Gst, GstSdp, GstWebRTC  # noqa: E402

RECVONLY = GstWebRTC.WebRTCRTPTransceiverDirection.RECVONLY
GATHERED = GstWebRTC.WebRTCICEGatheringState.COMPLETE
OFFERED = (
    "application/x-rtp,media=audio,encoding-name=OPUS,payload=111,clock-rate=48000,"
    "encoding-params=(string)2",
    "application/x-rtp,media=video,encoding-name=VP8,payload=96,clock-rate=90000",
)
CHAINS = {
    "audio": "rtpopusdepay ! opusdec ! audioconvert ! level interval=20000000 ! "
    "fakesink sync=false signal-handoffs=true name=sink",
    "video": "rtpvp8depay ! vp8dec ! fakesink sync=false signal-handoffs=true "
    "name=sink",
}


class Player:
    """One viewer, from its offer to its DELETE."""

    def __init__(self, url: str, seconds: float) -> None:
        self.url, self.seconds = url, seconds
        self.found: dict[str, Any] = {
            "status": 0,
            "frames": 0,
            "audio_ms": 0.0,
            "peak_db": -350.0,
        }
        self.where = ""
        self.sent = False
        self.loop = GLib.MainLoop()
        self.pipeline = Gst.Pipeline()
        self.webrtc = Gst.ElementFactory.make("webrtcbin")
        self.webrtc.set_property(
            "bundle-policy", GstWebRTC.WebRTCBundlePolicy.MAX_BUNDLE
        )
        self.pipeline.add(self.webrtc)

    def run(self) -> dict[str, Any]:
        for caps in OFFERED:
            self.webrtc.emit("add-transceiver", RECVONLY, Gst.Caps.from_string(caps))
        self.webrtc.connect("pad-added", self.on_pad)
        self.webrtc.connect("notify::ice-gathering-state", self.on_gathering)
        bus = self.pipeline.get_bus()
        bus.add_signal_watch()
        bus.connect("message", self.on_message)
        self.pipeline.set_state(Gst.State.PLAYING)
        promise = Gst.Promise.new_with_change_func(self.on_offer)
        self.webrtc.emit("create-offer", None, promise)
        GLib.timeout_add(int(1000 * self.seconds), self.loop.quit)
        self.loop.run()
        if self.where:
            with urlopen(Request(self.where, method="DELETE"), timeout=5) as answer:
                self.found["deleted"] = answer.status
        self.pipeline.set_state(Gst.State.NULL)
        return self.found

    def on_offer(self, promise: Any) -> None:
        reply = promise.get_reply()  # owns the offer
        offer = reply.get_value("offer")
        self.webrtc.emit("set-local-description", offer, Gst.Promise.new())

    def on_gathering(self, webrtc: Any, _: Any) -> None:
        if webrtc.get_property("ice-gathering-state") == GATHERED and not self.sent:
            self.sent = True
            GLib.idle_add(self.exchange)

    def exchange(self) -> bool:
        sdp = self.webrtc.get_property("local-description").sdp.as_text()
        headers = {"content-type": "application/sdp"}
        with urlopen(Request(self.url, sdp.encode(), headers), timeout=10) as answer:
            self.found["status"] = answer.status
            self.where = urljoin(self.url, answer.headers["location"])
            text = answer.read().decode()
        _, message = GstSdp.SDPMessage.new_from_text(text)
        kind = GstWebRTC.WebRTCSDPType.ANSWER
        description = GstWebRTC.WebRTCSessionDescription.new(kind, message)
        self.webrtc.emit("set-remote-description", description, Gst.Promise.new())
        return False

    def on_pad(self, _: Any, pad: Any) -> None:
        if pad.get_direction() != Gst.PadDirection.SRC:
            return
        media = pad.get_current_caps().get_structure(0).get_string("media")
        chain = Gst.parse_bin_from_description(CHAINS[media], True)
        handler = self.on_sound if media == "audio" else self.on_picture
        chain.get_by_name("sink").connect("handoff", handler)
        self.pipeline.add(chain)
        chain.sync_state_with_parent()
        pad.link(chain.get_static_pad("sink"))

    def on_sound(self, _: Any, buffer: Any, pad: Any) -> None:
        self.found["audio_ms"] += buffer.duration / Gst.MSECOND

    def on_picture(self, _: Any, buffer: Any, pad: Any) -> None:
        self.found["frames"] += 1
        shape = pad.get_current_caps().get_structure(0)
        self.found["size"] = [shape.get_int("width")[1], shape.get_int("height")[1]]

    def on_message(self, _: Any, message: Any) -> None:
        structure = message.get_structure()
        if message.type == Gst.MessageType.ERROR:
            self.found["error"] = str(message.parse_error())
            self.loop.quit()
        elif structure and structure.get_name() == "level":
            peak = max(structure.get_value("peak"))
            self.found["peak_db"] = max(self.found["peak_db"], peak)


if __name__ == "__main__":
    Gst.init(None)
    found = Player(sys.argv[1], float(sys.argv[2])).run()
    sys.stdout.write(json.dumps(found) + "\n")
