/*
 * The inspector: every token that crossed, live.
 *
 *   <div id="hw-inspector" data-events="/inspector/events"></div>
 *
 * is all a page has to hold.  The address answers with Server-Sent Events; the
 * data of each is one row as JSON: id, time (ISO text, or seconds since 1970),
 * direction, location, kind, method, path, claims, phase, verdict, refusal,
 * hint, status, notes, explain ({ours, theirs, cause} or null), policy, disclaimer
 * (the policy that was in force then, and what is to be known about it).
 * The site has redacted what is in it; here it is only ever shown as text.
 */
(function () {
  "use strict";

  const ROWS_MAX = 500;
  const PIECES_MAX = 400; // of a canonical request, for an exact comparison
  const COLUMNS = ["Time", "Direction", "Location", "Kind", "Request", "Phase", "Verdict"];

  // Tones by verdict and by phase; what is not listed here is shown without alarm.
  const TONES = {
    accepted: "ok",
    verified: "ok",
    warned: "warn",
    refused: "bad",
    ignored: "off",
    "not inspected": "off",
    "not-inspected": "off",
    anonymous: "off",
    open: "ok",
    announced: "info",
    brownout: "warn",
    off: "off",
    paused: "info",
  };

  function make(tag, properties, ...children) {
    const made = Object.assign(document.createElement(tag), properties);
    made.append(...children);
    return made;
  }

  function asText(value) {
    if (value === null || value === undefined || value === "") return "\u2013";
    return typeof value === "object" ? JSON.stringify(value, null, 2) : String(value);
  }

  function badge(value) {
    const made = make("span", { className: "hw-badge", textContent: asText(value) });
    made.dataset.tone = TONES[value] ?? "info";
    return made;
  }

  function clock(time) {
    const date = new Date(typeof time === "number" ? time * 1000 : time);
    return Number.isNaN(date.getTime()) ? null : date.toISOString();
  }

  // ---- two canonical requests, side by side --------------------------------

  function pieces(text) {
    return text.split(/(?=[&=/,+])/);
  }

  /** Which pieces of *left* and *right* belong to their longest common subsequence. */
  function common(left, right) {
    const table = Array.from({ length: left.length + 1 }, () => new Uint16Array(right.length + 1));
    for (let i = left.length - 1; i >= 0; i--) {
      for (let j = right.length - 1; j >= 0; j--) {
        const further = Math.max(table[i + 1][j], table[i][j + 1]);
        table[i][j] = left[i] === right[j] ? table[i + 1][j + 1] + 1 : further;
      }
    }
    const same = [new Set(), new Set()];
    for (let i = 0, j = 0; i < left.length && j < right.length; ) {
      if (left[i] === right[j]) {
        same[0].add(i++);
        same[1].add(j++);
      } else if (table[i + 1][j] >= table[i][j + 1]) i++;
      else j++;
    }
    return same;
  }

  function marked(parts, same) {
    const code = make("code", { className: "hw-code" });
    let run = null;
    parts.forEach((part, index) => {
      const tag = same.has(index) ? "SPAN" : "MARK";
      if (!run || run.tagName !== tag) code.append((run = make(tag.toLowerCase(), {})));
      run.textContent += part;
    });
    return code;
  }

  function compared(ours, theirs) {
    const [left, right] = [pieces(ours), pieces(theirs)];
    if (left.length > PIECES_MAX || right.length > PIECES_MAX) {
      const all = (parts) => new Set(ours === theirs ? parts.keys() : []);
      return [marked(left, all(left)), marked(right, all(right))];
    }
    const same = common(left, right);
    return [marked(left, same[0]), marked(right, same[1])];
  }

  function sideBySide({ ours, theirs, cause }) {
    const unknown = "No form that is known gives the hash that the token claims.";
    const [left, right] = theirs
      ? compared(asText(ours), asText(theirs))
      : [make("code", { className: "hw-code", textContent: asText(ours) }), unknown];
    const pane = (title, content) => make("div", {}, make("h4", { textContent: title }), content);
    const panes = make(
      "div",
      { className: "hw-sidebyside" },
      pane("This request, as we hash it", left),
      pane("What the token was made for", right),
    );
    const reason = make("p", {}, make("strong", { textContent: "Likely cause: " }), asText(cause));
    return make("section", {}, make("h3", { textContent: "Canonical requests" }), reason, panes);
  }

  // ---- one row -------------------------------------------------------------

  function facts(row) {
    const list = make("dl", { className: "hw-facts" });
    const add = (name, value) => {
      if (value === null || value === undefined || value === "") return;
      if (Array.isArray(value) && value.length === 0) return;
      const shown = Array.isArray(value) ? value.map(asText).join(", ") : asText(value);
      list.append(make("dt", { textContent: name }), make("dd", { textContent: shown }));
    };
    add("Refusal", row.refusal);
    add("Hint", row.hint);
    add("HTTP status", row.status);
    add("Policy", row.policy);
    add("Notes", row.notes);
    add("Time", clock(row.time) ?? row.time);
    return list;
  }

  function details(row) {
    const cell = make("td", { colSpan: COLUMNS.length });
    cell.append(facts(row));
    if (row.explain) cell.append(sideBySide(row.explain));
    if (row.claims) {
      const claims = make("pre", { className: "hw-code", textContent: asText(row.claims) });
      cell.append(make("h3", { textContent: "Claims" }), claims);
    }
    if (row.disclaimer) {
      cell.append(make("p", { className: "hw-disclaimer", textContent: row.disclaimer }));
    }
    return make("tr", { className: "hw-detail", hidden: true }, cell);
  }

  function summary(row) {
    const time = clock(row.time);
    const shown = time ? time.slice(0, 19).replace("T", " ") : asText(row.time);
    const opener = make("button", { type: "button", className: "hw-opener", textContent: shown });
    opener.setAttribute("aria-expanded", "false");
    const request = make("code", { textContent: `${asText(row.method)} ${asText(row.path)}` });
    const verdict = make("span", {}, badge(row.verdict));
    if (row.refusal) verdict.append(" ", make("code", { textContent: asText(row.refusal) }));
    const phase = make("span", {}, badge(row.phase));
    if (row.disclaimer) {
      phase.append(" ", make("small", { textContent: asText(row.policy), title: row.disclaimer }));
    }
    const values = [
      opener,
      asText(row.direction),
      asText(row.location),
      asText(row.kind),
      request,
      phase,
      verdict,
    ];
    const line = make("tr", { className: "hw-row" });
    values.forEach((value, index) => {
      const cell = make("td", {}, value);
      cell.dataset.label = COLUMNS[index];
      line.append(cell);
    });
    return line;
  }

  // ---- the table -----------------------------------------------------------

  function inspector(root) {
    const body = make("tbody", {});
    const head = make("tr", {}, ...COLUMNS.map((name) => make("th", { scope: "col", textContent: name })));
    const table = make("table", { className: "hw-table hw-stack" }, make("thead", {}, head), body);
    const pause = make("button", { type: "button", className: "hw-button", textContent: "Pause" });
    const clear = make("button", { type: "button", className: "hw-button", textContent: "Clear" });
    const filter = make("select", { id: "hw-filter" }, new Option("all verdicts", ""));
    const label = make("label", { htmlFor: "hw-filter", textContent: "Show" });
    const state = make("span", { className: "hw-badge", textContent: "connecting" });
    const count = make("span", { className: "hw-quiet" });
    const empty = make("p", {
      className: "hw-empty",
      textContent: "No token has crossed yet. Open an issue with a panel, or press a button in it.",
    });
    state.setAttribute("role", "status");
    pause.setAttribute("aria-pressed", "false");
    const tools = make("div", { className: "hw-toolbar" }, state, label, filter, pause, clear, count);
    root.replaceChildren(tools, make("div", { className: "hw-scroll" }, table), empty);

    const entries = []; // {id, verdict, line, detail}, newest first
    const waiting = []; // rows that came while paused
    let paused = false;

    function show(entry) {
      const wanted = !filter.value || entry.verdict === filter.value;
      entry.line.hidden = !wanted;
      entry.detail.hidden = !wanted || !entry.open;
    }

    function toggle(entry) {
      entry.open = !entry.open;
      entry.line.querySelector(".hw-opener").setAttribute("aria-expanded", String(entry.open));
      show(entry);
    }

    function tally() {
      const shown = entries.filter((entry) => !entry.line.hidden).length;
      const held = waiting.length ? `, ${waiting.length} waiting` : "";
      count.textContent = `${shown} of ${entries.length}${held}`;
      empty.hidden = entries.length > 0;
      table.hidden = entries.length === 0;
    }

    function forget(entry) {
      entry.line.remove();
      entry.detail.remove();
    }

    function offerVerdict(verdict) {
      const known = [...filter.options].some((option) => option.value === verdict);
      if (!known) filter.append(new Option(verdict, verdict));
    }

    function insert(row) {
      // After a lost connection the site may tell the same rows again.
      if (row.id !== undefined && entries.some((entry) => entry.id === row.id)) return;
      const entry = { id: row.id, verdict: asText(row.verdict), open: false };
      entry.line = summary(row);
      entry.detail = details(row);
      entry.line.addEventListener("click", () => {
        if (String(window.getSelection()) === "") toggle(entry);
      });
      offerVerdict(entry.verdict);
      show(entry);
      body.prepend(entry.line, entry.detail);
      entries.unshift(entry);
      if (entries.length > ROWS_MAX) forget(entries.pop());
    }

    function receive(event) {
      let row;
      try {
        row = JSON.parse(event.data);
      } catch {
        return; // half a row is no row
      }
      if (row === null || typeof row !== "object") return;
      if (!paused) insert(row);
      else if (waiting.push(row) > ROWS_MAX) waiting.shift();
      tally();
    }

    function status(text, tone) {
      state.textContent = text;
      state.dataset.tone = tone;
    }

    pause.addEventListener("click", () => {
      paused = !paused;
      pause.setAttribute("aria-pressed", String(paused));
      pause.textContent = paused ? "Resume" : "Pause";
      status(paused ? "paused" : "live", paused ? "warn" : "ok");
      if (!paused) waiting.splice(0).forEach(insert);
      tally();
    });

    clear.addEventListener("click", () => {
      entries.splice(0).forEach(forget);
      waiting.length = 0;
      tally();
    });

    filter.addEventListener("change", () => {
      entries.forEach(show);
      tally();
    });

    // Arrow keys walk the rows; Enter and Space open one, as on any button.
    body.addEventListener("keydown", (event) => {
      const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
      if (!step || !event.target.matches(".hw-opener")) return;
      const openers = [...body.querySelectorAll(".hw-row:not([hidden]) .hw-opener")];
      openers[openers.indexOf(event.target) + step]?.focus();
      event.preventDefault();
    });

    const source = new EventSource(root.dataset.events || "/inspector/events");
    source.addEventListener("message", receive);
    source.addEventListener("open", () => !paused && status("live", "ok"));
    source.addEventListener("error", () => status("reconnecting", "warn"));
    tally();
  }

  const root = document.getElementById("hw-inspector");
  if (root) inspector(root);
})();
