/** Everything the kiosk shows and says. @type {Record<string, Record<string, string>>} */
const WORDS = {
  en: {
    invite: "Hello.",
    inviteMore: "Come closer and talk to me.",
    begin: "Touch to talk",
    privacy: "The camera only notices that somebody is here. No picture leaves this screen.",
    generated: "AI-generated portrait",
    greeting: "Hello, I am glad you are here. Ask me anything, or touch a question.",
    farewell: "Thank you for the visit. Goodbye!",
    opening: "One moment, I am coming…",
    listening: "I am listening. Just talk.",
    hearing: "I hear you…",
    thinking: "Let me think…",
    speaking: "You may cut in at any time.",
    touchOnly: "Touch a question.",
    micBasic: "Talk clearly, or touch a question.",
    lost: "One moment, please. I am coming back…",
    full: "I am talking to others just now. One moment, please…",
    you: "You:",
    choices: "Questions to touch",
    captions: "What the portrait says",
    portraitVideo: "The live portrait",
    languages: "Language",
    person: "Talk to a person",
    goodbye: "Goodbye",
    handOver: "Go on with a person",
    handOverScan: "Point the camera of your phone at the square.",
    handOverCall: "Or call",
    handOverCallOnly: "Call",
    code: "QR code of {address}",
    close: "Close",
    stillThere: "Are you still there?",
    stay: "Yes, I am here",
    secondsLeft: "Else we begin anew in {seconds} s.",
    hear: "Touch to hear me",
    noWebrtc: "This browser cannot show the live portrait.",
    staff: "For staff",
    reload: "Load anew",
  },
  zh: {
    invite: "你好！",
    inviteMore: "走近一点，和我聊聊。",
    begin: "点一下，开始聊",
    privacy: "摄像头只用来察觉有人走近，画面不会离开这块屏幕。",
    generated: "人工智能生成的肖像",
    greeting: "你好，很高兴见到你。想问什么都可以，也可以点一个问题。",
    farewell: "谢谢你来，再见！",
    opening: "请稍等，我这就来……",
    listening: "我在听，请说。",
    hearing: "我听到了……",
    thinking: "让我想想……",
    speaking: "你随时可以打断我。",
    touchOnly: "请点一个问题。",
    micBasic: "请说清楚一点，或者点一个问题。",
    lost: "请稍等，我马上回来……",
    full: "我正在和别人聊天，请稍等……",
    you: "你：",
    choices: "可以点的问题",
    captions: "肖像说的话",
    portraitVideo: "实时肖像",
    languages: "语言",
    person: "找真人",
    goodbye: "再见",
    handOver: "和真人继续聊",
    handOverScan: "用手机摄像头对准这个方块。",
    handOverCall: "或者拨打",
    handOverCallOnly: "请拨打",
    code: "{address} 的二维码",
    close: "关闭",
    stillThere: "你还在吗？",
    stay: "我在",
    secondsLeft: "否则 {seconds} 秒后重新开始。",
    hear: "点一下，听我说",
    noWebrtc: "这个浏览器无法显示实时肖像。",
    staff: "工作人员",
    reload: "重新加载",
  },
};

/** To touch, where the operator names none; the embedded brain answers them. */
const QUESTIONS = new Map([
  ["en", ["What are you?", "How does it work?", "Are you a real person?", "What can it be used for?"]],
  ["zh", ["你是谁？", "它是怎么工作的？", "你是真人吗？", "需要显卡吗？"]],
]);

/** The words of one language; English for those that have none here. */
export class Words {
  #words;
  /** of the words, which need not be the language asked for: `en` or `zh` */
  language;
  /** @type {readonly string[]} */
  questions;

  /** @param {string} tag BCP 47 */
  constructor(tag) {
    const primary = tag.split("-")[0].toLowerCase();
    const known = primary === "cmn" ? "zh" : primary;
    this.#words = WORDS[known] ?? WORDS.en;
    this.language = this.#words === WORDS.zh ? "zh" : "en";
    this.questions = QUESTIONS.get(known) ?? [];
  }

  /**
   * @param {string} key
   * @param {Record<string, string | number>} [holes]
   */
  say(key, holes = {}) {
    return this.#words[key].replace(/{(\w+)}/g, (_, name) => String(holes[name] ?? ""));
  }
}
