// One stylesheet for all widgets of a page, made by script: a strict policy of the host
// page (style-src) forbids <style> and style attributes, and lets this be.

// Everything that a page may change begins with --likeness-; the colours are those of
// design/tokens.css, written for light, then for dark.
const TOKENS = `
:host {
  all: initial; color-scheme: light dark;
  --ink: var(--likeness-ink, light-dark(#1d1915, #f6f1ea));
  --ink-soft: var(--likeness-ink-soft, light-dark(#554c43, #c9c0b5));
  --paper: var(--likeness-paper, light-dark(#fdfaf5, #1d1916));
  --well: var(--likeness-well, light-dark(#efe9df, #2a2521));
  --line: light-dark(rgb(44 30 16 / 18%), rgb(255 244 230 / 16%));
  --edge: light-dark(#857a6c, #7d736a);
  --accent: var(--likeness-accent, light-dark(#9c3f1f, #f0a27f));
  --on-accent: var(--likeness-on-accent, light-dark(#fff8f2, #24110a));
  --good: light-dark(#1f6b3a, #8fd6a4);
  --bad: light-dark(#9b2210, #ffb4a2);
  --plate: light-dark(rgb(252 249 244 / 92%), rgb(24 20 18 / 86%));
  --font: var(--likeness-font, system-ui, -apple-system, "Segoe UI", "Noto Sans", "PingFang SC", "Microsoft YaHei", sans-serif);
  --title: var(--likeness-title-font, "Iowan Old Style", "Palatino Nova", Palatino, "Book Antiqua", Georgia, "Songti SC", "Noto Serif CJK SC", serif);
  --radius: var(--likeness-radius, 22px);
  --offset: var(--likeness-offset, 20px);
  --shadow: 0 16px 56px light-dark(rgb(60 36 16 / 24%), rgb(0 0 0 / 52%)), 0 2px 8px light-dark(rgb(60 36 16 / 12%), rgb(0 0 0 / 36%));
}
:host([theme="light"]) { color-scheme: light; }
:host([theme="dark"]) { color-scheme: dark; }
:host([hidden]) { display: none; }
`;

const BASE = `
*, *::before, *::after { box-sizing: border-box; }
[hidden] { display: none !important; }
button, textarea { font: inherit; color: inherit; letter-spacing: inherit; }
button { cursor: pointer; -webkit-tap-highlight-color: transparent; }
:focus { outline: none; }
:focus-visible { outline: 2px solid var(--ink); outline-offset: 2px; box-shadow: 0 0 0 5px var(--paper); }
.icon { display: block; width: 22px; height: 22px; flex: none; fill: none; stroke: currentColor; stroke-width: 1.75; stroke-linecap: round; stroke-linejoin: round; }
.unseen { position: absolute; width: 1px; height: 1px; margin: -1px; padding: 0; overflow: hidden; clip-path: inset(50%); white-space: nowrap; border: 0; }

.bare, .act { display: inline-grid; place-items: center; width: 44px; height: 44px; padding: 0; border: 0; border-radius: 50%; flex: none; background: none; transition: background-color .15s; }
.bare:hover { background: var(--line); }
.act { background: var(--well); }
.act.primary { background: var(--accent); color: var(--on-accent); }
.act.primary:hover { filter: brightness(1.08); }
.act:disabled { background: var(--well); color: var(--ink-soft); cursor: default; filter: none; }
.button {
  display: inline-flex; align-items: center; justify-content: center; min-height: 44px; padding: 8px 18px; border: 0; border-radius: 22px;
  background: var(--accent); color: var(--on-accent); font-weight: 600; text-decoration: none;
}
.chip {
  min-height: 44px; padding: 8px 16px; border: 1px solid var(--edge); border-radius: 22px; background: none; color: var(--ink);
  font-size: 15px; line-height: 1.3; text-align: start;
}
.chip:hover { background: var(--line); border-color: var(--ink); }
`;

