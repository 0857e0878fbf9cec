/** Everything the widget says. @type {Record<"en" | "zh", Record<string, string>>} */
const TABLES = {
  en: {
    title: "Assistant",
    openChat: "Talk to {name}",
    closeChat: "Close",
    connecting: "Connecting…",
    live: "Ready",
    listening: "Listening",
    thinking: "Thinking",
    speaking: "Speaking",
    reconnecting: "Connection lost. Trying again…",
    full: "Everybody is busy. You are next…",
    offline: "You are offline.",
    closed: "Ended",
    conversation: "Conversation",
    you: "You:",
    welcome: "Ask me something. I answer aloud and in writing.",
    question: "Your question",
    placeholder: "Type here…",
    send: "Send",
    interrupt: "Interrupt",
    micOn: "Speak instead of typing",
    micOff: "Switch the microphone off",
    micOpen: "Listening. Just talk; you may cut in.",
    micBasic: "Listening. I understand clear English best.",
    micNoEar: "I cannot hear this language here. Please type.",
    micDenied: "Your browser does not let this page use the microphone. Allow it at the address bar, then press the microphone again.",
    micMissing: "I found no microphone. Plug one in, or type.",
    micBusy: "Another program is using the microphone. Close it there, then try again.",
    micLost: "The microphone has gone. Press its button to speak again.",
    micInsecure: "Browsers give the microphone to secure pages (https) only. Please type.",
    mute: "Sound off",
    unmute: "Sound on",
    tapToHear: "Tap to hear",
    captionsOn: "Show captions",
    captionsOff: "Hide captions",
    portrait: "Live portrait of {name}",
    generated: "AI-generated",
    person: "Talk to a person",
    askPerson: "I want to talk to a person",
    personCalled: "A person has been told, and will take over.",
    personHere: "You can reach a person here:",
    personNobody: "Nobody can take over at the moment.",
    personLink: "Continue with a person",
    ended: "The conversation has ended.",
    again: "Start again",
    dismiss: "Dismiss",
    originNotAllowed: "This site ({origin}) may not use the assistant yet. Its owner has to add it to the server’s allowed origins.",
    notSetUp: "The assistant is not set up on this page yet: it was refused a session.",
    grantFailed: "The site’s own server could not start a conversation. Please try again later.",
    mediaBlocked: "Picture and sound do not get through. A firewall may be blocking them.",
    noWebrtc: "This browser cannot show live video. A current Firefox, Chrome, Safari or Edge can.",
    failed: "That did not work. Please try again.",
    tooLong: "That is too long. Please ask in fewer words.",
  },
  zh: {
    title: "客服助手",
    openChat: "与{name}对话",
    closeChat: "关闭",
    connecting: "正在连接…",
    live: "在线",
    listening: "正在聆听",
    thinking: "正在思考",
    speaking: "正在说话",
    reconnecting: "连接中断，正在重试…",
    full: "目前都在忙，马上轮到您…",
    offline: "您已断开网络。",
    closed: "已结束",
    conversation: "对话",
    you: "您：",
    welcome: "请随意提问，我会说给您听，也会写出来。",
    question: "您的问题",
    placeholder: "请输入…",
    send: "发送",
    interrupt: "打断",
    micOn: "用语音提问",
    micOff: "关闭麦克风",
    micOpen: "正在聆听，请直接说，可以随时打断。",
    micBasic: "正在聆听，我只听得懂清楚的英语。",
    micNoEar: "这里听不懂这种语言的语音，请打字。",
    micDenied: "浏览器不允许本页使用麦克风。请在地址栏里允许，然后再按一次麦克风。",
    micMissing: "没有找到麦克风。请接上一个，或者打字。",
    micBusy: "另一个程序正在使用麦克风。请先在那里关闭，再试一次。",
    micLost: "麦克风断开了。按按钮可以重新说话。",
    micInsecure: "浏览器只允许安全的网页（https）使用麦克风，请打字。",
    mute: "关闭声音",
    unmute: "打开声音",
    tapToHear: "点按即可收听",
    captionsOn: "显示字幕",
    captionsOff: "隐藏字幕",
    portrait: "{name}的实时肖像",
    generated: "AI 生成",
    person: "转人工服务",
    askPerson: "请帮我转人工客服",
    personCalled: "已通知人工客服，马上为您服务。",
    personHere: "您可以在这里联系人工客服：",
    personNobody: "目前没有人工客服可以接待。",
    personLink: "联系人工客服",
    ended: "对话已结束。",
    again: "重新开始",
    dismiss: "知道了",
    originNotAllowed: "本网站（{origin}）还不能使用助手，需要网站所有者把它加入服务器的许可来源。",
    notSetUp: "本页的助手还没有设置好：服务器拒绝了会话。",
    grantFailed: "本网站的服务器无法开始对话，请稍后再试。",
    mediaBlocked: "画面和声音无法到达，可能被防火墙拦截。",
    noWebrtc: "此浏览器无法显示实时视频，请使用新版 Firefox、Chrome、Safari 或 Edge。",
    failed: "未能完成，请再试一次。",
    tooLong: "内容太长，请说得短一些。",
  },
};

/** The widget's words in one language. */
export class Strings {
  #table;

  /** @param {"en" | "zh"} language */
  constructor(language) {
    this.language = language;
    this.#table = TABLES[language];
  }

  /**
   * @param {string} key
   * @param {Record<string, string>} [values] for {placeholders}
   */
  say(key, values = {}) {
    const text = this.#table[key];
    if (text === undefined) throw new RangeError(`no string ${key}`);
    return text.replace(/\{(\w+)\}/g, (_, name) => values[name] ?? "");
  }

  static get tables() {
    return TABLES;
  }
}
