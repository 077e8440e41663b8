/* Keeps the middle of the access page fresh. Asks this server alone; without it the page is loaded again by hand. */
"use strict";
(() => {
  const part = document.getElementById("stand");
  const told = document.getElementById("fresh");
  let tag = "", failed = 0;

  async function look() {
    if (document.hidden) return;
    try {
      const answer = await fetch(part.dataset.from, { headers: tag ? { "If-None-Match": tag } : {}, cache: "no-store" });
      if (answer.status === 304) { failed = 0; told.textContent = ""; return; }
      if (!answer.ok) throw new Error(String(answer.status));
      const open = [...part.querySelectorAll("details")].map((one) => one.open);
      const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
      part.replaceChildren(...fresh.body.childNodes);
      part.querySelectorAll("details").forEach((one, place) => { one.open = Boolean(open[place]); });
      tag = answer.headers.get("ETag") || "";
      failed = 0;
      told.textContent = "";
    } catch (fault) {
      failed += 1;
      if (failed === 3) told.textContent = document.documentElement.lang === "fr"
        ? "Cette page n’est plus à jour : le serveur ne répond pas." : "This page is not fresh any more: the server does not answer.";
    }
  }

  setInterval(look, Number(part.dataset.every));
  document.addEventListener("visibilitychange", look);
})();
