import { readStats } from "./link_stats.js";
import { withResolvers } from "./with_resolvers.js";

/** @import { LinkStats } from "./link_stats.js" */
/** @import { AvatarEvent } from "./types.js" */

const GATHER_DEADLINE_MS = 1_000; // a slow TURN server must not hold up the first frame
const CONNECT_DEADLINE_MS = 10_000;
const BUFFER_MS = 60;
const DISCONNECT_GRACE_MS = 3_000; // a change of network often mends itself
const MEDIA_LOOK_MS = 40;
const MOST_BUFFERED_BYTES = 256 * 1024; // commands that wait for the network
const USUAL_MESSAGE_BYTES = 65_536; // RFC 8841, section 6, of who names no size
const LOW_BUFFERED_BYTES = 32 * 1024;

/**
 * @typedef {object} LinkListener
 * @property {(event: AvatarEvent) => void} onMessage
 * @property {() => void} [onRoom] `send` would be heard again, after it was not
 */

/** One peer connection, from the offer to its end. Never used twice. */
export class PeerLink {
  #peer = new RTCPeerConnection({ bundlePolicy: "max-bundle" });
  /** @type {RTCRtpSender | null} */
  #voice = null;
  #channel = this.#peer.createDataChannel("events");
  #listener;
  #stream = new MediaStream();
  /** @type {RTCSessionDescriptionInit | null} */
  #offer = null;
  /** @type {PromiseWithResolvers<string>} */
  #ended = withResolvers();
  #opened = withResolvers();
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #grace;

  /** @param {LinkListener} listener */
  constructor(listener) {
    this.#listener = listener;
    this.#peer.ontrack = ({ track, receiver }) => {
      // Left to themselves, the buffers of sound and picture begin at depths of their
      // own, take seconds to be in step, and stay some 30 ms apart.
      /** @type {{jitterBufferTarget?: number}} */ (receiver).jitterBufferTarget = BUFFER_MS;
      this.#stream.addTrack(track);
    };
    this.#peer.onconnectionstatechange = () => this.#followState();
    this.#channel.onopen = () => this.#opened.resolve(undefined);
    this.#channel.onclose = () => this.close("channel closed");
    this.#channel.onmessage = ({ data }) => this.#listener.onMessage(JSON.parse(data));
    this.#channel.bufferedAmountLowThreshold = LOW_BUFFERED_BYTES;
    this.#channel.onbufferedamountlow = () => this.#listener.onRoom?.();
  }

  /** Resolves, with the reason, when the connection is over. */
  get ended() {
    return this.#ended.promise;
  }

  /** Sound and picture; the tracks are there once `connect` has resolved. */
  get stream() {
    return this.#stream;
  }

  /** Make the offer; needs nothing from the server, so it may run beside the request
   * for a session. */
  async prepare() {
    // Both ways from the beginning: a microphone can then come and go without a new offer.
    this.#voice = this.#peer.addTransceiver("audio", { direction: "sendrecv" }).sender;
    this.#peer.addTransceiver("video", { direction: "recvonly" });
    this.#offer = await this.#peer.createOffer();
  }

  /**
   * Resolves when media flows.
   * @param {RTCIceServer[]} iceServers
   * @param {(offer: RTCSessionDescriptionInit) => Promise<RTCSessionDescriptionInit>} exchange
   *     gives the server's answer
   * @throws {Error} when the offer is refused, or no media comes in time
   */
  async connect(iceServers, exchange) {
    if (!this.#offer) await this.prepare();
    if (iceServers.length) {
      this.#peer.setConfiguration({ bundlePolicy: "max-bundle", iceServers });
    }
    await this.#peer.setLocalDescription(/** @type {RTCLocalSessionDescriptionInit} */ (this.#offer));
    await this.#gathered();
    const sdp = withoutHiddenNames(this.#peer.localDescription?.sdp ?? "");
    await this.#peer.setRemoteDescription(await exchange({ type: "offer", sdp }));
    const late = setTimeout(() => this.close("no connection"), CONNECT_DEADLINE_MS);
    const reason = await Promise.race([this.#opened.promise.then(() => this.#flows()), this.ended]);
    clearTimeout(late);
    if (reason) throw new Error(`connection: ${reason}`);
  }

  /** The first packets of sound or picture are there, or the link is closed. */
  async #flows() {
    while (this.#channel.readyState === "open" && !(await this.stats()).received) {
      await new Promise((resolve) => setTimeout(resolve, MEDIA_LOOK_MS));
    }
  }

  /**
   * Send this microphone's sound; null sends none.
   * @param {MediaStreamTrack | null} track
   */
  async setMicrophone(track) {
    if (this.#peer.signalingState !== "closed") await this.#voice?.replaceTrack(track);
  }

  /**
   * @param {object} message
   * @returns {boolean} whether it could be sent: not before the channel is open, nor while
   *   the network takes nothing
   */
  send(message) {
    if (this.#channel.readyState !== "open") return false;
    if (this.#channel.bufferedAmount > MOST_BUFFERED_BYTES) return false;
    this.#channel.send(JSON.stringify(message));
    return true;
  }

  /**
   * @param {object} message
   * @returns {boolean} whether it is small enough for the other side
   */
  carries(message) {
    const { length } = new TextEncoder().encode(JSON.stringify(message));
    return length <= (this.#peer.sctp?.maxMessageSize ?? USUAL_MESSAGE_BYTES);
  }

  /** @returns {Promise<LinkStats>} */
  async stats() {
    return readStats(await this.#peer.getStats());
  }

  /** @param {string} reason for people who read logs */
  close(reason) {
    clearTimeout(this.#grace);
    this.#channel.onclose = null;
    this.#peer.onconnectionstatechange = null;
    this.#peer.close();
    this.#ended.resolve(reason);
  }

  /** The server takes no later candidates over JSON, so the offer waits for them. */
  async #gathered() {
    const done = withResolvers();
    this.#peer.onicegatheringstatechange = () => {
      if (this.#peer.iceGatheringState === "complete") done.resolve(undefined);
    };
    if (this.#peer.iceGatheringState === "complete") return;
    const late = setTimeout(done.resolve, GATHER_DEADLINE_MS);
    await done.promise;
    clearTimeout(late);
  }

  #followState() {
    clearTimeout(this.#grace);
    const state = this.#peer.connectionState;
    if (state === "failed" || state === "closed") this.close(state);
    if (state === "disconnected") {
      this.#grace = setTimeout(() => this.close(state), DISCONNECT_GRACE_MS);
    }
  }
}

/**
 * Browsers hide their addresses behind multicast DNS names. Looking those up costs a
 * server a second where multicast does not reach it, and tells it nothing: it learns
 * the address from the browser's first connectivity check.
 * @param {string} sdp
 */
function withoutHiddenNames(sdp) {
  return sdp.replace(/^a=candidate:.*\.local .*\r\n/gm, "");
}
