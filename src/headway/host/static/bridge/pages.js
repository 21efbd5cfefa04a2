/*
 * What an app does with the page around it: its own size, where the browser is and
 * goes, the part of the address after "#!", the visitor, and cookies.
 */

import { BASE_PATHS, cssLength, decodedAnchor, frames, tell } from "./frames.js";
import { Refused, TEXT_MAX, meta } from "./site.js";

const COOKIES_MAX = 50; // for one app
const DAY = 86_400_000; // milliseconds

// ---- size -------------------------------------------------------------------------

export function resize(frame, width, height) {
  if (frame.fillsPage || frame.dialog) return;
  frame.iframe.style.width = cssLength(width) ?? frame.iframe.style.width;
  frame.iframe.style.height = cssLength(height) ?? frame.iframe.style.height;
}

function fillPage(frame) {
  const top = frame.iframe.getBoundingClientRect().top + window.scrollY;
  frame.iframe.style.width = "100%";
  frame.iframe.style.height = `${Math.max(300, Math.floor(window.innerHeight - top - 16))}px`;
}

export function refill() {
  for (const frame of frames.values()) if (frame.fillsPage) fillPage(frame);
}

export function sizeToParent(frame, withoutFooter) {
  if (!frame.isPage) return;
  if (withoutFooter === true) hideFooter(frame, true);
  frame.fillsPage = true;
  fillPage(frame);
}

export function hideFooter(frame, hide) {
  if (frame.isPage && hide === true) document.documentElement.classList.add("hw-no-footer");
}

export function setTitle(frame, title) {
  if (frame.isPage && typeof title === "string") document.title = title.slice(0, 255);
}

export function scrolled(frame) {
  if (!frame.isPage) return "";
  const { top, left } = frame.iframe.getBoundingClientRect();
  const { innerWidth: width, innerHeight: height } = window;
  return { scrollY: -top, scrollX: -left, width, height };
}

export function scrollTo(frame, y) {
  if (!frame.isPage || !Number.isFinite(y)) return;
  const top = frame.iframe.getBoundingClientRect().top + window.scrollY;
  window.scrollTo({ top: top + y });
}

/** Move the keyboard from the app's frame to the page. */
export function focusPage() {
  document.getElementById("main")?.focus({ preventScroll: true });
}

// ---- where the browser is, and goes -----------------------------------------------

export function pageLocation(frame) {
  const { context } = frame;
  const issueKey = context["issue.key"];
  const projectKey = context["project.key"];
  if (issueKey) return { target: "issue", context: { issueKey, projectKey } };
  if (context["content.id"]) {
    const { "content.id": contentId, "content.type": contentType } = context;
    const target = "contentview";
    return { target, context: { contentId, contentType, spaceKey: context["space.key"] } };
  }
  const { appKey: addonKey, moduleKey } = frame;
  return { target: "addonModule", context: { addonKey, moduleKey, projectKey } };
}

const KEY = "[A-Z][A-Z0-9_]{0,30}";
const FORMS = {
  issueKey: new RegExp(`^${KEY}-[1-9][0-9]{0,9}$`),
  projectKey: new RegExp(`^${KEY}$`),
  spaceKey: /^~?[A-Za-z0-9]{1,255}$/,
  contentId: /^[0-9]{1,18}$/,
  dashboardId: /^[0-9]{1,18}$/,
  addonKey: /^[A-Za-z0-9._-]{1,80}$/,
  moduleKey: /^[A-Za-z0-9._-]{1,100}$/,
  adminPageKey: /^[A-Za-z0-9._-]{1,180}$/,
  userAccountId: /^[A-Za-z0-9:_-]{1,128}$/,
};

/** A member of what an app says, in the one form that it can have. */
function named(context, name) {
  const value = String(context?.[name] ?? "");
  if (!FORMS[name].test(value)) throw new Refused(`${name} is none`);
  return encodeURIComponent(value);
}

/** The address of an app's page; what the app adds comes to it as ac.name. */
function moduleAddress(base, context, moduleKey) {
  const path = `${base}/plugins/servlet/ac/${named(context, "addonKey")}/${moduleKey}`;
  const query = new URLSearchParams();
  for (const name of ["projectKey", "spaceKey"]) {
    if (context[name]) query.set(name.replace("Key", ".key"), decodeURIComponent(named(context, name)));
  }
  for (const [name, value] of Object.entries(context.customData ?? {}).slice(0, 20)) {
    query.set(`ac.${name}`, String(value).slice(0, 1000));
  }
  return query.size ? `${path}?${query}` : path;
}

