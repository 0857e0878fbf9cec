// Runs in the page before its own scripts: watches what the visitor sees and hears.
(() => {
  const probe = { peers: [], firstFrameMs: 0, levels: [], frames: [], captions: [] };
  globalThis.probe = probe;
  const video = () => document.getElementById("video");

  globalThis.RTCPeerConnection = class extends RTCPeerConnection {
    constructor(...given) {
      super(...given);
      probe.peers.push(this);
    }
  };

  document.addEventListener("DOMContentLoaded", () => {
    video()?.requestVideoFrameCallback((nowMs) => (probe.firstFrameMs = nowMs));
    const said = document.getElementById("caption-said");
    if (!said) return; // another page than that of the conversation
    const note = () => {
      if (probe.captions.at(-1)?.[1] === said.textContent) return;
      probe.captions.push([performance.now(), said.textContent]);
    };
    new MutationObserver(note).observe(said, { childList: true, characterData: true });
  });

  probe.framesDecoded = async () => {
    for (const report of (await probe.peers.at(-1).getStats()).values()) {
      if (report.type === "inbound-rtp" && report.kind === "video") {
        return report.framesDecoded ?? 0;
      }
    }
    return 0;
  };

  // The level of 10 ms of sound, a hundred times a second.
  probe.listen = () => {
    const context = new AudioContext({ sampleRate: 48000 });
    const analyser = context.createAnalyser();
    analyser.fftSize = 512;
    context.createMediaStreamSource(video().srcObject).connect(analyser);
    const samples = new Float32Array(analyser.fftSize);
    probe.levels = [];
    return setInterval(() => {
      analyser.getFloatTimeDomainData(samples);
      const power = samples.reduce((sum, value) => sum + value * value, 0);
      probe.levels.push([performance.now(), Math.sqrt(power / samples.length)]);
    }, 10);
  };

  // Pictures as JPEG data URLs, about one in three, until it is told to stop.
  probe.film = () => {
    const canvas = document.createElement("canvas");
    probe.frames = [];
    let on = true;
    let lastMs = -Infinity;
    const take = (nowMs) => {
      if (!on) return;
      if (nowMs - lastMs > 100) {
        lastMs = nowMs;
        canvas.width = video().videoWidth;
        canvas.height = video().videoHeight;
        canvas.getContext("2d").drawImage(video(), 0, 0);
        probe.frames.push([performance.now(), canvas.toDataURL("image/jpeg", 0.92)]);
      }
      video().requestVideoFrameCallback(take);
    };
    video().requestVideoFrameCallback(take);
    probe.cut = () => {
      on = false;
      return probe.frames;
    };
  };
})();
