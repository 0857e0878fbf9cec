// A meeting of two in one page: A sends what getUserMedia gave it, B sees and hears it.
const meeting = { natives: {}, stream: null, a: null, b: null, levels: {}, light: {} };
globalThis.meeting = meeting;

// As early as any script of the site can look.
meeting.early = navigator.mediaDevices.getUserMedia;

meeting.join = async (constraints) => {
  meeting.stream = await navigator.mediaDevices.getUserMedia(constraints);
  document.getElementById("self").srcObject = meeting.stream;
  const a = (meeting.a = new RTCPeerConnection());
  const b = (meeting.b = new RTCPeerConnection());
  a.onicecandidate = ({ candidate }) => b.addIceCandidate(candidate);
  b.onicecandidate = ({ candidate }) => a.addIceCandidate(candidate);
  const received = new MediaStream();
  b.ontrack = ({ track }) => received.addTrack(track);
  for (const track of meeting.stream.getTracks()) a.addTrack(track, meeting.stream);
  await a.setLocalDescription();
  await b.setRemoteDescription(a.localDescription);
  await b.setLocalDescription();
  await a.setRemoteDescription(b.localDescription);
  const other = document.getElementById("other");
  other.srcObject = received;
  await other.play();
  return meeting.tracks();
};

meeting.tracks = () =>
  meeting.stream.getTracks().map((track) => ({
    id: track.id,
    kind: track.kind,
    label: track.label,
    state: track.readyState,
    settings: track.getSettings(),
  }));

// Another device for one kind, as the menu of a meeting does it.
meeting.change = async (constraints) => {
  const stream = await navigator.mediaDevices.getUserMedia(constraints);
  for (const track of stream.getTracks()) {
    const old = meeting.stream.getTracks().find(({ kind }) => kind === track.kind);
    const sender = meeting.a.getSenders().find((each) => each.track?.kind === track.kind);
    await sender.replaceTrack(track);
    meeting.stream.removeTrack(old);
    meeting.stream.addTrack(track);
    old.stop();
  }
  return meeting.tracks();
};

meeting.leave = () => {
  for (const track of meeting.stream.getTracks()) track.stop();
  meeting.a.close();
  meeting.b.close();
};

meeting.framesDecoded = async () => {
  for (const report of (await meeting.b.getStats()).values()) {
    if (report.type === "inbound-rtp" && report.kind === "video") return report.framesDecoded ?? 0;
  }
  return 0;
};

meeting.devices = async () =>
  (await navigator.mediaDevices.enumerateDevices()).map(({ kind, label, deviceId, groupId }) => ({
    kind,
    label,
    deviceId,
    groupId,
  }));

meeting.error = async (constraints) => {
  try {
    await navigator.mediaDevices.getUserMedia(constraints);
    return null;
  } catch ({ name, constraint }) {
    return { name, constraint };
  }
};

// The picture that B sees, as a data URL.
meeting.snapshot = (id = "other") => {
  const video = document.getElementById(id);
  const canvas = document.createElement("canvas");
  canvas.width = video.videoWidth;
  canvas.height = video.videoHeight;
  canvas.getContext("2d").drawImage(video, 0, 0);
  return canvas.toDataURL("image/jpeg", 0.95);
};

// How loud a stream is, as [time, level] a hundred times a second; B's, if none is named.
meeting.listen = (name = "other", stream = document.getElementById("other").srcObject) => {
  const context = new AudioContext({ sampleRate: 48000 });
  const analyser = context.createAnalyser();
  analyser.fftSize = 512;
  context.createMediaStreamSource(stream).connect(analyser);
  const samples = new Float32Array(analyser.fftSize);
  const levels = (meeting.levels[name] = []);
  setInterval(() => {
    analyser.getFloatTimeDomainData(samples);
    const power = samples.reduce((sum, value) => sum + value * value, 0);
    levels.push([performance.now(), Math.sqrt(power / samples.length)]);
  }, 10);
};

// How bright B's pictures are, as [time at which each is shown, 0 to 255].
meeting.look = (id = "other") => {
  const video = document.getElementById(id);
  const canvas = new OffscreenCanvas(8, 8);
  const context = canvas.getContext("2d", { willReadFrequently: true });
  const light = (meeting.light[id] = []);
  const take = (_now, { expectedDisplayTime }) => {
    context.drawImage(video, 0, 0, 8, 8);
    const middle = context.getImageData(4, 4, 1, 1).data[1];
    light.push([expectedDisplayTime, middle]);
    video.requestVideoFrameCallback(take);
  };
  video.requestVideoFrameCallback(take);
};
