"""Object keys: a public contract. Every key is built here, from checked names and digests, and nowhere else.

inputs bucket      assets/{sha256}/{name}                  input files, by content
                   shards/{job}/shard.json                 what one job renders
                   shards/{job}/inputs.manifest            ManifestFile of the shard's input files
                   models/{sha256}/{name}                  model files, by content
                   shards/{job}/models.manifest            ManifestFile of the shard's models
work bucket        runs/{run_key}/run.json                 who asked for what
                   runs/{run_key}/plans/{digest}.json      render plans, by content
                   runs/{run_key}/findings/{digest}.json
                   runs/{run_key}/quotes/{digest}.json
                   runs/{run_key}/requotes/{quote digest}.json       the quote looked at again after its canary
                   runs/{run_key}/approvals/{quote digest}.json      who agreed to that quote
                   runs/{run_key}/reservations/{quote digest}.json   what was set aside for it, and where
                   runs/{run_key}/gates/{digest}.json      what was seen of the canary, and whether the rest is bought
                   runs/{run_key}/canary.jpg               the canary's pictures on one sheet
                   runs/{run_key}/spoilt/{phase}-{shard}-{count}     how many items of an ended shard are bad; empty
                   runs/{run_key}/jobs/{job}.json          which items a bought job was to render
                   runs/{run_key}/collections/{digest}.json
                   runs/{run_key}/publish/{round}.json     receipt of what publishing a round did
                   runs/{run_key}/close.json               the run's account
                   staging/{job}/…                         a job's uploads: images/ thumbs/ results/ progress/ events/
                   renders/{render_key}.json               the render index
                   ledger/{month}/{team}.json              what a team's runs reserved and spent; replaced by ETag only
                   ledger/{week}/{team}.json               the same by ISO week ("2026-W13")
                   costs/{workflow}/{instance type}/{job}.json   what a job took: estimates learn from it
                   reviews/{campaign}/{run_key}/{round}/open.json · closed.json · contact_sheet.jpg
                   decisions/{campaign}/{item}/{sha256}/{sequence}.json and marker {sequence}-{state}
                   rework/{campaign}/{item}/{round}.json   an item goes round again
                   publications/{campaign}/{item}/{sha256}.json
                   holds/{campaign}.json                   legal hold
                   retirements/{campaign}/{run_key}.json   receipt of a retired run
published bucket   {campaign}/{cell's axis values…}/{name}-{first 8 of the digest}.png, written once
                   {campaign}/{cell's axis values…}/current.json   which files the cell has now, and had before
                   {campaign}/index.json · delivery.csv
                   _proofs/{campaign}/…                    the same for proofs, which are never finals
lineage bucket     assets/{sha256 of the delivered file}.json · runs/{run_key}.json
"""

from __future__ import annotations

from urllib.parse import quote as quote_text


def asset(sha256: str, name: str) -> str:
    return f"assets/{sha256}/{name}"


def shard(job: str) -> str:
    return f"shards/{job}/shard.json"


def shard_inputs(job: str) -> str:
    return f"shards/{job}/inputs.manifest"


def model(sha256: str, name: str) -> str:
    return f"models/{sha256}/{name}"


def shard_models(job: str) -> str:
    return f"shards/{job}/models.manifest"


def runs(run_key_prefix: str = "") -> str:
    """Prefix of runs' documents: of all runs, or of one whose key may be known by prefix only."""
    return f"runs/{run_key_prefix}"


def run(run_key: str) -> str:
    return f"runs/{run_key}/run.json"


def plan(run_key: str, digest: str) -> str:
    return f"runs/{run_key}/plans/{digest}.json"


def findings(run_key: str, digest: str) -> str:
    return f"runs/{run_key}/findings/{digest}.json"


def quotes(run_key: str) -> str:
    """Prefix of the run's quotes."""
    return f"runs/{run_key}/quotes/"


def quote(run_key: str, digest: str) -> str:
    return f"{quotes(run_key)}{digest}.json"


def requote(run_key: str, quote_digest: str) -> str:
    return f"runs/{run_key}/requotes/{quote_digest}.json"


def approval(run_key: str, quote_digest: str) -> str:
    return f"runs/{run_key}/approvals/{quote_digest}.json"


def reservations(run_key: str) -> str:
    """Prefix of the run's reservations."""
    return f"runs/{run_key}/reservations/"


def reservation(run_key: str, quote_digest: str) -> str:
    return f"{reservations(run_key)}{quote_digest}.json"


def ledger(month: str, team: str) -> str:
    """`team` is anybody's text, so it is quoted."""
    return f"ledger/{month}/{quote_text(team, safe='')}.json"


def gates(run_key: str) -> str:
    """Prefix of the run's gate documents."""
    return f"runs/{run_key}/gates/"


