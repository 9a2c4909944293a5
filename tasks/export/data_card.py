"""The data card: what whoever receives an export must know, with front matter that the Hugging Face Hub reads.

Reads ``votes``, ``decisions``, ``annotators``, ``dropped``, ``vote_policy`` and ``truth_versions`` besides what is
exported.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from reground.tasks.export.dataset import Dataset
from reground.tasks.export.lineage import FILE as LINEAGE
from reground.tasks.export.lineage import count_decisions, decisions
from reground.tasks.kernels.agreement import Agreement
from reground.tasks.kernels.agreement import agreement as measure_agreement
from reground.tasks.text import count_of, markdown, visible
from reground.tasks.votes import ANONYMOUS, ANSWERS, RECORDED, SIMULATED, count_states, describe_states
from reground.tasks.workspace import Workspace

TITLE: Final = "# Data card"
STATES: Final = "states.csv"
"""File of every export: the state, outcome and labels of each image in it."""
NOT_PEOPLE: Final = {
    RECORDED: "recorded beforehand for a demonstration: not a survey",
    SIMULATED: "made by a program: not people's",
}
_VOTE: Final = ("source", "question", "image_id", "class_idx", "annotator_id", "answer")
_PAIR: Final = ["source", "question", "image_id", "class_idx"]


@dataclass(frozen=True)
class VoteStatistics:
    """The votes of one source on one kind of question.

    Attributes:
        annotators: distinct people; 0: who answered is not known.
        agreement: on pairs of image and label.
    """

    source: str
    question: str
    votes: int
    images: int
    pairs: int
    annotators: int
    agreement: Agreement


def data_card(data: Dataset, to_format: str) -> str:
    """The whole card."""
    sections = [
        TITLE,
        "",
        *bullets(_contents(data, to_format)),
        "",
        "## Where the labels come from",
        "",
        *bullets(_origin(data)),
        "",
        LIMITS,
    ]
    return front_matter(to_format, len(data), data.sources, data.front) + "\n".join(sections) + "\n"


def bullets(texts: Iterable[str]) -> Iterator[str]:
    """Items of a list in Markdown; names in them open no section, link or list of their own."""
    return (f"- {markdown(text)}" for text in texts)


def _contents(data: Dataset, to_format: str) -> Iterator[str]:
    yield f"format: {to_format}; truth version: {data.version}"
    yield f"images in the truth: {len(data.whole):,}; {describe_states(count_states(data.whole))}"
    yield f"images in this export: {len(data):,}; {describe_states(count_states(data.truth))}"
    yield f"labels: those that people settled; of an image that is not settled, the original label (see {STATES})"
    yield from (
        f"left out of this export: {n:,} ({why})" + ("; see left_out.csv" if n else "")
        for why, n in data.left_out.reasons().items()
    )
    yield from data.notes


def _origin(data: Dataset) -> Iterator[str]:
    methods = ", ".join(sorted(set(data.whole["method"].to_pylist()))) or "none"
    settings = json.dumps(data.settings, sort_keys=True) if data.settings else "not recorded"
    yield f"method: {methods}; settings: {settings}"
    yield from data.policy.sentences()
    yield from _votes(data)
    yield from _decisions(data)
    yield from _not_counted(data)
    yield from _dropped(data.workspace)


def front_matter(to_format: str, count: int, sources: Sequence[str], more: Mapping[str, Any]) -> str:
    """What the Hub reads, between two lines of dashes: YAML whose values are JSON, which is YAML too.

    Args:
        to_format: name of the format.
        count: images in it.
        sources: of the votes behind it.
        more: fields that only this format has.
    """
    fields: dict[str, Any] = {
        "pretty_name": f"Re-grounded labels ({to_format})",
        "license": "unknown",
        "task_categories": ["image-classification"],
        "task_ids": ["multi-label-image-classification"],
        "annotations_creators": sorted({_creator(source) for source in sources}) or ["no-annotation"],
        "size_categories": [_size(count)],
        **more,
    }
    lines = (f"{name}: {visible(json.dumps(value, ensure_ascii=False))}\n" for name, value in fields.items())
    return "".join(["---\n", *lines, "---\n\n"])


def without_front_matter(card: str) -> str:
    """A card as a person reads it."""
    return card[card.index(f"\n{TITLE}\n") + 1 :]


LIMITS: Final = """\
## How to read the labels

States: settled (people have decided), in review (people were asked and have not decided: the original label
stands meanwhile), unreviewed (nobody was asked: the original label stands untested). Outcomes of settled images:
confirmed (the original label alone holds), extended (it and others), changed (others alone), empty (none), labelled
(nobody knows the original, and these hold).

A label that people were not asked about is neither right nor wrong: only candidates were shown, so
that a label missing here may still hold. People who are no experts tell breeds and species apart
badly, and agree in their mistakes: agreement is not correctness. Answers `no` of a published source
may be what nobody marked, not what somebody denied. Confidences are those of the method named above;
the same number of another method does not mean the same.

## Licence

Not known, and not given by this export. Photographs stay under the terms on which their holder has
them (those of ImageNet do not allow passing them on); votes under the terms of whoever published or
collected them. Settle both before you pass this on, and put the licence where it says `unknown`."""


def _creator(source: str) -> str:
    return "machine-generated" if source in NOT_PEOPLE else "other"


def _size(count: int) -> str:
    """The Hub's name for a number of rows."""
    bounds = ("1K", "10K", "100K", "1M", "10M", "100M", "1B", "10B", "100B", "1T")
    place = max(0, math.floor(math.log10(max(count, 1))) - 2)
    return f"n<{bounds[0]}" if place == 0 else f"{bounds[place - 1]}<n<{bounds[place]}"


