// The interface's messages as the browser sees them; PROTOCOL.md says what they mean.

/** @import { ApiError } from "./api_error.js" */

/**
 * @typedef {object} VoiceInfo
 * @property {string} id
 * @property {string} name
 * @property {string} language BCP 47 tag
 * @property {string} engine
 * @property {string} licence
 * @property {boolean} [natural] a neural voice
 * @property {boolean} [installed] false: it could be fetched by `how_to_get`
 * @property {string} [how_to_get]
 */

/**
 * What a session is asked for; PROTOCOL.md says what each means, at POST /v1/sessions.
 * Null, or left out: the server's own choice.
 * @typedef {object} Wish
 * @property {string | null} [identity]
 * @property {string | null} [voice] an id of GET /v1/voices
 * @property {string | null} [language] BCP 47 tag
 * @property {"open_mic" | "push_to_talk" | null} [interactivity]
 * @property {string | null} [mode] `full`, `lite`, ...
 * @property {{width?: number, height?: number, background?: string, mark?: boolean} | null}
 *     [video] width and height in pixels
 * @property {{prompt?: string, greeting?: string, farewell?: string, filler?: boolean,
 *     silence_timeout_s?: number} | null} [persona]
 * @property {boolean | null} [keep_transcript]
 * @property {number | null} [max_duration_s]
 * @property {number | null} [idle_timeout_s]
 */

/**
 * How to speak; left out, as before. A single text takes `voice`, `language` and
 * `emotion`, a session all of them (`avatar.set`).
 * @typedef {object} Manner
 * @property {string} [voice]
 * @property {string} [language] BCP 47 tag
 * @property {"neutral" | "happy" | "serious" | "concerned" | "surprised"} [emotion]
 * @property {number} [expressivity] 0 to 1
 * @property {number} [articulation] 0.5 to 1.5
 * @property {string} [background] `keep`, `blur`, a colour or a picture's data URL
 */

/**
 * A command of PROTOCOL.md.
 * @typedef {{type: string, event_id: string} & Record<string, unknown>} Command
 */

/**
 * A session and the leave to use it: what POST /v1/sessions answers.
 * @typedef {object} SessionGrant
 * @property {string} session_id
 * @property {string | null} [token] null: the server is open, or the key is known here
 * @property {number} [expires_in_s] of the token; left out: it is renewed at once
 * @property {string} [offer_url] left out: the usual one
 * @property {string} [viewer_id]
 * @property {RTCIceServer[] | null} [ice_servers] null or left out: asked for
 */

/**
 * Gets a session for this wish, from the page's own back end. It may throw: an ApiError
 * that is not `retryable` is final, after anything else it is called again a little later.
 * @callback GrantSession
 * @param {Wish} wish
 * @param {AbortSignal} signal aborted when the session is no longer wanted
 * @param {string | null} sessionId a session of ours that may live on, whose token has
 *     expired: what POST /v1/sessions/{id}/tokens answers lets us go on in it, another
 *     session does as well
 * @returns {Promise<SessionGrant | Response>} the session, or the back end's answer with
 *     it or with the server's refusal, passed on as it is
 */

/**
 * @typedef {object} LikenessOptions
 * @property {string} [server] where the server is, such as `https://likeness.example`;
 *     left out, where the page came from
 * @property {string | null} [key] the server's API key: only for pages that no stranger
 *     sees; others give `grant`
 * @property {GrantSession} [grant] left out: sessions are asked of the server itself
 * @property {SessionGrant | null} [join] the id and the token of a session that somebody
 *     else began (its `embed_url`): watched as long as it lasts, and left to
 *     its owner to end
 * @property {Wish} [wish]
 */

/**
 * Whether the portrait can be heard.
 * @typedef {object} Sound
 * @property {boolean} muted it cannot
 * @property {boolean} blocked because the browser wants a gesture of the visitor first:
 *     offer "tap to hear", and call `unmute` in its handler
 */

