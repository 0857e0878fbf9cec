/**
 * Sentences to try, in the language of the voice they want.
 * @typedef {{language: string, text: string}} Sample
 */

/** @type {readonly Sample[]} */
const SAMPLES = [
  { language: "en", text: "Good morning. I was a photograph until a moment ago." },
  { language: "zh", text: "你好，很高兴见到你。刚才我还只是一张照片。" },
  { language: "es", text: "Buenos días. Hace un momento yo era solo una fotografía." },
  { language: "fr", text: "Bonjour. Il y a un instant, je n’étais qu’une photo." },
  { language: "de", text: "Guten Tag. Eben war ich noch ein stilles Bild." },
  { language: "hi", text: "नमस्ते। आपसे मिलकर बहुत खुशी हुई।" },
  { language: "ar", text: "مرحباً، يسعدني أن ألتقي بك اليوم." },
  { language: "pt", text: "Olá! Há pouco eu era apenas uma fotografia." },
];

/**
 * The samples, those in the visitor's own languages first.
 * @param {readonly string[]} languages BCP 47 tags
 * @returns {Sample[]}
 */
export function samplesFor(languages) {
  const own = languages.map((tag) => tag.split("-")[0]);
  const rank = (/** @type {Sample} */ { language }) => {
    const place = own.indexOf(language);
    return place < 0 ? own.length : place;
  };
  return [...SAMPLES].sort((a, b) => rank(a) - rank(b));
}
