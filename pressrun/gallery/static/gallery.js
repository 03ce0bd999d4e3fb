// The gallery: what is shown, where the reader is, and what a key does.

import { Round, STATES, WORDS } from "./gallery-model.js";
import { cellElement, h, leftOutElement } from "./gallery-cards.js";
import { Panels } from "./gallery-panels.js";

const CHUNK = 40;
const POLL_MS = 20_000;
const SIZES = ["small", "medium", "large"];
const find = (id) => document.getElementById(id);

const root = find("gallery");
const round = new Round(root.dataset.api);
const panels = new Panels(find("panels"), find("toasts"));
const filter = { state: "undecided", axes: {}, mine: false };
const selected = new Set();
let shown = []; // cell ids, as of the last time a filter was set: cells do not jump away while they are decided
let drawn = 0;
let focus = null; // item id
let last = null;
let size = Math.max(0, SIZES.indexOf(localStorage.getItem("pressrun-size") ?? "medium"));

function draw() {
  shown = round.select(filter).map((cell) => cell.cell_id);
  drawn = 0;
  find("cells").replaceChildren();
  drawMore();
  if (!shown.length) find("cells").append(h("p", { class: "empty" }, emptyText()));
  const items = order();
  if (!items.includes(focus)) focus = items.find(isOpen) ?? items[0] ?? null;
  mark();
  drawBar();
}

// After a filter was set: from the top again.
function redrawAll() {
  draw();
  if (root.getBoundingClientRect().top < 0) root.scrollIntoView();
}

function emptyText() {
  if (filter.state === "undecided" && round.settledCells === round.data.cells.length) {
    return round.data.closed ? "This round is finished." : "Every cell is settled. Finish the round when you are content.";
  }
  return "Nothing matches these filters.";
}

function drawMore() {
  const next = shown.slice(drawn, drawn + CHUNK).map((id) => cellElement(round, round.cells.get(id)));
  drawn += next.length;
  find("cells").append(...next);
  return next.length > 0;
}

function redraw(cellIds) {
  for (const id of cellIds) {
    const old = find("cells").querySelector(`[data-cell="${CSS.escape(id)}"]`);
    if (old) old.replaceWith(cellElement(round, round.cells.get(id)));
  }
  mark();
  drawBar();
}

function drawBar() {
  const { data } = round;
  const settled = round.settledCells;
  const total = data.cells.length;
  const chips = ["undecided", ...STATES, "all"].map((state) => h("button", {
    type: "button", class: filter.state === state ? "chip on" : "chip", "data-state": state,
  }, state === "all" ? "All" : cap(WORDS[state]), h("span", {}, String(round.select({ ...filter, state }).length))));
  const partly = data.cells.some((cell) => cell.may_decide) && data.cells.some((cell) => !cell.may_decide);
  if (partly) chips.push(h("button", { type: "button", class: filter.mine ? "chip on" : "chip", "data-mine": "1" }, "My markets"));
  find("states").replaceChildren(...chips);
  find("progress").max = total || 1;
  find("progress").value = settled;
  find("progress-text").textContent = `${settled} of ${total} cells settled`;
  const finish = find("finish");
  finish.hidden = !data.may_finish;
  finish.classList.toggle("ready", settled === total);
  notice();
}

function notice() {
  const { data } = round;
  let text = "";
  if (data.closed) text = `${data.closed.by} finished this round. ${data.closed.counts.approved} approved${data.closed.carried_over ? `, ${data.closed.carried_over} of them carried over` : ""}.`;
  else if (!data.may_decide) text = "You may look at this round and not decide in it.";
  if (selected.size) text = `${selected.size} selected: A approve, X reject, C ask for changes, Esc to let go.`;
  find("notice").textContent = text;
  find("notice").hidden = !text;
}

function drawAxes() {
  const selects = Object.entries(round.data.filters).filter(([, values]) => values.length > 1).map(([axis, values]) =>
    h("select", { "data-axis": axis, "aria-label": axis },
      h("option", { value: "" }, axis === "locale" ? "All markets" : `Any ${axis}`),
      values.map((value) => h("option", { value }, value))));
  find("axes").replaceChildren(...selects);
}

