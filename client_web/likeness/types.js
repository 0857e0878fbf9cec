// The interface's messages as the browser sees them; PROTOCOL.md says what they mean.

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
 * What a session is asked for. Null means the server's own choice.
 * @typedef {object} Wish
 * @property {string | null} identity
 * @property {string | null} voice
 * @property {string | null} language BCP 47 tag
 * @property {"open_mic" | "push_to_talk" | null} [interactivity]
 */

/**
 * With what to speak; left out, the session's own.
 * @typedef {object} Manner
 * @property {string} [voice]
 * @property {string} [language] BCP 47 tag
 */

/**
 * @typedef {object} SessionGrant
 * @property {string} session_id
 * @property {string | null} token
 * @property {string} offer_url
 * @property {string} [viewer_id]
 * @property {RTCIceServer[] | null} ice_servers null: not known yet
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
 * @property {boolean} [available] of session.hearing, as all that follow
 * @property {boolean} [listening]
 * @property {string} [ear]
 * @property {boolean} [basic]
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
 * network. closed: `close` was called.
 * @typedef {"connecting" | "live" | "reconnecting" | "full" | "offline" | "closed"} Phase
 */

export {};
