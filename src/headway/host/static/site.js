/*
 * Small comforts for the site's pages; every page works without them.
 *
 *   form[data-confirm]     asks before it is sent
 *   form                   is sent once, however often the button is pressed
 *   button[data-copy=id]   copies the text of the element with that id (hidden without a script)
 *   time[datetime][data-ago]   says how long ago, as a tooltip
 *   .hw-flag[data-close=auto]  goes away by itself; .hw-flag-close closes its flag
 *   textarea                   Ctrl+Enter (or Command+Enter) sends its form
 *   button.hw-theme            the system's colours, light, dark; remembered (theme.js)
 *   form.hw-drop               takes files that are dropped on it, and says how far it is
 */
(function () {
  "use strict";

  const FLAG_TIME = 8_000; // milliseconds
  const RESEND_AFTER = 5_000; // milliseconds: a download leaves the page where it is

  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (form.dataset.confirm && !window.confirm(form.dataset.confirm)) {
      event.preventDefault();
      return;
    }
    if (form.dataset.sent) {
      event.preventDefault();
      return;
    }
    form.dataset.sent = "yes";
    setTimeout(() => delete form.dataset.sent, RESEND_AFTER);
  });

  // A page that comes back from the browser's memory can be sent again.
  window.addEventListener("pageshow", () => {
    for (const form of document.forms) delete form.dataset.sent;
  });

  document.addEventListener("click", async (event) => {
    const button = event.target.closest("button");
    if (!button) return;
    // Flags that an app raised are closed by the bridge, which tells the app.
    if (button.matches(".hw-flag-close[data-site]")) button.closest(".hw-flag").remove();
    if (!button.dataset.copy) return;
    await navigator.clipboard.writeText(document.getElementById(button.dataset.copy).textContent);
    const label = button.textContent;
    button.textContent = "Copied";
    setTimeout(() => (button.textContent = label), 1500);
  });

  for (const button of document.querySelectorAll("button[data-copy]")) button.hidden = false;
  for (const flag of document.querySelectorAll('.hw-flag[data-close="auto"]')) {
    setTimeout(() => flag.remove(), FLAG_TIME);
  }

  const UNITS = [["day", 86_400], ["hour", 3_600], ["minute", 60], ["second", 1]];

  function ago(date) {
    const seconds = Math.round((date - Date.now()) / 1000);
    const [unit, size] = UNITS.find(([, size]) => Math.abs(seconds) >= size) ?? UNITS.at(-1);
    const format = new Intl.RelativeTimeFormat("en", { numeric: "auto" });
    return format.format(Math.round(seconds / size), unit);
  }

  for (const time of document.querySelectorAll("time[datetime][data-ago]")) {
    time.title = ago(new Date(time.dateTime));
  }

  document.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
    if (!(event.target instanceof HTMLTextAreaElement)) return;
    event.target.form?.requestSubmit();
  });

  // On a narrow screen the menus scroll: what is open now is in sight.
  for (const here of document.querySelectorAll("nav [aria-current]")) {
    here.scrollIntoView({ block: "nearest", inline: "nearest" });
  }

  // ---- colours --------------------------------------------------------------

  const THEMES = { "": "system", light: "light", dark: "dark" };

  function dress(button) {
    const theme = document.documentElement.dataset.theme ?? "";
    button.textContent = { "": "\u25d0", light: "\u25cb", dark: "\u25cf" }[theme];
    button.setAttribute("aria-label", `Colours: ${THEMES[theme]}`);
    button.title = `Colours: ${THEMES[theme]}`;
  }

  function nextTheme(button) {
    const names = Object.keys(THEMES);
    const now = document.documentElement.dataset.theme ?? "";
    const next = names[(names.indexOf(now) + 1) % names.length];
    if (next) document.documentElement.dataset.theme = next;
    else delete document.documentElement.dataset.theme;
    try {
      if (next) localStorage.setItem("hw-theme", next);
      else localStorage.removeItem("hw-theme");
    } catch {
      // It holds for this page.
    }
    dress(button);
    document.dispatchEvent(new Event("hw-theme")); // the bridge tells apps
  }

  for (const button of document.querySelectorAll("button.hw-theme")) {
    button.hidden = false;
    dress(button);
    button.addEventListener("click", () => nextTheme(button));
  }

  // ---- files ----------------------------------------------------------------

  /** What the site said no with, for people. */
  function refusal(request) {
    try {
      return JSON.parse(request.responseText).errorMessages[0];
    } catch {
      return request.status ? `The site answered ${request.status}.` : "The site did not answer.";
    }
  }

  /** Send files by a request of its own, because only that tells how far it is. */
  function send(form, files) {
    const progress = form.querySelector("progress");
    const state = form.querySelector(".hw-drop-state");
    const size = [...files].reduce((sum, file) => sum + file.size, 0);
    if (!files.length || form.dataset.sending) return;
    if (size > Number(form.dataset.limit)) {
      state.textContent = "That is too much at once.";
      return;
    }
    const body = new FormData();
    for (const field of form.querySelectorAll("input[type=hidden]")) body.append(field.name, field.value);
    for (const file of files) body.append("file", file);
    const request = new XMLHttpRequest();
    const done = (text) => {
      delete form.dataset.sending;
      progress.hidden = true;
      state.textContent = text;
    };
    request.open("POST", form.action);
    request.setRequestHeader("Accept", "application/json");
    request.upload.addEventListener("progress", (event) => {
      if (event.lengthComputable) progress.value = event.loaded / event.total;
    });
    request.addEventListener("load", () => {
      if (request.status !== 204) return done(refusal(request));
      location.hash = "attachments";
      location.reload();
    });
    request.addEventListener("error", () => done(refusal(request)));
    form.dataset.sending = "yes";
    progress.value = 0;
    progress.hidden = false;
    state.textContent = files.length === 1 ? `Sending ${files[0].name}` : `Sending ${files.length} files`;
    request.send(body);
  }

  function dropTarget(form) {
    const input = form.querySelector("input[type=file]");
    const hint = form.querySelector("[data-drop-hint]");
    if (hint) hint.hidden = false;
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      send(form, input.files);
    });
    for (const kind of ["dragenter", "dragover"]) {
      form.addEventListener(kind, (event) => {
        if (![...event.dataTransfer.types].includes("Files")) return;
        event.preventDefault();
        form.classList.add("over");
      });
    }
    form.addEventListener("dragleave", (event) => {
      if (!form.contains(event.relatedTarget)) form.classList.remove("over");
    });
    form.addEventListener("drop", (event) => {
      form.classList.remove("over");
      if (!event.dataTransfer.files.length) return;
      event.preventDefault();
      send(form, event.dataTransfer.files);
    });
  }

  document.querySelectorAll("form.hw-drop").forEach(dropTarget);
})();