const cap = (text) => text[0].toUpperCase() + text.slice(1);
const order = () => shown.flatMap((id) => round.cells.get(id).candidates.map((one) => one.item_id));
const card = (id) => find("cells").querySelector(`[data-item="${CSS.escape(id)}"]`);
const isOpen = (id) => {
  const { cell, candidate } = round.items.get(id);
  return cell.may_decide && cell.open && candidate.state === "undecided";
};

function mark(scroll = false) {
  for (const old of find("cells").querySelectorAll(".focus, .selected")) old.classList.remove("focus", "selected");
  for (const id of selected) card(id)?.classList.add("selected");
  if (!focus) return;
  while (!card(focus) && drawMore());
  const element = card(focus);
  if (!element) return;
  element.classList.add("focus");
  if (scroll) element.closest(".cell").scrollIntoView({ block: "nearest", behavior: "smooth" });
}

function go(id) {
  if (!id) return;
  focus = id;
  mark(true);
  if (panels.kind === "zoom") zoom();
}

function step(by) {
  const items = order();
  go(items[Math.min(items.length - 1, Math.max(0, items.indexOf(focus) + by))]);
}

// The nearest card above or below, by where it is on the screen.
function jump(down) {
  const here = card(focus)?.getBoundingClientRect();
  if (!here) return;
  if (down) while (drawn < shown.length && find("cells").lastElementChild.getBoundingClientRect().top < here.bottom + 900) drawMore();
  let best = null;
  for (const other of find("cells").querySelectorAll(".card")) {
    const there = other.getBoundingClientRect();
    const gap = down ? there.top - here.bottom : here.top - there.bottom;
    if (gap < -8) continue;
    const distance = gap * 3 + Math.abs(there.left + there.width / 2 - here.left - here.width / 2);
    if (!best || distance < best.distance) best = { id: other.dataset.item, distance };
  }
  if (best) go(best.id);
}

function advance(from) {
  const items = order();
  const start = items.indexOf(from);
  const next = [...items.slice(start + 1), ...items.slice(0, start)].find(isOpen);
  if (next) go(next);
  else {
    if (panels.kind === "zoom") panels.close();
    mark();
    if (round.settledCells === round.data.cells.length) panels.toast("Every cell is settled", "Finish the round when you are content.");
  }
}

function act(state) {
  const targets = (selected.size ? [...selected] : [focus]).filter((id) => id && round.items.get(id).cell.may_decide);
  if (!targets.length) {
    const closed = round.data.closed;
    if (focus) panels.toast(closed ? "This round is finished" : "You are not a reviewer of this market", "", true);
    return;
  }
  const note = panels.kind === "zoom" ? panels.note.value : "";
  const back = panels.kind === "zoom";
  const send = (reason, words) => {
    last = targets.at(-1);
    selected.clear();
    round.decide(targets, state, reason, words);
    if (back) zoom();
    advance(last);
  };
  if (state === "approved") {
    send("", note);
    return;
  }
  const { cell, candidate } = round.items.get(targets[0]);
  const title = targets.length > 1 ? `${targets.length} pictures` : `${cell.label} ${candidate.label}`;
  panels.reasons({ state, title, reasons: round.data.reasons, note, done: send });
}

function zoom() {
  const found = focus && round.items.get(focus);
  if (!found) return;
  panels.zoom(round, found.cell, found.candidate, act);
  const next = order()[order().indexOf(focus) + 1];
  if (next) new Image().src = round.url(round.items.get(next).candidate.image);
}

async function finish() {
  while (round.busy) await new Promise((resolve) => setTimeout(resolve, 60));
  const answer = await round.finish();
  if (answer.ok) panels.toast("Round finished", `${answer.body.approved} approved; the run goes on.`);
  else {
    const open = (answer.body.open_cells ?? []).slice(0, 6).map((cell) => cell.label).join("; ");
    panels.toast(answer.body.error, open ? "Shown now: what is missing." : answer.body.remedy ?? "", true);
    if (open) filter.state = "undecided";
  }
  await round.load();
  redrawAll();
}

