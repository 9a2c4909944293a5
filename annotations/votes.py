"""Votes: what Label Studio holds -> rows of ``votes``, and what cannot count with the reason.

The server accepts any answer from anybody: each is held against what its question showed.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from annotations.ledger import Task
from annotations.questions import CONTAINS, MOST_OBJECTS, NONE_OF_THESE, Question
from tasks.schema import DropReason

SOURCE, RECORDED = "label-studio", "recorded"
STAGE: Final = "collect"
OBJECTS: Final = {**{str(count): count for count in range(1, 5)}, MOST_OBJECTS: 5}
"""Answer -> objects counted; 5 stands for five or more."""

Row = dict[str, Any]


@dataclass(frozen=True)
class Collected:
    """Rows of the tables ``votes`` and ``dropped``."""

    votes: list[Row] = field(default_factory=list[Row])
    dropped: list[Row] = field(default_factory=list[Row])


class _InvalidError(Exception):
    """An answer that contradicts itself or the question; the message says how."""


def collect(
    asked: Task, annotations: Sequence[Mapping[str, Any]], people: Mapping[int, str], recorded: Collection[str]
) -> Collected:
    """The votes in one task's annotations: of each person, the last answer.

    Args:
        asked: what the task showed.
        annotations: as Label Studio exports them.
        people: e-mail address of each of its users.
        recorded: addresses whose answers are recordings; their source says so.
    """
    made = Collected()
    answered: set[int] = set()
    for annotation in sorted(annotations, key=_newest_first, reverse=True):
        if annotation.get("was_cancelled"):
            continue
        person = annotation["completed_by"]
        email = people.get(person, f"user {person}")
        source = RECORDED if email in recorded else SOURCE
        answer_id = f"{source}:{asked.project_id}:{annotation['id']}"
        if annotation.get("updated_by") not in (None, person):
            changer = people.get(annotation["updated_by"], f"user {annotation['updated_by']}")
            detail = f"{asked.question.key}: given by {email}, changed by {changer}"
            made.dropped.append(_drop(answer_id, DropReason.ANSWER_TAMPERED, detail))
            continue
        if person in answered:
            detail = f"{asked.question.key}: {email} answered again later"
            made.dropped.append(_drop(answer_id, DropReason.ANSWER_SUPERSEDED, detail))
            continue
        answered.add(person)
        try:
            answers = _read(asked, annotation.get("result"))
        except _InvalidError as error:
            detail = f"{asked.question.key}, {email}: {error}"
            made.dropped.append(_drop(answer_id, DropReason.ANSWER_INVALID, detail))
            continue
        made.votes.extend(_rows(asked, annotation, answers, f"{source}:{email}", source, answer_id))
    return made


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


def _rows(
    asked: Task, annotation: Mapping[str, Any], answers: list[Row], annotator_id: str, source: str, answer_id: str
) -> list[Row]:
    seconds = annotation.get("lead_time")
    shared = {
        "round": asked.round_number,
        "question": asked.kind,
        "annotator_id": annotator_id,
        "seconds": float(seconds) if isinstance(seconds, int | float) else None,
        "at": _utc(annotation["updated_at"]),
        "source": source,
        "answer_id": answer_id,
    }
    return [shared | answer for answer in answers]


def _drop(item: str, reason: DropReason, detail: str) -> Row:
    return {"stage": STAGE, "item": item, "reason": str(reason), "detail": detail}


def _newest_first(annotation: Mapping[str, Any]) -> tuple[str, int]:
    return _utc(annotation["updated_at"]), annotation["id"]


def _utc(moment: str) -> str:
    return datetime.fromisoformat(moment).astimezone(UTC).isoformat(timespec="microseconds")
