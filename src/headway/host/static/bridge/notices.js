/*
 * Flags and messages: what an app has to say, as text, signed with the app's key.
 */

import { made } from "./calls.js";
import { tell } from "./frames.js";
import { button, element } from "./site.js";

const NOTICES_MAX = 5; // open at once, for one frame
const FLAG_TIME = 8_000; // milliseconds that an "auto" flag stays
const FLAG_TYPES = new Set(["info", "success", "warning", "error"]);

/** Where notices stand: above an open dialog, which makes all else inert, or on the page. */
function shelf(className, parent) {
  const above = [...document.querySelectorAll("dialog[open]")].at(-1) ?? parent;
  const found = above.querySelector(`:scope > .${className}`);
  if (found) return found;
  const put = element("div", className);
  put.setAttribute("role", "status");
  above.prepend(put);
  return put;
}

function notice(frame, type, title, body) {
  const box = element("div", "hw-flag");
  box.dataset.type = type;
  box.append(element("strong", "hw-flag-title", title ?? ""));
  box.append(element("p", "hw-flag-body", body ?? ""));
  box.append(element("p", "hw-flag-from", frame.appKey));
  return box;
}

function closer(box, dismiss) {
  const close = button("hw-flag-close", "\u00d7", dismiss);
  close.setAttribute("aria-label", "Close this message");
  box.querySelector(".hw-flag-title").after(close);
}

// ---- flags ------------------------------------------------------------------------

function flagActions(frame, id, actions) {
  const row = element("p", "hw-flag-actions");
  for (const [key, text] of Object.entries(actions ?? {}).slice(0, 5)) {
    const data = { flagIdentifier: id, actionIdentifier: key };
    row.append(button("hw-button small", text, () => tell(frame, "flag.action", data)));
  }
  return row;
}

function showFlag(frame, id, given) {
  const options = typeof given === "object" && given ? given : {};
  const type = String(options.type ?? "info").toLowerCase();
  const flag = notice(frame, FLAG_TYPES.has(type) ? type : "info", options.title, options.body);
  flag.querySelector(".hw-flag-from").before(flagActions(frame, id, options.actions));
  const dismiss = () => {
    if (!flag.isConnected) return;
    flag.remove();
    frame.flags.delete(dismiss);
    tell(frame, "flag.close", { flagIdentifier: id });
  };
  closer(flag, dismiss);
  if (options.close === "auto") setTimeout(dismiss, FLAG_TIME);
  frame.flags.add(dismiss);
  if (frame.flags.size > NOTICES_MAX) frame.flags.values().next().value();
  shelf("hw-flags", document.body).append(flag);
  return dismiss;
}

export const flag = { create: made(showFlag, { close: (dismiss) => dismiss() }) };

// ---- messages, which flags came after ---------------------------------------------

const MESSAGE_TYPES = {
  ...{ generic: "info", info: "info", hint: "info" },
  ...{ success: "success", warning: "warning", error: "error" },
};

function showMessage(type) {
  return (frame, id, title, body, given) => {
    const options = typeof given === "object" && given ? given : {};
    const box = notice(frame, type, title, body);
    const message = { box, closed: null };
    message.dismiss = () => {
      if (!box.isConnected) return;
      box.remove();
      frame.messages.delete(id);
      message.closed?.();
    };
    if (options.closeable !== false) closer(box, message.dismiss);
    if (options.fadeout === true) {
      const delay = Number.isFinite(options.delay) ? options.delay : 5_000;
      setTimeout(message.dismiss, Math.min(Math.max(delay, 0), 60_000));
    }
    frame.messages.set(id, message);
    if (frame.messages.size > NOTICES_MAX) frame.messages.values().next().value.dismiss();
    shelf("hw-messages", document.getElementById("main") ?? document.body).append(box);
    return id;
  };
}

export const messages = Object.fromEntries(
  Object.entries(MESSAGE_TYPES).map(([name, type]) => [name, made(showMessage(type))]),
);

/** Of the caller's own messages, the one that it names. */
function messageOf(frame, message) {
  return frame.messages.get(String(message?._id ?? ""));
}

export function clearMessage(frame, message) {
  messageOf(frame, message)?.dismiss();
}

export function onCloseOfMessage(frame, callback, message) {
  const found = messageOf(frame, message);
  if (found) found.closed = callback;
}
