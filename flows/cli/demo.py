"""Demo: the whole pipeline on 20 packaged photographs, with a real Prefect and Label Studio.

The photographs come with the package foolbox. Boxes were drawn, and answers recorded, by
looking at each photograph (``demo_data``); votes from recordings carry the source ``recorded``.
"""

from __future__ import annotations

import contextlib
import csv
import importlib.util
import json
import os
import secrets
import shlex
import shutil
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

from cyclopts import App, Parameter

from reground.flows.cli.examples import examples
from reground.flows.cli.result import Result
from reground.flows.registry import run_under_prefect
from reground.flows.run import prefect_server, show
from reground.tasks.errors import RegroundError, UsageError
from reground.tasks.references import OWN
from reground.tasks.schema import Outcome
from reground.tasks.workspace import Workspace

if TYPE_CHECKING:
    from reground.annotations.rounds import Question, Task

DATA: Final = Path(__file__).with_name("demo_data")
FORMATS: Final = ("imagefolder", "real", "parquet")


app = App("demo", help_epilogue=examples("reground demo", "reground demo -w demo-workspace --json"))


@app.default
def demo(
    *,
    workspace: Annotated[str, Parameter(name=("--workspace", "-w"), help="A folder.", metavar="W")] = "demo-workspace",
) -> Result:
    """Run the whole pipeline on the packaged photographs."""
    began = time.monotonic()
    here = Workspace(workspace)
    if not here.is_local:
        raise UsageError(f"expected a folder for the demo, got {workspace}: it starts servers on this machine.")
    root = Path(here.root)
    answers = json.loads((DATA / "answers.json").read_text())
    photographs = find_photographs()
    with contextlib.ExitStack() as servers:
        say("starting a Prefect server on loopback (some 12 s the first time)")
        api = servers.enter_context(prefect_server(root / "prefect"))
        say(f"its page: {api.removesuffix('/api')}")
        settings = settings_for(list_photographs(photographs, root), answers)
        for flow in ("curate", "bootstrap"):
            run_under_prefect(api, flow, workspace=str(root), settings=settings)
        say("starting Label Studio on loopback (some 30 s the first time)")
        label_studio = servers.enter_context(open_label_studio(root))
        run_under_prefect(api, "review-push", workspace=str(root), settings=settings)
        answer_as_recorded(here, label_studio, answers)
        for flow in ("collect", "audit"):
            run_under_prefect(api, flow, workspace=str(root), settings=settings)
        publish(api, root)
        lines = findings(here)
    say(f"done in {time.monotonic() - began:.0f} s; both servers are stopped, the workspace keeps everything")
    return Result("\n".join([*lines, *by_hand(workspace)]), {"findings": lines, "workspace": str(root)})


