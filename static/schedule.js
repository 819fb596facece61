/* The week as a grid: a second view of the inputs of the week form, which stay the truth. Whatever is done here is written
   into them and told by a change event; whatever is typed there is drawn here. A window is {start, end} in minutes. */
(() => {
  "use strict";

  const DAY = 24 * 60;
  const MOST_WINDOWS = 12;
  // Pixels that a pointer may wander and still have clicked.
  const STILL = 4;

  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const week = () => document.getElementById("week");
  const part = (name) => document.querySelector(`[data-schedule] [data-${name}]`);
  const tracks = () => all("[data-schedule] .track");
  const trackOf = (day) => document.getElementById(`track-${day}`);
  const step = () => Number(part("step")?.value ?? 30);

  const clock = (minute) => `${String(Math.floor(minute / 60)).padStart(2, "0")}:${String(minute % 60).padStart(2, "0")}`;
  const span = (one) => `${clock(one.start)}–${clock(one.end)}`;
  const nameOf = (day) => day[0].toUpperCase() + day.slice(1);
  const clamp = (minute, least = 0, most = DAY) => Math.min(Math.max(minute, least), most);
  const snap = (minute) => clamp(Math.round(minute / step()) * step());

  // Where the keyboard is; the windows that it has begun or that were clicked; the day that was copied.
  const at = { day: "monday", minute: 9 * 60, anchor: null, chosen: null, copied: null };
  let drag = null;
  const hint = part("hint")?.textContent;

  // Reading and writing the inputs

  function minuteOf(text, isEnd) {
    const found = /^([01]\d|2[0-3]):([0-5]\d)$/.exec(text.trim());
    if (found) return Number(found[1]) * 60 + Number(found[2]);
    return isEnd && text.trim() === "24:00" ? DAY : null;
  }

  const box = (day) => week().querySelector(`[data-windows="${day}"]`);

  function typed(day) {
    return all(".window", box(day)).map((one) => {
      const [start, end] = all("input", one).map((input) => input.value);
      return { texts: [start, end], start: minuteOf(start, false), end: minuteOf(end, true) };
    });
  }

  const isWhole = (one) => one.start !== null && one.end !== null && one.start < one.end;
  const windowsOf = (day) => typed(day).filter(isWhole).map(({ start, end }) => ({ start, end }));

  function drawn(html, day, index, texts) {
    const holder = document.createElement("template");
    const [start, end] = texts;
    const filled = { NAME: nameOf(day), DAY: day, INDEX: index };
    holder.innerHTML = html.replace(/NAME|DAY|INDEX/g, (word) => filled[word]);
    const made = holder.content.firstElementChild;
    all("input", made).forEach((input, place) => input.setAttribute("value", texts[place]));
    const button = made.querySelector("button");
    for (const name of ["aria-label", "title"]) button.setAttribute(name, `Remove ${nameOf(day)} ${start} to ${end}`);
    return made;
  }

  /* Write a day; what was typed and is no window yet stays, after the others. Whether it could be done. */
  function write(day, windows) {
    const unread = typed(day).filter((one) => !isWhole(one)).map((one) => one.texts);
    const rows = [...windows].sort((a, b) => a.start - b.start).map((one) => [clock(one.start), clock(one.end)]);
    const texts = [...rows, ...unread];
    if (texts.length > MOST_WINDOWS) {
      say(`${nameOf(day)} would have more than ${MOST_WINDOWS} times`);
      return false;
    }
    const html = document.getElementById("window-template").innerHTML.trim();
    const list = box(day).querySelector(".windows");
    list.replaceChildren(...texts.map((each, index) => drawn(html, day, index, each)));
    htmx.process(list);
    document.getElementById("hours-mode-week").checked = true;
    tell(list);
    return true;
  }

  function tell(field) {
    draw();
    field.dispatchEvent(new Event("change", { bubbles: true }));
  }

  /* The others and this one, which swallows what it covers; touching ones stay apart. */
  function joined(windows, added) {
    const over = windows.filter((one) => one.start < added.end && added.start < one.end);
    const rest = windows.filter((one) => !over.includes(one));
    const whole = {
      start: Math.min(added.start, ...over.map((one) => one.start)),
      end: Math.max(added.end, ...over.map((one) => one.end)),
    };
    return { windows: [...rest, whole], whole };
  }

  function paint(day, added, replaced = null) {
    const others = windowsOf(day).filter((one) => !replaced || one.start !== replaced.start || one.end !== replaced.end);
    const { windows, whole } = joined(others, added);
    if (!write(day, windows)) return null;
    return whole;
  }

  function remove(day, gone) {
    write(day, windowsOf(day).filter((one) => one.start !== gone.start || one.end !== gone.end));
    say(`${nameOf(day)} ${span(gone)} removed`);
  }

  const windowAt = (day, minute) => windowsOf(day).find((one) => one.start <= minute && minute < one.end) ?? null;

  // Drawing

  function bar(one, classes) {
    const made = document.createElement("span");
    made.className = classes;
    made.style.setProperty("--from", one.start);
    made.style.setProperty("--to", one.end);
    return made;
  }

  function drawTrack(track) {
    const day = track.dataset.day;
    const here = day === at.day;
    const bars = windowsOf(day).map((one) => {
      const moved = drag?.day === day && drag.old && drag.old.start === one.start && drag.old.end === one.end;
      const chosen = at.chosen?.day === day && at.chosen.start === one.start && at.chosen.end === one.end;
      const made = bar(one, `open${moved ? " moved" : ""}${chosen ? " chosen" : ""}`);
      made.dataset.start = one.start;
      made.dataset.end = one.end;
      for (const edge of ["start", "end"]) {
        const handle = document.createElement("span");
        handle.className = `edge edge-${edge}`;
        handle.dataset.edge = edge;
        made.append(handle);
      }
      const words = document.createElement("span");
      words.className = "words";
      words.textContent = span(one);
      made.append(words);
      return made;
    });
    if (drag?.day === day && drag.now) bars.push(bar(drag.now, "open painted"));
    if (here && at.anchor !== null) bars.push(bar(begun(), "open painted"));
    if (here) bars.push(bar({ start: at.minute, end: clamp(at.minute + step()) }, "cell"));
    track.replaceChildren(...bars);
    track.tabIndex = here ? 0 : -1;
    track.setAttribute("aria-valuenow", at.minute);
    track.setAttribute("aria-valuetext", state(day, at.minute));
  }

  function state(day, minute) {
    if (document.getElementById("hours-mode-always").checked) return `${clock(minute)}, always open`;
    if (day === at.day && at.anchor !== null) return `${span(begun())}, not ended yet`;
    const one = windowAt(day, minute);
    return `${clock(minute)}, ${one ? `open ${span(one)}` : "closed"}`;
  }

  function draw() {
    if (!part("hint")) return;
    for (const day of tracks().map((track) => track.dataset.day)) {
      box(day).querySelector(".closed").hidden = all(".window", box(day)).length > 0;
    }
    tracks().forEach(drawTrack);
    part("tools").hidden = at.chosen === null;
  }

  /* Said beside the grid, and to a screen reader unless it only repeats what a slider says of itself. */
  function show(text) {
    part("hint").textContent = text;
  }

  function say(text) {
    show(text);
    const region = document.getElementById("announcements");
    region.textContent = "";
    setTimeout(() => { region.textContent = text; }, 50);
  }

  function choose(day, one) {
    at.chosen = one && { day, ...one };
    if (one) show(`${nameOf(day)} ${span(one)}`);
    draw();
  }

  // The pointer

  function minuteUnder(track, event) {
    const area = track.getBoundingClientRect();
    return clamp(((event.clientX - area.left) / area.width) * DAY);
  }

  function grabbed(event, minute) {
    const bar = event.target.closest(".open");
    if (!bar?.dataset.start) return { how: "paint", old: null };
    const old = { start: Number(bar.dataset.start), end: Number(bar.dataset.end) };
    return { how: event.target.dataset.edge ?? "move", old, hold: minute - old.start };
  }

  function dragged(minute) {
    const { how, old, from, hold } = drag;
    if (how === "start") return { start: clamp(Math.min(snap(minute), old.end - step())), end: old.end };
    if (how === "end") return { start: old.start, end: clamp(Math.max(snap(minute), old.start + step())) };
    if (how === "move") {
      const length = old.end - old.start;
      const start = clamp(snap(minute - hold), 0, DAY - length);
      return { start, end: start + length };
    }
    const size = step();
    // Both cells are painted: the one where it began, and the one that the pointer is over.
    const [first, last] = [from, minute].map((each) => Math.min(Math.floor(each / size) * size, DAY - size)).sort((a, b) => a - b);
    return { start: first, end: last + size };
  }

  document.addEventListener("pointerdown", (event) => {
    const track = event.button === 0 && event.target.closest?.("[data-schedule] .track");
    if (!track) return;
    const minute = minuteUnder(track, event);
    drag = { day: track.dataset.day, from: minute, x: event.clientX, now: null, ...grabbed(event, minute) };
    track.setPointerCapture(event.pointerId);
    at.day = drag.day;
    at.anchor = null;
    at.minute = Math.min(Math.floor(minute / step()) * step(), DAY - step());
  });

  document.addEventListener("pointermove", (event) => {
    if (!drag || (!drag.now && Math.abs(event.clientX - drag.x) <= STILL)) return;
    drag.now = dragged(minuteUnder(trackOf(drag.day), event));
    show(`${nameOf(drag.day)} ${span(drag.now)}`);
    drawTrack(trackOf(drag.day));
  });

  document.addEventListener("pointerup", () => {
    if (!drag) return;
    const { day, now, old } = drag;
    drag = null;
    if (!now) choose(day, old);
    else place(day, now, old);
  });

  for (const name of ["pointercancel", "keydown"]) {
    document.addEventListener(name, (event) => {
      if (!drag || (name === "keydown" && event.key !== "Escape")) return;
      drag = null;
      draw();
    });
  }

  function place(day, added, old) {
    const whole = paint(day, added, old);
    if (whole) say(`${nameOf(day)} ${span(whole)} open`);
    choose(day, whole);
  }

  // The keyboard

  function begun() {
    const [first, last] = [at.anchor, at.minute].sort((a, b) => a - b);
    return { start: first, end: clamp(last + step()) };
  }

  function move(minutes) {
    at.minute = clamp(at.minute + minutes, 0, DAY - step());
  }

  function changeDay(way) {
    const days = tracks().map((track) => track.dataset.day);
    at.anchor = null;
    at.day = days[(days.indexOf(at.day) + way + days.length) % days.length];
  }

  function startOrEnd() {
    if (at.anchor === null) {
      at.anchor = at.minute;
      at.chosen = null;
      say(`From ${clock(at.minute)}: move to the end, then press Space`);
      return;
    }
    const added = begun();
    at.anchor = null;
    place(at.day, added, null);
  }

  function resize(edge, minutes) {
    const old = windowAt(at.day, at.minute);
    if (!old) return say("No hours here to resize");
    const changed = { ...old, [edge]: clamp(old[edge] + minutes) };
    if (changed.end - changed.start < step()) return say("As short as it can be");
    place(at.day, changed, old);
    at.minute = clamp(at.minute, changed.start, changed.end - step());
  }

  function removeHere() {
    const old = windowAt(at.day, at.minute);
    if (!old) return say("No hours here to remove");
    at.chosen = null;
    remove(at.day, old);
  }

  function copyDay() {
    at.copied = { day: at.day, windows: windowsOf(at.day) };
    say(`${nameOf(at.day)} copied`);
  }

  function pasteDay() {
    if (!at.copied) return say("No day is copied yet");
    if (write(at.day, at.copied.windows)) say(`${nameOf(at.day)} is as ${nameOf(at.copied.day)} was`);
  }

  function forget() {
    at.anchor = null;
    at.chosen = null;
  }

  function cancel() {
    forget();
    show(hint);
  }

  const KEYS = {
    ArrowLeft: () => move(-step()),
    ArrowRight: () => move(step()),
    ArrowUp: () => changeDay(-1),
    ArrowDown: () => changeDay(1),
    PageUp: () => move(-3 * 60),
    PageDown: () => move(3 * 60),
    Home: () => move(-DAY),
    End: () => move(DAY),
    " ": startOrEnd,
    Enter: startOrEnd,
    Delete: removeHere,
    Backspace: removeHere,
    Escape: cancel,
    "shift+ArrowLeft": () => resize("end", -step()),
    "shift+ArrowRight": () => resize("end", step()),
    "shift+ArrowUp": () => resize("start", -step()),
    "shift+ArrowDown": () => resize("start", step()),
    "ctrl+c": copyDay,
    "ctrl+v": pasteDay,
  };

  document.addEventListener("keydown", (event) => {
    const track = event.target.closest?.("[data-schedule] .track");
    if (!track || event.altKey) return;
    const prefix = event.ctrlKey || event.metaKey ? "ctrl+" : event.shiftKey ? "shift+" : "";
    const act = KEYS[prefix + event.key];
    if (!act) return;
    event.preventDefault();
    act();
    draw();
    trackOf(at.day).focus();
  });

  document.addEventListener("focusin", (event) => {
    const day = event.target.closest?.("[data-schedule] .track")?.dataset.day;
    if (!day || day === at.day) return;
    at.day = day;
    at.anchor = null;
    draw();
  });

  // The two buttons beside the words; the step; what is typed; what the server has changed

  document.addEventListener("click", (event) => {
    const { chosen } = at;
    if (!chosen) return;
    if (event.target.closest("[data-remove]")) {
      at.chosen = null;
      remove(chosen.day, chosen);
      trackOf(chosen.day).focus();
    } else if (event.target.closest("[data-edit]")) {
      const place = typed(chosen.day).findIndex((one) => one.start === chosen.start && one.end === chosen.end);
      const input = document.getElementById(`hours-${chosen.day}-${place}-start`);
      input?.focus();
      input?.select();
    }
  });

  document.addEventListener("input", (event) => {
    if (!event.target.closest("#week")) return;
    if (event.target === part("step")) at.minute = Math.min(snap(at.minute), DAY - step());
    else at.chosen = null;
    draw();
  });

  document.addEventListener("htmx:after:swap", (event) => {
    if (event.detail.ctx?.target?.id !== "week" || !part("hint")) return;
    forget();
    tell(week());
  });

  if (!part("hint")) return;
  draw();

  // Where there is no room for a whole day the morning is shown first. The page shows nothing that needs scripts before.
  document.addEventListener("DOMContentLoaded", () => {
    const first = tracks().flatMap((track) => windowsOf(track.dataset.day)).map((one) => one.start);
    const scroller = document.querySelector(".schedule-scroll");
    scroller.scrollLeft = (scroller.scrollWidth * Math.max(0, Math.min(9 * 60, ...first) - 60)) / DAY;
  });

  // Openings are told on the clock of whoever looks at them, which only the browser knows.
  const zone = document.getElementById("viewer-zone");
  const openings = document.getElementById("openings");
  zone.value = Intl.DateTimeFormat().resolvedOptions().timeZone ?? "";
  if (zone.value && zone.value !== openings.dataset.viewer) {
    // Htmx may be there before this script, or after it.
    const ask = () => openings.dispatchEvent(new Event("zone"));
    if (openings.hasAttribute("data-htmx-powered")) ask();
    else openings.addEventListener("htmx:after:init", ask, { once: true });
  }
})();
