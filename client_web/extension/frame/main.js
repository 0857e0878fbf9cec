import { BackgroundLink } from "./background_link.js";
import { StandIn } from "./stand_in.js";

/** @import { PictureSize } from "../page/picture_size.js" */
/** @import { FrameSettings } from "./background_link.js" */

const LEAST_PX = 16;
const MOST_PX = 1280;

// Runs beside the site's scripts, in a world they cannot enter.
addEventListener("likeness-hub", (event) => begin(event), { once: true });

/** @param {Event} event */
async function begin(event) {
  const hub = /** @type {EventTarget} */ (/** @type {MouseEvent} */ (event).relatedTarget);
  const background = new BackgroundLink();
  /** @type {FrameSettings} */
  let settings = { on: true, byDefault: false, puppet: false, look: "" };
  /** @type {StandIn | null} */
  let standIn = null;

  const take = (/** @type {FrameSettings} */ news) => {
    settings = news;
    standIn?.change(news);
    const { on, byDefault } = news;
    say("settings", { on, byDefault });
  };

  /**
   * @param {string} type
   * @param {object} message
   */
  const say = (type, message) =>
    hub.dispatchEvent(new CustomEvent(type, { detail: JSON.stringify(message) }));

  hub.addEventListener("ask", async (event) => {
    const { id, video, audio } = read(event);
    try {
      standIn ??= new StandIn(background, settings);
      const size = video && checked(video);
      for (const track of await standIn.give(Number(id), size, audio === true)) {
        hub.dispatchEvent(new MediaStreamTrackEvent(`track-${id}`, { track }));
      }
      say(`answer-${id}`, {});
    } catch {
      say(`answer-${id}`, { error: true });
    }
  });
  hub.addEventListener("resize", (event) => {
    const { id, size } = read(event);
    standIn?.resize(Number(id), checked(size));
  });
  chrome.runtime.onMessage.addListener((message, _sender, answer) => {
    if (message.type === "settings") take(message.settings);
    answer(true);
  });
  await background.settings().then(take, () => {}); // then the site goes without us
}

/**
 * Sizes come from the site's world, so nothing is believed of them.
 * @param {any} size
 * @returns {PictureSize}
 */
function checked({ width, height, frameRate }) {
  const within = (/** @type {unknown} */ pixels) =>
    Math.min(Math.max(Math.round(Number(pixels) || 0), LEAST_PX), MOST_PX);
  return { width: within(width), height: within(height), frameRate: Number(frameRate) };
}

/** @param {Event} event */
function read(event) {
  return JSON.parse(/** @type {CustomEvent} */ (event).detail);
}
