"""How suspects of one kind are found: what a method of `reground suspects` is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from reground.tasks.schema import ClassIdx, ImageId, Outcome
from reground.tasks.workspace import Workspace

if TYPE_CHECKING:
    from reground.tasks.suspects.settings import SuspectSettings


@dataclass(frozen=True, slots=True)
class Suspect:
    """One image that a person should look at.

    Attributes:
        image_id: the image.
        score: higher is more suspect; the unit is the kind's.
        flagged: whether the kind's rule calls it suspect.
        threshold: score from which on the rule flags; None: the rule is no threshold.
        related: images that belong to it: its twin, the ends of a bridge.
        class_idx: label under suspicion; None: none is.
        proposed: labels that would repair it, the most likely first.
        evidence: the numbers that the score is made of, JSON-able.
    """

    image_id: ImageId
    score: float
    flagged: bool
    threshold: float | None = None
    related: Sequence[ImageId] = ()
    class_idx: ClassIdx | None = None
    proposed: Sequence[ClassIdx] = ()
    evidence: dict[str, Any] = field(default_factory=dict[str, Any])


@dataclass(frozen=True)
class Method:
    """How suspects of one kind are found.

    Attributes:
        tables: (workspace, settings) -> tables that the method reads; its suspects are found again when one changes.
        find: (workspace, settings) -> suspects, in any order.
        missing: (workspace, settings) -> what the method lacks here, and the command that makes it; empty: nothing.
        limit: what the kind does not show, in one sentence.
        models: (workspace, settings) -> models that the scores rest on.
        inputs: (workspace, settings) -> digests of what it reads elsewhere.
        judges_all: it looks at every image of the workspace, so that one without a row is no suspect; False: whether
            that one is suspect is not known.
        faults: what people decide of the original label of an image that the kind rightly suspects; empty: what they
            decide does not tell whether it was right.
    """

    tables: Callable[[Workspace, SuspectSettings], Sequence[str]]
    find: Callable[[Workspace, SuspectSettings], Sequence[Suspect]]
    missing: Callable[[Workspace, SuspectSettings], str]
    limit: str
    models: Callable[[Workspace, SuspectSettings], Sequence[str]] = lambda workspace, settings: ()
    inputs: Callable[[Workspace, SuspectSettings], Sequence[str]] = lambda workspace, settings: ()
    judges_all: bool = False
    faults: frozenset[Outcome] = frozenset()
