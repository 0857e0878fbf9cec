/** @import { MediaClock } from "./media_clock.js" */
/** @import { AvatarEvent, Caption } from "./types.js" */

/**
 * A clause, and when its words sound here.
 * @param {AvatarEvent} event of type `avatar.caption`
 * @param {MediaClock} clock
 * @returns {Caption}
 */
export function captionOf(event, clock) {
  const { utterance_id = "", text = "", start_ms = 0, end_ms = 0, words = [] } = event;
  const timed = words.length ? words : [{ text, start_ms }];
  return {
    utteranceId: utterance_id,
    text,
    words: timed.map((word) => ({ text: word.text, atMs: clock.soundsAt(word.start_ms) })),
    endMs: clock.soundsAt(end_ms),
  };
}
