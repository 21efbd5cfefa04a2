/*
 * The frames of apps on this page: who they are, what they show, and how they are told.
 */

import { element, mint, service, usable } from "./site.js";

const xdm = window.host.min;

export const HEIGHT_MAX = 20_000; // pixels
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

/** Where on the site each product is. */
export const BASE_PATHS = { jira: "", confluence: "/wiki" };

/** Every frame that was mounted, by extension id. Nothing an app says is ever a key to write. */
export const frames = new Map();

export function tell(frame, event, data) {
  xdm.broadcast(event, (registration) => registration.extension_id === frame.id, data);
}

/** Tell every frame of one app. */
export function tellApp(appKey, event, data) {
  xdm.broadcast(event, (registration) => registration.extension.addon_key === appKey, data);
}

async function freshToken(frame) {
  const minted = await mint("context-token", frame.question, (answer) => answer.token);
  frame.minted = minted;
  return minted;
}

/** The frame's context token: one request at a time, one token until shortly before its end. */
export async function contextToken(frame) {
  if (frame.minted && usable(frame.minted)) return frame.minted.answer.token;
  frame.minting ??= freshToken(frame).finally(() => {
    frame.minting = null;
  });
  return (await frame.minting).answer.token;
}

/** {"issue.key": "A-1"} -> {jira: {issue: {key: "A-1"}}} */
export function nestedContext(frame) {
  const nested = Object.create(null);
  for (const [name, value] of Object.entries(frame.context)) {
    const [thing, property] = name.split(".");
    if (!property) continue;
    nested[thing] ??= Object.create(null);
    nested[thing][property] = value;
  }
  return JSON.parse(JSON.stringify({ [frame.product]: nested }));
}

export function cssLength(value) {
  if (typeof value === "number" && Number.isFinite(value) && value >= 0) {
    return `${Math.min(Math.ceil(value), HEIGHT_MAX)}px`;
  }
  if (typeof value !== "string" || !LENGTH.test(value)) return null;
  const bare = /^[0-9.]+$/.test(value) || value.endsWith("px");
  return bare ? cssLength(Number.parseFloat(value)) : value;
}

// ---- mounting ---------------------------------------------------------------------

/**
 * The signed address of a module, right before it is used; asked for again where
 * the token in it came too close to its end on the way (the machine may have slept).
 */
async function moduleAddress(module) {
  const tokenOf = ({ url }) => new URL(url).searchParams.get("jwt") ?? "";
  const minted = await mint("module-url", module, tokenOf);
  const { searchParams } = new URL(minted.answer.url);
  // A cacheable module has no token.
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

/** What the client script in the frame is told; it stands in the frame's name, so no secrets. */
function optionsFor(isPage, options, dialog) {
  const told = {
    autoresize: options.autoresize !== false,
    globalOptions: {},
    historyState: isPage ? decodedAnchor() : "",
    hostOrigin: location.origin,
    isFullPage: isPage,
  };
  if (!dialog) return told;
  const { customData, id: dialogId } = dialog;
  const kept = dialog.closeOnEscape === false;
  return { ...told, isDialog: true, dialogId, customData, preventDialogCloseOnEscape: kept };
}

export function decodedAnchor() {
  if (!location.hash.startsWith("#!")) return "";
  try {
    return decodeURIComponent(location.hash.slice(2));
  } catch {
    return location.hash.slice(2);
  }
}

function frameFor(place, module, answer, dialog) {
  const { appKey, moduleKey } = module;
  const options = answer.options ?? {};
  const origin = appOrigin(answer.url);
  const isPage = options.isFullPage === true && !dialog;
  let frame = null;
  // The wire needs the origin only; the signed address goes to the frame alone.
  const made = xdm.create(
    {
      addon_key: appKey,
      key: moduleKey,
      url: `${origin}/`,
      options: optionsFor(isPage, options, dialog),
    },
    () => {
      frame.bridged = true;
    },
  );
  const iframe = element("iframe", "hw-module-frame");
  iframe.id = made.id;
  iframe.name = made.name;
  iframe.title = options.title || place.dataset.title || `${moduleKey} (${appKey})`;
  iframe.setAttribute("referrerpolicy", "no-referrer");
  iframe.setAttribute("sandbox", SANDBOX);
  iframe.style.width = cssLength(options.width) ?? "100%";
  iframe.style.height = cssLength(options.height) ?? (isPage ? "60vh" : "150px");
  const product = Object.hasOwn(BASE_PATHS, module.product) ? module.product : "jira";
  frame = {
    ...{ id: made.id, appKey, moduleKey, question: module, product, origin, iframe, isPage, place },
    ...{ dialog: dialog ?? null, context: options.context ?? module.context },
    ...{ flags: new Set(), messages: new Map(), minted: null, minting: null },
    ...{ fillsPage: false, bridged: false, looks: options },
  };
  return frame;
}

/** What a place on the page says of the module that belongs there. */
export function moduleOf(place) {
  const { appKey, moduleKey, product, page } = place.dataset;
  return {
    ...{ appKey, moduleKey, product: product || "jira", page: page || "" },
    context: JSON.parse(place.dataset.context || "{}"),
  };
}

/** Show a module in *place*; the frame, or null where there is none to show. */
export async function mount(place, module = moduleOf(place), dialog = null) {
  place.setAttribute("aria-busy", "true");
  try {
    const answer = await moduleAddress(module);
    const frame = frameFor(place, module, answer, dialog);
    frames.set(frame.id, frame);
    frame.iframe.addEventListener("load", () => place.removeAttribute("aria-busy"));
    frame.iframe.src = answer.url;
    place.replaceChildren(frame.iframe);
    return frame;
  } catch (error) {
    place.removeAttribute("aria-busy");
    const text = `This part of ${module.appKey} could not be opened: ${error.message}`;
    place.replaceChildren(element("p", "hw-module-problem", text));
    return null;
  }
}

/** Take a frame off the page: from here on nobody answers it. */
export function unmount(frame) {
  frames.delete(frame.id);
  frame.iframe.remove();
  xdm.unregisterExtension((registration) => registration.extension_id === frame.id);
}

/** Show a module when it is first looked at: one in a closed part of the page waits. */
export function mountWhenOpen(place) {
  const closed = place.closest("details:not([open])");
  if (!closed) {
    mount(place);
    return;
  }
  closed.addEventListener("toggle", () => mount(place), { once: true });
}