def settings_for(listing: Path, answers: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """The settings of the demo's workspace."""
    return {
        "index": {"images": str(listing), "boxes": str(DATA / "boxes"), "shard_size": 5},
        "review": {
            "recorded_annotators": sorted(answers["annotators"]),
            "overlap": len(answers["annotators"]) + 1,
            "min_grid": 1,  # 20 photographs make small grids, and both questions were recorded, for every candidate
            "selection": "candidates",
        },
        "report": {"title": "reground: 20 ImageNet photographs, looked at again"},
    }


def find_photographs() -> list[Path]:
    """foolbox's ImageNet photographs; a file's name ends with its class index.

    Raises:
        RegroundError: foolbox is not installed.
    """
    spec = importlib.util.find_spec("foolbox")
    if spec is None or spec.origin is None:
        raise RegroundError("expected the package foolbox, which ships the photographs: pip install 'reground[demo]'.")
    return sorted((Path(spec.origin).parent / "data").glob("imagenet_*.jpg"))


def list_photographs(photographs: Sequence[Path], root: Path) -> Path:
    """A CSV of photographs and their labels."""
    listing = root / "photographs.csv"
    listing.parent.mkdir(parents=True, exist_ok=True)
    with listing.open("w", newline="") as handle:
        writer = csv.writer(handle)
        writer.writerow(["path", "label"])
        writer.writerows([str(path), path.stem.rpartition("_")[2]] for path in photographs)
    return listing


def open_label_studio(root: Path) -> contextlib.AbstractContextManager[Any]:
    """The workspace's own Label Studio."""
    from reground.annotations.label_studio import run_server
    from reground.annotations.review import DATA_DIR, DOCUMENT_ROOT

    return run_server(root / DATA_DIR, 0, root / DOCUMENT_ROOT)


def answer_as_recorded(workspace: Workspace, label_studio: Any, answers: Mapping[str, Any]) -> None:
    """Each recorded annotator logs in and answers what they have not yet, as a browser would."""
    from reground.annotations.label_studio import BrowserSession, Client, sign_up
    from reground.annotations.rounds import read_tasks

    tasks = read_tasks(workspace)
    warn_of_unrecorded([task.question for task in tasks], answers["shown"])
    with Client(label_studio.url, label_studio.credentials.token) as client:
        known = {user.email: user.id for user in client.users() if user.email}
        projects = sorted({task.project_id for task in tasks})
        done = {state.id: state.annotators for project in projects for state in client.task_states(project)}
        for email, recorded in answers["annotators"].items():
            password = password_of(label_studio.data_dir, email)
            if email not in known:
                sign_up(client, email, password)
            open_tasks = [task for task in tasks if known.get(email) not in done[task.task_id]]
            with BrowserSession(label_studio.url, email, password) as person:
                for task in open_tasks:
                    person.submit(task.task_id, recorded_answer(task, recorded), seconds=None)
            say(f"{email} answered {len(open_tasks)} questions from a recording")


def password_of(data_dir: Path, email: str) -> str:
    """A recorded annotator's password, made once and kept beside Label Studio's own (mode 0600)."""
    from reground.annotations.label_studio import write_private

    path = data_dir / f"password-{email}"
    if not path.exists():
        write_private(path, secrets.token_urlsafe(18))
    return path.read_text()


def recorded_answer(task: Task, recorded: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What one annotator's recording says to one question, as a browser submits it."""
    from reground.annotations.rounds import classify_result, contains_result
    from reground.tasks.votes import CONTAINS

    question = task.question
    if task.kind == CONTAINS:
        label = question.class_idxs[0]
        return contains_result(question, [i for i in question.image_ids if label in recorded[i]["contains"]])
    answer = recorded[question.image_ids[0]]["classify"]
    valid = [label for label in question.class_idxs if label in answer["valid"]]
    return classify_result(valid, answer["main"], str(answer["num_objects"]))


def warn_of_unrecorded(questions: Sequence[Question], shown: Mapping[str, Sequence[int]]) -> None:
    """Say how many labels are asked about that the recording does not know: they are left unticked.

    Another processor's last bits can bring another label into a top-5.
    """
    asked = {(image, label) for q in questions for image in q.image_ids for label in q.class_idxs}
    unknown = sum(label not in shown[image] for image, label in asked)
    if unknown:
        say(f"{unknown} labels of {len(asked)} were not recorded: the recorded annotators leave them unticked")


def publish(api: str, root: Path) -> None:
    """Write every export anew."""
    for to_format in FORMATS:
        out = root / "exports" / to_format
        shutil.rmtree(out, ignore_errors=True)
        run_under_prefect(api, "export", workspace=str(root), format=to_format, out=str(out))


def findings(workspace: Workspace) -> list[str]:
    """Where the report is, and what was found, in three lines."""
    truth = workspace.read("truth", ["state", "outcome", "sources"])
    stage = truth["outcome"].fillna(truth["state"]).str.replace("_", " ")
    sources = ", ".join(sorted({source for row in truth["sources"] for source in row}))
    evaluation = workspace.read("evaluation")
    gaps = evaluation[(evaluation["set"] == "mixed_same,mixed_rand") & (evaluation["subset"] == "all")]
    gap_text = "; ".join(_gap_text(row) for row in gaps.to_dict("records"))
    questioned = truth["outcome"].isin([Outcome.EXTENDED, Outcome.CHANGED, Outcome.EMPTY]).sum()
    return [
        f"report: {workspace.path('files', 'report.html')}",
        f"labels questioned: {questioned} of {len(truth)} (votes: {sources}): "
        + ", ".join(f"{count} {name}" for name, count in stage.value_counts().sort_index().items()),
        f"BG-Gap (Mixed-Same minus Mixed-Rand): {gap_text}",
        f"models re-ranked: {reranking(evaluation, sources)}",
    ]


def _gap_text(row: Mapping[Any, Any]) -> str:
    value, low, high = (f"{100 * row[name]:+.0f}" for name in ("value", "low", "high"))
    return f"{row['model']} {value} points [{low}, {high}], n={row['n']}"


def reranking(evaluation: Any, sources: str) -> str:
    """The order of models on the original labels and on the re-grounded ones, over the same photographs."""
    reviewed = evaluation[(evaluation["subset"] == "reviewed") & (evaluation["truth"] == OWN)]
    before, after = (_values(reviewed, metric) for metric in ("top1_original", "multi_label"))
    moved = sum(_rank(before, model) != _rank(after, model) for model in before)
    return (
        f"{moved} of {len(before)}; on the original labels {_order(before)}; "
        f"on the re-grounded labels (votes: {sources}) {_order(after)}"
    )


def _values(reviewed: Any, metric: str) -> dict[str, float]:
    rows = reviewed[reviewed["metric"] == metric]
    return dict(zip(rows["model"], rows["value"], strict=True))


def _rank(values: Mapping[str, float], model: str) -> int:
    """1 the best; equal values share a rank."""
    return 1 + sum(value > values[model] for value in values.values())


def _order(values: Mapping[str, float]) -> str:
    ordered = sorted(values, key=lambda model: (-values[model], model))
    return ", ".join(f"{_rank(values, model)}. {model} {100 * values[model]:.0f} %" for model in ordered)


def by_hand(workspace_url: str) -> list[str]:
    """How a person annotates and sees their own votes count, and sees the runs."""
    command = "reground" if shutil.which("reground") else os.path.relpath(sys.argv[0])
    workspace = shlex.quote(workspace_url)
    return [
        "",
        f"annotate by hand:  {command} review serve -w {workspace}   (Label Studio, and how to log in)",
        f"see your votes:    {command} review pull -w {workspace} && {command} run -w {workspace}",
        f"see the runs:      {command} serve -w {workspace}   (the Prefect page, with schedules)",
    ]


def say(line: str) -> None:
    """One line of progress."""
    show(f"demo: {line}")
