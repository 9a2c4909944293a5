"""Needs vote: which pair to ask about next. Reads ``votes``, ``candidates``, ``decisions``; writes ``needs_vote``.

Every pair that is a candidate or has votes is ranked by what one more answer is expected to tell
about it, in bits (`reground.tasks.kernels.information`): a pair on which people disagree, or whose few
votes leave doubt, comes before one that five agree on, and a kind of label that people answer
at random (breeds of dogs) after one that they can tell.

With models, the answer is foretold by the votes together with the models' scores and the original label, and a pair
comes early whose votes these contradict. Models change the order alone: no truth reads this table.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from reground.annotations.truth import strata as originals
from reground.annotations.truth.methods import SMOOTHING, fit_dawid_skene
from reground.tasks.kernels.information import expected_shift
from reground.tasks.kernels.score_prior import holds_given_scores
from reground.tasks.votes import (
    ANSWERS,
    POLICY_TABLE,
    VOTE_COLUMNS,
    Bools,
    Floats,
    Ints,
    VoteArrays,
    encode,
    excluded,
    read_decisions,
    read_votes,
    truth_policy,
)
from reground.tasks.workspace import Output, Shard, Step, Workspace, digest

LEAST: Final = 1e-9
READS: Final = ("images", "original_labels", "classes", "candidates", "votes", "gold", "decisions", POLICY_TABLE)


@dataclass(frozen=True)
class NeedsVoteSettings:
    """What the order rests on; the votes count that count in the truth.

    Attributes:
        with_models: the scores of the models and the original label help to foretell the next answer. They change the
            order of the questions alone, and never the truth.
    """

    with_models: bool = False


@dataclass(frozen=True)
class Belief:
    """What votes say so far of pairs, and how people answer.

    Attributes:
        holds: ``(P,)`` probability that the label holds, of each pair with votes.
        prior: ``(G,)`` the same before any vote, of each stratum.
        answers: ``(G, 2, 3)`` probability of no, maybe and yes where a label does not hold and where it does.
    """

    holds: Floats
    prior: Floats
    answers: Floats


def plan(workspace: Workspace, settings: NeedsVoteSettings) -> list[Shard]:
    """One shard; none without votes, when nothing yet tells how people answer.

    Raises:
        RegroundError: there are votes, and no truth that says which of them count.
    """
    size = sum(part.rows for _, part in workspace.parts("votes"))
    if not size:
        return []
    digests = (*(workspace.table_digest(name) for name in READS), digest(*excluded(workspace, truth_policy(workspace))))
    return [Shard("all", digests, {}, size)]


def work(workspace: Workspace, settings: NeedsVoteSettings, shard: Shard) -> Output:
    """A row for every pair that no curator decided, the one most worth asking about first."""
    votes = encode(read_votes(workspace, truth_policy(workspace), VOTE_COLUMNS))
    if not len(votes.pair):
        return Output({"needs_vote": []})
    images = originals.known_images(workspace)
    of = {str(i): None if np.isnan(o) else int(o) for i, o in zip(images["image_id"], images["original"].astype(float))}
    animal = originals.animal_classes(workspace)
    belief = believe(votes, originals.strata(votes, of, animal))
    candidate_pairs = _pairs_without_votes(workspace, votes)
    image_ids = [*(votes.image_ids[n] for n in votes.image), *(image_id for image_id, _ in candidate_pairs)]
    labels = np.concatenate([votes.label, np.array([label for _, label in candidate_pairs], np.int64)])
    stratum = originals.stratum(labels, originals.of_pairs(image_ids, of), animal)
    holds = np.concatenate([belief.holds, belief.prior[stratum[len(votes.label) :]]])
    count = np.bincount(votes.pair, minlength=len(labels))
    forecast = holds
    if settings.with_models:
        is_original = labels == originals.of_pairs(image_ids, of)
        forecast = forecast_of(belief, holds, count > 0, stratum, is_original, _scores(workspace, image_ids, labels))
    gains = gain(holds, stratum, belief.answers, forecast)
    decided = read_decisions(workspace)
    order = [
        n
        for n in np.lexsort((labels, np.array(image_ids, object), -gains.round(9))).tolist()
        if (image_ids[n], int(labels[n])) not in decided
    ]
    return Output(
        {
            "needs_vote": [
                {
                    "rank": rank,
                    "image_id": image_ids[n],
                    "class_idx": int(labels[n]),
                    "gain": float(gains[n]),
                    "probability": float(holds[n]),
                    "votes": int(count[n]),
                }
                for rank, n in enumerate(order, start=1)
            ]
        }
    )


def believe(votes: VoteArrays, strata: Ints) -> Belief:
    """Fit Dawid and Skene's model, and pool the annotators' answers within each stratum."""
    fit = fit_dawid_skene(votes, strata)
    answers = np.full((originals.STRATA, 2, len(ANSWERS)), SMOOTHING)
    for state in (0, 1):
        np.add.at(answers[:, state], (strata[votes.pair], votes.answer), fit.posterior[votes.pair, state])
    prior = np.full(originals.STRATA, fit.posterior[:, 1].mean())
    prior[: len(fit.prior)] = fit.prior[:, 1]
    return Belief(fit.posterior[:, 1], prior, answers / answers.sum(axis=2, keepdims=True))


def forecast_of(
    belief: Belief, holds: Floats, has_votes: Bools, strata: Ints, is_original: Bools, scores: Floats
) -> Floats:
    """``(N,)`` probability that each label holds by its votes, its score and whether it is the original one.

    Args:
        belief: by votes alone.
        holds: ``(N,)`` the same of each pair; where there is no vote, the prior.
        has_votes: ``(N,)``.
        strata: ``(N,)`` stratum of each pair.
        is_original: ``(N,)``.
        scores: ``(N,)`` of the models, higher is more likely to hold; NaN: unknown.
    """
    return holds_given_scores(holds, has_votes, np.repeat(belief.prior, 2), 2 * strata + is_original, scores)


def gain(holds: Floats, strata: Ints, answers: Floats, forecast: Floats) -> Floats:
    """``(N,)`` bits by which one more answer is expected to move the belief in each label.

    Args:
        holds: ``(N,)`` probability that each label holds by votes.
        strata: ``(N,)`` stratum of each pair.
        answers: as in `Belief`.
        forecast: ``(N,)`` probability that foretells the answer; ``holds``: what it is expected to tell.
    """
    # Nothing is certain of a label: a belief of 1 could not be moved.
    belief, foretold = (np.stack([1 - p, p], axis=1) for p in (np.clip(holds, LEAST, 1 - LEAST), forecast))
    gains = np.zeros(len(holds))
    for stratum in np.unique(strata).tolist():
        inside = strata == stratum
        gains[inside] = expected_shift(belief[inside], answers[stratum], foretold[inside])
    return gains


def _scores(workspace: Workspace, image_ids: Sequence[str], labels: Ints) -> Floats:
    """``(N,)`` mean probability of each pair by the models; NaN where it is no candidate."""
    candidates = workspace.read("candidates", ["image_id", "class_idx", "score"])
    of = dict(zip(zip(candidates["image_id"], candidates["class_idx"], strict=True), candidates["score"], strict=True))
    pairs = zip(image_ids, labels.tolist(), strict=True)
    return np.array([of.get(pair, np.nan) for pair in pairs], np.float64)


def _pairs_without_votes(workspace: Workspace, votes: VoteArrays) -> list[tuple[str, int]]:
    """Candidates without a vote."""
    candidates = workspace.read("candidates", ["image_id", "class_idx"])
    known = set(zip((votes.image_ids[n] for n in votes.image), votes.label.tolist(), strict=True))
    pairs = zip(candidates["image_id"], candidates["class_idx"].tolist(), strict=True)
    return [pair for image_id, label in pairs if (pair := (str(image_id), int(label))) not in known]


STEP = Step(
    "needs_vote",
    4,
    NeedsVoteSettings,
    plan,
    work,
    idle="there are no votes yet; `reground review push` asks people, `reground votes import` reads a file",
)
