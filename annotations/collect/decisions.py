"""Decisions of curators: their answers to disputed questions, and their corrections of others' answers.

A correction decides the pairs of image and label that it changes; the vote stays as its annotator gave it. An edit
by anybody else changes nothing, and is set aside.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from reground.annotations.collect.edits import Edit, editor, edits, own_versions, update_key
from reground.annotations.collect.parse import STAGE, InvalidAnswerError, TaskRows, parse_result
from reground.annotations.collect.timestamps import to_utc
from reground.annotations.label_studio import Json
from reground.annotations.rounds import COMMENT, NOT_VALID, VALID, Task, UserDirectory
from reground.tasks.schema import ClassIdx, DecisionAnswerRow, DropReason, ImageId, dropped_row
from reground.tasks.votes import CONTAINS, DECIDE, NO, YES

Pair = tuple[ImageId, ClassIdx]
_UNKNOWN: Final = "the answer as first given was not collected before that"


@dataclass(frozen=True)
class _Context:
    """One task, and what its decisions are read with."""

    task: Task
    users: UserDirectory
    rows: TaskRows

    @property
    def key(self) -> str:
        return self.task.question.key

    def answer_id(self, annotation: Json) -> str:
        return f"{self.users.source(annotation['completed_by'])}:{self.task.project_id}:{annotation['id']}"

    def drop(self, annotation: Json, reason: DropReason, detail: str) -> None:
        row = dropped_row(STAGE, self.answer_id(annotation), reason, f"{self.key}: {detail}")
        self.rows.dropped.append(row)

    def decide(self, annotation: Json, answers: Mapping[Pair, str], comment: str | None) -> None:
        """Add the answers that the last editor of an annotation gives."""
        curator = self.users.annotator_id(editor(annotation), annotation["id"])
        new: list[DecisionAnswerRow] = [
            {
                "image_id": image_id,
                "class_idx": label,
                "answer": answer,
                "annotator_id": curator,
                "at": to_utc(annotation["updated_at"]),
                "comment": comment,
                "key": self.key,
                "project_id": self.task.project_id,
                "task_id": self.task.task_id,
                "answer_id": self.answer_id(annotation),
            }
            for (image_id, label), answer in answers.items()
        ]
        replaced = {_key(row) for row in new}
        self.rows.decision_answers[:] = [r for r in self.rows.decision_answers if _key(r) not in replaced] + new


def parse_decisions(
    task: Task, annotations: Iterable[Json], users: UserDirectory, curators: Collection[str]
) -> TaskRows:
    """The decisions in one task, and what others change without being curators.

    Args:
        task: of any kind.
        annotations: all versions of its answers.
        users: who gave them.
        curators: addresses.
    """
    versions, context = list(annotations), _Context(task, users, TaskRows())
    if task.kind == DECIDE:
        _add_own_decisions(context, own_versions(versions))
    changes = list(edits(versions))
    own_ids = {annotation["id"] for annotation in own_versions(versions)} if changes else set()
    for edit in changes:
        editor_id = editor(edit.after)
        if any(users.has_address(editor_id, address) for address in curators):
            _add_correction(context, edit)
        else:
            fate = "the answer as collected before counts" if edit.after["id"] in own_ids else _UNKNOWN
            detail = f"{_authors(edit, users)}; {fate}"
            context.drop(edit.after, DropReason.ANSWER_TAMPERED, detail)
    return context.rows


def _add_own_decisions(context: _Context, annotations: Iterable[Json]) -> None:
    """The answers of the one curator who was asked; the last one counts."""
    assignee, users = context.task.question.annotator, context.users
    latest: Json | None = None
    for annotation in sorted(annotations, key=update_key, reverse=True):
        if annotation.get("was_cancelled"):
            continue
        name = users.title(annotation["completed_by"])
        if not users.has_address(annotation["completed_by"], assignee):
            context.drop(annotation, DropReason.ANSWER_UNINVITED, f"assigned to {assignee}, answered by {name}")
        elif latest is not None:
            context.drop(annotation, DropReason.ANSWER_SUPERSEDED, f"{name} answered again later")
        else:
            latest = annotation
            try:
                context.decide(annotation, *_decide_answers(context.task, annotation.get("result")))
            except InvalidAnswerError as error:
                context.drop(annotation, DropReason.ANSWER_INVALID, f"{name}: {error}")


def _add_correction(context: _Context, edit: Edit) -> None:
    """What a curator changes in an answer; in one that was not collected before, all of it if it is one image."""
    task, authors = context.task, _authors(edit, context.users)
    if edit.after.get("was_cancelled"):
        context.drop(edit.after, DropReason.ANSWER_INVALID, f"{authors}: a skip decides nothing")
        return
    try:
        answers, comment = _answers(task, edit.after)
    except InvalidAnswerError as error:
        context.drop(edit.after, DropReason.ANSWER_INVALID, f"{authors}: {error}")
        return
    before = _known_answers(task, edit.before)
    if before is None and task.kind == CONTAINS:
        detail = f"{authors}; {_UNKNOWN}, so that nobody knows which of the {len(answers)} images it is about"
        context.drop(edit.after, DropReason.ANSWER_OVERWRITTEN, detail)
        return
    if before is None:
        detail = f"{authors}; {_UNKNOWN}: it is no vote, and the correction decides all its labels"
        context.drop(edit.after, DropReason.ANSWER_OVERWRITTEN, detail)
    changed = {pair: answer for pair, answer in answers.items() if before is None or before.get(pair) != answer}
    if not changed:
        detail = f"{authors}: no label changed; the main label and the number of objects are left to votes"
        context.drop(edit.after, DropReason.ANSWER_TAMPERED, detail)
    context.decide(edit.after, changed, comment)


def _authors(edit: Edit, users: UserDirectory) -> str:
    return f"submitted by {users.title(edit.after['completed_by'])}, edited by {users.title(editor(edit.after))}"


def _known_answers(task: Task, annotation: Json | None) -> Mapping[Pair, str] | None:
    """The answers in an earlier version; None: there is none, or it cannot be read."""
    if annotation is None or annotation.get("was_cancelled"):
        return None
    try:
        return _answers(task, annotation)[0]
    except InvalidAnswerError:
        return None


def _answers(task: Task, annotation: Json) -> tuple[Mapping[Pair, str], str | None]:
    if task.kind == DECIDE:
        return _decide_answers(task, annotation.get("result"))
    parsed = parse_result(task, annotation.get("result"))
    return {(answer["image_id"], answer["class_idx"]): answer["answer"] for answer in parsed}, None


def _decide_answers(task: Task, result: Any) -> tuple[Mapping[Pair, str], str | None]:
    """The labels that are ticked as valid or as not valid, and the comment; labels with neither stay undecided."""
    ticks: dict[str, set[str]] = {VALID: set(), NOT_VALID: set()}
    comment: str | None = None
    for item in result if isinstance(result, list) else ():
        match item:
            case {"from_name": str(name), "value": {"choices": [*options]}} if name in ticks:
                ticks[name].update(map(str, options))
            case {"from_name": name, "value": {"text": str(text) | [str(text), *_]}} if name == COMMENT:
                comment = text.strip() or None
            case _:
                raise InvalidAnswerError("a result that is neither a choice nor the comment")
    if both := sorted(ticks[VALID] & ticks[NOT_VALID]):
        raise InvalidAnswerError(f"label {', '.join(both)} is both valid and not valid")
    options = {str(label): label for label in task.question.class_idxs}
    if strange := sorted((ticks[VALID] | ticks[NOT_VALID]) - options.keys()):
        raise InvalidAnswerError(f"{', '.join(strange)} was not an option")
    if not ticks[VALID] | ticks[NOT_VALID]:
        raise InvalidAnswerError("no label is decided")
    image_id = task.question.image_ids[0]
    answers = {
        (image_id, label): YES if option in ticks[VALID] else NO
        for option, label in options.items()
        if option in ticks[VALID] | ticks[NOT_VALID]
    }
    return answers, comment


def _key(row: DecisionAnswerRow) -> tuple[ImageId, ClassIdx, str, str]:
    return row["image_id"], row["class_idx"], row["answer_id"], row["annotator_id"]
