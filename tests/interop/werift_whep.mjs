// Watch a session by WHEP with werift, the way that trickles: the offer has no candidate
// at all, they follow by PATCH. Prints what arrived, as JSON.
//
//   node werift_whep.mjs WHEP_URL SECONDS

import { RTCPeerConnection, useOPUS, useVP8 } from "werift";

const [url, seconds] = process.argv.slice(2);
const found = { offered: 0, patched: [], refused: 0, audio: 0, video: 0, keys: 0, gaps: 0 };

const pc = new RTCPeerConnection({ codecs: { audio: [useOPUS()], video: [useVP8()] } });
for (const kind of ["audio", "video"]) {
  const { receiver } = pc.addTransceiver(kind, { direction: "recvonly" });
  receiver.onTrack?.subscribe?.(() => {});
}
pc.onTrack.subscribe((track) => {
  let last;
  track.onReceiveRtp.subscribe(({ header, payload }) => {
    found[track.kind] += 1;
    // RFC 7741: the first packet of a key frame has P = 0 after the descriptor.
    if (track.kind === "video" && isKey(payload)) found.keys += 1;
    if (track.kind === "audio" && last !== undefined) {
      found.gaps += header.timestamp - last !== 960;
    }
    last = header.timestamp;
  });
});

const candidates = [];
pc.onIceCandidate.subscribe((candidate) => candidate?.candidate && candidates.push(candidate));

const offer = await pc.createOffer();
found.offered = offer.sdp.match(/^a=candidate:/gm)?.length ?? 0;
const created = await fetch(url, {
  method: "POST",
  headers: { "content-type": "application/sdp" },
  body: offer.sdp,
});
const where = new URL(created.headers.get("location"), url);
const tag = created.headers.get("etag");
await pc.setLocalDescription(offer);
await pc.setRemoteDescription({ type: "answer", sdp: await created.text() });
await new Promise((resolve) => setTimeout(resolve, 300)); // gathering

for (const { candidate, sdpMid } of candidates.filter(({ sdpMid }) => sdpMid === "0")) {
  found.patched.push(await patch(`a=mid:${sdpMid}\r\na=${candidate}\r\n`));
}
found.patched.push(await patch("a=mid:0\r\na=end-of-candidates\r\n"));

await new Promise((resolve) => setTimeout(resolve, 1000 * Number(seconds)));
found.deleted = (await fetch(where, { method: "DELETE" })).status;
process.stdout.write(`${JSON.stringify(found)}\n`);
process.exit(0);

async function patch(lines) {
  const ufrag = offer.sdp.match(/a=ice-ufrag:(\S+)/)[1];
  const answer = await fetch(where, {
    method: "PATCH",
    headers: { "content-type": "application/trickle-ice-sdpfrag", "if-match": tag },
    body: `a=ice-ufrag:${ufrag}\r\n${lines}`,
  });
  return answer.status;
}

function isKey(payload) {
  const extended = payload[0] & 0x80;
  const starts = payload[0] & 0x10 && (payload[0] & 0x0f) === 0;
  let at = 1;
  if (extended) {
    const flags = payload[at++];
    if (flags & 0x80) at += payload[at] & 0x80 ? 2 : 1;
    if (flags & 0x40) at += 1;
    if (flags & 0x30) at += 1;
  }
  return Boolean(starts) && (payload[at] & 1) === 0;
}
