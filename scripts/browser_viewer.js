// Runs in a page of the server: a viewer that notes when it sees and hears what.
// Times are of performance.now(), in ms.
(() => {
  const LOUD = 0.02;
  const WHITE = 128;
  const listener = `
    registerProcessor("listener", class extends AudioWorkletProcessor {
      #loud = false;
      #lastLoudS = -1;
      process([[samples]]) {
        for (let i = 0; samples && i < samples.length; i += 1) {
          if (Math.abs(samples[i]) <= ${LOUD}) continue;
          const now = currentTime + i / sampleRate;
          if (!this.#loud) this.port.postMessage([now, true]);
          this.#loud = true;
          this.#lastLoudS = now;
        }
        if (this.#loud && currentTime - this.#lastLoudS > 0.06) {
          this.#loud = false;
          this.port.postMessage([this.#lastLoudS, false]);
        }
        return true;
      }
    });`;

  const peers = [];
  globalThis.RTCPeerConnection = class extends RTCPeerConnection {
    constructor(...given) {
      super(...given);
      peers.push(this);
    }
  };

  class Viewer {
    frames = []; // [expectedDisplayTime, white]
    sounds = []; // [time, begins]
    events = [];
    firstFrameMs = 0;
    #link;
    #grant;
    #video;
    #context;
    #offsets = [];
    #canvas = new OffscreenCanvas(8, 8).getContext("2d", { willReadFrequently: true });

    async connect(PeerLink, targetMs) {
      const began = performance.now();
      const post = async (url, body) =>
        (await fetch(url, {
          method: "POST",
          headers: { "content-type": "application/json" },
          body: JSON.stringify(body),
        })).json();
      this.#video = document.createElement("video");
      this.#video.autoplay = true;
      this.#video.playsInline = true;
      document.body.append(this.#video);
      this.#link = new PeerLink((event) => this.events.push([performance.now(), event]));
      await this.#link.prepare();
      this.#grant = await post("/v1/sessions", {});
      await this.#link.connect([], (offer) => post(this.#grant.offer_url, offer));
      if (targetMs !== null) {
        for (const receiver of peers.at(-1).getReceivers()) {
          receiver.jitterBufferTarget = targetMs;
        }
      }
      this.#video.srcObject = this.#link.stream;
      await new Promise((done) => this.#video.requestVideoFrameCallback(done));
      this.firstFrameMs = performance.now() - began;
      this.#watch();
      await this.#listen();
    }

    #watch() {
      this.#video.requestVideoFrameCallback((_, { expectedDisplayTime }) => {
        this.#canvas.drawImage(this.#video, 0, 0, 8, 8);
        const light = this.#canvas.getImageData(4, 4, 1, 1).data[1];
        this.frames.push([expectedDisplayTime, light > WHITE]);
        this.#watch();
      });
    }

    async #listen() {
      this.#context = new AudioContext({ sampleRate: 48000, latencyHint: "interactive" });
      const module = URL.createObjectURL(new Blob([listener], { type: "text/javascript" }));
      await this.#context.audioWorklet.addModule(module);
      const node = new AudioWorkletNode(this.#context, "listener");
      this.#context.createMediaStreamSource(this.#link.stream).connect(node);
      node.connect(this.#context.destination);
      node.port.onmessage = ({ data: [timeS, begins] }) =>
        this.sounds.push([timeS * 1000 + this.#offset(), begins]);
      setInterval(() => {
        this.#offsets.push(performance.now() - this.#context.currentTime * 1000);
        if (this.#offsets.length > 200) this.#offsets.shift();
      }, 20);
    }

    // From the context's time to the page's: the least delayed of the last readings.
    #offset() {
      return Math.min(...this.#offsets);
    }

    send(message) {
      this.#link.send(message);
      return performance.now();
    }

    async stats() {
      const found = {};
      for (const report of (await peers.at(-1).getStats()).values()) {
        if (report.type === "inbound-rtp") found[report.kind] = report;
      }
      return found;
    }

    async close() {
      this.#link.close("done");
      await this.#context.close();
      this.#video.remove();
      await fetch(`/v1/sessions/${this.#grant.session_id}`, { method: "DELETE" });
    }
  }
  globalThis.Viewer = Viewer;
})();
