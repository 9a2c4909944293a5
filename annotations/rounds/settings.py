"""Settings of reviews: where annotators work, what they are asked, and how."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Literal

from annotated_types import Interval

from reground.tasks.workspace import FilePath, NonNegativeFloat, NonNegativeInt, PositiveInt, Share


@dataclass(frozen=True)
class ExclusionRule:
    """Bounds below which an annotator is excluded; a bound of 0 excludes nobody.

    Attributes:
        min_gold_accuracy: smallest upper end of the 95 % interval of the accuracy on gold and controls.
        min_agreement: smallest share of votes that equal the majority of the other annotators.
        min_agreement_votes: number of votes from which on the agreement is tested.
        min_seconds: smallest median time for a task; also the bound of ``fast_share`` in the table ``annotators``.
        min_timed_tasks: number of timed tasks from which on the median is tested.
        min_straightlining_p: smallest probability that answers that are all alike are chance.
    """

    min_gold_accuracy: Share = 0.7
    min_agreement: Share = 0.5
    min_agreement_votes: NonNegativeInt = 100
    min_seconds: NonNegativeFloat = 1.5
    min_timed_tasks: NonNegativeInt = 5
    min_straightlining_p: Share = 1e-6


@dataclass(frozen=True)
class ReviewSettings:
    """Where annotators work, what they are asked, and how.

    Attributes:
        url: URL of Label Studio, as the browser shows it on any of its pages; empty: the workspace's own, which
            `reground review serve` runs. Its token is read from the environment
            (``REGROUND_LABEL_STUDIO_TOKEN``), never from a settings file; the workspace's own needs none.
        ca_file: certificate authorities to trust, a file in PEM; empty: those of the environment
            (``SSL_CERT_FILE``, ``SSL_CERT_DIR``), else the machine's.
        port: port of the workspace's own Label Studio; 0: any free port.
        document_root: path of the workspace's folder ``review`` on Label Studio's machine; empty: the same path
            as here.
        round: number of the round; a new round asks every question again.
        selection: strategy that selects the pairs of image and label to ask about: candidates, several,
            predictions, needs_vote or suspects; empty: every candidate in CONTAINS; in CLASSIFY what CONTAINS leaves to
            it and, once truth has answers to CONTAINS, the images that these left with several labels.
        suspects: kinds of suspects whose flagged images come first, each kind in turn, as far as people have not
            settled them; empty: none, and with the selection suspects all kinds.
        limit: maximum number of pairs (contains) or images (classify), in order of the strategy; 0: all.
        overlap: annotators wanted for each question.
        blind: give each of ``annotators`` a project of their own, and each question to ``overlap`` of them, so that
            nobody sees the answers of others; where ``annotators`` names nobody, all share one project.
        annotators: e-mail addresses of the annotators; `reground review invite` adds to them.
        curators: e-mail addresses of curators: who corrects somebody's answer in Label Studio makes a decision, which
            outranks votes; `reground review push --ask disagreed --to` names curators too.
        grid: images in one CONTAINS question, control images included.
        min_grid: smallest number of distinct images with which CONTAINS asks about a label; pairs of other labels go
            to CLASSIFY.
        positive_controls: control images in a grid that certainly have the label, as far as there are any.
        negative_controls: control images in a grid that certainly lack it, as far as there are any.
        gold_rate: share of CLASSIFY questions whose answer is known, as far as there is gold.
        examples: example images shown with each label.
        seconds_per_image: time for one image of CONTAINS, assumed until there are 20 timed answers.
        seconds_per_label: time for one label of CLASSIFY, assumed until there are 20 timed answers.
        batch_size: tasks in one import request.
        retry_timeout: seconds that a push retries while Label Studio is unavailable; 0: no retry.
        recorded_annotators: e-mail addresses whose answers are recordings instead of their own;
            their votes have the source ``recorded``.
        exclude: rule that excludes annotators, whose votes then do not count.
        seed: seed of every random draw: order of candidates, controls, gold, examples, assignment.
    """

    url: str = ""
    ca_file: FilePath = ""
    port: Annotated[int, Interval(ge=0, le=65535)] = 8080
    document_root: str = ""
    round: PositiveInt = 1
    selection: Literal["", "candidates", "several", "predictions", "needs_vote", "suspects"] = ""
    suspects: tuple[str, ...] = ()
    limit: NonNegativeInt = 0
    overlap: PositiveInt = 5
    blind: bool = True
    annotators: tuple[str, ...] = ()
    curators: tuple[str, ...] = ()
    grid: PositiveInt = 48
    min_grid: PositiveInt = 8
    positive_controls: NonNegativeInt = 2
    negative_controls: NonNegativeInt = 2
    gold_rate: Annotated[float, Interval(ge=0, lt=1)] = 0.05
    examples: NonNegativeInt = 3
    seconds_per_image: NonNegativeFloat = 1.5
    seconds_per_label: NonNegativeFloat = 4.0
    batch_size: PositiveInt = 250
    retry_timeout: NonNegativeFloat = 120.0
    recorded_annotators: tuple[str, ...] = ()
    exclude: ExclusionRule = field(default_factory=ExclusionRule)
    seed: NonNegativeInt = 0

    @property
    def is_blind(self) -> bool:
        """Whether annotators have projects of their own."""
        return self.blind and bool(self.annotators)
