// Runs in the page before its own scripts: leads media through the relays of
// faulty_network.py, which has put their ports here: globalThis.relayed.
(() => {
  const { address, ports } = globalThis.relayed;
  const prototype = RTCPeerConnection.prototype;
  const local = Object.getOwnPropertyDescriptor(prototype, "localDescription");
  const setRemote = prototype.setRemoteDescription;

  // The server is told no address of this browser: it learns the relay's from packets.
  Object.defineProperty(prototype, "localDescription", {
    get() {
      const found = local.get.call(this);
      if (!found) return found;
      return { type: found.type, sdp: found.sdp.replace(/^a=candidate:.*\r\n/gm, "") };
    },
  });

  // a=candidate:<foundation> <component> udp <priority> <address> <port> typ host
  prototype.setRemoteDescription = function ({ type, sdp }) {
    const lines = sdp.split("\r\n").flatMap((line) => {
      if (!line.startsWith("a=candidate:")) return [line];
      const words = line.split(" ");
      if (words[4] !== address || !ports[words[5]]) return [];
      words[5] = ports[words[5]];
      return [words.join(" ")];
    });
    return setRemote.call(this, { type, sdp: lines.join("\r\n") });
  };

  // What is to be seen and heard of the connection there is now.
  let newest = null;
  let made = 0;
  globalThis.RTCPeerConnection = class extends RTCPeerConnection {
    constructor(...given) {
      super(...given);
      newest = new WeakRef(this);
      made += 1;
    }
  };
  globalThis.played = async () => {
    const found = { connections: made, frames: 0, energy: 0 };
    for (const report of (await newest?.deref()?.getStats())?.values() ?? []) {
      if (report.type !== "inbound-rtp") continue;
      if (report.kind === "video") found.frames = report.framesDecoded ?? 0;
      else found.energy = report.totalAudioEnergy ?? 0;
    }
    return found;
  };
})();