/** A path of the site, whatever an app calls it; never another origin, never a script. */
function sitePath(context) {
  const text = String(context?.relativeUrl ?? "");
  if (/[\\\u0000-\u0020\u007f]/.test(text)) throw new Refused("a character that is not allowed");
  if (/^[a-z][a-z0-9+.-]*:/i.test(text)) throw new Refused("not a path");
  const url = new URL(text.startsWith("/") ? text : `/${text}`, location.origin);
  const closed = ["/svc/", "/logout", "/static/"].some((path) => url.pathname.startsWith(path));
  // "/x/..//evil.example" has this origin, and as a path by itself another.
  const away = text.startsWith("//") || url.pathname.startsWith("//");
  if (url.origin !== location.origin || away || closed) throw new Refused("not a page of this site");
  return url.pathname + url.search + url.hash;
}

const WIKI = BASE_PATHS.confluence;
const TARGETS = {
  jira: {
    issue: (context) => `/browse/${named(context, "issueKey")}`,
    dashboard: () => "/dashboard",
    projectSummary: (context) => `/projects/${named(context, "projectKey")}`,
    projectAdminSummary: (context) => `/projects/${named(context, "projectKey")}/settings`,
    projectAdminTabPanel: (context) =>
      moduleAddress("", context, named(context, "adminPageKey").split("__").pop()),
    userProfile: (context) => `/people/${named(context, "userAccountId")}`,
    addonModule: (context) => moduleAddress("", context, named(context, "moduleKey")),
    site: sitePath,
  },
  confluence: {
    contentview: (context) => `${WIKI}/pages/viewpage.action?pageId=${named(context, "contentId")}`,
    contentedit: (context) => `${WIKI}/pages/editpage.action?pageId=${named(context, "contentId")}`,
    spaceview: (context) => `${WIKI}/spaces/${named(context, "spaceKey")}`,
    spacetools: (context) => `${WIKI}/spaces/${named(context, "spaceKey")}/tools`,
    dashboard: () => `${WIKI}/`,
    userProfile: (context) => `/people/${named(context, "userAccountId")}`,
    addonModule: (context) => moduleAddress(WIKI, context, named(context, "moduleKey")),
    site: sitePath,
  },
};

/** Go to a page of the site by its name; an app gives no address of its own making. */
export function go(frame, target, context) {
  const targets = TARGETS[frame.product];
  if (typeof target !== "string") throw new Refused("no target");
  const name = Object.keys(targets).find((one) => one.toLowerCase() === target.toLowerCase());
  if (!name) throw new Refused("a target that this site does not have");
  location.assign(targets[name](context ?? {}));
}

// ---- history ----------------------------------------------------------------------

export const anchor = {
  last: "",
  write(frame, state, how) {
    if (!frame.isPage) throw new Refused("history is for page modules");
    if (typeof state !== "string" || state.length > TEXT_MAX) throw new Refused("not a state");
    window.history[how](null, "", `#!${encodeURIComponent(state)}`);
    anchor.last = state;
  },
  moved() {
    const [oldURL, newURL] = [anchor.last, decodedAnchor()];
    if (oldURL === newURL) return;
    anchor.last = newURL;
    for (const frame of frames.values()) {
      if (frame.isPage) tell(frame, "history_popstate", { oldURL, newURL, hash: newURL });
    }
  },
};

export function historyState(frame, type) {
  const hash = decodedAnchor();
  if (type !== "all") return hash;
  return { key: frame.appKey, hash, title: document.title, href: location.href };
}

export function step(frame, delta) {
  if (!frame.isPage) throw new Refused("history is for page modules");
  if (Number.isInteger(delta)) window.history.go(delta);
}

// ---- the visitor ------------------------------------------------------------------

export function currentUser() {
  return meta("account") ? { atlassianAccountId: meta("account") } : {};
}

export function namedUser() {
  return { id: meta("account"), key: meta("account"), fullName: meta("account-name") };
}

export function userLocale() {
  return meta("locale") || (document.documentElement.lang || "en-US").replace("-", "_");
}

// ---- cookies ----------------------------------------------------------------------

export const cookies = {
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
