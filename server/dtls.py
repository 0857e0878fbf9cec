"""A certificate that also meets viewers whose own one is RSA, as GStreamer's is.

aiortc offers ciphers for ECDSA certificates alone; where the viewer is the server of
the handshake, and has an RSA one, they would share none.
"""

from aiortc import RTCCertificate, RTCPeerConnection
from aiortc.rtcdtlstransport import SRTPProtectionProfile
from OpenSSL import SSL

# RFC 8827, section 6.5, asks for the first; the others are those of browsers.
CIPHERS = b":".join(
    (
        b"ECDHE-ECDSA-AES128-GCM-SHA256",
        b"ECDHE-RSA-AES128-GCM-SHA256",
        b"ECDHE-ECDSA-CHACHA20-POLY1305",
        b"ECDHE-RSA-CHACHA20-POLY1305",
        b"ECDHE-ECDSA-AES128-SHA",
        b"ECDHE-RSA-AES128-SHA",
        b"ECDHE-ECDSA-AES256-SHA",
        b"ECDHE-RSA-AES256-SHA",
    )
)


class Certificate(RTCCertificate):
    """Our own key is ECDSA all the same."""

    def _create_ssl_context(
        self, srtp_profiles: list[SRTPProtectionProfile]
    ) -> SSL.Context:
        context = super()._create_ssl_context(srtp_profiles)
        context.set_cipher_list(CIPHERS)
        return context


def meet_everybody(pc: RTCPeerConnection) -> None:
    """Give a connection such a certificate; before it has any transceiver."""
    assert not pc.getTransceivers()
    # aiortc takes no certificates from its configuration.
    pc._RTCPeerConnection__certificates = [Certificate.generateCertificate()]  # type: ignore[attr-defined]
