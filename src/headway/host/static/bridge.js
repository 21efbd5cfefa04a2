/*
 * The host's side of the iframe bridge.
 *
 * Loaded after vendor/xdm-host.js (simple-xdm: the wire).  This file adds the
 * host modules that an app's client script finds behind `AP`, and a guard in
 * front of the wire.  A page holds, for each module of an app,
 *
 *   <div class="hw-module" data-app-key=".." data-module-key=".." data-context="{..}"></div>
 *
 * and <meta name="hw-csrf">; optional are <meta name="hw-account">,
 * <meta name="hw-account-name">, <meta name="hw-locale"> and, on the div,
 * data-title.  Numbered parts: (1) the site, (2) frames, (3) what an app may
 * call, (4) the guard, (5) mounting.
 */
(function () {
  "use strict";

  const xdm = window.host.min;

  const CLOCK_SKEW = 60; // seconds: a token this close to its end is not handed out
  const ANSWER_TIMEOUT = 60_000; // milliseconds
  const ARGUMENTS_MAX = 8;
  const TEXT_MAX = 4096; // characters of a flag, a cookie value, a history state
  const URL_MAX = 8192;
  const HEIGHT_MAX = 20_000; // pixels
  const FLAGS_MAX = 5; // open at once, for one app
  const FLAG_TIME = 8_000; // milliseconds that an "auto" flag stays
  const COOKIES_MAX = 50; // for one app
  const DAY = 86_400_000; // milliseconds

  const METHODS = new Set(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"]);
  const APP_HEADERS = new Set(["accept", "content-type", "if-match", "if-none-match"]);
  const FLAG_TYPES = new Set(["info", "success", "warning", "error"]);
  const ISSUE_KEY = /^[A-Z][A-Z0-9_]{0,30}-[1-9][0-9]{0,9}$/;
  const LENGTH = /^(?:[0-9]{1,6}(?:\.[0-9]{1,3})?)(?:px|%|em|rem|vh|vw)?$/;

  // Same-origin is safe here because an app on the site's own origin is never mounted.
  const SANDBOX = [
    "allow-downloads",
    "allow-forms",
    "allow-modals",
    "allow-popups",
    "allow-popups-to-escape-sandbox",
    "allow-same-origin",
    "allow-scripts",
    "allow-top-navigation-by-user-activation",
  ].join(" ");

  // ---- (1) the site -------------------------------------------------------

  function meta(name) {
    const tag = document.querySelector(`meta[name="hw-${name}"]`);
    return tag ? tag.content : "";
  }

  /** POST to one of the site's own services; the answer's JSON, or an Error for people. */
  async function service(name, question) {
    const response = await fetch(`/svc/${name}`, {
      method: "POST",
      credentials: "same-origin",
      cache: "no-store",
      redirect: "error",
      signal: AbortSignal.timeout(ANSWER_TIMEOUT),
      headers: { "Content-Type": "application/json", "X-Headway-CSRF": meta("csrf") },
      body: JSON.stringify(question),
    });
    const answer = await response.json().catch(() => ({}));
    if (!response.ok) {
      throw new Error(answer.detail || answer.title || `the site answered ${response.status}`);
    }
    return answer;
  }

  /**
   * A token's life in seconds, as its maker states it; 0 where it does not say.
   * Its own iat is the reference: the site's clock may be set to another year.
   */
  function lifeOf(token) {
    try {
      const payload = token.split(".")[1].replaceAll("-", "+").replaceAll("_", "/");
      const claims = JSON.parse(atob(payload));
      return Math.max(0, claims.exp - claims.iat) || 0;
    } catch {
      return 0;
    }
  }

  /** Ask for something that holds a token; `until` is when to stop using it (ms since 1970). */
  async function mint(name, question, tokenOf) {
    const asked = Date.now();
    const answer = await service(name, question);
    const token = tokenOf(answer);
    return { answer, asked, until: asked + (lifeOf(token) - CLOCK_SKEW) * 1000 };
  }

  function usable(minted) {
    const now = Date.now();
    return minted.asked <= now && now < minted.until;
  }

  // ---- (2) frames ---------------------------------------------------------

  /** Every frame that was mounted, by extension id. Nothing an app says is ever a key to write. */
  const frames = new Map();

  function tell(frame, event, data) {
    xdm.broadcast(event, (registration) => registration.extension_id === frame.id, data);
  }

  async function freshToken(frame) {
    const minted = await mint("context-token", frame.question, (answer) => answer.token);
    frame.minted = minted;
    return minted;
  }

  /** The frame's context token: one request at a time, one token until shortly before its end. */
  async function contextToken(frame) {
    if (frame.minted && usable(frame.minted)) return frame.minted.answer.token;
    frame.minting ??= freshToken(frame).finally(() => {
      frame.minting = null;
    });
    return (await frame.minting).answer.token;
  }

  /** {"issue.key": "A-1"} -> {jira: {issue: {key: "A-1"}}} */
  function nestedContext(frame) {
    const nested = Object.create(null);
    for (const [name, value] of Object.entries(frame.question.context)) {
      const [thing, property] = name.split(".");
      if (!property) continue;
      nested[thing] ??= Object.create(null);
      nested[thing][property] = value;
    }
    return JSON.parse(JSON.stringify({ [frame.product]: nested }));
  }

  // ---- (3) what an app may call -------------------------------------------

  class Refused extends Error {}

  /** The path and query of *text* if it is a relative address under /rest/; else raises Refused. */
  function restUrl(text) {
    if (typeof text !== "string" || text.length > URL_MAX) throw new Refused("not an address");
    if (/[\\\u0000-\u001f\u007f]/.test(text)) throw new Refused("a character that is not allowed");
    const rooted = text.startsWith("/") ? text : `/${text}`;
    const path = rooted.split(/[?#]/, 1)[0];
    if (/%(?:25)*(?:2e|2f|5c)/i.test(path)) throw new Refused("an encoded dot, slash or backslash");
    const parts = path.split("/");
    if (parts.includes(".") || parts.includes("..")) throw new Refused("a dot segment");
    if (rooted.startsWith("//")) throw new Refused("another host");
    const url = new URL(rooted, location.origin);
    if (url.origin !== location.origin || !url.pathname.startsWith("/rest/")) {
      throw new Refused("not below /rest/");
    }
    url.hash = "";
    return url;
  }

  function appHeaders(frame, options) {
    const headers = new Headers();
    for (const [name, value] of Object.entries(options.headers ?? {})) {
      if (APP_HEADERS.has(name.toLowerCase())) headers.set(name, String(value));
    }
    if (typeof options.contentType === "string") headers.set("Content-Type", options.contentType);
    headers.set("AP-Client-Key", frame.appKey);
    headers.set("X-Headway-CSRF", meta("csrf"));
    return headers;
  }

  /** The body to send; for GET and HEAD the data goes into *url* instead. */
  function requestBody(method, url, data, headers) {
    if (data === undefined || data === null) return undefined;
    const isText = typeof data === "string";
    const isRecord = Object.prototype.toString.call(data) === "[object Object]";
    if (!isText && !isRecord) throw new Refused("a body that is not text");
    if (method === "GET" || method === "HEAD") {
      const added = new URLSearchParams(data).toString();
      if (added) url.search += `${url.search ? "&" : "?"}${added}`;
      return undefined;
    }
    if (isText) return data;
    if (/json/i.test(headers.get("Content-Type") ?? "")) return JSON.stringify(data);
    return new URLSearchParams(data);
  }

  function refusal(status, statusText, responseText = "") {
    return { err: statusText, xhr: { status, statusText, responseText, headers: {} } };
  }

  async function send(frame, options) {
    const url = restUrl(options.url);
    const method = String(options.type ?? options.method ?? "GET").toUpperCase();
    if (!METHODS.has(method)) throw new Refused("a method that is not allowed");
    const headers = appHeaders(frame, options);
    const body = requestBody(method, url, options.data, headers);
    return fetch(url, {
      method,
      headers,
      body,
      credentials: "same-origin",
      cache: "no-store",
      redirect: "error", // a redirect could leave the list of what apps may reach
      signal: AbortSignal.timeout(ANSWER_TIMEOUT),
    });
  }

  /** AP.request(url, options) or AP.request(options): {body, xhr}, or rejected with {err, xhr}. */
  async function request(frame, first, second) {
    const options = typeof first === "string" ? { ...second, url: first } : { ...first };
    let response;
    let text;
    try {
      response = await send(frame, options);
      text = await response.text();
    } catch (error) {
      if (error instanceof Refused) throw refusal(403, `refused by the bridge: ${error.message}`);
      throw refusal(0, "the request failed");
    }
    const { status, statusText } = response;
    const headers = Object.fromEntries(response.headers);
    const xhr = { status, statusText, responseText: text, headers };
    if (!response.ok) throw { err: statusText || `HTTP ${status}`, xhr };
    return { body: text, xhr };
  }

  function cssLength(value) {
    if (typeof value === "number" && Number.isFinite(value) && value >= 0) {
      return `${Math.min(Math.ceil(value), HEIGHT_MAX)}px`;
    }
    if (typeof value !== "string" || !LENGTH.test(value)) return null;
    const bare = /^[0-9.]+$/.test(value) || value.endsWith("px");
    return bare ? cssLength(Number.parseFloat(value)) : value;
  }

  function resize(frame, width, height) {
    if (frame.fillsPage) return;
    frame.iframe.style.width = cssLength(width) ?? frame.iframe.style.width;
    frame.iframe.style.height = cssLength(height) ?? frame.iframe.style.height;
  }

  function fillPage(frame) {
    const top = frame.iframe.getBoundingClientRect().top + window.scrollY;
    frame.iframe.style.width = "100%";
    frame.iframe.style.height = `${Math.max(300, Math.floor(window.innerHeight - top - 16))}px`;
  }

  function sizeToParent(frame, withoutFooter) {
    if (!frame.isPage) return;
    if (withoutFooter === true) hideFooter(frame, true);
    frame.fillsPage = true;
    fillPage(frame);
  }

  function hideFooter(frame, hide) {
    if (frame.isPage && hide === true) document.documentElement.classList.add("hw-no-footer");
  }

  function currentUser() {
    return meta("account") ? { atlassianAccountId: meta("account") } : {};
  }

  function namedUser() {
    return { id: meta("account"), key: meta("account"), fullName: meta("account-name") };
  }

  function userLocale() {
    return meta("locale") || (document.documentElement.lang || "en-US").replace("-", "_");
  }

  function pageLocation(frame) {
    const { context } = frame.question;
    const issueKey = context["issue.key"];
    const projectKey = context["project.key"];
    if (issueKey) return { target: "issue", context: { issueKey, projectKey } };
    const { appKey: addonKey, moduleKey } = frame;
    return { target: "addonModule", context: { addonKey, moduleKey, projectKey } };
  }

  function go(frame, target, context) {
    const key = context && context.issueKey;
    if (target !== "issue" || typeof key !== "string" || !ISSUE_KEY.test(key)) {
      throw new Refused("only an issue can be gone to");
    }
    location.assign(`/browse/${key}`);
  }

  const anchor = {
    last: "",
    read() {
      if (!location.hash.startsWith("#!")) return "";
      try {
        return decodeURIComponent(location.hash.slice(2));
      } catch {
        return location.hash.slice(2);
      }
    },
    write(frame, state, how) {
      if (!frame.isPage) throw new Refused("history is for page modules");
      if (typeof state !== "string" || state.length > TEXT_MAX) throw new Refused("not a state");
      window.history[how](null, "", `#!${encodeURIComponent(state)}`);
      anchor.last = state;
    },
    moved() {
      const [oldURL, newURL] = [anchor.last, anchor.read()];
      if (oldURL === newURL) return;
      anchor.last = newURL;
      for (const frame of frames.values()) {
        if (frame.isPage) tell(frame, "history_popstate", { oldURL, newURL, hash: newURL });
      }
    },
  };

  function historyState(frame, type) {
    const hash = anchor.read();
    if (type !== "all") return hash;
    return { key: frame.appKey, hash, title: document.title, href: location.href };
  }

  function step(frame, delta) {
    if (!frame.isPage) throw new Refused("history is for page modules");
    if (Number.isInteger(delta)) window.history.go(delta);
  }

  const cookies = {
    name(frame, name) {
      if (typeof name !== "string" || name.length > 256) throw new Refused("not a cookie name");
      return `hw-cookie ${JSON.stringify([frame.appKey, name])}`;
    },
    save(frame, name, value, days) {
      const key = cookies.name(frame, name);
      const text = String(value);
      if (text.length > TEXT_MAX) throw new Refused("a cookie that is too long");
      const prefix = `hw-cookie ${JSON.stringify([frame.appKey]).slice(0, -1)},`;
      const held = Object.keys(localStorage).filter((other) => other.startsWith(prefix));
      if (!held.includes(key) && held.length >= COOKIES_MAX) throw new Refused("too many cookies");
      const until = Number.isFinite(days) ? Date.now() + days * DAY : null;
      localStorage.setItem(key, JSON.stringify([text, until]));
    },
    read(frame, name) {
      const key = cookies.name(frame, name);
      const [value, until] = JSON.parse(localStorage.getItem(key) ?? '["", null]');
      if (until === null || Date.now() < until) return value;
      localStorage.removeItem(key);
      return "";
    },
    erase(frame, name) {
      localStorage.removeItem(cookies.name(frame, name));
    },
  };

  function emit(frame, name, ...args) {
    if (typeof name === "string") xdm.dispatch(name, { addon_key: frame.appKey }, args);
  }

  function emitPublic(frame, name, ...args) {
    if (typeof name !== "string") return;
    const sender = { addonKey: frame.appKey, key: frame.moduleKey, options: {} };
    xdm.dispatch(name, {}, { sender, event: args });
  }

  function element(tag, className, text) {
    const made = document.createElement(tag);
    made.className = className;
    if (text !== undefined) made.textContent = String(text).slice(0, TEXT_MAX);
    return made;
  }

  function flagShelf() {
    const shelf = document.querySelector(".hw-flags");
    if (shelf) return shelf;
    const made = element("div", "hw-flags");
    made.setAttribute("role", "status");
    document.body.append(made);
    return made;
  }

  function flagActions(frame, id, actions) {
    const row = element("p", "hw-flag-actions");
    for (const [key, text] of Object.entries(actions ?? {}).slice(0, 5)) {
      const button = element("button", "hw-button small", text);
      button.type = "button";
      const data = { flagIdentifier: id, actionIdentifier: key };
      button.addEventListener("click", () => tell(frame, "flag.action", data));
      row.append(button);
    }
    return row;
  }

  /** A message of an app, as text only, signed with the app's key. Returns what closes it. */
  function showFlag(frame, id, options) {
    const type = String(options.type ?? "info").toLowerCase();
    const flag = element("div", "hw-flag");
    flag.dataset.type = FLAG_TYPES.has(type) ? type : "info";
    const close = element("button", "hw-flag-close", "\u00d7");
    close.type = "button";
    close.setAttribute("aria-label", "Close this message");
    flag.append(element("strong", "hw-flag-title", options.title ?? ""), close);
    flag.append(element("p", "hw-flag-body", options.body ?? ""));
    flag.append(flagActions(frame, id, options.actions));
    flag.append(element("p", "hw-flag-from", frame.appKey));
    const dismiss = () => {
      if (!flag.isConnected) return;
      flag.remove();
      frame.flags.delete(dismiss);
      tell(frame, "flag.close", { flagIdentifier: id });
    };
    close.addEventListener("click", dismiss);
    if (options.close === "auto") setTimeout(dismiss, FLAG_TIME);
    frame.flags.add(dismiss);
    if (frame.flags.size > FLAGS_MAX) frame.flags.values().next().value();
    flagShelf().append(flag);
    return dismiss;
  }

  /*
   * The wire appends its own callback as the last argument, and only that one
   * knows who called: an app can send as many arguments as it likes, so a
   * callback is never taken from a fixed place.
   */
  function callerOf(args) {
    return frames.get(args.pop()._context.extension_id);
  }

  /** A method that answers: with a callback or as a promise, as the app likes. */
  function question(handler) {
    const method = async (...args) => (await handler(callerOf(args), ...args)) ?? "";
    method.returnsPromise = true;
    return method;
  }

  /** A method without an answer. */
  function command(handler) {
    return (...args) => {
      const caller = callerOf(args);
      try {
        handler(caller, ...args);
      } catch (error) {
        console.warn(`The bridge refused a call of ${caller.appKey}: ${error.message}`);
      }
    };
  }

  class Flag {
    constructor(...args) {
      const callback = args.pop();
      const frame = frames.get(callback._context.extension_id);
      const options = typeof args[0] === "object" && args[0] ? args[0] : {};
      this.dismiss = showFlag(frame, String(callback._id), options);
      callback(callback._id);
    }

    close() {
      this.dismiss();
    }
  }

  const reload = command(() => location.reload());

  const API = {
    _globals: { request: question(request) },
    context: { getToken: question(contextToken), getContext: question(nestedContext) },
    cookie: {
      save: command(cookies.save),
      read: question(cookies.read),
      erase: command(cookies.erase),
    },
    env: {
      getLocation: question(() => location.href),
      hideFooter: command(hideFooter),
      resize: command(resize),
      sizeToParent: command(sizeToParent),
    },
    events: { emit: command(emit), emitPublic: command(emitPublic) },
    flag: { create: { constructor: Flag, close: Flag.prototype.close } },
    history: {
      back: command((frame) => step(frame, -1)),
      forward: command((frame) => step(frame, 1)),
      go: command(step),
      getState: question(historyState),
      pushState: command((frame, state) => anchor.write(frame, state, "pushState")),
      replaceState: command((frame, state) => anchor.write(frame, state, "replaceState")),
    },
    jira: { refreshIssuePage: reload },
    navigator: { getLocation: question(pageLocation), go: command(go), reload },
    user: {
      getCurrentUser: question(currentUser),
      getLocale: question(userLocale),
      getTimeZone: question(() => Intl.DateTimeFormat().resolvedOptions().timeZone),
      getUser: question(namedUser),
    },
  };

  // ---- (4) the guard ------------------------------------------------------

  const MESSAGES = new Set(["init", "req", "resp", "broadcast", "event_query", "addon_clicked"]);

  function has(record, name) {
    return typeof name === "string" && Object.hasOwn(record, name);
  }

  // The wire looks methods up by bare property access, so that "__proto__" and
  // "__defineGetter__" would be callable from an app.
  function callable(data) {
    if (!Array.isArray(data.args) || data.args.length > ARGUMENTS_MAX) return false;
    if (!has(METHODS_OF, data.mod)) return false;
    const methods = METHODS_OF[data.mod];
    if (!data._cls) return methods.has(data.fn);
    return typeof data._cls === "string" && methods.has(`${data._cls}.${data.fn}`);
  }

  function methodNames(module) {
    return new Set(
      Object.entries(module).flatMap(([name, member]) =>
        typeof member === "function" ? [name] : Object.keys(member).map((fn) => `${name}.${fn}`),
      ),
    );
  }

  // Taken before the wire adds members of its own to the classes.
  const METHODS_OF = Object.fromEntries(
    Object.entries(API).map(([name, module]) => [name, methodNames(module)]),
  );

  /** Does this message come from the very window that was mounted, still on the app's origin? */
  function admitted(event) {
    const { data } = event;
    if (data === null || typeof data !== "object" || !MESSAGES.has(data.type)) return false;
    const frame = frames.get(data.eid);
    if (!frame || event.source === null || event.source !== frame.iframe.contentWindow) return false;
    if (event.origin !== frame.origin) return false;
    return data.type !== "req" || callable(data);
  }

  // Listeners on a window run in the order of registration, and the wire's was
  // first; so the guard takes the place of the wire's own check and repeats it.
  function stand(wire) {
    const check = wire._checkOrigin;
    if (typeof check !== "function") throw new Error("this simple-xdm can not be guarded");
    wire._checkOrigin = (event, registration) =>
      admitted(event) && check.call(wire, event, registration);
  }

  // ---- (5) mounting -------------------------------------------------------

  async function moduleAddress(module) {
    const tokenOf = ({ url }) => new URL(url).searchParams.get("jwt") ?? "";
    const minted = await mint("module-url", module, tokenOf);
    const { searchParams } = new URL(minted.answer.url);
    // The machine may have slept between answer and use; a cacheable module has no token.
    const stale = searchParams.has("jwt") && !usable(minted);
    return stale ? service("module-url", module) : minted.answer;
  }

  function appOrigin(address) {
    const url = new URL(address);
    if (url.protocol !== "https:" && url.protocol !== "http:") throw new Error("not a web address");
    // With allow-same-origin and allow-scripts such a frame could take off its own sandbox.
    if (url.origin === location.origin) throw new Error("the app has the site's own origin");
    return url.origin;
  }

  function frameFor(place, module, answer) {
    const { appKey, moduleKey } = module;
    const options = answer.options ?? {};
    const origin = appOrigin(answer.url);
    const isPage = options.isFullPage === true;
    // The wire needs the origin only; the signed address goes to the frame alone.
    const made = xdm.create({
      addon_key: appKey,
      key: moduleKey,
      url: `${origin}/`,
      options: {
        autoresize: options.autoresize !== false,
        globalOptions: {},
        historyState: isPage ? anchor.read() : "",
        hostOrigin: location.origin,
        isFullPage: isPage,
      },
    });
    const iframe = element("iframe", "hw-module-frame");
    iframe.id = made.id;
    iframe.name = made.name;
    iframe.title = options.title || place.dataset.title || `${moduleKey} (${appKey})`;
    iframe.setAttribute("referrerpolicy", "no-referrer");
    iframe.setAttribute("sandbox", SANDBOX);
    iframe.style.width = cssLength(options.width) ?? "100%";
    iframe.style.height = cssLength(options.height) ?? (isPage ? "60vh" : "150px");
    const product = place.dataset.product || "jira";
    const own = { flags: new Set(), minted: null, minting: null, fillsPage: false };
    return { id: made.id, appKey, moduleKey, question: module, product, origin, iframe, isPage, ...own };
  }

  async function mount(place) {
    const module = {
      appKey: place.dataset.appKey,
      moduleKey: place.dataset.moduleKey,
      context: JSON.parse(place.dataset.context || "{}"),
    };
    place.setAttribute("aria-busy", "true");
    try {
      const answer = await moduleAddress(module);
      const frame = frameFor(place, module, answer);
      frames.set(frame.id, frame);
      frame.iframe.addEventListener("load", () => place.removeAttribute("aria-busy"));
      frame.iframe.src = answer.url;
      place.replaceChildren(frame.iframe);
    } catch (error) {
      place.removeAttribute("aria-busy");
      const text = `This part of ${module.appKey} could not be opened: ${error.message}`;
      place.replaceChildren(element("p", "hw-module-problem", text));
    }
  }

  function start() {
    stand(xdm._xdm);
    const { _globals, ...modules } = API;
    xdm.defineGlobals(_globals);
    for (const [name, module] of Object.entries(modules)) xdm.defineModule(name, module);
    anchor.last = anchor.read();
    window.addEventListener("popstate", anchor.moved);
    window.addEventListener("resize", () => {
      for (const frame of frames.values()) if (frame.fillsPage) fillPage(frame);
    });
    document.querySelectorAll(".hw-module").forEach(mount);
  }

  start();
})();
