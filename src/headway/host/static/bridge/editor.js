/*
 * Macros of apps in the editor of a wiki's page, which is a field of storage format.
 *
 * The page names them in <select id="macro">, one option each:
 *
 *   <option value="macro's name" data-app-key=".." data-editor="yes or nothing"
 *           data-body-type="none, plain-text or rich-text" data-parameters='{"name": "value"}'>
 *
 * One with an editor is written by its app's dialog (AP.confluence.saveMacro), another is
 * put into the text as the descriptor declares it.
 */

import { openDialog } from "./dialogs.js";
import { meta } from "./site.js";

const AC = "http://atlassian.com/content";
const NAMESPACES = `xmlns:ac="${AC}" xmlns:ri="http://atlassian.com/resource/identifier"`;
const TAGS =
  /<!\[CDATA\[[\s\S]*?\]\]>|<ac:structured-macro\b(?:[^<>"']|"[^"<]*"|'[^'<]*')*>|<\/ac:structured-macro\s*>/g;
const NAMED = /<!\[CDATA\[[\s\S]*?\]\]>|&(?!(?:amp|lt|gt|quot|apos);)[A-Za-z][A-Za-z0-9]*;/g;
const RICH = /<ac:rich-text-body>([\s\S]*)<\/ac:rich-text-body>/;
const TEXT_MAX = 100_000; // characters of one macro

// ---- reading and writing ----------------------------------------------------------

/** The characters that HTML has names for; XML knows five of them. */
function character(name) {
  if (name.startsWith("<")) return name;
  return new DOMParser().parseFromString(name, "text/html").body.textContent;
}

/** Storage format as a document, or null where it is not well formed. */
function parsed(text) {
  const written = `<body ${NAMESPACES}>${text.replace(NAMED, character)}</body>`;
  const read = new DOMParser().parseFromString(written, "application/xml");
  return read.querySelector("parsererror") ? null : read.documentElement;
}

function escaped(text) {
  const names = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };
  return String(text).replace(/[&<>"]/g, (one) => names[one]);
}

/** A macro as storage format; null for a body that is none. */
export function writtenMacro({ name, id, parameters, body, bodyType }) {
  const values = Object.entries(parameters).map(
    ([key, value]) => `<ac:parameter ac:name="${escaped(key)}">${escaped(value)}</ac:parameter>`,
  );
  const bodies = {
    "plain-text": (text) => `<![CDATA[${text.replaceAll("]]>", "]]]]><![CDATA[>")}]]>`,
    "rich-text": (text) => text,
  };
  const content = bodies[bodyType]?.(body ?? "");
  if (content !== undefined) values.push(`<ac:${bodyType}-body>${content}</ac:${bodyType}-body>`);
  const own = id ? ` ac:macro-id="${escaped(id)}"` : "";
  const macro = `<ac:structured-macro ac:name="${escaped(name)}" ac:schema-version="1"${own}>`;
  const text = `${macro}${values.join("")}</ac:structured-macro>`;
  // An app's text is nothing but the inside of its own macro.
  const inside = content === undefined || parsed(content) !== null;
  return inside && parsed(text) && text.length <= TEXT_MAX ? text : null;
}

/** Where the innermost macro around *at* stands in *text*; null where there is none. */
export function macroAround(text, at) {
  const open = [];
  for (const { 0: tag, index } of text.matchAll(TAGS)) {
    const end = index + tag.length;
    if (tag.startsWith("<!")) continue;
    if (!tag.startsWith("</")) open.push(index);
    if (!tag.startsWith("</") && !tag.endsWith("/>")) continue;
    const start = open.pop();
    if (start !== undefined && start <= at && at < end) return { start, end };
  }
  return null;
}

/** What a macro's text says; null where it can not be read. */
export function readMacro(text) {
  const macro = parsed(text)?.firstElementChild;
  if (!macro) return null;
  const children = [...macro.children].filter((child) => child.namespaceURI === AC);
  const parameters = children
    .filter((child) => child.localName === "parameter")
    .map((child) => [child.getAttributeNS(AC, "name"), child.textContent]);
  const plain = children.find((child) => child.localName === "plain-text-body");
  return {
    name: macro.getAttributeNS(AC, "name"),
    id: macro.getAttributeNS(AC, "macro-id") ?? "",
    parameters: Object.fromEntries(parameters),
    body: plain ? plain.textContent : (text.match(RICH)?.[1] ?? ""),
  };
}

// ---- the page ---------------------------------------------------------------------

/** Whether anybody has put the cursor anywhere: before that, a macro goes to the end. */
let placed = false;

/** What is being written: the dialog of its app, and where in the text it goes. */
let writing = null;

function say(text) {
  document.getElementById("macro-state").textContent = text;
}

/** Put *macro* where it belongs; saved again, it takes the place of what was there. */
function put(at, macro) {
  const field = document.getElementById("body");
  const text = writtenMacro(macro);
  if (text === null) {
    say("The app's text is not well-formed, or too long: it was not taken.");
    return;
  }
  field.setRangeText(text, at.start, at.end, "end");
  placed = true;
  at.end = at.start + text.length;
  say(`${macro.name} is in the text, and saved with it.`);
}

function offered(option) {
  return {
    name: option.value,
    bodyType: option.dataset.bodyType,
    parameters: JSON.parse(option.dataset.parameters),
    body: "",
    id: "",
  };
}

async function openEditor(option, macro, at) {
  const { appKey, title } = option.dataset;
  const { context } = document.getElementById("macro").dataset;
  const module = {
    ...{ appKey, moduleKey: option.value, product: "confluence", page: "editor" },
    context: JSON.parse(context),
  };
  const looks = { chrome: true, header: title, size: "large", submitText: "Save" };
  const { frame } = await openDialog(module, looks, ({ place }) => {
    writing = { at, macro, place };
  });
  if (frame) frame.macro = { id: macro.id, parameters: macro.parameters, body: macro.body };
}

function add(option) {
  const { selectionStart, selectionEnd, value } = document.getElementById("body");
  const start = placed ? selectionStart : value.length;
  const end = placed ? selectionEnd : value.length;
  const macro = offered(option);
  if (option.dataset.editor) openEditor(option, macro, { start, end });
  else put({ start, end }, macro);
}

/** Open the editor of the macro that the cursor is in. */
function change(options) {
  const { value, selectionStart } = document.getElementById("body");
  const at = macroAround(value, selectionStart);
  const macro = at && readMacro(value.slice(at.start, at.end));
  const option = macro && options.find((one) => one.value === macro.name && one.dataset.editor);
  if (!option) {
    say("Put the cursor into a macro whose app has an editor for it.");
    return;
  }
  openEditor(option, { ...offered(option), ...macro }, at);
}

export function watchForMacros() {
  const select = document.getElementById("macro");
  if (!select || !meta("account")) return;
  select.closest("[hidden]").hidden = false;
  document.getElementById("body").addEventListener("focus", () => (placed = true));
  document.getElementById("macro-add").addEventListener("click", () => {
    add(select.selectedOptions[0]);
  });
  document.getElementById("macro-edit").addEventListener("click", () => {
    change([...select.options]);
  });
  document.addEventListener("hw-macro", ({ target, detail }) => {
    // Only the dialog that was opened for it writes into the text.
    if (!writing || target !== writing.place) return;
    const { parameters, body } = detail;
    put(writing.at, { ...writing.macro, parameters, body: body ?? writing.macro.body });
  });
}
