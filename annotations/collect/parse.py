"""Parse: annotations of a task -> rows of ``votes``, and rows of ``dropped`` for those that cannot count.

Label Studio accepts any annotation from anybody, so each is validated against its question.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any, Final, TypedDict

from reground.annotations.collect.edits import own_versions, update_key
from reground.annotations.collect.timestamps import to_utc
from reground.annotations.label_studio import Json
from reground.annotations.rounds import MANY_OBJECTS, NONE_OF_THESE, Question, Task, UserDirectory
from reground.tasks.schema import (
    AnnotatorId,
    ClassIdx,
    ControlAnswerRow,
    DecisionAnswerRow,
    DroppedRow,
    DropReason,
    ImageId,
    SkipRow,
    SubmissionRow,
    VoteRow,
    dropped_row,
)
from reground.tasks.votes import CONTAINS, ContradictionError, check_answer

STAGE: Final = "collect"
OBJECT_COUNTS: Final = {**{str(count): count for count in range(1, 5)}, MANY_OBJECTS: 5}
"""Option -> number of objects; 5 stands for five or more."""


class ParsedAnswer(TypedDict):
    """The answer to one pair of image and label: columns of ``votes``."""

    image_id: ImageId
    class_idx: ClassIdx
    answer: str
    main: bool
    num_objects: int | None


@dataclass(frozen=True)
class TaskRows:
    """Rows of the tables of these names."""

    votes: list[VoteRow] = field(default_factory=list[VoteRow])
    control_answers: list[ControlAnswerRow] = field(default_factory=list[ControlAnswerRow])
    submissions: list[SubmissionRow] = field(default_factory=list[SubmissionRow])
    skips: list[SkipRow] = field(default_factory=list[SkipRow])
    decision_answers: list[DecisionAnswerRow] = field(default_factory=list[DecisionAnswerRow])
    dropped: list[DroppedRow] = field(default_factory=list[DroppedRow])

    def drop(self, submission: _Submission, reason: DropReason, detail: str) -> None:
        self.dropped.append(dropped_row(STAGE, submission.answer_id, reason, detail))


class InvalidAnswerError(Exception):
    """An answer that contradicts itself or the question; the message says how."""


@dataclass(frozen=True)
class _Submission:
    """One annotation: whose it is, how people know them, and the answers in it."""

    annotation: Json
    annotator_id: AnnotatorId
    annotator: str
    source: str
    answer_id: str
    answers: list[ParsedAnswer] = field(default_factory=list[ParsedAnswer])


def parse_annotations(
    task: Task,
    annotations: Sequence[Json],
    users: UserDirectory,
    controls: Mapping[ImageId, str] = MappingProxyType({}),
) -> TaskRows:
    """The votes of one task: the last answer of each annotator, of the first ``overlap`` annotators.

    Args:
        task: with its question.
        annotations: all versions of its answers.
        users: who they are.
        controls: control image -> its known answer.
    """
    rows = TaskRows()
    start_times: dict[AnnotatorId, str] = {}
    valid: list[_Submission] = []
    latest: set[AnnotatorId] = set()
    for annotation in sorted(own_versions(annotations), key=update_key, reverse=True):
        if annotation.get("was_cancelled"):
            continue
        submission = _submission(task, annotation, users)
        annotator_id, created_at = (
            submission.annotator_id,
            to_utc(annotation.get("created_at", annotation["updated_at"])),
        )
        start_times[annotator_id] = min(start_times.get(annotator_id, "~"), created_at)
        rejection = _rejection(task, submission, users, latest)
        if rejection:
            rows.drop(submission, *rejection)
            continue
        latest.add(annotator_id)
        try:
            valid.append(replace(submission, answers=parse_result(task, annotation.get("result"))))
        except InvalidAnswerError as error:
            rows.drop(submission, DropReason.ANSWER_INVALID, f"{task.question.key}, {submission.annotator}: {error}")
    valid.sort(key=lambda submission: (start_times[submission.annotator_id], submission.annotation["id"]))
    for place, submission in enumerate(valid, 1):
        if task.overlap and place > task.overlap:
            detail = f"{task.question.key}: {submission.annotator} was number {place}, the overlap is {task.overlap}"
            rows.drop(submission, DropReason.ANSWER_SURPLUS, detail)
        else:
            _add_submission(rows, task, submission, controls, start_times[submission.annotator_id])
    return rows


def _submission(task: Task, annotation: Json, users: UserDirectory) -> _Submission:
    user_id, source = annotation["completed_by"], users.source(annotation["completed_by"])
    annotator_id = users.annotator_id(user_id, annotation["id"])
    answer_id = f"{source}:{task.project_id}:{annotation['id']}"
    return _Submission(annotation, annotator_id, users.title(user_id), source, answer_id)


def _rejection(
    task: Task, submission: _Submission, users: UserDirectory, latest: Collection[AnnotatorId]
) -> tuple[DropReason, str] | None:
    """Why a submission cannot count, whatever its answers; None: it can."""
    user_id = submission.annotation["completed_by"]
    key, assignee = task.question.key, task.question.annotator
    if assignee and not users.has_address(user_id, assignee):
        return DropReason.ANSWER_UNINVITED, f"{key}: assigned to {assignee}, answered by {submission.annotator}"
    if submission.annotator_id in latest:
        return DropReason.ANSWER_SUPERSEDED, f"{key}: {submission.annotator} answered again later"
    return None


def _add_submission(
    rows: TaskRows, task: Task, submission: _Submission, controls: Mapping[ImageId, str], start_time: str
) -> None:
    for vote in _votes(task, submission):
        expected = controls.get(vote["image_id"])
        if expected is None:
            rows.votes.append(vote)
        else:
            rows.control_answers.append(_control_answer(vote, expected))
    rows.submissions.append(
        {
            "answer_id": submission.answer_id,
            "annotator_id": submission.annotator_id,
            "question": task.kind,
            "ticked": [place for place, answer in enumerate(submission.answers) if answer["answer"] == "yes"],
            "options": len(submission.answers),
            "at": start_time,
        }
    )


def _votes(task: Task, submission: _Submission) -> list[VoteRow]:
    seconds, at = submission.annotation.get("lead_time"), to_utc(submission.annotation["updated_at"])
    return [
        {
            "round": task.round_number,
            "question": task.kind,
            "annotator_id": submission.annotator_id,
            "seconds": float(seconds) if isinstance(seconds, int | float) else None,
            "at": at,
            "source": submission.source,
            "answer_id": submission.answer_id,
            **answer,
        }
        for answer in submission.answers
    ]


def _control_answer(vote: VoteRow, expected: str) -> ControlAnswerRow:
    return {
        "image_id": vote["image_id"],
        "class_idx": vote["class_idx"],
        "annotator_id": vote["annotator_id"],
        "answer": vote["answer"],
        "expected": expected,
        "source": vote["source"],
        "answer_id": vote["answer_id"],
    }


def parse_result(task: Task, result: Any) -> list[ParsedAnswer]:
    """The answers in the result of a CONTAINS or CLASSIFY annotation.

    Raises:
        InvalidAnswerError: it contradicts itself or the question.
    """
    choices = _choices(result)
    parse = _parse_contains if task.kind == CONTAINS else _parse_classify
    return parse(task.question, choices)


def _parse_contains(question: Question, choices: Mapping[str, list[str]]) -> list[ParsedAnswer]:
    _check_controls(choices, {"contains"})
    options = dict(zip(question.options, question.image_ids, strict=True))
    positive = {options[option] for option in _check_options("ticked", choices.get("contains", []), options)}
    return [
        {
            "image_id": image_id,
            "class_idx": question.class_idxs[0],
            "answer": "yes" if image_id in positive else "no",
            "main": False,
            "num_objects": None,
        }
        for image_id in question.image_ids
    ]


def _parse_classify(question: Question, choices: Mapping[str, list[str]]) -> list[ParsedAnswer]:
    _check_controls(choices, {"valid", "none", "main", "num_objects"})
    valid = _check_options("valid", choices.get("valid", []), map(str, question.class_idxs))
    none = _check_options("none", choices.get("none", []), [NONE_OF_THESE])
    if not (valid or none):
        raise InvalidAnswerError("neither a valid label nor none of these")
    main, num_objects = None, None
    if valid:  # else what main and num_objects hold is left over from before, and hidden
        main = _single_choice("main", choices)
        num_objects = OBJECT_COUNTS.get(_single_choice("num_objects", choices))
        if num_objects is None:
            option = choices["num_objects"][0]
            raise InvalidAnswerError(f"number of objects {option} is not one of {', '.join(OBJECT_COUNTS)}")
    try:
        check_answer(valid, [main] if main else [], [num_objects] if num_objects else [], bool(none))
    except ContradictionError as error:
        raise InvalidAnswerError(str(error)) from error
    return [
        {
            "image_id": question.image_ids[0],
            "class_idx": label,
            "answer": "yes" if str(label) in valid else "no",
            "main": str(label) == main,
            "num_objects": num_objects,
        }
        for label in question.class_idxs
    ]


def _choices(result: Any) -> dict[str, list[str]]:
    """Name of the control -> options chosen in it."""
    if not isinstance(result, list):
        raise InvalidAnswerError(f"expected a list of results, got {type(result).__name__}")
    choices: dict[str, list[str]] = {}
    for item in result:
        try:
            name, options = item["from_name"], item["value"]["choices"]
        except (KeyError, TypeError):
            raise InvalidAnswerError("a result that is not a choice") from None
        if not isinstance(name, str):
            raise InvalidAnswerError(f"expected the name of a control, got {type(name).__name__}")
        if name in choices or not isinstance(options, list) or not all(isinstance(option, str) for option in options):
            raise InvalidAnswerError(f"control {name!r} occurs twice or holds no list of options")
        choices[name] = options
    return choices


def _check_controls(choices: Mapping[str, list[str]], names: set[str]) -> None:
    if unknown_names := sorted(choices.keys() - names):
        raise InvalidAnswerError(f"unknown controls: {', '.join(unknown_names)}")


def _check_options(control: str, options: Sequence[str], valid_options: Iterable[str]) -> set[str]:
    if unknown_options := sorted(set(options) - set(valid_options)):
        raise InvalidAnswerError(f"{control}: {', '.join(unknown_options)} was not an option")
    return set(options)


def _single_choice(control: str, choices: Mapping[str, list[str]]) -> str:
    options = choices.get(control, [])
    if len(options) != 1:
        raise InvalidAnswerError(f"{control}: expected one choice, got {len(options)}")
    return options[0]
