/* What pages do beyond plain links and forms. Everything here has a way without it: forms submit, links lead on.
   Sections: page, htmx manners, the sequence builder. */
(() => {
  "use strict";

  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;

  // Page

  function announce(text) {
    const region = document.getElementById("announcements");
    region.textContent = "";
    // A reader notices a change of text, not the same text again.
    setTimeout(() => { region.textContent = text; }, 50);
  }

  function toast(text, id) {
    const region = document.getElementById("toasts");
    document.getElementById(id)?.remove();
    const box = document.createElement("div");
    box.className = "toast";
    if (id) box.id = id;
    const words = document.createElement("span");
    words.textContent = text;
    const close = document.createElement("button");
    close.type = "button";
    close.className = "button button-quiet button-small";
    close.textContent = "Close";
    close.addEventListener("click", () => box.remove());
    box.append(words, close);
    region.append(box);
  }

  // What the page before has left to say stands here already when a reader begins to listen: it is said once more.
  const left = all("#flashes .notice > div").map((one) => one.textContent.trim()).join(" ");
  if (left) announce(left);

  document.addEventListener("click", (event) => {
    if (!event.target.closest(".notice [data-close]")) return;
    event.target.closest(".notice").remove();
    document.getElementById("main").focus();
  });

  document.addEventListener("submit", (event) => {
    const question = event.target.dataset.confirm;
    if (question && !confirm(question)) {
      event.preventDefault();
      event.stopPropagation();
    }
  }, true);

  document.addEventListener("keydown", (event) => {
    const menu = event.key === "Escape" && document.querySelector(".menu[open]");
    if (menu) {
      menu.open = false;
      menu.querySelector("summary").focus();
    }
  });

  document.addEventListener("click", (event) => {
    all(".menu[open]").filter((menu) => !menu.contains(event.target)).forEach((menu) => { menu.open = false; });
  });

  // The time zone of the browser is a better guess than none.
  const zone = document.querySelector("[data-guess-zone]");
  if (zone && !zone.value) zone.value = Intl.DateTimeFormat().resolvedOptions().timeZone ?? "";

  // How far off things are goes on by itself, on the server's clock, while somebody looks. What is read out when it
  // changes stays as it came. The same words as those of the filter `until`.

  const drawn = Date.now() - Date.parse(document.body.dataset.now);
  const units = [[172800, 86400, "days"], [3600, 3600, "h"], [60, 60, "min"], [1, 1, "s"]];

  function until(instant) {
    const seconds = (instant - (Date.now() - drawn)) / 1000;
    const found = units.find(([least]) => Math.abs(seconds) >= least);
    if (!found) return "now";
    const [, unit, name] = found;
    return seconds > 0 ? `in ${Math.ceil(seconds / unit)} ${name}` : `${Math.floor(-seconds / unit)} ${name} ago`;
  }

  function tick() {
    if (document.hidden) return;
    for (const one of all("[data-until]").filter((time) => !time.closest("[role=status], [aria-live]"))) {
      const words = until(Date.parse(one.dateTime));
      if (one.textContent !== words) one.textContent = words;
    }
  }
  setInterval(tick, 1000);
  document.addEventListener("visibilitychange", tick);

  // A text to take along. It is selected first: where a browser copies nothing for a page, Ctrl C does.
  document.addEventListener("click", async (event) => {
    const button = event.target.closest("[data-copies]");
    if (!button) return;
    const text = document.getElementById(button.dataset.copies);
    text.select();
    const copied = await copy(text.value);
    button.querySelector("span").textContent = copied ? "Copied" : "Selected";
    announce(copied ? "Copied" : "Selected: copy it with Ctrl C");
  });

  async function copy(text) {
    try {
      await navigator.clipboard.writeText(text);
      return true;
    } catch {
      return document.execCommand("copy");
    }
  }

  // Htmx manners

  const polled = (ctx) => ctx.sourceEvent?.type === "every";

  // A part that refreshes itself must not close what a person has opened.
  htmx.registerExtension("keep-open", {
    htmx_before_morph_attr: (elt, detail) => !(elt.tagName === "DETAILS" && detail.attrName === "open"),
  });

  document.addEventListener("htmx:before:request", (event) => {
    if (polled(event.detail.ctx) && document.hidden) event.preventDefault();
  });

  // Only 422 and 412 carry the fragment that was asked for; the page of any other error must not land inside this one.
  document.addEventListener("htmx:after:request", (event) => {
    const ctx = event.detail.ctx;
    const status = ctx.response.status;
    if (status < 400) document.getElementById("offline")?.remove();
    if (status < 400 && ctx.request.headers["HX-Request-Type"] === "partial" && /^\s*<!doctype/i.test(ctx.text)) {
      // A whole page where a part was asked for (signing in, say): go there.
      event.preventDefault();
      location.assign(ctx.response.raw.url);
      return;
    }
    if (status < 400 || status === 422 || status === 412 || ctx.hx.redirect) return;
    event.preventDefault();
    if (polled(ctx)) return;
    if (status === 400 || status === 401 || status === 403) toast("This page is out of date. Load it again, then try once more.");
    else if (status === 404) toast("This is gone. Somebody may have deleted it.");
    else if (status === 503) toast(new DOMParser().parseFromString(ctx.text, "text/html").querySelector("h1")?.textContent);
    else toast(`That did not work (${status}). Try again in a moment.`);
  });

  document.addEventListener("htmx:error", (event) => {
    if (event.detail.ctx) toast("The server does not answer. Nothing is lost; trying again may help.", "offline");
  });

  document.addEventListener("htmx:after:swap", () => {
    const field = document.querySelector("[data-focus]");
    field?.removeAttribute("data-focus");
    field?.focus();
  });

  // How long the text of a LinkedIn step is, counted as LinkedIn counts, each placeholder as one: the server's count,
  // while it is typed.
  const filledIn = /\{%.*?%\}|\{\{.*?\}\}|%[a-z][a-z_]*(?:\.[^%|]+)?(?:\s*\|[^%\n]*)?%/gs;

  function count(field) {
    const told = document.querySelector(`#${field.id}-length > .length`);
    const length = field.value.trim().replace(filledIn, (tag) => (tag.startsWith("{%") ? "" : "x")).length;
    const most = Number(field.dataset.most);
    told.classList.toggle("over", length > most);
    told.textContent = `${length.toLocaleString("en")} of ${most.toLocaleString("en")} characters`;
  }
  document.addEventListener("input", (event) => { if (event.target.dataset.most) count(event.target); });

  // What a part that came has to say stands in it; other parts may want to know that something has happened.
  document.addEventListener("htmx:after:swap", () => {
    for (const part of all("[data-said]")) {
      announce(part.dataset.said);
      part.removeAttribute("data-said");
      document.body.dispatchEvent(new Event("said"));
    }
  });

  // The navigation tells how many tasks are left, as the page does.
  document.addEventListener("htmx:after:swap", () => {
    const left = document.getElementById("task")?.dataset.left;
    if (left) all(".nav a[href$='/tasks'] [data-count]").forEach((count) => { count.textContent = Number(left).toLocaleString("en"); });
  });

  // What was wrong with a column of a file is told until it is chosen anew; below them stands what holds now.
  document.addEventListener("change", (event) => {
    const row = event.target.closest(".mapping tr");
    row?.querySelector(".errors")?.remove();
    row?.querySelector("[aria-invalid]")?.removeAttribute("aria-invalid");
  });

  // The sequence builder. The server owns the list: each change posts all of it once and takes back what is saved.
  // One change at a time: what is asked for meanwhile waits for the answer, so that no answer undoes it.

  const builder = { busy: false, holding: false, waiting: [], sent: new Map(), then: null, refused: false };

  const form = () => document.querySelector("form[data-builder]");
  const cards = () => all("[data-movable]", form());
  const fields = () => all("input:not([type=hidden]), textarea", form());
  const valueOf = (field) => (field.type === "checkbox" ? field.checked : field.value);

  function setValue(field, value) {
    if (field.type === "checkbox") field.checked = value;
    else field.value = value;
  }

  function submit(button) {
    form()?.requestSubmit(button ?? undefined);
  }

  // Names carry the place in the list at the moment of sending.
  function renumber() {
    all("[data-step]").forEach((card, index) => {
      all("[name^=nodes-]", card).forEach((field) => { field.name = field.name.replace(/^nodes-\d+/, `nodes-${index}`); });
      all(".tools button", card).forEach((button) => { button.value = button.value.replace(/\d+$/, index); });
    });
  }

  // Where focus is: by id, or else by the card's place, as a new step only gets its id from the server.
  function focused(index) {
    const at = document.activeElement;
    const card = at?.closest?.("[data-step]");
    if (!at?.id || !form()?.contains(at)) return null;
    return { id: at.id, index: index ?? all("[data-step]").indexOf(card), part: card ? at.id.slice(card.id.length) : null };
  }

  function refocus(spot) {
    if (!spot) return;
    const card = all("[data-step]")[spot.index];
    const at = document.getElementById(spot.id) ?? (card && document.getElementById(card.id + spot.part)) ?? card;
    if (at && at !== document.activeElement) at.focus({ preventScroll: true });
  }

  const labelAt = (index) => cards()[index]?.dataset.label ?? "Step";

  function firstField(index) {
    const card = cards()[index];
    const field = card && all("input:not([type=hidden]), textarea", card).find((one) => one.checkVisibility());
    field?.focus();
    field?.select();
  }

  // What to say and where to look once the server has agreed.
  function planned(button) {
    const total = cards().length;
    const [verb, value] = [button?.name, button?.value ?? ""];
    const index = Number(value.split(":").pop());
    if (verb === "move") {
      const to = value.startsWith("up") ? Math.max(index - 1, 0) : Math.min(index + 1, total - 1);
      return { say: `${labelAt(index)} moved to position ${to + 1} of ${total}`, spot: focused(to) };
    }
    if (verb === "remove") {
      const next = Math.min(index, total - 2);
      return {
        say: `${labelAt(index)} removed, ${total - 1} left`,
        look: () => (cards()[next]?.querySelector("[name=remove]") ?? form().querySelector("[name=add]"))?.focus(),
      };
    }
    if (verb === "copy" || verb === "add") {
      const at = verb === "copy" ? index + 1 : total;
      return { say: () => `${labelAt(at)} added at position ${at + 1} of ${total + 1}`, look: () => firstField(at) };
    }
    return { say: button ? "Saved" : "", spot: focused() };
  }

  document.addEventListener("submit", (event) => {
    if (!event.target.matches("form[data-builder]")) return;
    const button = event.submitter;
    const off = button?.getAttribute("aria-disabled") === "true";
    if (off || builder.busy || builder.holding) {
      event.preventDefault();
      event.stopPropagation();
      if (!off) wait(button ? () => submit(document.getElementById(button.id)) : submit);
      return;
    }
    renumber();
    builder.busy = true;
    builder.then = builder.next ?? planned(button);
    builder.next = null;
    builder.sent = new Map(fields().map((field) => [field.id, valueOf(field)]));
  }, true);

  function wait(action) {
    if (action === submit && builder.waiting.includes(submit)) return;
    builder.waiting.push(action);
  }

  function goOn() {
    if (!builder.busy && !builder.holding) builder.waiting.shift()?.();
  }

  document.addEventListener("change", (event) => {
    if (event.target.closest("form[data-builder]")) submit();
  });

  const asSaved = (field) => (field.type === "checkbox" ? field.defaultChecked : field.defaultValue);

  // Whoever leaves by the address or by closing the window has left no field: what was typed goes along.
  window.addEventListener("pagehide", () => {
    if (!form() || !fields().some((field) => valueOf(field) !== asSaved(field))) return;
    renumber();
    navigator.sendBeacon(form().action, new FormData(form()));
    builder.left = true;
  });

  // Coming back to the page as it was kept: what it shows is older than what it saved on leaving.
  window.addEventListener("pageshow", () => {
    if (builder.left) window.location.reload();
  });

  const mine = (event) => event.detail.ctx?.sourceElement?.matches?.("form[data-builder], #builder");

  document.addEventListener("htmx:before:swap", (event) => {
    if (!mine(event)) return;
    if (builder.holding) {
      // A card is in the air: let it land first, then send the list as it is.
      event.preventDefault();
      wait(submit);
      return;
    }
    builder.then.spot ??= builder.then.look ? null : focused();
    builder.typed = fields()
      .filter((field) => builder.sent.has(field.id) && builder.sent.get(field.id) !== valueOf(field))
      .map((field) => [field.id, valueOf(field)]);
  });

  document.addEventListener("htmx:after:swap", (event) => {
    if (!mine(event) || !form()) return;
    // The answer is what is saved, except for what was typed while it was on its way.
    const typed = new Map(builder.typed);
    for (const field of fields()) {
      if (typed.has(field.id)) setValue(field, typed.get(field.id));
      else if (field !== document.activeElement) setValue(field, asSaved(field));
    }
    finish(event.detail.ctx.response.status);
    sortable();
  });

  function finish(status) {
    const { say, look, spot } = builder.then;
    refocus(spot);
    look?.();
    const refused = status === 422 ? document.querySelector("#builder .notice-bad")?.innerText
      : status === 412 ? document.querySelector("#builder .notice-warn strong")?.innerText : "";
    const words = (typeof say === "function" ? say() : say) || (builder.refused && !refused ? "Saved" : "");
    builder.refused = Boolean(refused);
    if (words || refused) announce([refused && words === "Saved" ? "" : words, refused].filter(Boolean).join(". "));
  }

  document.addEventListener("htmx:finally:request", (event) => {
    if (!mine(event)) return;
    builder.busy = false;
    const status = event.detail.ctx.response?.status;
    if (!status || (status >= 400 && status !== 422 && status !== 412)) unsaved();
    setTimeout(goOn);
  });

  function unsaved() {
    builder.waiting = [];
    const state = document.getElementById("save-state");
    if (!state) return;
    state.classList.add("unsaved");
    state.textContent = "Not saved: the server did not take it. What you typed is still here.";
    announce(state.textContent);
  }

  document.addEventListener("keydown", (event) => {
    const way = { ArrowUp: "up", ArrowDown: "down" }[event.key];
    const card = way && event.altKey && event.target.closest?.("form[data-builder] [data-movable]");
    if (!card || event.target.tagName === "TEXTAREA") return;
    event.preventDefault();
    submit(document.getElementById(`${card.id}-${way}`));
  });

  // Taking the handle blurs the text that was being typed; its saving waits, and goes along with the drop.
  document.addEventListener("pointerdown", (event) => {
    if (event.target.closest("form[data-builder] [data-grip]")) builder.holding = true;
  }, true);

  function letGo() {
    if (!builder.holding) return;
    builder.holding = false;
    goOn();
  }
  for (const name of ["pointerup", "dragend"]) document.addEventListener(name, () => setTimeout(letGo));

  function dropped(event) {
    if (event.oldDraggableIndex === event.newDraggableIndex) return letGo();
    const list = cards();
    const order = list.map((card) => card.id);
    const to = list.indexOf(event.item);
    const say = `${event.item.dataset.label} moved to position ${to + 1} of ${list.length}`;
    const drop = () => {
      const end = document.querySelector(".step-end");
      order.map((id) => document.getElementById(id)).filter(Boolean).forEach((card) => end.before(card));
      builder.next = { say, spot: focused() };
      submit();
    };
    // The drop posts the whole list, what was typed included.
    builder.waiting = builder.waiting.filter((action) => action !== submit);
    builder.holding = false;
    builder.waiting.push(drop);
    goOn();
  }

  function sortable() {
    const list = document.querySelector("[data-steps]");
    if (!list || !window.Sortable || Sortable.get(list)) return;
    Sortable.create(list, {
      draggable: "[data-movable]",
      handle: "[data-grip]",
      animation: calm ? 0 : 140,
      ghostClass: "step-ghost",
      dragClass: "step-drag",
      scrollSensitivity: 80,
      onEnd: dropped,
    });
  }

  sortable();
})();
