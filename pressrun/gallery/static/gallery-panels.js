// What lies over the gallery: zoom, reasons, keyboard help, toasts.

import { WORDS } from "./gallery-model.js";
import { h, origin, player, playsFor } from "./gallery-cards.js";

const NAMES = { picture: "Picture", film: "Film", sound: "Sound" };
const KEYS = [
  ["A", "approve, and on to the next"],
  ["X", "reject, then a number for the reason"],
  ["C", "ask for changes, with a reason or a note"],
  ["← → ↑ ↓", "move; J and K go to the next and the previous picture"],
  ["Space, Enter", "look closely; click the picture for its real size"],
  ["S, Ctrl-click", "select several; A, X and C then apply to all of them"],
  ["N", "write a note"],
  ["Z", "back to what was decided last; decide again to change your mind"],
  ["+ −", "larger and smaller pictures"],
  ["Esc", "close, or let go of the selection"],
];

export class Panels {
  constructor(root, toasts) {
    this.root = root;
    this.toasts = toasts;
    this.kind = null;
  }

  get open() {
    return this.kind !== null;
  }

  close() {
    this.kind = null;
    this.root.replaceChildren();
  }

  show(kind, element) {
    this.kind = kind;
    this.root.replaceChildren(element);
  }

  toast(text, detail = "", bad = false) {
    const element = h("div", { class: bad ? "toast bad" : "toast" }, h("b", {}, text), detail && h("span", {}, detail));
    this.toasts.append(element);
    while (this.toasts.children.length > 4) this.toasts.firstChild.remove();
    setTimeout(() => element.remove(), bad ? 9000 : 3500);
  }

  help() {
    this.show("help", h("div", { class: "veil", on: { click: () => this.close() } },
      h("div", { class: "sheet" }, h("h2", {}, "Keyboard"),
        h("dl", {}, KEYS.map(([key, text]) => [h("dt", {}, key.split(", ").map((one) => h("kbd", {}, one))), h("dd", {}, text)])))));
  }

  // Asks for a reason. `done(reason, note)` is called once; a rejection cannot go without a reason.
  reasons({ state, title, reasons, note, done }) {
    const text = h("textarea", { rows: "2", maxlength: "2000", dir: "auto", placeholder: "Note for whoever makes the next round (N)" });
    text.value = note;
    const send = (reason) => {
      this.close();
      done(reason, text.value);
    };
    text.addEventListener("keydown", (event) => {
      if (event.key === "Escape") text.blur();
      else if (event.key === "Enter" && !event.shiftKey) {
        event.preventDefault();
        if (state === "changes_requested") send("");
        else text.blur();
      } else return;
      event.stopPropagation();
    });
    this.pick = (key) => {
      const index = Number(key) - 1;
      if (key === "Enter" && state === "changes_requested") send("");
      else if (Number.isInteger(index) && reasons[index]) send(reasons[index]);
      else if (key === "n" || key === "N") text.focus();
      else return false;
      return true;
    };
    this.show("reasons", h("div", { class: "drawer" },
      h("h2", {}, state === "rejected" ? "Reject" : "Ask for changes", h("span", {}, title)),
      h("div", { class: "reasons" }, reasons.map((reason, index) =>
        h("button", { type: "button", on: { click: () => send(reason) } }, h("kbd", {}, String(index + 1)), WORDS[reason] ?? reason)),
      state === "changes_requested" &&
        h("button", { type: "button", on: { click: () => send("") } }, h("kbd", {}, "↵"), "no reason")),
      text,
      h("button", { type: "button", class: "plain close", title: "Cancel (Esc)", on: { click: () => this.close() } }, "✕")));
  }