const PLACE = `
.bubble, .panel { position: fixed; z-index: var(--likeness-z, 2147483000); inset-block-end: calc(var(--offset) + env(safe-area-inset-bottom)); right: calc(var(--offset) + env(safe-area-inset-right)); font: 400 16px/1.45 var(--font); color: var(--ink); text-align: start; }
:host([position="bottom-left"]) :is(.bubble, .panel) { right: auto; left: calc(var(--offset) + env(safe-area-inset-left)); }

.bubble {
  display: grid; place-items: center; width: var(--likeness-bubble, 68px); height: var(--likeness-bubble, 68px); padding: 0; overflow: hidden;
  border: 3px solid var(--paper); border-radius: 50%; background: var(--accent); color: var(--on-accent); box-shadow: var(--shadow); transition: scale .2s;
}
.bubble:hover { scale: 1.05; }
.bubble > * { grid-area: 1 / 1; }
.bubble .icon { width: 30px; height: 30px; }
.bubble img { width: 100%; height: 100%; object-fit: cover; object-position: 50% 20%; background: var(--paper); }

.panel {
  display: flex; flex-direction: column; width: min(var(--likeness-width, 384px), calc(100vw - 2 * var(--offset)));
  height: min(var(--likeness-height, 680px), calc(100dvh - 2 * var(--offset))); overflow: hidden;
  border: 1px solid var(--line); border-radius: var(--radius); background: var(--paper); box-shadow: var(--shadow); animation: rise .28s cubic-bezier(.2, .7, .2, 1);
}
@keyframes rise { from { opacity: 0; transform: translateY(14px); } }

.stage { position: relative; flex: 0 0 43%; min-height: 0; background: var(--well); overflow: hidden; }
.stage :is(video, canvas, .poster) { position: absolute; inset: 0; width: 100%; height: 100%; object-fit: cover; object-position: 50% 4%; }
.stage video { opacity: 0; transition: opacity .4s; }
.stage.alive video { opacity: 1; }
.stage.composited video { opacity: 0; transition: none; }
/* Where the photo ends at its sides, the shoulders fade rather than stop. */
.stage.composited canvas { inset: auto auto 0 50%; width: auto; max-width: 100%; translate: -50% 0; object-fit: contain; object-position: 50% 100%; opacity: 0; transition: opacity .4s; mask-image: linear-gradient(to right, transparent 2%, #000 13% 87%, transparent 98%); }
.stage.composited.alive canvas { opacity: 1; }
.stage.composited.alive .poster { visibility: hidden; }
.caption { position: absolute; inset: auto 14px 12px; margin: 0; font-size: 17px; font-weight: 500; line-height: 1.5; text-align: center; text-wrap: balance; overflow-wrap: anywhere; pointer-events: none; }
.caption.off { visibility: hidden; }
.caption.leaving { opacity: 0; transition: opacity .5s; }
.said { padding: 3px 10px 4px; border-radius: 9px; background: var(--plate); color: var(--ink); -webkit-box-decoration-break: clone; box-decoration-break: clone; }
.to-come { opacity: 0; }
.hear {
  position: absolute; inset: 50% auto auto 50%; translate: -50% -50%; display: inline-flex; align-items: center; gap: 10px; min-height: 48px; padding: 10px 20px 10px 16px;
  border: 0; border-radius: 24px; background: var(--accent); color: var(--on-accent); font-weight: 600; white-space: nowrap; box-shadow: 0 6px 24px rgb(0 0 0 / 30%);
}
`;

const CARD = `
.card { display: flex; flex-direction: column; flex: 1; min-height: 0; background: var(--paper); }
.head { display: flex; align-items: center; padding: 8px 8px 4px 20px; flex: none; }
.who { flex: 1; min-width: 0; }
h2 { margin: 0; overflow: hidden; font: 500 20px/1.25 var(--title); text-overflow: ellipsis; white-space: nowrap; }
.line { display: flex; flex-wrap: wrap; align-items: center; gap: 1px 10px; }
.generated { margin: 0; padding: 1px 8px 2px; border: 1px solid var(--line); border-radius: 10px; color: var(--ink-soft); font-size: 12px; line-height: 1.3; white-space: nowrap; }
.status { display: flex; align-items: center; gap: 7px; margin: 0; color: var(--ink-soft); font-size: 14px; line-height: 1.35; }
.dot { width: 8px; height: 8px; border-radius: 50%; flex: none; background: var(--good); }
.panel:is([data-state="connecting"], [data-state="reconnecting"], [data-state="full"], [data-state="offline"], [data-state="closed"]) .dot { background: var(--bad); }
.panel:is([data-state="connecting"], [data-state="thinking"]) .dot { background: var(--accent); animation: pulse 1s ease-in-out infinite alternate; }
.panel:is([data-state="speaking"], [data-state="listening"]) .dot { background: var(--accent); }
@keyframes pulse { from { opacity: .3; } }
.head .bare[aria-pressed="false"] { color: var(--ink-soft); text-decoration: line-through; }
.head .bare[aria-pressed="false"] .icon { opacity: .62; }

.chat { position: relative; flex: 1; min-height: 0; padding: 8px 18px 10px; overflow-y: auto; overscroll-behavior: contain; scrollbar-width: thin; }
.chat:focus-visible { outline-offset: -3px; box-shadow: none; }
.welcome { margin: 4px 0 12px; color: var(--ink-soft); text-wrap: pretty; }
.questions { display: flex; flex-wrap: wrap; gap: 8px; }
.lines { display: flex; flex-direction: column; gap: 8px; margin: 0; padding: 0; list-style: none; }
.lines li { max-width: 86%; }
.lines p { margin: 0; padding: 9px 14px 10px; border-radius: 17px; overflow-wrap: anywhere; white-space: pre-wrap; }
.lines .portrait { align-self: flex-start; }
.lines .portrait p { border-end-start-radius: 5px; background: var(--well); }
.lines .visitor { align-self: flex-end; }
.lines .visitor p { border-end-end-radius: 5px; background: var(--accent); color: var(--on-accent); }
.lines .visitor.open p { opacity: .8; }

.notices { flex: none; }
.notice { position: relative; display: flex; flex-wrap: wrap; align-items: center; gap: 4px 10px; margin: 0 12px 8px; padding: 4px 44px 4px 14px; border: 1px solid var(--line); border-radius: 14px; background: var(--well); font-size: 14.5px; }
.notice[data-kind="problem"] { border-inline-start: 4px solid var(--bad); }
.notice[data-kind="handover"] { border-inline-start: 4px solid var(--good); }
.notice p { flex: 1 1 auto; max-width: 100%; margin: 0; padding: 9px 0; overflow-wrap: anywhere; }
.notice .actions { padding: 2px 0 6px; }
.notice .bare { position: absolute; top: 0; inset-inline-end: 0; }
.notice .bare .icon { width: 18px; height: 18px; }

.composer { display: flex; align-items: flex-end; gap: 6px; margin: 0 12px; padding: 5px; border: 1px solid var(--edge); border-radius: 28px; flex: none; }
.composer:focus-within { border-color: var(--accent); box-shadow: 0 0 0 1px var(--accent); }
.composer textarea { flex: 1; min-width: 0; max-height: 116px; padding: 10px 2px 10px 14px; border: 0; resize: none; background: none; font-size: 16px; line-height: 24px; field-sizing: content; scrollbar-width: thin; }
.composer textarea:focus-visible { outline: none; box-shadow: none; }
::placeholder { color: var(--ink-soft); opacity: 1; }
.mic { position: relative; }
.mic[aria-pressed="true"] { background: var(--accent); color: var(--on-accent); box-shadow: 0 0 0 calc(1px + 7px * var(--level, 0)) color-mix(in srgb, var(--accent) 38%, transparent); }
.mic[aria-disabled="true"] { color: var(--ink-soft); cursor: default; }
.person { display: flex; align-items: center; justify-content: center; gap: 7px; min-height: 44px; margin: 2px 12px calc(4px + env(safe-area-inset-bottom)); padding: 4px 14px; border: 0; border-radius: 22px; background: none; color: var(--ink-soft); font-size: 14.5px; flex: none; }
.person:hover { color: var(--ink); background: var(--line); }
.person .icon { width: 19px; height: 19px; }
`;

