"""Settings of reviews: where annotators work, what they are asked, and how."""

from __future__ import annotations

from dataclasses import dataclass, field

from reground.annotations.collect.exclusion import Rule


@dataclass(frozen=True)
class ReviewSettings:
    """Where annotators work, what they are asked, and how.

    Attributes:
        url: of Label Studio; empty: the workspace's own, which `reground review serve` runs. Its token is
            read from the environment (``REGROUND_LABEL_STUDIO_TOKEN``), never from a settings file; the
            workspace's own needs none.
        port: that the workspace's own Label Studio listens on; 0: any free one.
        document_root: path of the workspace's folder ``review`` on Label Studio's machine; empty: the same path
            as here.
        round: number of the round; a new round asks every question again.
        selection: strategy that selects the pairs of image and label to ask about: candidates, several,
            predictions or needs_vote; empty: every candidate in CONTAINS; in CLASSIFY, once truth has answers
            to CONTAINS, the images that these left with several labels.
        limit: maximum number of pairs (contains) or images (classify), in order of the strategy; 0: all.
        overlap: annotators wanted for each question.
        blind: every annotator has a project of their own, and each question goes to ``overlap`` of
            ``annotators``, so that nobody sees the answers of others.
        annotators: e-mail addresses of the annotators in a blind review; `reground review invite` adds to them.
        grid: images in one CONTAINS question, control images included.
        positive_controls: control images in a grid that certainly have the label, as far as there are any.
        negative_controls: control images in a grid that certainly lack it, as far as there are any.
        gold_rate: share of CLASSIFY questions whose answer is known, as far as there is gold.
        examples: example images shown with each label.
        batch_size: tasks in one import request.
        retry_timeout: seconds that a push retries while Label Studio is unavailable; 0: no retry.
        recorded_annotators: e-mail addresses whose answers are recordings instead of their own;
            their votes have the source ``recorded``.
        exclude: rule that excludes annotators, whose votes then do not count.
        seed: of every random draw: order of candidates, controls, gold, examples, assignment.
    """

    url: str = ""
    port: int = 8080
    document_root: str = ""
    round: int = 1
    selection: str = ""
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
    retry_timeout: float = 120.0
    recorded_annotators: tuple[str, ...] = ()
    exclude: Rule = field(default_factory=Rule)
    seed: int = 0
