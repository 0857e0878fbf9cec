// What the extension uses of Chrome's interfaces, as developer.chrome.com describes it,
// and of the "insertable streams" that only Chromium's windows have.

declare namespace chrome {
  interface Listeners<F> {
    addListener(listener: F): void;
  }

  namespace runtime {
    interface MessageSender {
      id?: string;
      tab?: { id?: number };
      frameId?: number;
      origin?: string;
    }
    const id: string;
    const onInstalled: Listeners<() => void>;
    const onStartup: Listeners<() => void>;
    const onMessage: Listeners<
      (message: any, sender: MessageSender, answer: (reply: any) => void) => boolean | void
    >;
    function sendMessage(message: any): Promise<any>;
    function getManifest(): { version: string };
    function getURL(path: string): string;
  }

  namespace storage {
    interface Area {
      get(keys?: string | string[] | null): Promise<Record<string, any>>;
      set(items: Record<string, any>): Promise<void>;
      setAccessLevel(level: { accessLevel: "TRUSTED_CONTEXTS" }): Promise<void>;
      onChanged: Listeners<(changes: Record<string, { newValue?: any }>) => void>;
    }
    const local: Area;
    const session: Area;
  }

  namespace scripting {
    interface Script {
      id: string;
      js: string[];
      matches: string[];
      runAt: "document_start";
      allFrames: boolean;
      matchOriginAsFallback: boolean;
      world: "ISOLATED" | "MAIN";
    }
    function registerContentScripts(scripts: Script[]): Promise<void>;
    function unregisterContentScripts(filter?: { ids: string[] }): Promise<void>;
    function getRegisteredContentScripts(): Promise<Script[]>;
    function executeScript(injection: {
      target: { tabId: number; allFrames?: boolean };
      files: string[];
      injectImmediately?: boolean;
      world: "ISOLATED" | "MAIN";
    }): Promise<unknown>;
  }

  namespace tabs {
    interface Tab {
      id?: number;
      url?: string;
    }
    function query(filter: { url?: string[]; active?: boolean; currentWindow?: boolean }): Promise<Tab[]>;
    function sendMessage(tabId: number, message: any): Promise<any>;
    const onRemoved: Listeners<(tabId: number) => void>;
  }

  namespace permissions {
    const onAdded: Listeners<() => void>;
    function request(wanted: { origins: string[] }): Promise<boolean>;
    function contains(wanted: { origins: string[] }): Promise<boolean>;
  }

  namespace action {
    function setBadgeText(badge: { text: string }): Promise<void>;
    function setBadgeBackgroundColor(badge: { color: string }): Promise<void>;
    function setTitle(title: { title: string }): Promise<void>;
  }
}

declare class MediaStreamTrackProcessor<T extends VideoFrame | AudioData> {
  constructor(init: { track: MediaStreamTrack; maxBufferSize?: number });
  readonly readable: ReadableStream<T>;
}

declare class MediaStreamTrackGenerator<T extends VideoFrame | AudioData> extends MediaStreamTrack {
  constructor(init: { kind: "audio" | "video" });
  readonly writable: WritableStream<T>;
}
