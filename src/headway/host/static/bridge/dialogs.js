/*
 * Dialogs: what AP.dialog.create opens, and the dialogs of web items.  A dialog shows
 * a module of the app that asked for it, by its key; the address comes from the site.
 *
 * The client script closes a dialog by itself after "submit" and "cancel", unless the
 * app said otherwise; so a button here tells, and closes only where nobody listens.
 */

import { made } from "./calls.js";
import { cssLength, moduleOf, mount, tell, tellApp, unmount } from "./frames.js";
import { Refused, button, element } from "./site.js";

const DIALOGS_MAX = 5; // one above another
const BUTTONS_MAX = 10;
const KEY = /^[A-Za-z0-9._-]{1,180}$/;
const SIZES = {
  small: ["400px", "200px"],
  medium: ["600px", "400px"],
  large: ["800px", "600px"],
  "x-large": ["980px", "700px"],
  fullscreen: ["100%", "100%"],
  maximum: ["100%", "100%"],
};

/** The open dialogs, the topmost last. */
const open = [];

// ---- opening and closing ----------------------------------------------------------

/** How large: a named size, or width and height. */
function sizeOf(options) {
  const [width, height] = SIZES[options.size] ?? [];
  return [
    cssLength(options.width) ?? width ?? "600px",
    cssLength(options.height) ?? height ?? "400px",
  ];
}

function fit(box, place, options) {
  const [width, height] = sizeOf(options);
  box.classList.toggle("hw-dialog-full", width === "100%" && height === "100%");
  box.style.width = width === "100%" ? "" : width;
  place.style.height = height === "100%" ? "" : height;
}

/** Look as *options* say: once before the module is there, and again with its own wishes. */
function wear(dialog, options) {
  dialog.title.textContent = String(options.header?.value ?? options.header ?? dialog.name);
  dialog.box.setAttribute("aria-label", dialog.title.textContent);
  dialog.hint.textContent = String(options.hint?.value ?? options.hint ?? "");
  dialog.title.hidden = options.chrome !== true;
  const { submit, cancel } = Object.fromEntries(dialog.buttons);
  submit.element.hidden = options.chrome !== true;
  submit.element.textContent = String(options.submitText?.value ?? options.submitText ?? "Submit");
  cancel.element.textContent = String(options.cancelText?.value ?? options.cancelText ?? "Cancel");
  fit(dialog.box, dialog.place, options);
}

function addButton(dialog, identifier, text, own = true) {
  if (dialog.buttons.size >= BUTTONS_MAX) throw new Refused("too many buttons");
  const style = identifier === "submit" ? "hw-button primary small" : "hw-button small";
  const added = button(style, text, () => pressed(dialog, identifier));
  added.dataset.identifier = identifier;
  dialog.bar.insertBefore(added, dialog.buttons.get("cancel")?.element ?? null);
  dialog.buttons.set(identifier, { element: added, own });
}

function pressed(dialog, identifier) {
  const { element: pressedButton, own } = dialog.buttons.get(identifier);
  const text = pressedButton.textContent;
  const data = { button: { name: identifier, identifier, text } };
  if (!dialog.frame?.bridged) {
    // The app's page never came, or does not listen: nobody else would close it.
    if (identifier === "cancel") close(dialog);
    return;
  }
  if (!own) tell(dialog.frame, `dialog.${identifier}`, data);
  tell(dialog.frame, "dialog.button.click", data);
}

/** Close it, and tell the app; *data* is what its page handed over. */
export function close(dialog, data) {
  const at = open.indexOf(dialog);
  if (at < 0) return;
  for (const above of open.splice(at).reverse()) {
    if (above.frame) unmount(above.frame);
    above.box.close?.();
    above.box.remove();
    tellApp(above.appKey, "dialog.close", data);
  }
}

function build(module, options) {
  const box = element("dialog", "hw-dialog");
  const place = element("div", "hw-module");
  const dialog = {
    ...{ appKey: module.appKey, name: module.moduleKey, buttons: new Map(), frame: null },
    ...{ customData: options.customData, closeOnEscape: options.closeOnEscape !== false },
    ...{ box, place, bar: element("div", "hw-dialog-bar"), id: options.id ?? "" },
    ...{ title: element("h2", "hw-dialog-title"), hint: element("p", "hw-quiet") },
  };
  const from = element("p", "hw-flag-from", module.appKey);
  box.append(dialog.title, place, dialog.hint, dialog.bar, from);
  addButton(dialog, "cancel", "Cancel", false);
  addButton(dialog, "submit", "Submit", false);
  for (const more of Array.isArray(options.buttons) ? options.buttons : []) {
    addButton(dialog, String(more.identifier ?? more.text), String(more.text ?? ""));
  }
  wear(dialog, options);
  return dialog;
}

/**
 * Open a dialog with *module*; what the app says about its looks comes before the module's.
 * *built* is told of the dialog before the app's page is there.
 */