function toggle(id) {
  if (!id || !round.items.get(id).cell.may_decide) return;
  if (!selected.delete(id)) selected.add(id);
  focus = id;
  mark();
  notice();
}

function resize(by) {
  size = Math.min(SIZES.length - 1, Math.max(0, size + by));
  localStorage.setItem("pressrun-size", SIZES[size]);
  find("cells").className = SIZES[size];
}

const ACTIONS = {
  a: () => act("approved"),
  x: () => act("rejected"),
  c: () => act("changes_requested"),
  ArrowRight: () => step(1),
  ArrowLeft: () => step(-1),
  j: () => step(1),
  k: () => step(-1),
  ArrowDown: () => jump(true),
  ArrowUp: () => jump(false),
  " ": () => (panels.kind === "zoom" ? panels.close() : zoom()),
  Enter: () => (panels.kind === "zoom" ? panels.close() : zoom()),
  s: () => toggle(focus),
  n: () => {
    if (panels.kind !== "zoom") zoom();
    panels.note?.focus();
  },
  z: () => go(last),
  "+": () => resize(1),
  "=": () => resize(1),
  "-": () => resize(-1),
  "?": () => panels.help(),
  Escape: () => {
    selected.clear();
    mark();
    notice();
  },
};

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || /^(TEXTAREA|SELECT|INPUT)$/.test(event.target.tagName)) return;
  if (!round.data) return;
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  if (panels.open && (key === "Escape" || (panels.kind === "help" && "? Enter".includes(key)))) panels.close();
  else if (panels.kind === "reasons") {
    if (!panels.pick(event.key)) return;
  } else if (ACTIONS[key]) {
    if ((key === " " || key === "Enter") && /^(BUTTON|A|SUMMARY)$/.test(event.target.tagName)) return;
    ACTIONS[key]();
  } else return;
  event.preventDefault();
});

find("cells").addEventListener("click", (event) => {
  const element = event.target.closest(".card");
  if (!element) return;
  const id = element.dataset.item;
  const button = event.target.closest("[data-do]");
  if (button) {
    if (!selected.has(id)) selected.clear();
    focus = id;
    act(button.dataset.do);
  } else if (event.ctrlKey || event.metaKey || event.shiftKey) toggle(id);
  else {
    go(id);
    zoom();
  }
});

find("states").addEventListener("click", (event) => {
  const chip = event.target.closest(".chip");
  if (!chip) return;
  if (chip.dataset.mine) filter.mine = !filter.mine;
  else filter.state = chip.dataset.state;
  chip.blur();
  redrawAll();
});
find("axes").addEventListener("change", (event) => {
  filter.axes[event.target.dataset.axis] = event.target.value;
  event.target.blur();
  redrawAll();
});
find("help").addEventListener("click", () => panels.help());
find("finish").addEventListener("click", finish);

round.onchange = (cellIds) => (cellIds ? redraw(cellIds) : redraw(shown.slice(0, drawn)));
round.onproblem = (error, remedy) => panels.toast(error, remedy ?? "", true);

new IntersectionObserver((entries) => {
  if (entries[0].isIntersecting && round.data) drawMore();
}, { rootMargin: "1200px" }).observe(find("more"));

// Others review at the same time; look at what they did, unless a decision of ours is on its way.
setInterval(async () => {
  if (document.hidden || round.busy || panels.open || round.data?.closed) return;
  const before = JSON.stringify(round.data);
  if ((await round.load()) && JSON.stringify(round.data) !== before) redraw(shown.slice(0, drawn).filter((id) => round.cells.has(id)));
}, POLL_MS);

resize(0);
// Inside Airflow the click on our tab left the keyboard with the page around this frame.
window.focus();
if (await round.load()) {
  const mine = round.data.cells.filter((cell) => cell.may_decide);
  filter.mine = mine.length > 0 && mine.length < round.data.cells.length;
  if (!round.select(filter).length) filter.state = "all";
  drawAxes();
  draw();
  if (round.data.left_out.length) {
    find("left-out").append(...leftOutElement(round, round.data.left_out));
    find("left-out").hidden = false;
  }
}
