/*
 * A site of Headway for tests in JavaScript: no dependency, Node.js 18 or newer.
 *
 *   headway host run --control
 *
 * prints the address of the control API and its token; give both to the tests as
 * HEADWAY_CONTROL_URL and HEADWAY_CONTROL_TOKEN.
 */

export class Site {
  #url;
  #token;

  constructor({ HEADWAY_CONTROL_URL: url, HEADWAY_CONTROL_TOKEN: token } = process.env) {
    if (!url || !token) throw new Error("set HEADWAY_CONTROL_URL and HEADWAY_CONTROL_TOKEN");
    this.#url = url;
    this.#token = token;
  }

  /** Ask the control API; what it says no to is an Error with its sentence. */
  async ask(method, path = "", body = undefined) {
    const answer = await fetch(this.#url + path, {
      method,
      headers: {
        authorization: `Bearer ${this.#token}`,
        ...(body === undefined ? {} : { "content-type": "application/json" }),
      },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
    const told = answer.status === 204 ? undefined : await answer.json();
    if (!answer.ok) throw new Error(`${method} ${path}: ${told.error}`);
    return told;
  }

  state() {
    return this.ask("GET");
  }

  install(url, product = "jira") {
    return this.ask("POST", "/apps", { url, product });
  }

  /** Headers that make a request one of this user's. */
  async login(user) {
    const { cookie, csrf } = await this.ask("POST", "/sessions", { user });
    return { cookie: `${cookie.name}=${cookie.value}`, "x-headway-csrf": csrf };
  }

  at(date) {
    return this.ask("PUT", "/clock", { date });
  }

  fault(fault) {
    return this.ask("POST", "/faults", fault);
  }

  change(kind, name, fields) {
    return this.ask("PATCH", `/things/${kind}/${encodeURIComponent(name)}`, { fields });
  }

  /** What crossed: `traffic({ location: "query" })`. */
  async traffic(wanted = {}) {
    const found = await this.ask("GET", `/traffic?${new URLSearchParams(wanted)}`);
    return found.crossings;
  }

  reset() {
    return this.ask("POST", "/reset");
  }
}
