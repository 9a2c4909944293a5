"""Votes: what Label Studio holds -> rows of ``votes``, and what cannot count with the reason.

The server accepts any answer from anybody: each is held against what its question showed.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any, Final

from reground.annotations.rounds.questions import CONTAINS, MOST_OBJECTS, NONE_OF_THESE, Question
from reground.annotations.rounds.task_registry import Task
from reground.tasks.schema import DroppedRow, DropReason, ImageId, dropped_row

SOURCE, RECORDED = "label-studio", "recorded"
STAGE: Final = "collect"
OBJECTS: Final = {**{str(count): count for count in range(1, 5)}, MOST_OBJECTS: 5}
"""Answer -> objects counted; 5 stands for five or more."""

Row = dict[str, Any]


@dataclass(frozen=True)
class Collected:
    """Rows of the tables ``votes``, ``control_answers``, ``submissions`` and ``dropped``."""

    votes: list[Row] = field(default_factory=list[Row])
    control_answers: list[Row] = field(default_factory=list[Row])
    submissions: list[Row] = field(default_factory=list[Row])
    dropped: list[DroppedRow] = field(default_factory=list[DroppedRow])


class _InvalidError(Exception):
    """An answer that contradicts itself or the question; the message says how."""


@dataclass(frozen=True)
class _Given:
    """One answer: the annotation, whose it is, and what it says."""

    annotation: Mapping[str, Any]
    email: str
    source: str
    answer_id: str
    answers: list[Row] = field(default_factory=list[Row])

    @property
    def annotator_id(self) -> str:
        return f"{self.source}:{self.email}"


def collect(
    asked: Task,
    annotations: Sequence[Mapping[str, Any]],
    people: Mapping[int, str],
    recorded: Collection[str],
    controls: Mapping[ImageId, str] = MappingProxyType({}),
) -> Collected:
    """The votes in one task's annotations: of each person, the last answer; of all, as many as were asked for.

    Args:
        asked: what the task showed, and to whom.
        annotations: as Label Studio exports them.
        people: e-mail address of each of its users.
        recorded: addresses whose answers are recordings; their source says so.
        controls: control images among those shown -> the known answer.
    """
    made = Collected()
    begun: dict[str, str] = {}
    valid: list[_Given] = []
    answered: set[str] = set()
    for annotation in sorted(annotations, key=_newest_first, reverse=True):
        if annotation.get("was_cancelled"):
            continue
        given = _given(asked, annotation, people, recorded)
        begun[given.email] = min(
            begun.get(given.email, "~"), _utc(annotation.get("created_at", annotation["updated_at"]))
        )
        problem = _refuse(asked, given, people, answered)
        if problem:
            made.dropped.append(_drop(given.answer_id, *problem))
            continue
        answered.add(given.email)
        try:
            valid.append(replace(given, answers=_read(asked, annotation.get("result"))))
        except _InvalidError as error:
            detail = f"{asked.question.key}, {given.email}: {error}"
            made.dropped.append(_drop(given.answer_id, DropReason.ANSWER_INVALID, detail))
    in_time = sorted(valid, key=lambda given: (begun[given.email], given.annotation["id"]))
    for place, given in enumerate(in_time, 1):
        if asked.overlap and place > asked.overlap:
            detail = f"{asked.question.key}: {given.email} was number {place}, {asked.overlap} were asked for"
            made.dropped.append(_drop(given.answer_id, DropReason.ANSWER_SURPLUS, detail))
        else:
            _count(made, asked, given, controls, begun[given.email])
    return made


def _given(asked: Task, annotation: Mapping[str, Any], people: Mapping[int, str], recorded: Collection[str]) -> _Given:
    person = annotation["completed_by"]
    email = people.get(person, f"user {person}")
    source = RECORDED if email in recorded else SOURCE
    return _Given(annotation, email, source, f"{source}:{asked.project_id}:{annotation['id']}")


def _refuse(
    asked: Task, given: _Given, people: Mapping[int, str], answered: Collection[str]
) -> tuple[DropReason, str] | None:
    """Why an answer cannot count, whatever it says."""
    person, changer = given.annotation["completed_by"], given.annotation.get("updated_by")
    key = asked.question.key
    if changer not in (None, person):
        by = people.get(changer, f"user {changer}")
        return DropReason.ANSWER_TAMPERED, f"{key}: given by {given.email}, changed by {by}"
    if asked.question.annotator and given.email.lower() != asked.question.annotator.lower():
        return DropReason.ANSWER_UNINVITED, f"{key}: put to {asked.question.annotator}, answered by {given.email}"
    if given.email in answered:
        return DropReason.ANSWER_SUPERSEDED, f"{key}: {given.email} answered again later"
    return None


def _count(made: Collected, asked: Task, given: _Given, controls: Mapping[ImageId, str], at: str) -> None:
    for row in _rows(asked, given):
        expected = controls.get(row["image_id"])
        if expected is None:
            made.votes.append(row)
        else:
            kept = {
                name: row[name] for name in ("image_id", "class_idx", "annotator_id", "answer", "source", "answer_id")
            }
            made.control_answers.append(kept | {"expected": expected})
    made.submissions.append(
        {
            "answer_id": given.answer_id,
            "annotator_id": given.annotator_id,
            "question": asked.kind,
            "ticked": [place for place, answer in enumerate(given.answers) if answer["answer"] == "yes"],
            "options": len(given.answers),
            "at": at,
        }
    )


def _read(asked: Task, result: Any) -> list[Row]:
    chosen = _chosen(result)
    read = _read_contains if asked.kind == CONTAINS else _read_classify
    return read(asked.question, chosen)


def _read_contains(question: Question, chosen: Mapping[str, list[str]]) -> list[Row]:
    _only(chosen, {"contains"})
    ticked = _among("ticked", chosen.get("contains", []), question.image_ids)
    return [
        {
            "image_id": image_id,
            "class_idx": question.class_idxs[0],
            "answer": "yes" if image_id in ticked else "no",
            "main": False,
            "num_objects": None,
        }
        for image_id in question.image_ids
    ]


def _read_classify(question: Question, chosen: Mapping[str, list[str]]) -> list[Row]:
    _only(chosen, {"valid", "none", "main", "num_objects"})
    valid = _among("valid", chosen.get("valid", []), map(str, question.class_idxs))
    none = _among("none", chosen.get("none", []), [NONE_OF_THESE])
    if bool(valid) == bool(none):
        raise _InvalidError(
            "both valid labels and none of these" if valid else "neither a valid label nor none of these"
        )
    main, count = None, None
    if valid:
        main = _one("main", chosen)
        if main not in valid:
            raise _InvalidError(f"main label {main} is not among the valid ones ({', '.join(sorted(valid))})")
        count = OBJECTS.get(_one("num_objects", chosen))
        if count is None:
            raise _InvalidError(f"number of objects {chosen['num_objects'][0]} is not one of {', '.join(OBJECTS)}")
    return [
        {
            "image_id": question.image_ids[0],
            "class_idx": label,
            "answer": "yes" if str(label) in valid else "no",
            "main": str(label) == main,
            "num_objects": count,
        }
        for label in question.class_idxs
    ]


def _chosen(result: Any) -> dict[str, list[str]]:
    """Name of the control -> what was chosen in it."""
    if not isinstance(result, list):
        raise _InvalidError(f"expected a list of results, got {type(result).__name__}")
    chosen: dict[str, list[str]] = {}
    for item in result:
        try:
            name, values = item["from_name"], item["value"]["choices"]
        except (KeyError, TypeError):
            raise _InvalidError("a result that is no choice") from None
        if name in chosen or not isinstance(values, list) or not all(isinstance(value, str) for value in values):
            raise _InvalidError(f"control {name!r} is given twice or holds no list of names")
        chosen[name] = values
    return chosen


def _only(chosen: Mapping[str, list[str]], known: set[str]) -> None:
    if strange := sorted(map(str, chosen.keys() - known)):
        raise _InvalidError(f"unknown controls: {', '.join(strange)}")


def _among(what: str, values: Sequence[str], shown: Any) -> set[str]:
    if strange := sorted(set(values) - set(shown)):
        raise _InvalidError(f"{what}: {', '.join(strange)} was not shown")
    return set(values)


def _one(name: str, chosen: Mapping[str, list[str]]) -> str:
    values = chosen.get(name, [])
    if len(values) != 1:
        raise _InvalidError(f"{name}: expected one choice, got {len(values)}")
    return values[0]


def _rows(asked: Task, given: _Given) -> list[Row]:
    seconds = given.annotation.get("lead_time")
    shared = {
        "round": asked.round_number,
        "question": asked.kind,
        "annotator_id": given.annotator_id,
        "seconds": float(seconds) if isinstance(seconds, int | float) else None,
        "at": _utc(given.annotation["updated_at"]),
        "source": given.source,
        "answer_id": given.answer_id,
    }
    return [shared | answer for answer in given.answers]


def _drop(item: str, reason: DropReason, detail: str) -> DroppedRow:
    return dropped_row(STAGE, item, reason, detail)


def _newest_first(annotation: Mapping[str, Any]) -> tuple[str, int]:
    return _utc(annotation["updated_at"]), annotation["id"]


def _utc(moment: str) -> str:
    return datetime.fromisoformat(moment).astimezone(UTC).isoformat(timespec="microseconds")
