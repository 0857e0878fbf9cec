"""What a viewer offers: checked, and without the addresses that it hides."""

from aiortc.sdp import SessionDescription

from server.errors import ApiError

MAX_SDP_BYTES = 100_000


def parse_offer(sdp: str) -> SessionDescription:
    """What is offered.

    Raises:
        ApiError: 413, 400 not SDP, or nothing in it that could be sent to.
    """
    if len(sdp) > MAX_SDP_BYTES:
        raise ApiError(413, "body_too_large", "The offer is too large.")
    try:
        offer = SessionDescription.parse(sdp)
    except Exception:  # the parser raises whatever a hostile line makes it raise
        raise bad_sdp("it cannot be parsed") from None
    wanted = [each for each in offer.media if each.kind in ("audio", "video")]
    if not wanted:
        raise bad_sdp("it has neither audio nor video")
    # Without a direction it is sendrecv (RFC 8866, section 6.7).
    if not any(each.direction in (None, "recvonly", "sendrecv") for each in wanted):
        raise bad_sdp("it asks for nothing: offer recvonly or sendrecv media")
    if len(offer.media) > 8:
        raise bad_sdp("it has too many media sections")
    mids = [each.rtp.muxId for each in offer.media]
    if len(set(mids)) < len(mids):
        raise bad_sdp("two of its media sections have the same mid")
    for group in offer.group:
        if group.semantic == "BUNDLE" and not set(group.items) <= set(mids):
            raise bad_sdp("its bundle names what it does not have")
    return offer


def bad_sdp(why: str) -> ApiError:
    return ApiError(400, "bad_sdp", f"The session description is not usable: {why}.")


def is_mdns(candidate: str) -> bool:
    """Whether the address is one of a browser's .local names (RFC 8828).

    aioice would wait a second for each; the viewer's checks tell its address anyway
    (a peer-reflexive candidate).
    """
    fields = candidate.split()
    return len(fields) > 4 and fields[4].lower().endswith(".local")


def without_mdns(sdp: str) -> str:
    """Without hidden names, nor the end of candidates where none is left.

    With an end and no candidate aioice would give up, though the viewer's own checks
    are still to come.
    """
    lines = sdp.splitlines(keepends=True)
    kept = [x for x in lines if not (x.startswith("a=candidate:") and is_mdns(x))]
    if not any(x.startswith("a=candidate:") for x in kept):
        kept = [x for x in kept if not x.startswith("a=end-of-candidates")]
    return "".join(kept)
