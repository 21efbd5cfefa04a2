/*
 * AP.request: the browser's own session, the app's scopes, and the REST API alone.
 */

import { BASE_PATHS } from "./frames.js";
import { ANSWER_TIMEOUT, Refused, meta } from "./site.js";

const URL_MAX = 8192;
const METHODS = new Set(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"]);
const APP_HEADERS = new Set([
  ...["accept", "content-type", "if-match", "if-none-match", "x-atlassian-token"],
]);

/** Below the product's own path, what an app may reach; the plugin manager is no app's affair. */
const OPEN = { jira: ["/rest/"], confluence: ["/rest/", "/api/"] };
const CLOSED = ["/rest/plugins/"];

/** *text* as an address of the product's REST API; else raises Refused. */
export function restUrl(frame, text) {
  if (typeof text !== "string" || text.length > URL_MAX) throw new Refused("not an address");
  if (/[\\\u0000-\u001f\u007f]/.test(text)) throw new Refused("a character that is not allowed");
  const rooted = text.startsWith("/") ? text : `/${text}`;
  const path = rooted.split(/[?#]/, 1)[0];
  if (/%(?:25)*(?:2e|2f|5c)/i.test(path)) throw new Refused("an encoded dot, slash or backslash");
  const parts = path.split("/");
  if (parts.includes(".") || parts.includes("..")) throw new Refused("a dot segment");
  if (rooted.startsWith("//")) throw new Refused("another host");
  const base = BASE_PATHS[frame.product];
  // Relative to the product; some apps write the product's path as well.
  const relative = base && rooted.startsWith(`${base}/`) ? rooted.slice(base.length) : rooted;
  const url = new URL(base + relative, location.origin);
  const inside = url.pathname.slice(base.length);
  const open = OPEN[frame.product].some((prefix) => inside.startsWith(prefix));
  const closed = CLOSED.some((prefix) => `${inside}/`.startsWith(prefix));
  if (url.origin !== location.origin || !open || closed) throw new Refused("not below /rest/");
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

function isRecord(value) {
  return Object.prototype.toString.call(value) === "[object Object]";
}

/** A form with files in it; the browser writes its type, with the boundary. */
function multipart(data, headers) {
  if (!isRecord(data)) throw new Refused("a form that is no object");
  const form = new FormData();
  for (const [name, value] of Object.entries(data)) {
    if (value instanceof Blob) form.append(name, value, value.name ?? "file");
    else form.append(name, String(value));
  }
  headers.delete("Content-Type");
  headers.set("X-Atlassian-Token", "no-check");
  return form;
}

/** The body to send; for GET and HEAD the data goes into *url* instead. */
function requestBody(method, url, data, headers) {
  if (data === undefined || data === null) return undefined;
  const type = headers.get("Content-Type") ?? "";
  if (/multipart\/form-data/i.test(type)) return multipart(data, headers);
  if (typeof data !== "string" && !isRecord(data)) throw new Refused("a body that is not text");
  if (method === "GET" || method === "HEAD") {
    const added = new URLSearchParams(data).toString();
    if (added) url.search += `${url.search ? "&" : "?"}${added}`;
    return undefined;
  }
  if (typeof data === "string") return data;
  return /json/i.test(type) ? JSON.stringify(data) : new URLSearchParams(data);
}

function refusal(status, statusText, responseText = "") {
  return { err: statusText, xhr: { status, statusText, responseText, headers: {} } };
}

async function send(frame, options) {
  const url = restUrl(frame, options.url);
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
export async function request(frame, first, second) {
  const options = typeof first === "string" ? { ...second, url: first } : { ...first };
  const binary = options.binaryAttachment === true;
  let response;
  let body;
  try {
    response = await send(frame, options);
    body = binary && response.ok ? await response.arrayBuffer() : await response.text();
  } catch (error) {
    if (error instanceof Refused) throw refusal(403, `refused by the bridge: ${error.message}`);
    throw refusal(0, "the request failed");
  }
  const { status, statusText } = response;
  const headers = Object.fromEntries(response.headers);
  const responseText = typeof body === "string" ? body : "";
  const xhr = { status, statusText, responseText, headers };
  if (!response.ok) throw { err: statusText || `HTTP ${status}`, xhr };
  return { body, xhr };
}