const TRANSPARENT = `
.panel.transparent { overflow: visible; border: 0; background: none; box-shadow: none; pointer-events: none; }
.panel.transparent > * > * { pointer-events: auto; }
.transparent .stage { flex: 0 1 min(50%, 384px); margin: 0 -6px -1px; background: none; overflow: visible; }
.transparent .stage > :is(video, canvas, .caption, .poster) { pointer-events: none; }
.transparent .stage .poster { object-fit: contain; object-position: 50% 100%; visibility: hidden; }
.transparent .card { position: relative; border: 1px solid var(--line); border-radius: var(--radius); box-shadow: var(--shadow); pointer-events: auto; }
.transparent .caption { inset: auto 14px 14px; }
`;

const NARROW = `
@media (max-width: 480px) {
  .panel { inset: 0 !important; width: 100vw; height: 100dvh; border: 0; border-radius: 0; }
  .panel, .panel.transparent { background: var(--paper); overflow: hidden; pointer-events: auto; }
  .transparent .card { border-width: 1px 0 0; border-radius: 0; box-shadow: none; }
  .stage, .transparent .stage { flex-basis: 40%; margin: 0; }
}
@media (max-width: 480px) and (max-height: 420px) {
  .stage, .transparent .stage { flex-basis: 28%; }
}
@media (min-width: 481px) and (max-height: 520px) {
  .panel { flex-direction: row; width: min(720px, calc(100vw - 2 * var(--offset))); height: calc(100dvh - 2 * var(--offset)); }
  .stage, .transparent .stage { flex-basis: 40%; margin: 0; }
  .transparent .card { height: 100%; }
}
@media (prefers-reduced-motion: reduce) {
  *, *::before, *::after { animation: none !important; transition: none !important; scroll-behavior: auto !important; }
}
@media (prefers-contrast: more) {
  .panel, .bubble { --ink-soft: var(--ink); --line: var(--edge); --plate: var(--paper); }
}
@media (forced-colors: active) {
  .bubble, .button, .act, .chip, .hear, .notice, .lines p, .generated, .said { border: 1px solid ButtonText; }
  .act.primary, .mic[aria-pressed="true"], .lines .visitor p { forced-color-adjust: none; background: Highlight; color: HighlightText; }
  .dot { forced-color-adjust: none; background: CanvasText !important; }
  :focus-visible { outline-color: Highlight; }
}
`;

/** @type {CSSStyleSheet[] | null} */
let sheets = null;

/** @returns {CSSStyleSheet[]} the same for each widget */
export function styles() {
  sheets ??= [TOKENS, BASE, PLACE, CARD, TRANSPARENT, NARROW].map((text) => {
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(text);
    return sheet;
  });
  return sheets;
}
