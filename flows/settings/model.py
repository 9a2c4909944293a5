"""All settings there are: one field a step, each that step's own dataclass."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from reground.annotations.rounds import ReviewSettings
from reground.annotations.truth import NeedsVoteSettings, TruthSettings
from reground.tasks.adversarial import AdversarialSettings
from reground.tasks.class_pairs import ClassPairSettings
from reground.tasks.evaluation import EvaluationSettings
from reground.tasks.facts import FactSettings
from reground.tasks.imagenet9 import Imagenet9Settings
from reground.tasks.images import IndexSettings
from reground.tasks.masks import MaskSettings
from reground.tasks.neighbours import NeighbourSettings
from reground.tasks.predictions import CandidateSettings, PredictionSettings
from reground.tasks.report import ReportSettings
from reground.tasks.suspects import SuspectSettings
from reground.tasks.variants import VariantSettings


@dataclass(frozen=True)
class Settings:
    """All settings, by step.

    Attributes:
        runner: what shards run on: ``threads[:N]``, ``processes[:N]`` or ``ray[:ADDRESS]``.
    """

    runner: str = "threads"
    index: IndexSettings = field(default_factory=IndexSettings)
    imagenet9: Imagenet9Settings = field(default_factory=Imagenet9Settings)
    facts: FactSettings = field(default_factory=FactSettings)
    masks: MaskSettings = field(default_factory=MaskSettings)
    variants: VariantSettings = field(default_factory=VariantSettings)
    predict: PredictionSettings = field(default_factory=PredictionSettings)
    neighbours: NeighbourSettings = field(default_factory=NeighbourSettings)
    candidates: CandidateSettings = field(default_factory=CandidateSettings)
    adversarial: AdversarialSettings = field(default_factory=AdversarialSettings)
    review: ReviewSettings = field(default_factory=ReviewSettings)
    truth: TruthSettings = field(default_factory=TruthSettings)
    needs_vote: NeedsVoteSettings = field(default_factory=NeedsVoteSettings)
    suspects: SuspectSettings = field(default_factory=SuspectSettings)
    class_pairs: ClassPairSettings = field(default_factory=ClassPairSettings)
    evaluate: EvaluationSettings = field(default_factory=EvaluationSettings)
    report: ReportSettings = field(default_factory=ReportSettings)

    def of(self, step: str) -> Any:
        """The settings of one step."""
        return getattr(self, step)
