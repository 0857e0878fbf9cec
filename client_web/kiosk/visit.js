/** @import { KioskEvent, Order, Rules, VisitState } from "./types.js" */

/**
 * One visitor after another: what the kiosk does when somebody comes, falls silent,
 * leaves. A pure state machine: events and the time go in, orders come out.
 *
 *     attract -> opening -> visiting <-> asking -> leaving -> attract
 *
 * Only `attract` holds no session. A visit that ended while somebody still stands there
 * does not begin again by itself: they leave first, or touch the screen.
 */
export class Visit {
  #rules;
  /** @type {VisitState} */
  #state = "attract";
  #sinceMs = 0; // in this state
  #begunMs = 0; // this visit
  #activeMs = 0; // when the visitor or the portrait last did something
  #lostMs = Infinity; // since when the connection is gone
  #awayMs = Infinity; // since when a visitor who was seen is seen no more
  #speaking = false;
  #present = false;
  #seen = false; // in this visit
  #armed = true;

  /** @param {Rules} rules */
  constructor(rules) {
    this.#rules = rules;
  }

  get state() {
    return this.#state;
  }

  /**
   * @param {number} nowMs
   * @returns {number} whole seconds until the visit ends by itself, while `asking`
   */
  secondsLeft(nowMs) {
    const left = this.#sinceMs + 1000 * this.#rules.warnS - nowMs;
    return Math.max(0, Math.ceil(left / 1000));
  }

  /**
   * @param {KioskEvent} event
   * @param {number} nowMs
   * @returns {Order[]}
   */
  handle(event, nowMs) {
    switch (event.type) {
      case "touch":
        return this.#touched(nowMs);
      case "presence":
        return this.#look(event.on, nowMs);
      case "live":
        return this.#live(nowMs);
      case "lost":
        this.#lostMs = Math.min(this.#lostMs, nowMs);
        this.#speaking = false;
        return [];
      case "activity":
        return this.#active(nowMs);
      case "speaking":
        this.#speaking = event.on;
        this.#activeMs = nowMs;
        return [];
      case "goodbye":
        return this.#goodbye(nowMs);
      case "over":
        return this.#state === "attract" ? [] : this.#end(nowMs);
      case "farewell-said":
        return this.#state === "leaving" ? this.#end(nowMs) : [];
    }
  }

  /**
   * Time goes by; to be called a few times a second.
   * @param {number} nowMs
   * @returns {Order[]}
   */
  tick(nowMs) {
    const { openS, idleS, warnS, awayS, maxS, farewellS, lostS } = this.#rules;
    const past = (/** @type {number} */ sinceMs, /** @type {number} */ s) =>
      nowMs - sinceMs >= 1000 * s;
    const away = past(this.#awayMs, awayS);
    switch (this.#state) {
      case "attract":
        return [];
      case "opening":
        return past(this.#sinceMs, openS) || away ? this.#end(nowMs) : [];
      case "visiting":
        if (past(this.#lostMs, lostS)) return this.#end(nowMs);
        if (away || past(this.#begunMs, maxS)) return this.#leave(nowMs);
        if (this.#speaking || this.#lostMs < Infinity) return [];
        if (past(this.#activeMs, idleS)) this.#enter("asking", nowMs);
        return [];
      case "asking":
        if (past(this.#lostMs, lostS)) return this.#end(nowMs);
        if (away || past(this.#sinceMs, warnS)) return this.#leave(nowMs);
        return [];
      case "leaving":
        return past(this.#sinceMs, farewellS) ? this.#end(nowMs) : [];
    }
  }

  /** @param {number} nowMs */
  #touched(nowMs) {
    if (this.#state === "attract") return this.#open(nowMs);
    // Whoever touches the screen during the farewell may be the next visitor.
    if (this.#state === "leaving") return [...this.#end(nowMs), ...this.#open(nowMs)];
    return this.#active(nowMs);
  }

  /**
   * @param {boolean} present
   * @param {number} nowMs
   * @returns {Order[]}
   */
  #look(present, nowMs) {
    this.#present = present;
    if (!present) {
      this.#armed = true;
      if (this.#seen) this.#awayMs = nowMs;
      return [];
    }
    this.#awayMs = Infinity;
    this.#seen = true;
    return this.#state === "attract" && this.#armed ? this.#open(nowMs) : [];
  }

  /** @param {number} nowMs */
  #live(nowMs) {
    this.#activeMs = nowMs;
    this.#lostMs = Infinity;
    if (this.#state === "opening") this.#enter("visiting", nowMs);
    return [];
  }

  /** @param {number} nowMs */
  #active(nowMs) {
    this.#activeMs = nowMs;
    if (this.#state === "asking") this.#enter("visiting", nowMs);
    return [];
  }

  /**
   * @param {number} nowMs
   * @returns {Order[]}
   */
  #goodbye(nowMs) {
    if (this.#state === "opening") return this.#end(nowMs);
    return this.#state === "visiting" || this.#state === "asking" ? this.#leave(nowMs) : [];
  }

  /**
   * @param {number} nowMs
   * @returns {Order[]}
   */
  #open(nowMs) {
    this.#enter("opening", nowMs);
    this.#begunMs = this.#activeMs = nowMs;
    this.#lostMs = Infinity;
    this.#awayMs = Infinity;
    this.#seen = this.#present;
    this.#speaking = false;
    return ["open"];
  }

  /**
   * Say farewell, where there is a connection to say it on.
   * @param {number} nowMs
   * @returns {Order[]}
   */
  #leave(nowMs) {
    if (this.#lostMs < Infinity) return this.#end(nowMs);
    this.#enter("leaving", nowMs);
    return ["farewell"];
  }

  /**
   * @param {number} nowMs
   * @returns {Order[]}
   */
  #end(nowMs) {
    this.#enter("attract", nowMs);
    this.#armed = !this.#present;
    return ["close"];
  }

  /**
   * @param {VisitState} state
   * @param {number} nowMs
   */
  #enter(state, nowMs) {
    this.#state = state;
    this.#sinceMs = nowMs;
  }
}
