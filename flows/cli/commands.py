"""What each command does. Every one works with no Prefect; with ``--prefect`` a step runs as a flow."""

from __future__ import annotations

import contextlib
from argparse import Namespace
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from reground.flows import steps
from reground.flows.settings import Settings, check, remember, remembering, resolve
from reground.flows.waiting import waiting
from reground.tasks.errors import RegroundError, UsageError
from reground.tasks.workspace import Workspace


@dataclass(frozen=True)
class Result:
    """What a command found: for a person, and for a machine."""

    text: str
    data: Mapping[str, Any] = field(default_factory=dict[str, Any])


def run(arguments: Namespace, told: dict[str, Any]) -> Result:
    """Run one command."""
    if arguments.command == "doctor":
        from reground.flows.cli.doctor import doctor

        return Result(*doctor())
    if arguments.command == "demo":
        from reground.flows.cli.demo import demo

        return Result(demo(arguments.workspace))
    workspace = Workspace(arguments.workspace)
    if arguments.command == "truth" and arguments.action:
        from reground.flows.cli.truth import look_back

        return Result(*look_back(workspace, arguments))
    if arguments.command in steps.MODULES:
        return run_steps(workspace, [arguments.command], arguments, told)
    if arguments.command == "run":
        return run_steps(workspace, list(steps.RUN), arguments, told)
    return OTHERS[arguments.command](workspace, arguments, told)


def run_steps(workspace: Workspace, names: Sequence[str], arguments: Namespace, told: dict[str, Any]) -> Result:
    """Run steps in order, here or as a flow."""
    resolved = resolve(workspace, told, arguments.config)
    check(resolved, names)
    if arguments.prefect:
        from reground.flows.registry import run_under_prefect
        from reground.flows.run import require_server

        require_server(arguments.prefect)
        with remembering(workspace, told, arguments.config):
            run_under_prefect(arguments.prefect, arguments.command, workspace=workspace.url, settings=told)
    else:
        with remembering(workspace, told, arguments.config), workspace.lock(f"reground {arguments.command}"):
            run_here(workspace, names, resolved.settings)
    return summary(workspace, names)


def run_here(workspace: Workspace, names: Sequence[str], settings: Settings) -> None:
    """Run steps in order in this process."""
    from reground.flows.run import listen, parse_runner, run_step, watch

    runner = parse_runner(settings.runner)
    workspace.sweep()
    listen()
    with watch() as progress:
        for name in names:
            run_step(name, workspace, settings.of(name), runner, progress)


def summary(workspace: Workspace, names: Sequence[str]) -> Result:
    """What the tables of some steps hold, and what is left for people."""
    rows = {
        table: sum(part.rows for _, part in workspace.parts(table))
        for table in workspace.tables()
        if any(table in entry.tables for name in names for entry in workspace.entries(name))
    }
    dropped = dropped_counts(workspace)
    lines = [f"{table}: {count:,}" for table, count in rows.items() if table != "dropped"]
    lines += [f"dropped in {stage}: {count} {reason}" for (stage, reason), count in sorted(dropped.items())]
    files = [workspace.path(part.path) for name in names for e in workspace.entries(name) for part in e.files.values()]
    lines += [f"wrote {path}" for path in files]
    lines += waiting(workspace)
    data = {"rows": rows, "dropped": {f"{s}.{r}": c for (s, r), c in dropped.items()}, "files": files}
    return Result("\n".join(lines), data)


def dropped_counts(workspace: Workspace) -> Counter[tuple[str, str]]:
    """(stage, reason) -> how many."""
    dropped = workspace.read("dropped", ["stage", "reason"])
    return Counter(zip(dropped["stage"], dropped["reason"], strict=True))


def status(workspace: Workspace, arguments: Namespace, told: dict[str, Any]) -> Result:
    """What is done, what is open, who waits for what."""
    from reground.tasks.workspace import todo

    if not workspace.exists():
        raise RegroundError(
            f"expected a workspace at {workspace.url}, found none: `reground run IMAGES -w W` makes one."
        )
    settings = resolve(workspace, told, arguments.config).settings
    done: dict[str, dict[str, Any]] = {}
    for name in _wanted(workspace):
        try:
            plan = todo(steps.find(name), workspace, settings.of(name))
            done[name] = {"shards": len(plan.shards), "missing": len(plan.missing)}
        except RegroundError as error:
            done[name] = {"blocked": str(error)}
    lines = [_status_line(name, state) for name, state in done.items()]
    rest = summary(workspace, list(steps.MODULES))
    return Result("\n".join([*lines, "", rest.text]), {"steps": done, **rest.data})


def _wanted(workspace: Workspace) -> list[str]:
    """The steps of a run, and of the others those that were begun."""
    return [name for name in steps.MODULES if name in steps.RUN or workspace.entries(name)]


def _status_line(name: str, state: Mapping[str, Any]) -> str:
    if "blocked" in state:
        return f"{name:<11} waits: {state['blocked']}"
    ready = state["shards"] - state["missing"]
    return f"{name:<11} {ready} of {state['shards']} shards done"


