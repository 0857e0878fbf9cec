// Runs in a page of the server before its own scripts: notes how loud the visitor's
// microphone and the portrait are, and what the session's state is.
// Times are of performance.now(), in ms; levels are RMS of 10 ms, 0 to 1.
(() => {
  const noted = { microphone: [], portrait: [], states: [] };
  globalThis.cuttingIn = noted;
  const context = new AudioContext({ sampleRate: 48000 });
  const samples = new Float32Array(512);

  const measure = (stream, levels) => {
    const analyser = context.createAnalyser();
    analyser.fftSize = samples.length;
    context.createMediaStreamSource(stream).connect(analyser);
    setInterval(() => {
      analyser.getFloatTimeDomainData(samples);
      const power = samples.reduce((sum, value) => sum + value * value, 0);
      levels.push([performance.now(), Math.sqrt(power / samples.length)]);
    }, 10);
  };

  const getUserMedia = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
  navigator.mediaDevices.getUserMedia = async (wanted) => {
    const stream = await getUserMedia(wanted);
    measure(stream, noted.microphone);
    measure(document.getElementById("video").srcObject, noted.portrait);
    return stream;
  };

  document.addEventListener("DOMContentLoaded", () => {
    const note = () => noted.states.push([performance.now(), document.body.dataset.state]);
    new MutationObserver(note).observe(document.body, {
      attributes: true,
      attributeFilter: ["data-state"],
    });
  });
})();
