"""Skips: who passed over which question, and has not answered it since."""

from __future__ import annotations

from collections.abc import Iterable

from reground.annotations.collect.edits import own_versions, update_key
from reground.annotations.collect.timestamps import to_utc
from reground.annotations.label_studio import Json
from reground.annotations.rounds import Task, UserDirectory
from reground.tasks.schema import AnnotatorId, SkipRow


def parse_skips(task: Task, annotations: Iterable[Json], users: UserDirectory) -> list[SkipRow]:
    """The last skip of each annotator who has not answered the task.

    Args:
        task: with its question.
        annotations: all versions of its answers.
        users: who gave them.
    """
    answered: set[AnnotatorId] = set()
    skips: dict[AnnotatorId, SkipRow] = {}
    for annotation in sorted(own_versions(annotations), key=update_key):
        user_id = annotation["completed_by"]
        annotator_id = users.annotator_id(user_id, annotation["id"])
        if not annotation.get("was_cancelled"):
            answered.add(annotator_id)
            continue
        skips[annotator_id] = {
            "answer_id": f"{users.source(user_id)}:{task.project_id}:{annotation['id']}",
            "annotator_id": annotator_id,
            "round": task.round_number,
            "question": task.kind,
            "key": task.question.key,
            "at": to_utc(annotation["updated_at"]),
        }
    return [row for annotator_id, row in skips.items() if annotator_id not in answered]
