"""Report: one self-contained HTML page. Reads every table; writes ``files/report.html``.

The page asks nothing of a network, a script or a server: pictures are data URIs, and its own
content policy forbids the rest. What nobody has done yet is said, with the command that does it.
"""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import jinja2
from markupsafe import Markup

from reground.tasks.evaluation import BALANCED
from reground.tasks.kernels.intervals import proportion
from reground.tasks.references import reference_names
from reground.tasks.report import adversarial as report_adversarial
from reground.tasks.report import comparison as report_comparison
from reground.tasks.report import labels as report_labels
from reground.tasks.report import pictures
from reground.tasks.report import variants as report_variants
from reground.tasks.report.calibration import confidences, curves
from reground.tasks.report.class_pairs import class_pairs
from reground.tasks.report.models import AFTER, BEFORE, COLUMNS, Evaluation, Number, Recipes, apart
from reground.tasks.report.photographs import QUESTIONED, STAGES, Album, order, short_names, stage
from reground.tasks.report.snapshot import Snapshot
from reground.tasks.report.suspects import suspects
from reground.tasks.report.truths import truth_columns
from reground.tasks.report.waiting import answers_missing, waiting
from reground.tasks.schema import PUBLISHED_VARIANTS, VARIANTS, Outcome, family
from reground.tasks.text import visible_lines
from reground.tasks.workspace import NonNegativeInt, Output, Shard, Step, Workspace

TEMPLATES: Final = Path(__file__).with_name("templates")
PAGE: Final = "report.html"
SHEET: Final = 6
"""Photographs on the contact sheet."""
EXAMPLES: Final = 5
"""Of each reason for which something was dropped."""


@dataclass(frozen=True)
class ReportSettings:
    """What the page shows.

    Attributes:
        title: title of the page.
        max_images: photographs shown in full, the most questioned first.
    """

    title: str = "reground report"
    max_images: NonNegativeInt = 60


def plan(workspace: Workspace, settings: ReportSettings) -> list[Shard]:
    """One shard: the page speaks of everything."""
    if not workspace.parts("votes") and not reference_names(workspace):  # what others publish will do without images
        workspace.require("images", "index IMAGES")
    snapshot = Snapshot(workspace)
    inputs = tuple(f"{table} {snapshot.digest(table)}" for table in snapshot.tables())
    return [Shard("all", inputs)]


def work(workspace: Workspace, settings: ReportSettings, shard: Shard) -> Output:
    """The page."""
    return Output(files={PAGE: render(Snapshot(workspace), settings).encode()})


def render(snapshot: Snapshot, settings: ReportSettings) -> str:
    """The page as HTML; everything that comes from data is escaped."""
    return (
        _templates()
        .get_template(PAGE)
        .render(
            title=settings.title,
            **examined(snapshot),
            **numbers(snapshot),
            **photographs(snapshot, settings),
            **report_labels.labels(snapshot),
            suspect_kinds=suspects(snapshot),
            **pairs_of_classes(snapshot),
            **grounds(snapshot),
            **left_out(snapshot),
            open_steps=open_steps(snapshot),
        )
    )


@functools.cache
def _templates() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
        finalize=_shown,
    )
    environment.filters.update(FILTERS)
    return environment