  // The picture, large, with everything known about it. `act(state)` decides, `note` keeps what was written.
  zoom(round, cell, candidate, act) {
    const alt = `${cell.label} ${candidate.label}`;
    const pictures = candidate.files.map((file) => player(round, file, alt));
    const actual = (event) => event.target.tagName === "IMG" && !event.target.closest(".sound") && stage.classList.toggle("actual");
    const stage = h("div", { class: pictures.length > 1 ? "stage several" : "stage", on: { click: actual } }, pictures);
    const note = h("textarea", { rows: "3", maxlength: "2000", dir: "auto", placeholder: "Note (N)" });
    note.addEventListener("keydown", (event) => {
      if (event.key === "Escape" || (event.key === "Enter" && !event.shiftKey)) {
        event.preventDefault();
        note.blur();
      }
      event.stopPropagation();
    });
    this.note = note;
    const more = h("div", { class: "more" });
    const others = cell.candidates.length > 1 &&
      `${cell.candidates.indexOf(candidate) + 1} of ${cell.candidates.length} candidates`;
    this.show("zoom", h("div", { class: "zoom" }, stage,
      h("aside", {},
        h("button", { type: "button", class: "plain close", title: "Close (Esc)", on: { click: () => this.close() } }, "✕"),
        h("h2", {}, cell.axes.product ?? cell.label),
        h("p", { class: "quiet" }, cell.locale_name, cell.direction === "rtl" ? ", right to left" : ""),
        h("p", { class: "tags" }, Object.entries({ ...cell.axes, ...candidate.axes }).map(([axis, value]) => h("span", { class: "tag", title: axis }, value))),
        others && h("p", { class: "quiet" }, others),
        h("p", { class: `verdict ${candidate.state}` }, h("b", {}, WORDS[candidate.state] ?? candidate.state),
          candidate.decision && h("span", {}, origin(candidate.decision))),
        cell.may_decide && [
          h("div", { class: "decide" },
            h("button", { type: "button", class: "approve", on: { click: () => act("approved") } }, "Approve", h("kbd", {}, "A")),
            h("button", { type: "button", class: "reject", on: { click: () => act("rejected") } }, "Reject", h("kbd", {}, "X")),
            h("button", { type: "button", on: { click: () => act("changes_requested") } }, "Changes", h("kbd", {}, "C"))),
          note],
        more)));
    round.details(candidate.item_id).then((answer) => answer.ok && more.replaceChildren(...known(answer.body, candidate)));
  }
}

function known(item, candidate) {
  const facts = Object.entries(item.params).filter(([, value]) => value !== null && value !== "");
  return [
    item.history.length > 0 && h("section", {}, h("h3", {}, "History"), h("ol", {}, item.history.map((one) =>
      h("li", { class: one.state }, h("b", {}, WORDS[one.state] ?? one.state, one.reason ? ` · ${WORDS[one.reason] ?? one.reason}` : ""),
        h("span", {}, origin(one)), one.note && h("q", { dir: "auto" }, one.note))))),
    facts.length > 0 && h("section", {}, h("h3", {}, "Parameters"), h("dl", {}, facts.map(([name, value]) =>
      [h("dt", {}, name), h("dd", { dir: "auto" }, typeof value === "string" ? value : JSON.stringify(value))]))),
    h("section", {}, h("h3", {}, candidate.files.length > 1 ? `${candidate.files.length} files` : NAMES[candidate.files[0]?.medium] ?? "File"), h("dl", {},
      candidate.files.map((file) => [
        file.width && [h("dt", {}, "size"), h("dd", {}, `${file.width} × ${file.height}`)],
        file.seconds !== null && [h("dt", {}, "plays"), h("dd", {}, [playsFor(file), file.frames && `${file.frames} frames`, file.frames && !file.sound && "no sound"].filter(Boolean).join(" · "))],
        h("dt", {}, "type"), h("dd", {}, file.media_type)]),
      item.row && [h("dt", {}, "row"), h("dd", {}, String(item.row))],
      item.seed !== null && [h("dt", {}, "seed"), h("dd", {}, String(item.seed))],
      item.batch && [h("dt", {}, "batch"), h("dd", {}, item.batch)],
      h("dt", {}, "sha-256"), h("dd", { class: "mono", title: candidate.sha256 }, `${candidate.sha256.slice(0, 16)}…`))),
  ].filter(Boolean);
}
