/*
 * How a call arrives.  The wire appends its own callback as the last argument, and
 * only that one knows who called: an app can send as many arguments as it likes, so
 * a callback is never taken from a fixed place.
 */

import { frames } from "./frames.js";

export function callerOf(callback) {
  return frames.get(callback._context.extension_id);
}

/** A method that answers: with a callback or as a promise, as the app likes. */
export function question(handler) {
  const method = async (...args) => {
    const caller = callerOf(args.pop());
    return (await handler(caller, ...args)) ?? "";
  };
  method.returnsPromise = true;
  return method;
}

/** What *call* gives; a refusal is for the developer to read. */
function refusing(caller, call) {
  try {
    return call();
  } catch (error) {
    console.warn(`The bridge refused a call of ${caller.appKey}: ${error.message}`);
    return undefined;
  }
}

/** A method without an answer. */
export function command(handler) {
  return (...args) => {
    const caller = callerOf(args.pop());
    refusing(caller, () => handler(caller, ...args));
  };
}

/** A method that calls back once, whenever it has something to say. */
export function listener(handler) {
  return (...args) => {
    const callback = args.pop();
    const caller = callerOf(callback);
    refusing(caller, () => handler(caller, callback, ...args));
  };
}

/**
 * Something that an app makes and then asks things of, as `new` would: *make* gives
 * what is kept, *methods* are called with it.
 */
export function made(make, methods = {}) {
  class Made {
    constructor(...args) {
      const callback = args.pop();
      const caller = callerOf(callback);
      this.kept = refusing(caller, () => make(caller, String(callback._id), ...args));
      callback(callback._id);
    }
  }
  // The wire finds methods on what was made, and their names in the description.
  for (const [name, method] of Object.entries(methods)) {
    Made.prototype[name] = function (...args) {
      const callback = args.pop();
      if (this.kept === undefined) return;
      refusing(callerOf(callback), () => method(this.kept, callback, ...args));
    };
  }
  const named = Object.keys(methods).map((name) => [name, Made.prototype[name]]);
  return { constructor: Made, ...Object.fromEntries(named) };
}
