"""Inspection: answers in Label Studio -> `reground.annotations.review.findings.Findings`."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from reground.annotations.collect import TaskRows, adjudicate
from reground.annotations.label_studio import task_url
from reground.annotations.review.findings import (
    DisputeRow,
    Findings,
    LabelRow,
    PersonRow,
    RefusalRow,
    SkipStatusRow,
)
from reground.annotations.rounds import Dispute, Task, UserDirectory, find_disputes
from reground.tasks.schema import AnnotatorId, ClassIdx, DropReason, ImageId, VoteRow, arrow_schema_subset
from reground.tasks.votes import LABEL_STUDIO, RECORDED, VOTE_COLUMNS, VotePolicy, counted_votes, read_decisions
from reground.tasks.workspace import Workspace


@dataclass(frozen=True)
class ParsedTask:
    """A task in Label Studio and its answers.

    Attributes:
        task: with its question.
        is_deleted: somebody deleted it there.
        rows: what its answers say.
        authors: annotation id -> user id.
    """

    task: Task
    is_deleted: bool
    rows: TaskRows
    authors: Mapping[int, int | None]

    def author(self, answer_id: str) -> int | None:
        """Who gave an answer."""
        return self.authors.get(int(answer_id.rpartition(":")[2]))


def inspect_tasks(
    workspace: Workspace,
    policy: VotePolicy,
    excluded_ids: Sequence[str],
    parsed: Sequence[ParsedTask],
    users: UserDirectory,
    url: str,
) -> Findings:
    """The findings at this moment.

    Args:
        workspace: with the votes of other sources, classes, gold and truth.
        policy: which votes count.
        excluded_ids: annotators whose votes do not count.
        parsed: all tasks in Label Studio, with their answers by now.
        users: who gave them.
        url: of Label Studio.
    """
    classes = workspace.read_arrow("classes", ("class_idx", "name"))
    names = dict(zip(classes["class_idx"].to_pylist(), classes["name"].to_pylist(), strict=True))
    votes = counted_votes(_current_votes(workspace, parsed), policy, excluded_ids)
    decided = read_decisions(workspace).keys() | {
        (row["image_id"], row["class_idx"]) for one in parsed for row in one.rows.decision_answers
    }
    disputes = find_disputes(workspace, votes, decided)
    skips = _skips(parsed, users, url)
    return Findings(
        _disputes(disputes, parsed, users, names, url),
        skips,
        [*_refusals(parsed, users, url), *_overruled(parsed, users, url)],
        _people(parsed, disputes, users, _exclusions(workspace, excluded_ids, users)),
        _labels(parsed, disputes, names),
    )


def _current_votes(workspace: Workspace, parsed: Sequence[ParsedTask]) -> pa.Table:
    """Votes of other sources as collected, those in Label Studio as they are now."""
    collected = workspace.read_arrow("votes", VOTE_COLUMNS)
    schema = arrow_schema_subset("votes", VOTE_COLUMNS)
    rows: list[VoteRow] = [vote for one in parsed for vote in one.rows.votes]
    current = pa.table({name: [vote[name] for vote in rows] for name in schema.names}, schema)
    here = pa.array([LABEL_STUDIO, RECORDED])
    others = collected.filter(~pc.field("source").isin(here)).cast(schema)
    return pa.concat_tables([others, current])


def _disputes(
    disputes: Sequence[Dispute],
    parsed: Sequence[ParsedTask],
    users: UserDirectory,
    names: Mapping[int, str],
    url: str,
) -> list[DisputeRow]:
    links: dict[tuple[ImageId, ClassIdx], list[str]] = {(one.image_id, one.class_idx): [] for one in disputes}
    for one in parsed:
        question = one.task.question
        for pair in ((image_id, label) for image_id in question.image_ids for label in question.class_idxs):
            if pair in links:
                links[pair].append(task_url(url, one.task.project_id, one.task.task_id))
    return [
        {
            "image_id": one.image_id,
            "class_idx": one.class_idx,
            "label": names.get(one.class_idx, str(one.class_idx)),
            "reasons": list(one.reasons),
            "voters": {answer: [users.title_of(one) for one in people] for answer, people in one.voters.items()},
            "links": links[one.image_id, one.class_idx],
        }
        for one in disputes
    ]


def _skips(parsed: Sequence[ParsedTask], users: UserDirectory, url: str) -> list[SkipStatusRow]:
    questions: dict[tuple[int, str, str], list[ParsedTask]] = defaultdict(list)
    people: dict[tuple[int, str], set[AnnotatorId]] = defaultdict(set)
    for one in parsed:
        task = one.task
        questions[task.round_number, task.kind, task.question.subject].append(one)
        rows = (*one.rows.submissions, *one.rows.skips)
        people[task.round_number, task.kind].update(row["annotator_id"] for row in rows)
    skips: list[SkipStatusRow] = []
    for (round_number, kind, subject), tasks in questions.items():
        rows = [row for one in tasks for row in one.rows.skips]
        if rows:
            num_answers = sum(len(one.rows.submissions) + bool(one.rows.decision_answers) for one in tasks)
            num_asked = _num_asked(tasks, len(people[round_number, kind]))
            skips.append(
                {
                    "key": subject,
                    "people": [users.title_of(row["annotator_id"]) for row in rows],
                    "answers": num_answers,
                    "by_all": num_answers == 0 and len(rows) >= num_asked,
                    "links": [task_url(url, one.task.project_id, one.task.task_id) for one in tasks if one.rows.skips],
                }
            )
    return sorted(skips, key=lambda row: (not row["by_all"], -len(row["people"]), row["key"]))


def _num_asked(tasks: Sequence[ParsedTask], num_people: int) -> int:
    """Number of people who were asked: the assignees, or in a shared project as many as are to answer."""
    if tasks[0].task.question.annotator:
        return len(tasks)
    return min(tasks[0].task.overlap or num_people, num_people)


def _refusals(parsed: Sequence[ParsedTask], users: UserDirectory, url: str) -> list[RefusalRow]:
    return [
        {
            "person": users.title(one.author(row["item"])),
            "reason": row["reason"],
            "detail": row["detail"],
            "link": task_url(url, one.task.project_id, one.task.task_id, row["item"]),
        }
        for one in parsed
        for row in one.rows.dropped
    ]


def _overruled(parsed: Sequence[ParsedTask], users: UserDirectory, url: str) -> list[RefusalRow]:
    """Decisions that a later one contradicts."""
    _, overruled = adjudicate([row for one in parsed for row in one.rows.decision_answers], {}, users, url)
    return [
        {
            "person": users.title_of(one.answer["annotator_id"]),
            "reason": DropReason.DECISION_OVERRULED.value,
            "detail": one.detail,
            "link": task_url(url, one.answer["project_id"], one.answer["task_id"], one.answer["answer_id"]),
        }
        for one in overruled
    ]


def _exclusions(workspace: Workspace, excluded_ids: Collection[str], users: UserDirectory) -> dict[str, str]:
    """Person -> why their votes do not count."""
    annotators = workspace.read_arrow("annotators", ("annotator_id", "excluded")).to_pylist()
    return {
        users.title_of(row["annotator_id"]): row["excluded"]
        for row in annotators
        if row["annotator_id"] in excluded_ids
    }


def _people(
    parsed: Sequence[ParsedTask],
    disputes: Sequence[Dispute],
    users: UserDirectory,
    exclusions: Mapping[str, str],
) -> list[PersonRow]:
    answers, skips, refused, disputed, decisions = (Counter[str]() for _ in range(5))
    for one in parsed:
        answers.update(users.title_of(row["annotator_id"]) for row in one.rows.submissions)
        skips.update(users.title_of(row["annotator_id"]) for row in one.rows.skips)
        refused.update(users.title(one.author(item)) for item in {row["item"] for row in one.rows.dropped})
        decisions.update(users.title_of(row["annotator_id"]) for row in one.rows.decision_answers)
    for dispute in disputes:
        disputed.update(users.title_of(person) for voters in dispute.voters.values() for person in voters)
    people = answers.keys() | skips.keys() | refused.keys() | disputed.keys() | decisions.keys()
    rows: list[PersonRow] = [
        {
            "person": person,
            "answers": answers[person],
            "skips": skips[person],
            "refused": refused[person],
            "disputed": disputed[person],
            "decisions": decisions[person],
            "excluded": exclusions.get(person, ""),
        }
        for person in people
    ]
    return sorted(rows, key=lambda row: (-row["disputed"], -row["skips"] - row["refused"], row["person"]))


def _labels(parsed: Sequence[ParsedTask], disputes: Sequence[Dispute], names: Mapping[int, str]) -> list[LabelRow]:
    votes, skipped = Counter[int](), Counter[int]()
    for one in parsed:
        votes.update(vote["class_idx"] for vote in one.rows.votes)
        skipped.update(one.task.question.class_idxs if one.rows.skips else ())
    disputed = Counter[int](dispute.class_idx for dispute in disputes)
    rows: list[LabelRow] = [
        {
            "class_idx": label,
            "label": names.get(label, str(label)),
            "votes": votes[label],
            "disputed": disputed[label],
            "skipped": skipped[label],
        }
        for label in disputed.keys() | skipped.keys()
    ]
    return sorted(rows, key=lambda row: (-row["disputed"], -row["skipped"], row["class_idx"]))
