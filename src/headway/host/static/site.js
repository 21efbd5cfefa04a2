/*
 * Small comforts for the site's pages; every page works without them.
 *
 *   form[data-confirm]     asks before it is sent
 *   form                   is sent once, however often the button is pressed
 *   button[data-copy=id]   copies the text of the element with that id (hidden without a script)
 *   time[datetime][data-ago]   says how long ago, as a tooltip
 *   .hw-flag[data-close=auto]  goes away by itself; .hw-flag-close closes its flag
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
})();
