/*
 * What AP.jira and AP.confluence do on this site, and the theme.
 */

import { Refused, element, meta } from "./site.js";
import { frames, tell } from "./frames.js";
import { request } from "./request.js";
import { close } from "./dialogs.js";

const xdm = window.host.min;
const TITLE_MAX = 255; // characters

// ---- Jira -------------------------------------------------------------------------

/** The heading over a dashboard's item is the app's to choose, as text. */
export function setDashboardItemTitle(frame, title) {
  const heading = frame.place.closest(".hw-dashboard-item")?.querySelector(".hw-item-title");
  if (heading && typeof title === "string") heading.textContent = title.slice(0, TITLE_MAX);
}

export function isDashboardItemEditable(frame) {
  return Boolean(frame.place.closest(".hw-dashboard-item")) && Boolean(meta("account"));
}

/** Pressing "Configure" over an item tells the app of it. */
export function watchForItemsToEdit() {
  document.addEventListener("click", (event) => {
    const item = event.target.closest(".hw-item-edit")?.closest(".hw-dashboard-item");
    if (!item) return;
    for (const frame of frames.values()) {
      if (item.contains(frame.iframe)) tell(frame, "jira_dashboard_item_edit", {});
    }
  });
}

/** The configuration that a workflow's function has so far. */
export function workflowConfiguration(frame) {
  return frame.place.dataset.configuration ?? "";
}

/** Before a form around a function's page is sent, the page says what to keep. */
export function watchForConfigurations() {
  // Before all others: for them the form is sent when the app has answered.
  const ask = (event) => {
    const form = event.target;
    const field = form.querySelector?.("input[data-configuration-of]");
    if (!field || form.dataset.configuration === "kept") return;
    const frame = [...frames.values()].find((one) => form.contains(one.iframe));
    if (!frame?.bridged) return;
    event.preventDefault();
    event.stopPropagation();
    form.dataset.configuration = "asked";
    tell(frame, "jira_workflow_post_function_submit", {});
  };
  document.addEventListener("submit", ask, { capture: true });
}

/**
 * The app's page has answered: valid or not, and what to keep; then the form goes on.
 * Only who uses the page sends its form: an app that was not asked is not heard.
 */
export function workflowConfigured(frame, valid, value) {
  const form = frame.iframe.closest("form");
  const field = form?.querySelector("input[data-configuration-of]");
  if (!field || form.dataset.configuration !== "asked") return;
  form.dataset.configuration = valid === true ? "kept" : "";
  const state = form.querySelector("[data-configuration-state]");
  if (state) {
    state.hidden = valid === true;
    state.textContent = valid === true ? "" : "The app does not take this configuration yet.";
  }
  if (valid !== true) return;
  // An app that says nothing of it leaves it as it was.
  if (typeof value === "string") field.value = value;
  form.requestSubmit();
}

/**
 * A form for a new issue; the answer are the issues that were made, as the API writes them.
 * The client script puts the callback last, where it crosses the wire.
 */
export function openCreateIssueDialog(frame, callback, params) {
  const { pid, fields } = typeof params === "object" && params ? params : {};
  const project = frame.context["project.key"];
  const box = element("dialog", "hw-dialog");
  const form = element("form", "hw-form");
  form.method = "dialog";
  const field = (name, label, value) => {
    const input = element("input", "");
    Object.assign(input, { name, id: `hw-create-${name}`, value: value ?? "", required: true });
    const caption = element("label", "", label);
    caption.htmlFor = input.id;
    const row = element("div", "hw-field");
    row.append(caption, input);
    form.append(row);
    return input;
  };
  const inProject = field("project", "Project", pid ?? project);
  const summary = field("summary", "Summary", fields?.summary);
  const problem = element("p", "hw-error");
  const bar = element("div", "hw-dialog-bar");
  const cancel = element("button", "hw-button small", "Cancel");
  cancel.type = "button";
  const create = element("button", "hw-button primary small", "Create");
  bar.append(cancel, create);
  form.append(problem, bar);
  box.append(element("h2", "hw-dialog-title", "Create an issue"), form);
  const done = (issues) => {
    box.remove();
    callback(issues);
  };
  cancel.addEventListener("click", () => done([]));
  box.addEventListener("cancel", () => done([]));
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const written = inProject.value.trim();
    const named = /^[0-9]+$/.test(written) ? { id: written } : { key: written };
    const data = JSON.stringify({
      fields: { project: named, summary: summary.value, issuetype: { name: "Task" } },
    });
    const options = { type: "POST", contentType: "application/json", data };
    try {
      const { body } = await request(frame, "/rest/api/2/issue", options);
      done([JSON.parse(body)]);
    } catch (failure) {
      problem.textContent = failure?.xhr?.responseText || "The issue could not be made.";
    }
  });
  document.body.append(box);
  box.showModal();
}

