import { deviceInfo, disguise, disguiseStream } from "./disguise.js";
import { CAMERA_ID, LABEL, MICROPHONE_ID, naming } from "./named_device.js";
import { pictureSize } from "./picture_size.js";

/** @import { Hub } from "./hub.js" */

/** @typedef {{video: boolean, audio: boolean}} Wanted which of ours a request gets */
/** @typedef {(constraints?: MediaStreamConstraints) => Promise<MediaStream>} Native */

const LEGACY = ["getUserMedia", "webkitGetUserMedia"];
const NONE = { video: false, audio: false };

/**
 * The site's view of its devices, with ours among them. Four functions of two prototypes
 * are replaced, and only while this is installed; capturing the screen is none of them.
 *
 * Who names another device, or the screen, gets the browser's own answer, whatever else
 * happens here. Who names Likeness never gets the real camera in its place.
 */
export class Devices {
  #hub;
  /** @type {(() => void)[]} what puts the browser's own functions back */
  #undo = [];
  #given = { ...NONE }; // kinds this site was given ours of: it may read their names

  /** @param {Hub} hub */
  constructor(hub) {
    this.#hub = hub;
  }

  install() {
    if (this.#undo.length || !window.MediaDevices) return;
    const ours = this;
    const prototype = MediaDevices.prototype;
    this.#replace(prototype, "getUserMedia", (native, self, [constraints]) =>
      ours.#getUserMedia((asked) => native.call(self, asked), constraints),
    );
    this.#replace(prototype, "enumerateDevices", (native, self) =>
      ours.#enumerate(() => native.call(self)),
    );
    for (const name of LEGACY) {
      this.#replace(Navigator.prototype, name, (_native, self, [constraints, onStream, onError]) => {
        self.mediaDevices.getUserMedia(constraints).then(onStream, onError);
      });
    }
    this.#announce();
  }

  /** The browser's own functions again, the very same. */
  restore() {
    if (!this.#undo.length) return;
    for (const undo of this.#undo.splice(0)) undo();
    this.#announce();
  }

  /**
   * @param {any} prototype
   * @param {string} name
   * @param {(native: Function, self: any, given: any[]) => unknown} ours
   */
  #replace(prototype, name, ours) {
    const own = Object.getOwnPropertyDescriptor(prototype, name);
    const native = own?.value;
    if (!own || typeof native !== "function") return;
    const value = new Proxy(native, {
      apply: (_native, self, given) => ours(native, self, given),
    });
    Object.defineProperty(prototype, name, { ...own, value });
    this.#undo.push(() => {
      if (prototype[name] === value) Object.defineProperty(prototype, name, own);
    });
  }

  /** Sites read their list of devices again then. */
  #announce() {
    navigator.mediaDevices?.dispatchEvent(new Event("devicechange"));
  }

  /**
   * @param {Native} native
   * @param {MediaStreamConstraints} [constraints]
   */
  async #getUserMedia(native, constraints) {
    const wanted = await this.#wanted(native, constraints);
    if (!wanted.video && !wanted.audio) return native(constraints);
    const size = wanted.video ? pictureSize(constraints?.video) : null;
    const stream = await theirs(native, constraints, wanted);
    try {
      const { id, video, audio } = await this.#hub.ask(size, wanted.audio);
      for (const track of [audio, video]) {
        if (!track) continue;
        const asked = constraints?.[/** @type {"audio" | "video"} */ (track.kind)];
        stream.addTrack(disguise(track, asked, (newSize) => this.#hub.resize(id, newSize)));
      }
    } catch (error) {
      for (const track of stream.getTracks()) track.stop();
      throw error;
    }
    this.#given = { video: wanted.video || this.#given.video, audio: wanted.audio || this.#given.audio };
    return disguiseStream(stream);
  }

  /**
   * @param {Native} native
   * @param {MediaStreamConstraints} [constraints]
   * @returns {Promise<Wanted>}
   */
  async #wanted(native, constraints) {
    const video = attempt(() => naming(constraints?.video, CAMERA_ID), "other");
    const audio = attempt(() => naming(constraints?.audio, MICROPHONE_ID), "other");
    const isNamed = video === "likeness" || audio === "likeness";
    if (!isNamed && video !== "open" && audio !== "open") return NONE;
    const { on, byDefault } = await this.#hub.settings().catch((error) => {
      if (isNamed) throw error;
      return { on: false, byDefault: false };
    });
    if (!on) return NONE;
    const ours = (/** @type {string} */ said) => said === "likeness" || (byDefault && said === "open");
    const wanted = { video: ours(video), audio: ours(audio) };
    if (!isNamed && (wanted.video || wanted.audio)) await letThemBeNamed(native, wanted);
    return wanted;
  }

  /** @param {() => Promise<MediaDeviceInfo[]>} native */
  async #enumerate(native) {
    const theirs = await native();
    try {
      const { on, byDefault } = await this.#hub.settings();
      if (!on) return theirs;
      const real = theirs.filter(({ label }) => label !== LABEL);
      const ours = [
        this.#ourInfo(real, "audioinput", this.#given.audio),
        this.#ourInfo(real, "videoinput", this.#given.video),
      ].flat();
      return byDefault ? [...ours, ...real] : inOrder([...real, ...ours]);
    } catch {
      return theirs;
    }
  }

  /**
   * @param {MediaDeviceInfo[]} real
   * @param {"audioinput" | "videoinput"} kind
   * @param {boolean} given
   * @returns {MediaDeviceInfo[]}
   */
  #ourInfo(real, kind, given) {
    const peers = real.filter((device) => device.kind === kind);
    const named = given || peers.some(({ label }) => label);
    // Without permission a browser tells one nameless device of each kind, if any.
    return named || !peers.length ? [deviceInfo(kind, named)] : [];
  }
}

/**
 * What the request wants of the site's own devices, in the stream that ours will join.
 * @param {Native} native
 * @param {MediaStreamConstraints | undefined} constraints
 * @param {Wanted} ours
 */
async function theirs(native, constraints, ours) {
  const video = ours.video ? false : constraints?.video;
  const audio = ours.audio ? false : constraints?.audio;
  return video || audio ? native({ ...constraints, video, audio }) : new MediaStream();
}

/**
 * A site can offer its own devices in a menu only if the browser names them, which it
 * does when the site was allowed to use one. So let the browser ask, once per site.
 * @param {Native} native
 * @param {Wanted} kinds
 */
async function letThemBeNamed(native, { video, audio }) {
  try {
    const names = [video && "camera", audio && "microphone"].filter(Boolean);
    const states = await Promise.all(
      names.map((name) => navigator.permissions.query({ name: /** @type {any} */ (name) })),
    );
    if (!states.some(({ state }) => state === "prompt")) return;
    for (const track of (await native({ video, audio })).getTracks()) track.stop();
  } catch {
    // No such device, or not allowed: then ours is the only one.
  }
}

/**
 * Sound first, as browsers list them.
 * @param {MediaDeviceInfo[]} devices
 */
function inOrder(devices) {
  const kinds = ["audioinput", "videoinput", "audiooutput"];
  return devices.sort((a, b) => kinds.indexOf(a.kind) - kinds.indexOf(b.kind));
}

/**
 * @template T
 * @param {() => T} read
 * @param {T} otherwise when what the site gave cannot be read
 */
function attempt(read, otherwise) {
  try {
    return read();
  } catch {
    return otherwise;
  }
}
