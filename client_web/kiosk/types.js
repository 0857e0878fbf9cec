// What the parts of the kiosk tell each other.

/**
 * attract: nobody is here, no session. opening: a session is asked for. visiting: the
 * visitor and the portrait talk. asking: "Are you still there?" leaving: the farewell.
 * @typedef {"attract" | "opening" | "visiting" | "asking" | "leaving"} VisitState
 */

/**
 * touch: anywhere on the screen. presence: the camera sees somebody, or nobody any
 * more. live, lost: of the connection. over: the server ended the session for good.
 * activity: the visitor speaks or chooses. speaking: the portrait does, or thinks.
 * goodbye: the visitor's button.
 * @typedef {{type: "touch" | "live" | "lost" | "over" | "activity" | "goodbye" | "farewell-said"}
 *     | {type: "presence" | "speaking", on: boolean}} KioskEvent
 */

/**
 * open: ask for a session. farewell: say it, then tell `farewell-said`. close: give the
 * session back and forget the visitor.
 * @typedef {"open" | "farewell" | "close"} Order
 */

/**
 * Seconds.
 * @typedef {object} Rules
 * @property {number} idleS nobody says or touches anything for so long: it asks
 * @property {number} warnS and nobody answers for so long: it ends
 * @property {number} awayS after the camera saw the visitor go
 * @property {number} maxS of a whole visit
 * @property {number} openS for a connection to stand
 * @property {number} lostS for a connection to come back
 * @property {number} farewellS at most, for the farewell
 */

/**
 * What is said in one language of the kiosk.
 * @typedef {object} Tongue
 * @property {string} tag BCP 47; its primary language has words in words.js, else English
 * @property {string | null} voice an id of GET /v1/voices; null: the server's choice
 * @property {string} greeting
 * @property {string} farewell
 * @property {string[]} questions to touch
 */

/**
 * Where a visitor finds a person; empty: not offered.
 * @typedef {object} HandOver
 * @property {string} url shown as a QR code
 * @property {string} number shown as it is
 */

/**
 * @typedef {object} KioskConfig
 * @property {string | null} key of a server that asks for one
 * @property {string} grant path of a back end of the operator's that makes sessions
 * @property {string | null} identity
 * @property {string | null} prompt who the portrait is
 * @property {{width: number, height: number} | null} video
 * @property {Tongue[]} tongues the first is the kiosk's own
 * @property {HandOver} handOver
 * @property {boolean} presence whether the camera may begin a visit
 * @property {boolean} microphone
 * @property {number} quietHour local, 0 to 23, in which the page is loaded anew
 * @property {Rules} rules
 */

/**
 * A short clip of the portrait at rest, and where it loops.
 * @typedef {object} Clip
 * @property {string} url of a blob
 * @property {number} beginS
 * @property {number} endS
 */

export {};
