// The demo app's panel. It holds no token longer than one call: it asks the host's
// bridge for a context token each time, and sends it to its own back end in the header.
"use strict";

const issue = document.body.dataset.issue;
const site = document.body.dataset.site;
const WAYS = { header: "Authorization: JWT …", url: "?jwt=…" };

async function own(path, options = {}) {
  const token = await new Promise((resolve, reject) => {
    // A page that is being left gets none.
    AP.context.getToken((got) => (got ? resolve(got) : reject(new Error("no token"))));
  });
  const headers = { ...options.headers, Authorization: `JWT ${token}` };
  return fetch(path, { ...options, headers, credentials: "omit" });
}

function cell(text, className) {
  const td = document.createElement("td");
  td.textContent = text;
  if (className) td.className = className;
  return td;
}

function why(told) {
  if (told["headway-refusal"]) return told["headway-refusal"];
  if (told["headway-phase"]) return `${told["headway-phase"]}, ends ${told.sunset ?? "some day"}`;
  return "";
}

async function call(way) {
  const answer = await own("call", {
    method: "POST",
    body: JSON.stringify({ way }),
    headers: { "Content-Type": "application/json" },
  });
  const table = document.getElementById("answers");
  table.caption.textContent = answer.ok ? WAYS[way] : `the app answered ${answer.status}`;
  const rows = answer.ok ? Object.entries(await answer.json()) : [];
  const said = rows.map(([, { told }]) => told["headway-disclaimer"]).find(Boolean);
  document.getElementById("dates").textContent = said ?? "";
  table.tBodies[0].replaceChildren(...rows.map(([key, { status, told }]) => {
    const row = document.createElement("tr");
    row.append(cell(key), cell(status, status < 400 ? "good" : "bad"), cell(why(told)));
    return row;
  }));
  table.hidden = false;
  table.dataset.way = way;
  fit();
}

async function save(file) {
  const answer = await own(`file?id=${encodeURIComponent(file.id)}`);
  const link = document.createElement("a");
  link.href = URL.createObjectURL(await answer.blob());
  link.download = file.filename;
  link.click();
  URL.revokeObjectURL(link.href);
}

function listed(file) {
  const item = document.createElement("li");
  const name = document.createElement("span");
  name.className = "name";
  name.textContent = file.filename;
  const through = document.createElement("button");
  through.type = "button";
  through.textContent = "through the app";
  through.addEventListener("click", () => save(file));
  const direct = document.createElement("a");
  direct.textContent = "from the site, as you";
  direct.href = `${site}${file.path}`;
  direct.target = "_blank";
  direct.rel = "noreferrer";
  item.append(name, through, direct);
  return item;
}

async function files() {
  const answer = await own("files");
  const found = answer.ok ? await answer.json() : [];
  document.querySelector("#files ul").replaceChildren(...found.map(listed));
  const shelf = document.getElementById("files");
  if (issue) shelf.setAttribute("aria-label", `Files of ${issue}`);
  shelf.hidden = found.length === 0;
  fit();
}

// What stands in the macro, and how it is to be said: the page that it is on knows.
function note() {
  AP.confluence.getMacroData(({ tone }) => (document.body.dataset.tone = tone ?? "calm"));
  AP.confluence.getMacroBody((text) => {
    const place = document.getElementById("note");
    place.textContent = text;
    place.hidden = !text;
    fit();
  });
}

function fit() {
  AP.resize("100%", `${document.documentElement.scrollHeight}px`);
}

for (const button of document.querySelectorAll("button[data-way]")) {
  button.addEventListener("click", () => call(button.dataset.way));
  button.disabled = false; // before this line a click would be lost
}
files();
if (document.body.dataset.shows === "macro") note();
