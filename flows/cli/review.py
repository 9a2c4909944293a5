"""``reground review``: ask people, and collect what they answer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from cyclopts import App, Parameter

from reground.annotations.collect import update_annotators
from reground.annotations.review import (
    QUESTIONS,
    Account,
    InvitationError,
    invite_annotators,
    pull_votes,
    push_disputes,
    push_questions,
    push_suspects,
    push_text,
    review_status,
    serve_label_studio,
    status_text,
)
from reground.flows.cli.examples import examples
from reground.flows.cli.execute import require_workspace, run_flow
from reground.flows.cli.options import Config, Overrides, Prefect, WorkspaceUrl, takes_settings
from reground.flows.cli.result import Result, counted
from reground.flows.settings import Settings, remember, remembering, resolve_for
from reground.tasks.errors import UsageError
from reground.tasks.text import count_of, join_lines
from reground.tasks.votes import CLASSIFY, current_policy
from reground.tasks.workspace import Workspace

REVIEW: Final = "review"
COLLECTING: Final = ("curators", "recorded_annotators", "exclude")
"""Settings of what was answered; all others are settings of what is asked."""

REFUSED_LINES: Final = 10

app = App(
    REVIEW,
    help_epilogue=examples(
        "reground review serve -w W    # its Label Studio, in another terminal",
        "reground review invite ann@lab.org bob@lab.org -w W",
        "reground review push -w W",
        "reground review status -w W",
        "reground review pull -w W",
    ),
)


@app.command(
    help_epilogue=examples(
        "reground review push -w W",
        "reground review push -w W --question contains --overlap 3",
        "reground review push -w W --ask disagreed --to eve@lab.org --show-votes",
        "reground review push -w W --ask suspects --suspects label --limit 100",
    )
)
@takes_settings(REVIEW, exclude=("port", *COLLECTING))
def push(
    *,
    workspace: WorkspaceUrl,
    overrides: Overrides,
    question: Annotated[
        Literal["contains", "classify"] | None, Parameter(help="Ask only this one.", show_default=lambda _: "both")
    ] = None,
    ask: Annotated[
        Literal["disagreed", "suspects"] | None,
        Parameter(
            help="disagreed: put to the curator --to what people disagree about. suspects: ask annotators about "
            "suspects that nobody has decided (of the kinds --suspects, or all), one photograph at a time with its "
            "proposed labels; the two photographs of a duplicate are two questions. Both replace other questions."
        ),
    ] = None,
    to: Annotated[str, Parameter(help="Address of the curator.", metavar="EMAIL", show_default=False)] = "",
    show_votes: Annotated[bool, Parameter(help="Show the curator the tally of votes.", negative=())] = False,
    config: Config = None,
    prefect: Prefect = "",
) -> Result:
    """Put every question into Label Studio that is not there yet."""
    _check_curator_options(question, ask, to, show_votes)
    here, settings = _prepare(workspace, overrides, config)
    if ask == "disagreed":
        return _push_disputes(here, settings, overrides, config, prefect, to, show_votes)
    questions = [question] if question else list(QUESTIONS)
    if prefect:
        arguments = {"questions": questions, "ask_suspects": ask == "suspects", "settings": overrides}
        with remembering(here, overrides, config):
            return run_flow(prefect, "review-push", workspace=here.url, **arguments)
    with remembering(here, overrides, config), here.lock("reground review push"):
        if ask == "suspects":
            summaries = {CLASSIFY: push_suspects(here, settings.review, settings.truth.policy)}
        else:
            summaries = {name: push_questions(here, settings.review, name, settings.truth.policy) for name in questions}
    text = join_lines(push_text(name, summary) for name, summary in summaries.items())
    return Result(text, {name: asdict(summary) for name, summary in summaries.items()})


@app.command(
    help_epilogue=examples("reground review pull -w W", "reground review pull -w W --exclude-min-gold-accuracy 0.8")
)
@takes_settings(REVIEW, only=("url", "ca_file", *COLLECTING))
def pull(*, workspace: WorkspaceUrl, overrides: Overrides, config: Config = None, prefect: Prefect = "") -> Result:
    """Collect the answers there are by now."""
    here, settings = _prepare(workspace, overrides, config)
    if prefect:
        with remembering(here, overrides, config):
            return run_flow(prefect, "collect", workspace=here.url, settings=overrides)
    with remembering(here, overrides, config), here.lock("reground review pull"):
        summary = asdict(pull_votes(here, settings.review, settings.truth.policy))
    counts = {name: value for name, value in summary.items() if name != "refused"}
    return Result(join_lines([counted(counts), *_refused_lines(summary["refused"])]), summary)


@app.command(help_epilogue=examples("reground review status -w W", "reground review status -w W --json"))
@takes_settings(REVIEW, only=("url", "ca_file", "overlap", "curators", "recorded_annotators"))
def status(*, workspace: WorkspaceUrl, overrides: Overrides, config: Config = None) -> Result:
    """Show how far annotators are, and what is disputed, skipped or set aside. Remembers no setting."""
    here, settings = _prepare(workspace, overrides, config)
    current = review_status(here, settings.review, settings.truth.policy)
    return Result(status_text(current), {"questions": current.progress, **asdict(current.findings)})


@app.command(help_epilogue=examples("reground review serve -w W", "reground review serve -w W --port 8081"))
@takes_settings(REVIEW, only=("port",))
def serve(*, workspace: WorkspaceUrl, overrides: Overrides, config: Config = None) -> Result:
    """Run the Label Studio of this workspace until interrupted."""
    here, settings = _prepare(workspace, overrides, config)
    with remembering(here, overrides, config):
        serve_label_studio(here, settings.review)
    return Result("Label Studio is stopped; everything in it is kept")


@app.command(help_epilogue=examples("reground review invite ann@lab.org bob@lab.org -w W"))
@takes_settings(REVIEW, only=("url", "ca_file"))
def invite(
    *emails: Annotated[str, Parameter(help="Addresses of annotators.")],
    workspace: WorkspaceUrl,
    overrides: Overrides,
    config: Config = None,
) -> Result:
    """Make accounts for annotators; first passwords go to files that only you can read."""
    here, settings = _prepare(workspace, overrides, config)
    with remembering(here, overrides, config):
        try:
            accounts = invite_annotators(here, settings.review, emails)
        except InvitationError as error:
            _remember_annotators(here, settings, error.accounts)
            raise
    annotators = _remember_annotators(here, settings, accounts)
    lines = [
        f"{account.email}: {'new account' if account.is_new else 'had an account'}"
        + (f", first password in {account.password_file}" if account.password_file else "")
        for account in accounts
    ]
    return Result(join_lines(lines), {"invited": [asdict(account) for account in accounts], "annotators": annotators})


@app.command(
    help_epilogue=examples(
        "reground review annotators -w W", "reground review annotators -w W --exclude-min-gold-accuracy 0.8"
    )
)
@takes_settings(REVIEW, only=("exclude",))
def annotators(*, workspace: WorkspaceUrl, overrides: Overrides, config: Config = None) -> Result:
    """Show how well each annotator answers, and whose votes count; needs no Label Studio."""
    here, settings = _prepare(workspace, overrides, config)
    with remembering(here, overrides, config), here.lock("reground review annotators"):
        update_annotators(here, settings.review.exclude)
    policy, table = current_policy(here, settings.truth.policy), here.read("annotators")
    rows: list[dict[str, Any]] = table.astype(object).where(table.notna(), None).to_dict("records")  # type: ignore[assignment]
    text = join_lines("; ".join(_annotator(row, policy.count_excluded)) for row in rows)
    return Result(text or "nobody has answered yet", {"annotators": rows})


def _refused_lines(refused: Sequence[str]) -> Iterator[str]:
    """The invalid answers, the first few of many."""
    if refused:
        yield f"answers that contradict themselves or their question, and do not count: {len(refused):,}"
        yield from (f"  {line}" for line in refused[:REFUSED_LINES])
    if len(refused) > REFUSED_LINES:
        yield f"  and {len(refused) - REFUSED_LINES:,} more: `reground table dropped`"


def _check_curator_options(question: str | None, ask: str | None, to: str, show_votes: bool) -> None:
    """Raises:
    UsageError: some of --ask, --to and --show-votes are given without the others, or with --question.
    """
    if (ask == "disagreed") != bool(to) or (show_votes and not to):
        raise UsageError("expected --ask disagreed and --to EMAIL together, and --show-votes only with them.")
    if ask and question:
        raise UsageError(f"expected --ask {ask} or --question {question}, got both: --ask has a question of its own.")


def _push_disputes(
    here: Workspace,
    settings: Settings,
    overrides: Overrides,
    config: Path | None,
    prefect: str,
    curator: str,
    show_votes: bool,
) -> Result:
    with remembering(here, overrides, config):
        if prefect:
            arguments = {"curator": curator, "show_votes": show_votes, "settings": overrides}
            return run_flow(prefect, "review-push", workspace=here.url, **arguments)
        with here.lock("reground review push"):
            summary = push_disputes(here, settings.review, curator, show_votes, settings.truth.policy)
    counts = asdict(summary)
    own = f" ({summary.own:,} not asked, as {summary.curator} voted on them)" if summary.own else ""
    disputed = f"disputed: {count_of(summary.disputed, 'label of an image', 'labels of images')}{own}"
    tasks = f"{count_of(summary.new, 'new task')} for {summary.curator}, {summary.total:,} in all"
    text = join_lines([disputed, tasks])
    return Result(text, counts)


def _remember_annotators(here: Workspace, settings: Settings, accounts: Sequence[Account]) -> list[str]:
    annotators = list(dict.fromkeys([*settings.review.annotators, *(account.email for account in accounts)]))
    remember(here, {REVIEW: {"annotators": annotators}})
    return annotators


def _prepare(workspace_url: str, overrides: Overrides, config: Path | None) -> tuple[Workspace, Settings]:
    here = Workspace(workspace_url)
    settings = resolve_for([REVIEW], here, overrides, config).settings
    require_workspace(here)
    return here, settings


def _annotator(row: Mapping[str, Any], count_excluded: bool) -> Iterator[str]:
    yield (
        f"{row['address'] or row['name'] or row['annotator_id']}: "
        f"{count_of(row['votes'], 'vote')} in {count_of(row['tasks'], 'task')}"
    )
    if row["gold_n"]:
        yield f"known answers {row['gold_correct']}/{row['gold_n']} [{row['gold_low']:.2f}, {row['gold_high']:.2f}]"
    if row["agreement"] is not None:
        yield f"agreement {row['agreement']:.2f} (n={row['agreement_n']})"
    if row["seconds_per_task"] is not None:
        yield f"{row['seconds_per_task']:.1f} s a task"
    if row["excluded"]:
        yield f"{'below the bounds, but counted' if count_excluded else 'EXCLUDED'}: {row['excluded']}"