def review(workspace: Workspace, arguments: Namespace, told: dict[str, Any]) -> Result:
    """Ask people, and collect what they answered."""
    from reground.annotations.review import (
        QUESTIONS,
        pull_votes,
        push_questions,
        review_status,
        serve_label_studio,
        status_table,
    )

    if arguments.action in PEOPLE:
        return PEOPLE[arguments.action](workspace, arguments, told)
    if arguments.emails:
        raise UsageError(f"expected no e-mail addresses with `reground review {arguments.action}`, got some.")
    resolved = resolve(workspace, told, arguments.config)
    check(resolved, ["review"])
    remember(workspace, told, arguments.config)
    settings, policy = resolved.settings.review, resolved.settings.truth.policy
    if arguments.action == "serve":
        serve_label_studio(workspace, settings)
        return Result("Label Studio is stopped; everything in it is kept")
    if arguments.action == "status":
        rows = review_status(workspace, settings, policy)
        return Result(status_table(rows), {"questions": rows})
    if arguments.prefect:
        return _review_flow(workspace, arguments, told)
    with workspace.lock(f"reground review {arguments.action}"):
        if arguments.action == "pull":
            pulled = asdict(pull_votes(workspace, settings))
            return Result(_counted(pulled), pulled)
        questions = [arguments.question] if arguments.question else QUESTIONS
        pushed = {question: asdict(push_questions(workspace, settings, question, policy)) for question in questions}
        return Result("\n".join(f"{name}: {_counted(counts)}" for name, counts in pushed.items()), pushed)


def invite(workspace: Workspace, arguments: Namespace, told: dict[str, Any]) -> Result:
    """Make accounts for annotators."""
    from reground.flows.cli import people as people_command

    return Result(*people_command.invite(workspace, arguments, told))


def annotators(workspace: Workspace, arguments: Namespace, told: dict[str, Any]) -> Result:
    """How well everybody answers, and whose votes count."""
    from reground.flows.cli import people as people_command

    return Result(*people_command.annotators(workspace, arguments, told))


PEOPLE: dict[str, Callable[[Workspace, Namespace, dict[str, Any]], Result]] = {
    "invite": invite,
    "annotators": annotators,
}


def gold(workspace: Workspace, arguments: Namespace, told: dict[str, Any]) -> Result:
    """Known answers."""
    from reground.flows.cli import people as people_command

    return Result(*people_command.import_gold(workspace, arguments))


def _review_flow(workspace: Workspace, arguments: Namespace, told: dict[str, Any]) -> Result:
    name = "review-push" if arguments.action == "push" else "collect"
    only = {"questions": [arguments.question]} if arguments.question and arguments.action == "push" else {}
    return as_flow(arguments, name, workspace=workspace.url, settings=told, **only)


def as_flow(arguments: Namespace, name: str, **parameters: Any) -> Result:
    """Run one flow; its run's page says what came of it."""
    from reground.flows.registry import run_under_prefect

    run_under_prefect(arguments.prefect, name, **parameters)
    return Result(f"done as the flow '{name}': {arguments.prefect.removesuffix('/api')}/runs", {"flow": name})


def _counted(counts: Mapping[str, Any]) -> str:
    return ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in counts.items())


def votes(workspace: Workspace, arguments: Namespace, told: dict[str, Any]) -> Result:
    """Votes that others have published."""
    from reground.annotations.published import import_votes

    with workspace.lock("reground votes import"):
        counts = import_votes(workspace, arguments.format, arguments.path)
    return Result(_counted(counts), counts)


def predict_import(workspace: Workspace, arguments: Namespace, told: dict[str, Any]) -> Result:
    """Predictions made elsewhere."""
    from reground.flows.run import listen
    from reground.tasks.predictions import import_predictions

    listen()
    with workspace.lock("reground predict import"):
        counts = import_predictions(workspace, arguments.model, arguments.path)
    return Result(_counted(counts), counts)


def export(workspace: Workspace, arguments: Namespace, told: dict[str, Any]) -> Result:
    """A cleaned evaluation set."""
    from reground.tasks.export import export as write

    if arguments.prefect:
        where = {"format": arguments.format, "out": str(arguments.out.resolve())}
        return as_flow(arguments, "export", workspace=workspace.url, settings=told, **where)
    out = write(workspace, arguments.format, arguments.out)
    return Result(f"wrote {out}", {"out": str(out)})


def table(workspace: Workspace, arguments: Namespace, told: dict[str, Any]) -> Result:
    """One table to one file."""
    from reground.tasks.workspace import write_table

    rows = write_table(workspace, arguments.name, arguments.to)
    return Result(f"wrote {rows:,} rows to {arguments.to}", {"rows": rows, "to": str(arguments.to)})


def serve(workspace: Workspace, arguments: Namespace, told: dict[str, Any]) -> Result:
    """Schedules on this machine, until stopped; on the workspace's own Prefect server if none is named."""
    from reground.flows.run import prefect_server
    from reground.flows.serve import serve as serve_flows

    check(resolve(workspace, told, arguments.config), [*steps.AUDIT, "review"])
    remember(workspace, told, arguments.config)
    with contextlib.ExitStack() as own:
        api = arguments.prefect
        if not api:
            if not workspace.is_local:
                raise UsageError("expected a Prefect server for an object store: give its address with --prefect URL.")
            print("starting a Prefect server on loopback (some 12 s the first time)", flush=True)
            api = own.enter_context(prefect_server(Path(workspace.root) / "prefect", arguments.port))
        print(f"the page with runs and schedules: {api.removesuffix('/api')}", flush=True)
        serve_flows(api, workspace.url, arguments.collect_every, arguments.audit_cron)
    return Result("stopped serving; the schedules are paused until you serve again")


OTHERS: dict[str, Callable[[Workspace, Namespace, dict[str, Any]], Result]] = {
    "status": status,
    "review": review,
    "gold": gold,
    "votes": votes,
    "predict import": predict_import,
    "export": export,
    "table": table,
    "serve": serve,
}
