/*
 * Which colours the reader chose, put on the page before it is painted: "light",
 * "dark", or nothing, which leaves it to the system.  site.js has the button.
 */
(function () {
  "use strict";

  try {
    const chosen = localStorage.getItem("hw-theme");
    if (chosen === "light" || chosen === "dark") document.documentElement.dataset.theme = chosen;
  } catch {
    // A browser that keeps nothing for this page: the system's colours it is.
  }
})();
