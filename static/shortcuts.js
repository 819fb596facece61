/* Keys that do what a link or a button does. Whatever has a key says so in its data-keys: "n", or "g c" for two strokes, one
   after the other. Links in the sheet lead on by themselves, so nothing here is needed to get anywhere. */
(() => {
  "use strict";

  // The second stroke has to come within this.
  const PATIENCE_MS = 1500;
  const OFF = "cadenza.shortcuts";
  const sheet = document.getElementById("shortcuts");
  const listens = document.getElementById("shortcuts-on");

  // A browser that keeps nothing for us throws.
  function recall() {
    try { return localStorage.getItem(OFF) !== "off"; } catch { return true; }
  }

  function remember(on) {
    try { localStorage.setItem(OFF, on ? "on" : "off"); } catch { /* it holds for this page, then */ }
  }

  listens.checked = recall();
  listens.addEventListener("change", () => remember(listens.checked));

  function open() {
    for (const row of sheet.querySelectorAll("[data-needs]")) row.hidden = !document.querySelector(row.dataset.needs);
    sheet.showModal();
  }

  document.addEventListener("click", (event) => {
    if (event.target.closest("[data-opens-sheet]")) open();
    // What is clicked outside the sheet is its backdrop, which counts as the dialog itself.
    else if (event.target === sheet || event.target.closest("[data-close-sheet]")) sheet.close();
  });

  const typing = (at) => at.isContentEditable || at.matches("select, textarea:not([readonly]), input:not([type=checkbox], [type=radio])");
  const keyed = () => [...document.querySelectorAll("[data-keys]")];

  function search() {
    const field = [...document.querySelectorAll("[data-find]")].find((one) => one.checkVisibility()) ?? document.querySelector(".menu [data-find]");
    field?.closest("details")?.setAttribute("open", "");
    field?.focus();
    return Boolean(field);
  }

  // The rows of a list, one after the other, from the one that is open or has focus.
  function step(by) {
    const rows = [...document.querySelectorAll("[data-row]")].filter((one) => one.checkVisibility());
    const focused = rows.indexOf(document.activeElement);
    const from = focused < 0 ? rows.findIndex((one) => one.hasAttribute("aria-current")) : focused;
    rows[Math.min(Math.max(from + by, 0), rows.length - 1)]?.focus();
    return rows.length > 0;
  }

  // Whether these strokes lead somewhere.
  function act(strokes) {
    if (strokes === "/") return search();
    if (strokes === "j" || strokes === "k") return step(strokes === "j" ? 1 : -1);
    const one = keyed().find((each) => each.dataset.keys === strokes);
    one?.click();
    return Boolean(one);
  }

  let first = "";
  let waits;

  document.addEventListener("keydown", (event) => {
    const busy = event.defaultPrevented || event.isComposing || event.repeat || event.ctrlKey || event.metaKey || event.altKey;
    if (busy || event.key.length !== 1 || !listens.checked || sheet.open || typing(event.target)) return;
    const strokes = first ? `${first} ${event.key}` : event.key;
    clearTimeout(waits);
    first = "";
    if (act(strokes)) event.preventDefault();
    else if (keyed().some((one) => one.dataset.keys.startsWith(`${event.key} `))) {
      first = event.key;
      waits = setTimeout(() => { first = ""; }, PATIENCE_MS);
    }
  });
})();