export async function openDialog(module, options, built = () => {}) {
  if (open.length >= DIALOGS_MAX) throw new Refused("too many dialogs");
  const dialog = build(module, options);
  dialog.box.addEventListener("cancel", (event) => {
    event.preventDefault();
    if (dialog.closeOnEscape) close(dialog);
  });
  document.body.append(dialog.box);
  dialog.box.showModal();
  open.push(dialog);
  built(dialog);
  dialog.frame = await mount(dialog.place, module, dialog);
  if (dialog.frame) {
    wear(dialog, { ...dialog.frame.looks, ...options });
    Object.assign(dialog.frame.iframe.style, { width: "100%", height: "100%" });
  }
  if (!open.includes(dialog) && dialog.frame) unmount(dialog.frame);
  return dialog;
}

// ---- what an app may call ---------------------------------------------------------

/** The dialog that a call is about: the one that the caller is in, else the app's topmost. */
function dialogOf(frame) {
  return frame.dialog?.box ? frame.dialog : open.findLast((one) => one.appKey === frame.appKey);
}

function dialogOrRefused(frame) {
  const found = dialogOf(frame);
  if (!found) throw new Refused("there is no dialog");
  return found;
}

function create(frame, id, given) {
  const options = typeof given === "object" && given ? given : {};
  const moduleKey = String(options.key ?? "").replace(`${frame.appKey}__`, "");
  if (!KEY.test(moduleKey)) throw new Refused("no module of this key");
  const { appKey, product, question } = frame;
  const context = { ...question.context };
  const module = { appKey, moduleKey, product, page: "", context };
  openDialog(module, { ...options, id }).catch((error) => {
    console.warn(`The bridge opened no dialog of ${appKey}: ${error.message}`);
  });
  return id;
}

/** A button of the caller's dialog, by the name that an app gave it. */
function buttonOf(frame, id, identifier) {
  const dialog = dialogOf(frame);
  return { dialog, button: dialog?.buttons.get(String(identifier))?.element, identifier };
}

const change = (how) => ({ button: found }) => found && how(found);
const answer = (how) => ({ button: found }, callback) => callback(found ? how(found) : false);

const buttonMethods = {
  enable: change((found) => (found.disabled = false)),
  disable: change((found) => (found.disabled = true)),
  toggle: change((found) => (found.disabled = !found.disabled)),
  isEnabled: answer((found) => !found.disabled),
  hide: change((found) => (found.hidden = true)),
  show: change((found) => (found.hidden = false)),
  isHidden: answer((found) => found.hidden),
  trigger: ({ dialog, button: found, identifier }) => {
    if (found && !found.disabled) pressed(dialog, String(identifier));
  },
};

export const dialogCalls = {
  create: made(create),
  getButton: made(buttonOf, buttonMethods),
  commands: {
    close: (frame, data) => close(dialogOrRefused(frame), data),
    createButton: (frame, options) => {
      const { identifier, text } = options ?? {};
      const dialog = dialogOrRefused(frame);
      if (!dialog.buttons.has(String(identifier))) {
        addButton(dialog, String(identifier), String(text ?? ""));
      }
    },
  },
  questions: {
    getCustomData: (frame) => frame.dialog?.customData ?? null,
    isCloseOnEscape: (frame) => dialogOrRefused(frame).closeOnEscape,
  },
};

// ---- web items --------------------------------------------------------------------

/** The open inline dialog, of which there is one. */
let inline = null;

export function hideInline() {
  if (!inline) return;
  const { box, frame, opener } = inline;
  inline = null;
  if (frame) unmount(frame);
  box.remove();
  opener.setAttribute("aria-expanded", "false");
}

/** Only the app whose dialog it is may hide it. */
export function hideInlineOf(frame) {
  if (inline && inline.appKey === frame.appKey) hideInline();
}

async function showInline(opener, module) {
  const again = inline?.opener === opener;
  hideInline();
  if (again) return;
  const box = element("div", "hw-inline");
  box.setAttribute("role", "dialog");
  box.setAttribute("aria-label", opener.dataset.title ?? module.moduleKey);
  const place = element("div", "hw-module");
  box.append(place, element("p", "hw-flag-from", module.appKey));
  const { bottom, left } = opener.getBoundingClientRect();
  box.style.top = `${Math.round(bottom + window.scrollY + 6)}px`;
  const room = Math.max(8, document.documentElement.clientWidth - 416);
  box.style.left = `${Math.round(Math.min(left + window.scrollX, room))}px`;
  document.body.append(box);
  opener.setAttribute("aria-expanded", "true");
  inline = { box, opener, appKey: module.appKey, frame: null };
  const shown = inline;
  shown.frame = await mount(place, module);
  if (inline !== shown && shown.frame) unmount(shown.frame);
}

/** A button on the page that opens an app's dialog. */
export function openFrom(opener) {
  const module = moduleOf(opener);
  if (opener.dataset.opens === "inlinedialog") {
    showInline(opener, module);
    return;
  }
  const wished = JSON.parse(opener.dataset.options || "{}");
  openDialog(module, { chrome: true, header: opener.dataset.title, ...wished }).catch(() => {});
}

export function watchForItems() {
  document.addEventListener("click", (event) => {
    const opener = event.target.closest(".hw-opens");
    if (opener) openFrom(opener);
    else if (inline && !inline.box.contains(event.target)) hideInline();
  });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !inline) return;
    inline.opener.focus();
    hideInline();
  });
}

