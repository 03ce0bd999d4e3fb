// The round as data: loading, filtering, deciding. No DOM in here.

export const STATES = ["approved", "rejected", "changes_requested"];
export const WORDS = {
  undecided: "undecided",
  approved: "approved",
  rejected: "rejected",
  changes_requested: "changes",
  not_selected: "not selected",
  off_brand: "off brand",
  wrong_product: "wrong product",
  text_problem: "text problem",
  anatomy: "anatomy",
  composition: "composition",
  colour: "colour",
  quality: "quality",
  other: "other",
};

// How many decisions travel in one request while earlier ones are on their way.
const BATCH = 100;

async function call(url, body) {
  const options = body === undefined ? {} : {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
  };
  let response;
  try {
    response = await fetch(url, { credentials: "same-origin", headers: { Accept: "application/json" }, ...options });
  } catch {
    return { ok: false, status: 0, body: { error: "the server cannot be reached", remedy: "check your connection" } };
  }
  const answer = await response.json().catch(() => ({ error: `unexpected answer (${response.status})` }));
  return { ok: response.ok, status: response.status, body: answer };
}

export class Round {
  constructor(api) {
    this.api = api;
    this.data = null;
    this.cells = new Map();
    this.items = new Map();
    this.waiting = [];
    this.sending = false;
    this.onchange = () => {};
    this.onproblem = () => {};
  }

  async load() {
    const answer = await call(this.api);
    if (!answer.ok) {
      this.onproblem(answer.body.error, answer.body.remedy);
      return false;
    }
    this.data = answer.body;
    this.cells = new Map(this.data.cells.map((cell) => [cell.cell_id, cell]));
    this.items = new Map();
    for (const cell of this.data.cells) {
      for (const candidate of cell.candidates) {
        this.items.set(candidate.item_id, { cell, candidate });
      }
    }
    return true;
  }

  url(path) {
    return `${this.api}/${path}`;
  }

  details(itemId) {
    return call(this.url(`items/${itemId}`));
  }

  // Cells that match the filter, in order.
  select({ state, axes, mine }) {
    return this.data.cells.filter((cell) => {
      if (mine && !cell.may_decide) return false;
      for (const [axis, value] of Object.entries(axes)) {
        if (value && cell.axes[axis] !== value) return false;
      }
      return matches(cell, state);
    });
  }

  get settledCells() {
    return this.data.cells.filter((cell) => !cell.open && !cell.over).length;
  }

  // Shows the decision at once and sends it in the background, in order.
  decide(itemIds, state, reason = "", note = "") {
    for (const id of itemIds) {
      const { cell, candidate } = this.items.get(id);
      candidate.pending = { state, reason, note };
      this.judge(cell);
      this.waiting.push({ id, state, reason, note });
    }
    this.onchange(this.touched(itemIds));
    this.pump();
  }

  touched(itemIds) {
    return new Set(itemIds.map((id) => this.items.get(id)?.cell.cell_id).filter(Boolean));
  }

  get busy() {
    return this.sending || this.waiting.length > 0;
  }

  async pump() {
    if (this.sending) return;
    this.sending = true;
    while (this.waiting.length) await this.send(this.nextBatch());
    this.sending = false;
  }

  // An item decided twice in a row waits for its own first answer, which carries the sequence number.
  nextBatch() {
    const seen = new Set();
    const batch = [];
    const rest = [];
    for (const one of this.waiting) {
      const later = seen.has(one.id) || batch.length >= BATCH;
      seen.add(one.id);
      (later ? rest : batch).push(one);
    }
    this.waiting = rest;
    return batch;
  }

  async send(batch) {
    const decisions = batch.filter(({ id }) => this.items.has(id)).map(({ id, state, reason, note }) => {
      const { candidate } = this.items.get(id);
      return { item_id: id, sha256: candidate.sha256, state, reason, note, expected_sequence: candidate.sequence };
    });
    const answer = await call(this.url("decisions"), { decisions });
    const problems = new Map();
    const results = answer.body.results ?? decisions.map((one) => ({ item_id: one.item_id, ...answer.body }));
    for (const result of results) {
      const found = this.items.get(result.item_id);
      if (found) delete found.candidate.pending;
      if (result.decision && found) {
        found.candidate.decision = result.decision;
        found.candidate.sequence = result.decision.sequence;
        this.judge(found.cell);
      } else {
        problems.set(result.error, result.remedy);
      }
    }
    // Somebody was faster, or something is not as this page believes: take the truth from the server.
    if (problems.size && answer.status !== 0) await this.load();
    else for (const { id } of batch) this.items.has(id) && this.judge(this.items.get(id).cell);
    for (const [error, remedy] of problems) this.onproblem(error, remedy);
    this.onchange(problems.size ? null : this.touched(batch.map((one) => one.id)));
  }

  // The same rule as the server's tally, so that the page is right before the answer is here.
  judge(cell) {
    const own = cell.candidates.map((one) => one.pending?.state ?? one.decision?.state ?? "undecided");
    const approved = own.filter((state) => state === "approved").length;
    cell.over = approved > this.data.want;
    const covered = approved >= this.data.want;
    cell.open = !covered && own.includes("undecided");
    cell.candidates.forEach((one, index) => {
      one.state = covered && own[index] === "undecided" ? "not_selected" : own[index];
    });
  }

  finish() {
    return call(this.url("finish"), {});
  }
}

function matches(cell, state) {
  if (state === "all") return true;
  if (state === "undecided") return cell.open || cell.over;
  return cell.candidates.some((candidate) => candidate.state === state);
}
