// A page of somebody else's site that uses the client alone. What happens goes to the
// console as JSON: a look into the page from outside would count as a visitor's gesture.

const { server, connect, forgetful, ...options } = JSON.parse(decodeURIComponent(location.hash.slice(1)));
const { Likeness } = await import(`${server}/likeness.js`);
const note = (type, detail) => console.log(JSON.stringify({ type, detail }));
const plain = ({ name, code, message, retryable, sourceEventId }) =>
  ({ name, code, message, retryable, sourceEventId });
const video = document.getElementById("video");

const channels = [];
const makeChannel = RTCPeerConnection.prototype.createDataChannel;
RTCPeerConnection.prototype.createDataChannel = function (...given) {
  const channel = makeChannel.apply(this, given);
  channels.push(channel);
  return channel;
};

// forgetful: the back end knows of no session but new ones.
const mint = (wish, signal, known) =>
  fetch(known && !forgetful ? `/session?known=${known}` : "/session", { method: "POST" });

const likeness = new Likeness({
  server,
  grant: options.key ? undefined : mint,
  ...options,
});
for (const type of ["phase", "event", "quality", "sound"]) {
  likeness.addEventListener(type, ({ detail }) => note(type, detail));
}
likeness.addEventListener("error", ({ detail }) => note("error", plain(detail)));
likeness.addEventListener("stream", ({ detail }) => note("stream", detail.getTracks().length));
likeness.addEventListener("avatar.caption", ({ detail }) => note("own type", detail.text));
document.getElementById("hear").onclick = () => likeness.unmute();
for (const type of ["pagehide", "pageshow"]) {
  addEventListener(type, ({ persisted }) => note(type, persisted));
}

const open = () =>
  likeness.connect().then(
    () => note("connected", likeness.sessionId),
    (error) => note("refused", plain(error)),
  );
Object.assign(globalThis, { likeness, video, channels, note, open });
likeness.attach(video);
if (connect) open();
else note("ready");
