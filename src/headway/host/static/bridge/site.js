/*
 * The site as the bridge sees it: what the page says, and the services behind it.
 */

export const ANSWER_TIMEOUT = 60_000; // milliseconds
export const TEXT_MAX = 4096; // characters of a flag, a cookie value, a history state
const CLOCK_SKEW = 60; // seconds: a token this close to its end is not handed out

/** Ends a call that an app may not make; the text is for its developer. */
export class Refused extends Error {}

export function meta(name) {
  const tag = document.querySelector(`meta[name="hw-${name}"]`);
  return tag ? tag.content : "";
}

/** POST to one of the site's own services; the answer's JSON, or an Error for people. */
export async function service(name, question) {
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
export async function mint(name, question, tokenOf) {
  const asked = Date.now();
  const answer = await service(name, question);
  const token = tokenOf(answer);
  return { answer, asked, until: asked + (lifeOf(token) - CLOCK_SKEW) * 1000 };
}

export function usable(minted) {
  const now = Date.now();
  return minted.asked <= now && now < minted.until;
}

/** An element with text only: whatever an app says is text. */
export function element(tag, className, text) {
  const made = document.createElement(tag);
  made.className = className;
  if (text !== undefined && text !== null) made.textContent = String(text).slice(0, TEXT_MAX);
  return made;
}

export function button(className, text, pressed) {
  const made = element("button", className, text);
  made.type = "button";
  made.addEventListener("click", pressed);
  return made;
}