def gate(run_key: str, digest: str) -> str:
    return f"{gates(run_key)}{digest}.json"


def canary_sheet(run_key: str) -> str:
    return f"runs/{run_key}/canary.jpg"


def spoilts(run_key: str) -> str:
    """Prefix of what ended shards left of bad items."""
    return f"runs/{run_key}/spoilt/"


def spoilt(run_key: str, phase: str, index: int, count: int) -> str:
    return f"{spoilts(run_key)}{phase}-{index}-{count}"


def jobs(run_key: str) -> str:
    """Prefix of the run's job records."""
    return f"runs/{run_key}/jobs/"


def job(run_key: str, name: str) -> str:
    return f"{jobs(run_key)}{name}.json"


def collection(run_key: str, digest: str) -> str:
    return f"runs/{run_key}/collections/{digest}.json"


def publish_receipt(run_key: str, number: int) -> str:
    return f"runs/{run_key}/publish/{number:02d}.json"


def close(run_key: str) -> str:
    return f"runs/{run_key}/close.json"


def staging(job_name: str) -> str:
    """Prefix of what a job uploads, with its slash."""
    return f"staging/{job_name}/"


def render(render_key: str) -> str:
    return f"renders/{render_key}.json"


def costs(workflow: str, instance_type: str) -> str:
    """Prefix of what jobs of a workflow took on an instance type."""
    return f"costs/{workflow}/{instance_type}/"


def cost(workflow: str, instance_type: str, job_name: str) -> str:
    return f"{costs(workflow, instance_type)}{job_name}.json"


def reviews(campaign: str | None = None, run_key_prefix: str | None = None) -> str:
    """Prefix of review rounds: all, of a campaign, or of a run (whose key may be known by prefix only)."""
    if campaign is None:
        return "reviews/"
    return f"reviews/{campaign}/" + (run_key_prefix or "")


def round_open(campaign: str, run_key: str, number: int) -> str:
    return f"reviews/{campaign}/{run_key}/{number:02d}/open.json"


def round_closed(campaign: str, run_key: str, number: int) -> str:
    return f"reviews/{campaign}/{run_key}/{number:02d}/closed.json"


def contact_sheet(campaign: str, run_key: str, number: int) -> str:
    return f"reviews/{campaign}/{run_key}/{number:02d}/contact_sheet.jpg"


def decisions(campaign: str, item_id: str | None = None, sha256: str | None = None) -> str:
    """Prefix of decisions: of a campaign, an item, or an item's bytes."""
    parts = [part for part in ("decisions", campaign, item_id, sha256) if part]
    return "/".join(parts) + "/"


def decision(campaign: str, item_id: str, sha256: str, sequence: int) -> str:
    return f"{decisions(campaign, item_id, sha256)}{sequence:06d}.json"


def decision_marker(campaign: str, item_id: str, sha256: str, sequence: int, state: str) -> str:
    return f"{decisions(campaign, item_id, sha256)}{sequence:06d}-{state}"


def publications(campaign: str, item_id: str | None = None) -> str:
    """Prefix of the receipts of delivered files: of a campaign, or of an item."""
    return f"publications/{campaign}/" + (f"{item_id}/" if item_id else "")


def reworks(campaign: str) -> str:
    """Prefix of a campaign's rework records."""
    return f"rework/{campaign}/"


def rework(campaign: str, item_id: str, round_number: int) -> str:
    return f"{reworks(campaign)}{item_id}/{round_number:02d}.json"


def publication(campaign: str, item_id: str, sha256: str) -> str:
    return f"{publications(campaign, item_id)}{sha256}.json"


def hold(campaign: str) -> str:
    return f"holds/{campaign}.json"


def retirement(campaign: str, run_key: str) -> str:
    return f"retirements/{campaign}/{run_key}.json"


def published_root(campaign: str, *, proof: bool) -> str:
    """Prefix of a campaign's delivered files, with its slash. No campaign's name begins with an underscore."""
    return f"_proofs/{campaign}/" if proof else f"{campaign}/"


def published_file(folder: str, stem: str, sha256: str, extension: str) -> str:
    """`sha256` is of the delivered bytes; other bytes are another object, never a replaced one."""
    return f"{folder}/{stem}-{sha256[:8]}.{extension}"


def published_pointer(folder: str) -> str:
    return f"{folder}/current.json"


def campaign_index(root: str) -> str:
    return f"{root}index.json"


def campaign_delivery(root: str) -> str:
    return f"{root}delivery.csv"


def asset_lineage(sha256: str) -> str:
    return f"assets/{sha256}.json"


def run_lineage(run_key: str) -> str:
    return f"runs/{run_key}.json"