// ---- Confluence -------------------------------------------------------------------

/** What the site says of the macro that a frame shows or edits. */
function macroOf(frame) {
  frame.macro ??= frame.looks.macro ?? {};
  return frame.macro;
}

export function getMacroData(frame) {
  return macroOf(frame).parameters ?? {};
}

export function getMacroBody(frame) {
  return macroOf(frame).body ?? "";
}

/** Keep it for the editor of the page, which hears of it and writes it into the text. */
export function saveMacro(frame, parameters, body) {
  const isRecord = Object.prototype.toString.call(parameters) === "[object Object]";
  if (!isRecord) throw new Refused("parameters that are no object");
  const texts = Object.entries(parameters).map(([name, value]) => [name, String(value)]);
  const macro = { ...macroOf(frame), parameters: Object.fromEntries(texts) };
  if (typeof body === "string") macro.body = body;
  frame.macro = macro;
  const detail = { appKey: frame.appKey, moduleKey: frame.moduleKey, ...macro };
  frame.place.dispatchEvent(new CustomEvent("hw-macro", { bubbles: true, detail }));
}

export function closeMacroEditor(frame) {
  if (frame.dialog) close(frame.dialog);
  else frame.place.dispatchEvent(new CustomEvent("hw-macro-close", { bubbles: true }));
}

function contentId(frame) {
  const id = frame.context["content.id"];
  if (!id) throw new Refused("no page is looked at");
  return id;
}

/** A property of the page that is looked at, through the API and with the app's scopes. */
export async function getContentProperty(frame, key) {
  const path = `/rest/api/content/${contentId(frame)}/property/${encodeURIComponent(String(key))}`;
  try {
    return JSON.parse((await request(frame, path)).body);
  } catch {
    return null;
  }
}

export async function setContentProperty(frame, property) {
  const { key, value, version } = typeof property === "object" && property ? property : {};
  const name = encodeURIComponent(String(key));
  const path = `/rest/api/content/${contentId(frame)}/property`;
  const isNew = !version || version.number === 1;
  const sent = { key: String(key), value, version: version ?? { number: 1 } };
  const data = JSON.stringify(sent);
  const options = { type: isNew ? "POST" : "PUT", contentType: "application/json", data };
  try {
    const { body } = await request(frame, isNew ? path : `${path}/${name}`, options);
    return { property: JSON.parse(body) };
  } catch (failure) {
    return { error: failure?.xhr?.responseText || "The property could not be set." };
  }
}

export async function syncPropertyFromServer(frame, key) {
  const property = await getContentProperty(frame, key);
  if (property) tell(frame, "contentProperty.update", property);
  return property;
}

// ---- the theme --------------------------------------------------------------------

const dark = window.matchMedia("(prefers-color-scheme: dark)");

/** The reader's own choice (site.js), else the system's. */
function theme() {
  const chosen = document.documentElement.dataset.theme;
  return { colorMode: chosen || (dark.matches ? "dark" : "light"), light: "light", dark: "dark" };
}

/** Frames that want to look like the page. */
const themed = new Set();

export function initializeTheming(frame) {
  themed.add(frame.id);
  tell(frame, "theme_initialized", { initialTheme: theme(), featureFlags: {} });
}

function tellTheme() {
  const told = { newTheme: theme(), featureFlags: {} };
  xdm.broadcast("theme_changed", (registration) => themed.has(registration.extension_id), told);
}

dark.addEventListener("change", tellTheme);
document.addEventListener("hw-theme", tellTheme);
