"""Settings of reviews: where people are asked, what about, and how."""

from __future__ import annotations

from dataclasses import dataclass, field

from reground.annotations.collect.exclusion import Rule


@dataclass(frozen=True)
class ReviewSettings:
    """Where people are asked, what about, and how.

    Attributes:
        url: of Label Studio; empty: the workspace's own, which `serve` runs. Its token comes from
            the environment (``REGROUND_LABEL_STUDIO_TOKEN``), never from a settings file; the
            workspace's own needs none.
        port: that the workspace's own Label Studio listens on; 0 for any free one.
        documents: where that Label Studio sees the folder ``review`` of the workspace; empty: at
            the same path as we do.
        round: of questions; a new one asks everything anew.
        ask: which pairs, one of `reground.annotations.rounds.selection.WAYS`; empty: every candidate in CONTAINS, and
            in CLASSIFY as soon as truth has answers to CONTAINS what these left open (``several``).
        limit: most pairs (contains) or images (classify) asked about, the worthiest first; 0: all.
        overlap: people asked about each question.
        blind: everybody has a project of their own, and each question goes to ``overlap`` of
            ``annotators``: nobody comes across the answers of others.
        annotators: e-mail addresses of the people who are asked; `invite` adds to them.
        grid: images in one CONTAINS question, control images among them.
        positive_controls: control images in a grid that surely have the label, as far as there are any.
        negative_controls: control images in a grid that surely lack it, as far as there are any.
        gold_rate: share of CLASSIFY questions whose answer is known, as far as there is gold.
        examples: pictures shown with each label.
        batch_size: tasks in one import request.
        patience: seconds that a push waits for a Label Studio that goes away meanwhile; 0: it fails at once.
        recorded_annotators: e-mail addresses whose answers are recordings, not people's own;
            their votes carry the source ``recorded``.
        exclude: whose votes do not count.
        seed: of every draw: order of candidates, controls, gold, examples, who gets what.
    """

    url: str = ""
    port: int = 8080
    documents: str = ""
    round: int = 1
    ask: str = ""
    limit: int = 0
    overlap: int = 5
    blind: bool = False
    annotators: tuple[str, ...] = ()
    grid: int = 48
    positive_controls: int = 2
    negative_controls: int = 2
    gold_rate: float = 0.05
    examples: int = 3
    batch_size: int = 250
    patience: float = 120.0
    recorded_annotators: tuple[str, ...] = ()
    exclude: Rule = field(default_factory=Rule)
    seed: int = 0