def _votes(data: Dataset) -> Iterator[str]:
    total = pc.sum(data.whole["votes"]).as_py() or 0  # pyright: ignore[reportAttributeAccessIssue]
    counted = data.votes(_VOTE)
    yield f"votes: {total:,}, from {', '.join(map(_source_label, data.sources)) or 'nobody yet'}"
    yield from (_sentence(statistics) for statistics in vote_statistics(counted))
    if len(counted) != total:
        yield f"the votes have changed since this truth was made: {total:,} then, {len(counted):,} when exported"


def _decisions(data: Dataset) -> Iterator[str]:
    counts = count_decisions(data.whole, decisions(data))
    if counts.labels:
        yield (
            f"decisions of curators, which outrank votes: {count_of(counts.labels, 'label')} of "
            f"{count_of(counts.images, 'image')}, by {count_of(counts.curators, 'person', 'people')}; "
            f"{counts.against:,} against the majority of the votes, {counts.ties:,} where votes were tied; "
            f"see {LINEAGE}"
        )
    if counts.unknown:
        yield f"{counts.unknown:,} of these decisions have changed since this truth was made"


def _not_counted(data: Dataset) -> Iterator[str]:
    """Votes that are there and do not count, and why."""
    by_source, by_annotator = Counter[str](), Counter[str]()
    for _, part in data.workspace.parts("votes"):
        columns = data.workspace.read_part(part.path, ["source", "annotator_id"])
        by_source.update(columns["source"].to_pylist())
        by_annotator.update(columns["annotator_id"].to_pylist())
    yield from (
        f"not counted: {count_of(by_source[source], 'vote')} from {_source_label(source)}, held out"
        for source in sorted(by_source.keys() & data.policy.held_out_sources)
    )
    if data.excluded:
        why = Counter(data.workspace.read("annotators", ["excluded"])["excluded"].dropna())
        reasons = ", ".join(f"{count:,} for {reason}" for reason, count in sorted(why.items()))
        votes = sum(by_annotator[person] for person in data.excluded)
        people = count_of(len(data.excluded), "excluded annotator")
        yield f"not counted: {count_of(votes, 'vote')} of {people} ({reasons})"


def _source_label(source: str) -> str:
    """A source, never without saying so where its votes are not people's."""
    return f"{source} ({NOT_PEOPLE[source]})" if source in NOT_PEOPLE else source


def _sentence(stats: VoteStatistics) -> str:
    people = count_of(stats.annotators, "annotator") if stats.annotators else "annotators unknown"
    text = (
        f"{_source_label(stats.source)}, question {stats.question}: {count_of(stats.votes, 'vote')} on "
        f"{count_of(stats.pairs, 'pair')} of image and label, {count_of(stats.images, 'image')}, {people}"
    )
    agreement = stats.agreement
    if not agreement.questions:
        return f"{text}; no pair was judged twice, so that agreement is not known"
    alpha = "not defined (all answers are alike)" if math.isnan(agreement.alpha) else f"{agreement.alpha:.3f}"
    return (
        f"{text}; Krippendorff's alpha (nominal) {alpha}, two answers on a pair are equal in {agreement.pairwise:.1%}"
    )


def vote_statistics(votes: pa.Table) -> Iterator[VoteStatistics]:
    """What each source was asked, and how far its people agree; by source and question."""
    kinds = votes.group_by(_PAIR[:2]).aggregate([]).sort_by([(name, "ascending") for name in _PAIR[:2]])
    for kind in kinds.to_pylist():
        of_kind = votes.filter((pc.field("source") == kind["source"]) & (pc.field("question") == kind["question"]))
        yield _statistics(of_kind.combine_chunks(), **kind)


def _statistics(votes: pa.Table, source: str, question: str) -> VoteStatistics:
    counts = pair_counts(votes)
    people = pc.unique(votes["annotator_id"]).to_pylist()  # pyright: ignore[reportAttributeAccessIssue]
    return VoteStatistics(
        source=source,
        question=question,
        votes=len(votes),
        images=len(pc.unique(votes["image_id"])),  # pyright: ignore[reportAttributeAccessIssue]
        pairs=len(counts),
        annotators=sum(ANONYMOUS not in person for person in people),
        agreement=measure_agreement(counts),
    )


def pair_counts(votes: pa.Table) -> np.ndarray[Any, np.dtype[np.int64]]:
    """``(pairs, 3)``: how often each of `ANSWERS` was given on each pair of image and label."""
    image = votes["image_id"].combine_chunks().dictionary_encode().indices.to_numpy(zero_copy_only=False)
    label = votes["class_idx"].to_numpy().astype(np.int64)
    _, pair = np.unique(image * (int(label.max(initial=0)) + 2) + label + 1, return_inverse=True)
    answer = pc.index_in(votes["answer"], value_set=pa.array(ANSWERS)).to_numpy()  # pyright: ignore[reportAttributeAccessIssue]
    flat = np.bincount(pair * len(ANSWERS) + answer, minlength=(int(pair.max(initial=-1)) + 1) * len(ANSWERS))
    return flat.reshape(-1, len(ANSWERS)).astype(np.int64)


def _dropped(workspace: Workspace) -> Iterator[str]:
    dropped = workspace.read("dropped", ["stage", "reason"])
    counts = Counter(zip(dropped["stage"], dropped["reason"], strict=True))
    yield from (f"dropped in {stage}: {count:,} {reason}" for (stage, reason), count in sorted(counts.items()))