def _shown(value: Any) -> Any:
    """Text of data without control and direction characters; what a macro made is HTML already."""
    return visible_lines(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def examined(snapshot: Snapshot) -> dict[str, Any]:
    """What was looked at, and by whom."""
    policy = snapshot.policy()
    votes = snapshot.frame("votes", ["source", "annotator_id"])
    sources = votes.groupby("source").agg(votes=("source", "size"), people=("annotator_id", "nunique"))
    predictors = (*snapshot.members("predictions"), *snapshot.members("adversarial"), *Evaluation(snapshot).models)
    models = sorted(set(predictors))
    return {
        "counts": Counter({table: snapshot.count(table) for table in snapshot.tables()}),
        "labels": snapshot.frame("images", ["class_idx"])["class_idx"].nunique(),
        "models": models,
        "short": short_names(models),
        "votes": [(str(row.Index), int(row.votes), int(row.people)) for row in sources.sort_index().itertuples()],  # type: ignore[arg-type]
        "policy": list(policy.sentences()) if policy else [],
        "held_out": policy.held_out_sources if policy else (),
        "truth_version": snapshot.digest("truth")[:12] if snapshot.count("truth") else "",
        "groups": (groups := sorted(snapshot.distinct("groups", ["group", "name"]))),
        "by_group": [BALANCED, *(name for _, name in groups)],
        "balanced": BALANCED,
        "mask_methods": sorted(method for (method,) in snapshot.distinct("masks", ["method"])),
        "variants": VARIANTS,
        "published_variants": PUBLISHED_VARIANTS,
    }


def numbers(snapshot: Snapshot) -> dict[str, Any]:
    """Models and backgrounds."""
    evaluation = Evaluation(snapshot)
    recipes = {m: snapshot.distinct(f"predictions/{m}", ["set", "recipe"]) for m in snapshot.members("predictions")}
    return {
        "evaluation": evaluation,
        "rows": (rows := evaluation.rows()),
        "columns": COLUMNS,
        "before": COLUMNS.index(BEFORE),
        "after": COLUMNS.index(AFTER),
        "apart": apart(rows),
        "recipes": Recipes.of(recipes),
        "calibration": curves(snapshot, evaluation),
        "confidences": confidences(evaluation),
        **report_comparison.judged(snapshot, evaluation),
        **truth_columns(snapshot),
    }


def pairs_of_classes(snapshot: Snapshot) -> dict[str, Any]:
    """Classes that models confuse or people accept together."""
    pairs, counts = class_pairs(snapshot)
    return {"pairs": pairs, "pair_counts": counts}


def photographs(snapshot: Snapshot, settings: ReportSettings) -> dict[str, Any]:
    """The photographs shown, the counts of all, and a contact sheet of the first that have variants."""
    all_photographs = order(snapshot)
    truth = snapshot.frame("truth", ["state", "outcome", "sources"])
    tally = Counter(stage(truth) if len(truth) else all_photographs["stage"])
    displayed = [str(image_id) for image_id in all_photographs["image_id"][: settings.max_images]]
    on_sheet = sheet(snapshot)
    cards = {card.image_id: card for card in Album(snapshot, sorted({*displayed, *on_sheet})).cards()}
    outcomes = truth["outcome"].dropna()
    outcomes = outcomes[outcomes != Outcome.LABELLED]
    return {
        "cards": [cards[image_id] for image_id in displayed],
        "sheet": [cards[image_id] for image_id in on_sheet if cards[image_id].strip],
        "stages": {str(name): tally[name] for name in STAGES},
        "questioned": Number(*proportion(outcomes.isin(QUESTIONED).to_numpy(bool))),
        "sources": sorted({source for row in truth["sources"] for source in row}),
    }


def sheet(snapshot: Snapshot) -> list[str]:
    """Photographs for the contact sheet: the first of every group, then the second, until there are enough."""
    foregrounds = snapshot.frame("foregrounds", ["image_id", "group"])
    indexed = foregrounds["image_id"].isin(snapshot.frame("images", ["image_id"])["image_id"])
    foregrounds = foregrounds[indexed].sort_values("image_id")
    foregrounds = foregrounds.assign(turn=foregrounds.groupby("group").cumcount()).sort_values(["turn", "group"])
    return sorted(foregrounds["image_id"][:SHEET])


def grounds(snapshot: Snapshot) -> dict[str, Any]:
    """What variants are made of, how the compositions differ, and which backgrounds fool models."""
    together, backgrounds = report_adversarial.shared(snapshot)
    return {
        "masks": report_variants.masks(snapshot),
        "quarantined": report_variants.quarantined(snapshot),
        "coverage": report_variants.coverage(snapshot),
        "compositions": report_variants.compositions(snapshot),
        "searches": report_adversarial.searches(snapshot),
        "shared_models": together,
        "shared_backgrounds": backgrounds,
    }


def left_out(snapshot: Snapshot) -> dict[str, Any]:
    """What was dropped: a line for each stage and reason, with some examples."""
    frame = snapshot.frame("dropped", ["stage", "item", "reason", "detail"])
    lines = [
        (stage, reason, len(rows), rows.sort_values(["item", "detail"])[["item", "detail"]].to_numpy()[:EXAMPLES])
        for (stage, reason), rows in frame.groupby(["stage", "reason"], sort=True)  # type: ignore[misc]
    ]
    return {"dropped": lines, "dropped_count": len(frame)}


def open_steps(snapshot: Snapshot) -> list[tuple[str, str]]:
    """What has not been done yet, and the command that does it (``W`` is the workspace)."""
    vote_command = "reground review pull -w W" if answers_missing(snapshot.workspace) else "reground review push -w W"
    steps = (
        ("masks", "No foreground masks: they need boxes", "reground masks -w W"),
        ("variants", "No background variants", "reground variants -w W"),
        ("predictions", "No model has predicted", "reground predict -w W"),
        ("candidates", "No candidate labels", "reground candidates -w W"),
        ("votes", "Nobody has judged a label", vote_command),
        ("truth", "No re-grounded labels", "reground truth -w W"),
        ("evaluation", "No model was judged", "reground evaluate -w W"),
    )
    existing = {family(table) for table in snapshot.tables() if table != "votes" or snapshot.count("votes")}
    existing |= {"masks"} if "foregrounds" in existing else set()  # released data come with theirs
    tables = snapshot.frame("truth", ["image_id", "state"]), snapshot.frame("candidates", ["image_id"])
    waiting_count = waiting(*tables) if "votes" in existing else 0
    open_items = [(text, command) for table, text, command in steps if table not in existing]
    if waiting_count:
        open_items.append((f"{waiting_count:,} photographs wait for more votes", vote_command))
    return open_items


def counted(number: int) -> str:
    """A number of things as text."""
    return f"{number:,}"


def percent(value: float) -> str:
    """A share as text."""
    return f"{100 * value:.1f} %"


def fine_percent(value: float) -> str:
    """A small share as text."""
    return f"{100 * value:.2f} %"


def points(value: float) -> str:
    """A difference of shares in percentage points, signed, with a real minus."""
    return f"{100 * value:+.1f}".replace("-", "−")


def at(value: float, low: float = 0.0, high: float = 1.0) -> str:
    """Where a value lies on an axis, as a percentage of its length for an SVG attribute."""
    return f"{100 * (min(max(value, low), high) - low) / (high - low):.2f}%"


def words(name: str) -> str:
    """A name of the schema as words."""
    return name.replace("_", " ")


def listed(names: Sequence[str]) -> str:
    """``a, b and c``."""
    return " and ".join(filter(None, [", ".join(names[:-1]), *names[-1:]]))


def elided(name: str) -> str:
    """A name short enough for a narrow column: models differ at the end of their names."""
    return name if len(name) <= 12 else f"{name[:3]}…{name[-8:]}"


def quoted(name: str) -> str:
    """A name in quotation marks."""
    return f"“{name}”"


FILTERS: Final = {
    "counted": counted,
    "percent": percent,
    "fine_percent": fine_percent,
    "points": points,
    "at": at,
    "words": words,
    "listed": listed,
    "quoted": quoted,
    "elided": elided,
    "photograph": pictures.photograph,
    "variant": pictures.variant,
    "masked": pictures.masked,
    "composite": pictures.composite,
}

STEP = Step("report", 8, ReportSettings, plan, work)
