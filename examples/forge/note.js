// Forge's front end of the example: bundle it to static/note/note.js (it needs @forge/bridge).
import { invokeRemote } from "@forge/bridge";

document.getElementById("form").addEventListener("submit", async (event) => {
  event.preventDefault();
  const answer = await invokeRemote({
    path: "/note",
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: { text: document.getElementById("text").value },
  });
  document.getElementById("said").textContent = (answer.body ?? answer).saved ? "Saved." : "Not saved.";
});