/**
 * How good the connection has been in the last seconds, as this browser saw it.
 * @typedef {object} ConnectionQuality
 * @property {"good" | "fair" | "poor"} grade the worst of what `grades.js` says of each
 * @property {number | null} roundTripMs null: not measured yet
 * @property {number} loss packets of sound and picture that never came, 0 to 1
 * @property {number} jitterMs of the packets' arrival, the worse of sound and picture
 * @property {number} concealed sound that had to be invented, 0 to 1
 * @property {number} fps pictures shown in a second
 * @property {number} framesDropped pictures that came and were not shown
 * @property {number} freezes times the picture stood still
 * @property {number} frozenMs and for how long altogether
 * @property {number} bitrateKbps received, 1,000 bits a second
 * @property {string | null} candidateType of this side: `host`, `srflx`, `prflx`, `relay`
 * @property {boolean} relayed whether a TURN server stands between, on either side
 * @property {string | null} protocol `udp` or `tcp`
 * @property {number} width of the picture, pixels
 * @property {number} height
 */

/**
 * What the person whose photo it is has agreed to, in the words they were shown.
 * @typedef {object} Consent
 * @property {string} statement
 * @property {string} by
 */

/**
 * @typedef {object} IdentityStatus
 * @property {string} identity_id
 * @property {string} status
 * @property {number} [progress] 0 to 1
 * @property {{code: string, message: string} | null} [error]
 */

/**
 * One event of the server. `type` says which of the other fields are there; times are
 * milliseconds of the session's media time.
 * @typedef {object} AvatarEvent
 * @property {string} type
 * @property {string} [event_id]
 * @property {string} [source_event_id]
 * @property {string} [utterance_id]
 * @property {string} [state]
 * @property {string} [text]
 * @property {number} [start_ms]
 * @property {number} [end_ms]
 * @property {{text: string, start_ms: number, end_ms: number}[]} [words]
 * @property {number} [media_ms]
 * @property {number} [playback_ms]
 * @property {string} [code]
 * @property {string} [message]
 * @property {boolean} [retryable]
 * @property {string} [reason] of session.closed
 * @property {string} [source] of user.transcript: `voice` or `text`
 * @property {string} [language]
 * @property {string} [token] of session.token, as the next
 * @property {string} [expires_at]
 * @property {number} [expires_in_s]
 * @property {string} [deadline] of a warning
 * @property {boolean} [available] of session.hearing, as all that follow
 * @property {boolean} [listening]
 * @property {string} [ear]
 * @property {boolean} [basic]
 * @property {"plain" | "alpha_below"} [layout] of stream.layout, with the next two
 * @property {number} [width] of the portrait, pixels
 * @property {number} [height]
 * @property {boolean} [called] of avatar.handed_over: somebody was told
 */

/**
 * A clause and when its words sound here.
 * @typedef {object} Caption
 * @property {string} utteranceId
 * @property {string} text
 * @property {{text: string, atMs: number}[]} words performance.now() times at which they
 *     begin to sound; the whole clause as one where the voice knows no words
 * @property {number} endMs performance.now() time at which the clause has been said
 */

/**
 * connecting: the first time. live: media flows. reconnecting: media was lost, or the
 * server does not answer. full: the server has no room. offline: the browser has no
 * network. closed: `close` was called, the session was ended (by a farewell or its
 * owner), or the very first connection was refused for good.
 * @typedef {"connecting" | "live" | "reconnecting" | "full" | "offline" | "closed"} Phase
 */

/**
 * The events of a Likeness, and what their `detail` is. Each event of the server comes
 * as `event` and under its own type too; its `error` comes as an ApiError.
 * @typedef {object} OwnEvents
 * @property {Phase} phase
 * @property {MediaStream} stream of a new connection, before it is played
 * @property {AvatarEvent} event
 * @property {Caption} caption
 * @property {ApiError} error
 * @property {ConnectionQuality} quality once a second, while somebody can see the page
 * @property {Sound} sound
 * @property {AvatarEvent} warning
 */

/** @typedef {OwnEvents & Record<`${string}.${string}`, AvatarEvent>} LikenessEvents */

export {};
