/*
 * The guard in front of the wire: which messages count, from which window, and what
 * they may call.
 */

import { frames } from "./frames.js";

const ARGUMENTS_MAX = 8;
const MESSAGES = new Set(["init", "req", "resp", "broadcast", "event_query", "addon_clicked"]);

function has(record, name) {
  return typeof name === "string" && Object.hasOwn(record, name);
}

function methodNames(module) {
  return new Set(
    Object.entries(module).flatMap(([name, member]) =>
      typeof member === "function" ? [name] : Object.keys(member).map((fn) => `${name}.${fn}`),
    ),
  );
}

/**
 * Stand in front of *wire*, which may call what *api* names and nothing else.
 *
 * Call it before the wire gets the modules: it adds members of its own to classes.
 * Listeners on a window run in the order of registration, and the wire's was first;
 * so the guard takes the place of the wire's own check and repeats it.
 */
export function stand(wire, api) {
  const check = wire._checkOrigin;
  if (typeof check !== "function") throw new Error("this simple-xdm can not be guarded");
  const methodsOf = Object.fromEntries(
    Object.entries(api).map(([name, module]) => [name, methodNames(module)]),
  );

  // The wire looks methods up by bare property access, so that "__proto__" and
  // "__defineGetter__" would be callable from an app.
  function callable(data) {
    if (!Array.isArray(data.args) || data.args.length > ARGUMENTS_MAX) return false;
    if (!has(methodsOf, data.mod)) return false;
    const methods = methodsOf[data.mod];
    if (!data._cls) return methods.has(data.fn);
    return typeof data._cls === "string" && methods.has(`${data._cls}.${data.fn}`);
  }

  /** Does this message come from the very window that was mounted, still on the app's origin? */
  function admitted(event) {
    const { data } = event;
    if (data === null || typeof data !== "object" || !MESSAGES.has(data.type)) return false;
    const frame = frames.get(data.eid);
    if (!frame || event.source === null || event.source !== frame.iframe.contentWindow) return false;
    if (event.origin !== frame.origin) return false;
    return data.type !== "req" || callable(data);
  }

  wire._checkOrigin = (event, registration) =>
    admitted(event) && check.call(wire, event, registration);
}
