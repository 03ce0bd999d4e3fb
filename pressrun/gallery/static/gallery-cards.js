// Cells and cards. Text goes in as text, never as markup.

import { WORDS } from "./gallery-model.js";

export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name === "on") for (const [event, handler] of Object.entries(value)) element.addEventListener(event, handler);
    else if (name in element && typeof value !== "string") element[name] = value;
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

export function when(text) {
  const moment = new Date(text);
  const seconds = Math.max(0, (Date.now() - moment) / 1000);
  if (seconds < 60) return "just now";
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ago`;
  if (seconds < 86400) return `${Math.floor(seconds / 3600)} h ago`;
  return moment.toLocaleDateString(undefined, { day: "numeric", month: "short", year: "numeric" });
}

// "rosa · just now", "kenji · carried over from scheduled__2026-03-01"
export function origin(decision) {
  if (!decision) return "";
  const words = [decision.by_name, when(decision.at)];
  if (decision.origin) words.push(`carried over from ${decision.origin.run_id ?? decision.origin.run_key}`);
  return words.join(" · ");
}

export function cellElement(round, cell) {
  const tags = Object.entries(cell.axes).filter(([axis]) => axis !== "product" && axis !== "locale");
  const status = cell.over ? "too many approved" : cell.open ? "" : "settled";
  return h("section", { class: `cell${cell.may_decide ? "" : " locked"}`, "data-cell": cell.cell_id },
    h("header", {},
      h("b", {}, cell.axes.product ?? cell.label),
      cell.locale && h("span", { class: "market", title: cell.locale_name }, cell.locale,
        cell.direction === "rtl" && h("i", { title: "right to left" }, "RTL")),
      tags.map(([axis, value]) => h("span", { class: "tag", title: axis }, value)),
      h("span", { class: "grow" }),
      status && h("span", { class: cell.over ? "status bad" : "status" }, status)),
    h("div", { class: "candidates" },
      cell.candidates.map((candidate) => cardElement(round, cell, candidate))));
}

// A film or a sound as it plays, anything else as a picture. `still` is what stands there until it does.
export function player(round, file, alt) {
  const url = round.url(file.url);
  const still = file.thumb ? round.url(file.thumb) : null;
  if (file.media_type.startsWith("video/")) {
    return h("video", { src: url, poster: still, controls: true, loop: true, muted: !file.sound, playsinline: true, preload: "metadata" });
  }
  if (file.medium === "sound") {
    return h("div", { class: "sound" }, still && h("img", { src: still, alt, draggable: "false" }),
      h("audio", { src: url, controls: true, preload: "metadata" }));
  }
  if (file.media_type.startsWith("image/")) return h("img", { src: url, alt, draggable: "false" });
  return h("p", { class: "quiet" }, `nothing to show for ${file.media_type}`);
}

// "▶ 2.1 s", "♪ 6.0 s", "3 files": what a still cannot tell.
export function playsFor(file) {
  if (file.seconds === null) return "";
  return `${file.medium === "sound" ? "♪" : "▶"} ${file.seconds.toFixed(1)} s`;
}

function badge({ files }) {
  const words = [files[0] && playsFor(files[0]), files.length > 1 && `${files.length} files`].filter(Boolean);
  return words.length > 0 && h("span", { class: "plays" }, words.join(" · "));
}

function cardElement(round, cell, candidate) {
  const width = candidate.width ?? 16;
  const height = candidate.height ?? 9;
  const card = h("figure", {
    class: `card ${candidate.state}${candidate.pending ? " pending" : ""}`,
    "data-item": candidate.item_id,
    tabindex: "-1",
  });
  card.style.setProperty("--ratio", (width / height).toFixed(4));
  const picture = h("img", {
    src: round.url(candidate.thumb), loading: "lazy", decoding: "async", draggable: "false",
    alt: `${cell.label} ${candidate.label}`,
  });
  picture.addEventListener("error", () => card.classList.add("broken"));
  // An animated picture moves while it is looked at; a wall of moving pictures lets nobody judge any of them.
  if (candidate.files[0]?.medium === "film" && candidate.files[0].media_type.startsWith("image/")) {
    card.addEventListener("mouseenter", () => { picture.src = round.url(candidate.image); });
    card.addEventListener("mouseleave", () => { picture.src = round.url(candidate.thumb); });
  }
  const decision = candidate.pending ?? candidate.decision;
  const reason = decision?.reason ? ` · ${WORDS[decision.reason] ?? decision.reason}` : "";
  card.append(
    h("div", { class: "frame" }, picture, badge(candidate),
      cell.may_decide && h("div", { class: "actions" },
        h("button", { type: "button", "data-do": "approved", title: "Approve (A)" }, "✓"),
        h("button", { type: "button", "data-do": "rejected", title: "Reject (X)" }, "✕"),
        h("button", { type: "button", "data-do": "changes_requested", title: "Ask for changes (C)" }, "↻"))),
    h("figcaption", {},
      // Below the picture, never on it: the headline is what is being judged.
      candidate.state !== "undecided" &&
        h("span", { class: "stamp" }, (WORDS[candidate.state] ?? candidate.state) + reason),
      h("span", { class: "name" }, candidate.label || "candidate"),
      h("span", { class: "who", title: candidate.decision ? origin(candidate.decision) : "" },
        candidate.pending ? "saving" : candidate.decision?.by_name ?? ""),
      candidate.decision?.origin && !candidate.pending && h("span", { class: "carried" },
        `↩ from ${candidate.decision.origin.run_id ?? candidate.decision.origin.run_key}`),
      decision?.note && h("span", { class: "note", dir: "auto" }, decision.note),
      candidate.notes.map((note) => h("span", { class: "noticed", title: `${note.code}: ${note.reason}` }, `⚠ ${note.reason}`))));
  return card;
}

export function leftOutElement(round, items) {
  return [
    h("summary", {}, `${items.length} not for review: failed, or refused by quality control`),
    h("ul", {}, items.map((item) => h("li", {},
      item.thumb ? h("img", { src: round.url(item.thumb), loading: "lazy", alt: "" }) : h("span", { class: "none" }, "no picture"),
      h("div", {}, h("b", {}, item.label), h("span", { class: "tag" }, item.code || item.state.replace("_", " ")), h("p", {}, item.reason))))),
  ];
}
