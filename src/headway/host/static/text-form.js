/*
 * The tools over a field for text: each writes the signs of a mark around what is chosen.
 *
 * <textarea data-text-form>, and on the page <datalist id="hw-people"> of whom a text may
 * mention.  Without a script the signs are typed; what they are stands below the field.
 * One tool is in the order of Tab, the arrows lead to the others ("Toolbar pattern", ARIA
 * Authoring Practices).
 */

"use strict";

(() => {
  const TOOLS = [
    { name: "Bold", key: "b", around: ["**", "**"], say: "bold" },
    { name: "Italic", key: "i", around: ["*", "*"], say: "italic" },
    { name: "Code", key: "e", around: ["`", "`"], say: "code" },
    { name: "Link", key: "k", around: ["[", "](https://)"], say: "text", link: true },
    { name: "Heading", before: () => "## " },
    { name: "List", before: () => "- " },
    { name: "Numbers", before: (at) => `${at + 1}. ` },
    { name: "Quote", before: () => "> " },
    { name: "Block", around: ["```\n", "\n```"], say: "code", lines: true },
  ];

  /** Put *text* in the place of what is chosen, so that the browser can undo it. */
  function put(field, text, from, to) {
    field.focus();
    field.setSelectionRange(from, to);
    const done = text && document.execCommand("insertText", false, text);
    if (!done) field.setRangeText(text, from, to, "end");
  }

  function chosen(field) {
    return [field.selectionStart, field.selectionEnd];
  }

  function surround(field, tool) {
    const [from, to] = chosen(field);
    const inside = field.value.slice(from, to) || tool.say;
    let [before, after] = tool.around;
    if (tool.lines && from > 0 && field.value[from - 1] !== "\n") before = `\n${before}`;
    if (tool.lines && to < field.value.length && field.value[to] !== "\n") after += "\n";
    put(field, before + inside + after, from, to);
    const start = from + before.length;
    if (!tool.link) {
      field.setSelectionRange(start, start + inside.length);
      return;
    }
    // The address is next.
    const address = start + inside.length + 2;
    field.setSelectionRange(address, address + "https://".length);
  }

  /** Begin each line that is chosen with a sign; where all have it, take it off. */
  function begin(field, tool) {
    const [from, to] = chosen(field);
    const start = field.value.lastIndexOf("\n", from - 1) + 1;
    const found = field.value.indexOf("\n", to);
    const end = found < 0 ? field.value.length : found;
    const lines = field.value.slice(start, end).split("\n");
    const all = lines.every((line, at) => line.startsWith(tool.before(at)));
    const made = lines.map((line, at) =>
      all ? line.slice(tool.before(at).length) : tool.before(at) + line,
    );
    const apart = !all && start > 0 && field.value[start - 2] !== "\n" ? "\n" : "";
    put(field, apart + made.join("\n"), start, end);
    const at = start + apart.length;
    field.setSelectionRange(at, at + made.join("\n").length);
  }

  function use(field, tool) {
    if (tool.around) surround(field, tool);
    else begin(field, tool);
  }

  function mention(field, option) {
    const [from, to] = chosen(field);
    const name = option.textContent.replace(/[\\[\]]/g, "\\$&");
    put(field, `[@${name}](account:${option.value}) `, from, to);
  }

  // ---- the tools of one field -------------------------------------------------------

  function toolbar(field) {
    const bar = document.createElement("div");
    bar.className = "hw-tools";
    bar.setAttribute("role", "toolbar");
    const label = document.querySelector(`label[for="${CSS.escape(field.id)}"]`);
    bar.setAttribute("aria-label", `Marks for: ${label?.textContent ?? "the text"}`);
    bar.setAttribute("aria-controls", field.id);
    const buttons = TOOLS.map((tool, at) => {
      const button = document.createElement("button");
      button.type = "button";
      button.className = "hw-button small";
      button.textContent = tool.name;
      button.tabIndex = at === 0 ? 0 : -1;
      if (tool.key) {
        button.title = `Ctrl+${tool.key.toUpperCase()}`;
        button.setAttribute("aria-keyshortcuts", `Control+${tool.key.toUpperCase()}`);
      }
      button.addEventListener("click", () => use(field, tool));
      return button;
    });
    bar.append(...buttons);
    bar.addEventListener("keydown", (event) => step(event, buttons));
    const people = document.querySelectorAll("#hw-people option");
    if (people.length) bar.append(picker(field, people));
    return bar;
  }

  function step(event, buttons) {
    const at = buttons.indexOf(event.target);
    const to = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: -1 }[event.key];
    if (at < 0 || to === undefined) return;
    event.preventDefault();
    const next = buttons.at(to % buttons.length);
    for (const button of buttons) button.tabIndex = button === next ? 0 : -1;
    next.focus();
  }

  function picker(field, people) {
    const select = document.createElement("select");
    select.setAttribute("aria-label", "Mention somebody");
    select.append(new Option("Mention", ""));
    for (const one of people) select.append(new Option(one.label, one.value));
    // By keyboard a choice is only looked at until it is made.
    const made = () => {
      if (select.value) mention(field, select.selectedOptions[0]);
      select.value = "";
    };
    let byKey = false;
    select.addEventListener("keydown", (event) => {
      byKey = event.key !== "Enter";
      if (event.key === "Enter") {
        event.preventDefault();
        made();
      }
    });
    select.addEventListener("pointerdown", () => (byKey = false));
    select.addEventListener("change", () => byKey || made());
    return select;
  }

  for (const field of document.querySelectorAll("textarea[data-text-form]")) {
    field.before(toolbar(field));
    field.addEventListener("keydown", (event) => {
      if (!(event.ctrlKey || event.metaKey) || event.altKey || event.shiftKey) return;
      const tool = TOOLS.find(({ key }) => key && key === event.key.toLowerCase());
      if (!tool) return;
      event.preventDefault();
      use(field, tool);
    });
  }
})();
