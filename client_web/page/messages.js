/** Everything the page says. @type {Record<"en" | "zh", Record<string, string>>} */
const MESSAGES = {
  en: {
    connecting: "Connecting…",
    live: "Live",
    speaking: "Speaking",
    reconnecting: "Connection lost. Reconnecting…",
    full: "All places are taken. Waiting for one to come free…",
    offline: "You are offline. Waiting for the network…",
    closed: "Paused",
    unreachable: "The server could not be reached. Please try again.",
    keyNeeded: "This server asks for a key. Add #key= and the key to the end of this page’s address, and reload.",
    mediaBlocked: "The server answers, but its picture and sound do not get through. A firewall may be blocking UDP.",
    serverFailed: "The server could not do that. Please try again.",
    tooSlow: "That took too long. Please try again.",
    tapToHear: "Tap to hear",
    mute: "Mute",
    textLabel: "What the portrait should say",
    textPlaceholder: "Say something…",
    speak: "Speak",
    interrupt: "Interrupt",
    keys: "Enter speaks, Shift and Enter begins a new line, Escape interrupts.",
    charactersLeft: "{count} characters left",
    samples: "Things to try",
    voice: "Voice",
    voiceTitle: "Language and voice",
    voiceButton: "Language and voice: {name}",
    voiceSearch: "Search languages and voices",
    voiceNone: "No voice is called that.",
    female: "female",
    male: "male",
    voicesMissing: "The list of voices could not be loaded.",
    portrait: "Your photo",
    portraitTitle: "Make your photo speak",
    portraitHint: "Choose a photo of one face, turned to the camera and well lit.",
    agree: "This photo shows me, or someone who has agreed to be shown speaking.",
    agreeFirst: "Please tick the box below first.",
    portraitFine:
      "The photo goes to this server only, and is not kept. You can delete the portrait here at any time.",
    choosePhoto: "Choose a photo",
    takePhoto: "Take a photo",
    dropPhoto: "or drop it here, or paste it",
    dropAnywhere: "Drop the photo to make it speak",
    uploading: "Sending your photo…",
    enrolling: "Learning the face…",
    almost: "Bringing it to life…",
    cancel: "Cancel",
    close: "Close",
    yours: "Your portrait",
    useYours: "Show my portrait",
    useDefault: "Back to the first portrait",
    deletePortrait: "Delete my portrait",
    deleted: "Your portrait has been deleted.",
    portraitGone: "Your portrait is no longer on the server, so the first one is back.",
    notPicture: "This file is not a picture. Choose a JPEG, PNG or WebP photo.",
    captions: "Captions",
    portraitVideo: "The live portrait",
    noWebrtc: "This browser cannot receive live video (WebRTC). A current Firefox, Chrome, Safari or Edge can.",
  },
  zh: {
    connecting: "正在连接…",
    live: "已连接",
    speaking: "正在说话",
    reconnecting: "连接中断，正在重新连接…",
    full: "目前没有空位，正在等候…",
    offline: "网络已断开，正在等待恢复…",
    closed: "已暂停",
    unreachable: "无法连接服务器，请再试一次。",
    keyNeeded: "这台服务器需要密钥。请在网址末尾加上 #key= 和密钥，然后刷新页面。",
    mediaBlocked: "服务器有回应，但画面和声音无法到达，防火墙可能拦截了 UDP。",
    serverFailed: "服务器未能完成，请再试一次。",
    tooSlow: "等待时间过长，请再试一次。",
    tapToHear: "点按即可收听",
    mute: "静音",
    textLabel: "让肖像说的话",
    textPlaceholder: "想让它说什么？",
    speak: "说出来",
    interrupt: "打断",
    keys: "按 Enter 说话，按 Shift 加 Enter 换行，按 Esc 打断。",
    charactersLeft: "还可输入 {count} 个字",
    samples: "试一试",
    voice: "声音",
    voiceTitle: "语言和声音",
    voiceButton: "语言和声音：{name}",
    voiceSearch: "搜索语言或声音",
    voiceNone: "没有找到这样的声音。",
    female: "女声",
    male: "男声",
    voicesMissing: "无法加载声音列表。",
    portrait: "你的照片",
    portraitTitle: "让你的照片开口说话",
    portraitHint: "请选一张只有一张脸、正对镜头、光线充足的照片。",
    agree: "照片里是我本人，或照片中的人已同意以会说话的肖像出现。",
    agreeFirst: "请先勾选下面的方框。",
    portraitFine: "照片只会发送到这台服务器，用后不保留。你可以随时在这里删除肖像。",
    choosePhoto: "选择照片",
    takePhoto: "拍照",
    dropPhoto: "也可以拖放或粘贴到这里",
    dropAnywhere: "松开即可让照片开口说话",
    uploading: "正在发送照片…",
    enrolling: "正在认识这张脸…",
    almost: "马上就好…",
    cancel: "取消",
    close: "关闭",
    yours: "你的肖像",
    useYours: "显示我的肖像",
    useDefault: "回到最初的肖像",
    deletePortrait: "删除我的肖像",
    deleted: "你的肖像已删除。",
    portraitGone: "服务器上已没有你的肖像，现在显示最初的肖像。",
    notPicture: "这个文件不是图片，请选择 JPEG、PNG 或 WebP 照片。",
    captions: "字幕",
    portraitVideo: "实时肖像",
    noWebrtc: "此浏览器无法接收实时视频（WebRTC）。请使用新版 Firefox、Chrome、Safari 或 Edge。",
  },
};

/** The page's words in the visitor's language: English or Chinese. */
export class Messages {
  #table;

  /** @param {readonly string[]} languages as in navigator.languages, best first */
  constructor(languages) {
    const known = languages.map((tag) => tag.toLowerCase().split("-")[0]);
    this.language = known.find((tag) => tag in MESSAGES) === "zh" ? "zh" : "en";
    this.#table = MESSAGES[/** @type {"en" | "zh"} */ (this.language)];
  }

  /**
   * @param {string} key
   * @param {Record<string, string | number>} [values] for {placeholders}
   */
  say(key, values = {}) {
    const message = this.#table[key];
    if (message === undefined) throw new RangeError(`no message ${key}`);
    return message.replace(/\{(\w+)\}/g, (_, name) => String(values[name]));
  }

  static get table() {
    return MESSAGES;
  }
}
