"""A workspace as a notebook uses it: its tables as DataFrames, its steps as calls.

Every method follows the rules of the command it is named after: settings are checked before anything is
written, the workspace remembers them, and one run at a time holds it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from html import escape
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reground.flows import steps
from reground.flows.execute import execute, workspace_lock
from reground.flows.run import Silence, watch
from reground.flows.settings import CallSettings, resolve
from reground.flows.summary import Summary, idle_reasons, summarize
from reground.tasks import workspace as storage
from reground.tasks.errors import RegroundError, unknown
from reground.tasks.schema import table as table_schema
from reground.tasks.text import visible

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

    from reground.annotations.references import ReferenceImport
    from reground.annotations.truth import Diff

FilePath = str | PathLike[str]


def open(url: FilePath, *, quiet: bool = False) -> Workspace:
    """Open a workspace. Nothing is written before a step runs, so a folder that is not there yet will do.

    Args:
        url: folder, or URL of an object store.
        quiet: show no progress.
    """
    return Workspace(url, quiet=quiet)


class Workspace:
    """Tables, and the steps that make them.

    Args:
        url: folder, or URL of an object store.
        quiet: show no progress.

    Attributes:
        url: of the workspace.
        quiet: as given.
    """

    def __init__(self, url: FilePath, *, quiet: bool = False) -> None:
        self._storage = storage.Workspace(url if isinstance(url, str) else Path(url))
        self.url = self._storage.url
        self.quiet = quiet

    # Tables

    def tables(self) -> dict[str, int]:
        """Name -> rows, of every table that there is."""
        return {name: sum(part.rows for _, part in self._storage.parts(name)) for name in self._storage.tables()}

    def read(self, table: str, columns: Sequence[str] | None = None) -> pd.DataFrame:
        """A table, sorted by its key.

        Args:
            table: for example ``truth`` or ``predictions/efficientnet-lite0``.
            columns: names of columns; None: all.

        Raises:
            UsageError: there is no table of this name, or it has no such column.
            RegroundError: nobody made it yet.
        """
        self._require(table, columns)
        return self._storage.read(table, columns)

    def read_arrow(self, table: str, columns: Sequence[str] | None = None) -> pa.Table:
        """As `read`, as an Arrow table, in no particular order."""
        self._require(table, columns)
        return self._storage.read_arrow(table, columns)

    def settings(self) -> pd.DataFrame:
        """Every setting that the next run would use: name, value, where it came from, and what it means."""
        import pandas as pd

        rows = resolve(self._storage, {}).rows()
        return pd.DataFrame(
            [(row.name, row.value, str(row.origin), row.help) for row in rows],
            columns=["setting", "value", "source", "meaning"],
        ).set_index("setting")

    # Steps

    def run(self, step: str, *, runner: str = "", config: FilePath | None = None, **settings: Any) -> Summary:
        """Do what is missing of one step.

        Args:
            step: its name, as of the command: ``index``, ``masks``, ``variants``, ``predict``, ...
            runner: ``threads[:N]``, ``processes[:N]`` or ``ray[:ADDRESS]``; empty: as remembered.
            config: settings in TOML.
            settings: of this step, by name.

        Returns:
            What there is of the step's tables.

        Raises:
            UsageError: an unknown step, or settings that cannot be used; nothing is changed.
            RegroundError: the step failed; what it made by then is kept.
        """
        steps.find(step)
        return self._run(step, [step], {step: settings} if settings else {}, runner, config)

    def run_all(
        self,
        images: FilePath | None = None,
        *,
        runner: str = "",
        config: FilePath | None = None,
        **settings: Mapping[str, Any],
    ) -> Summary:
        """Do what is missing of every step, as far as it goes without people.

        Args:
            images: folder or listing of labelled images; the workspace remembers it.
            runner: as of `run`.
            config: settings in TOML.
            settings: of each step, by name: ``masks={"method": "consensus"}``.

        Returns:
            What there is of all tables.

        Raises:
            UsageError: settings that cannot be used; nothing is changed.
            RegroundError: a step failed; what was made by then is kept.
        """
        overrides = dict(settings)
        if images is not None:
            overrides["index"] = {**overrides.get("index", {}), "images": images}
        return self._run("run", steps.RUN, overrides, runner, config)

    def evaluate(self, **settings: Any) -> pd.DataFrame:
        """Judge every model; the table ``evaluation``, each value with n and its 95 % interval.

        Args:
            settings: of the step ``evaluate``, by name.

        Raises:
            UsageError: settings that cannot be used.
            RegroundError: nobody has predicted yet.
        """
        self.run("evaluate", **settings)
        return self.read("evaluation")

    # In and out

    def import_votes(
        self,
        format: str,
        path: FilePath,
        source: str = "",
        *,
        replace: bool = False,
        columns: Mapping[str, str] | None = None,
    ) -> dict[str, int]:
        """Bring in votes, see `reground.annotations.published.import_votes`; counts by name."""
        from reground.annotations.published import import_votes

        with workspace_lock(self._storage, "reground votes import"):
            return import_votes(self._storage, format, Path(path), source, replace=replace, columns=columns or {})

    def import_predictions(self, model: str, path: FilePath) -> dict[str, int]:
        """Bring in predictions, see `reground.tasks.predictions.import_predictions`; counts by name."""
        from reground.tasks.predictions import import_predictions

        with workspace_lock(self._storage, "reground predict import"):
            return import_predictions(self._storage, model, Path(path))

    def import_truth(self, name: str, path: FilePath, **options: Any) -> ReferenceImport:
        """Bring in labels that others publish as a reference truth, see `reground.annotations.references`.

        Args:
            name: of the reference truth.
            path: of the file.
            options: fields of `reground.annotations.references.ReferenceOptions`.

        Raises:
            UsageError: an unknown option, or labels that cannot be used; nothing is changed.
        """
        from reground.annotations.references import ReferenceOptions, import_reference

        known = [field.name for field in dataclasses.fields(ReferenceOptions)]
        for option in options:
            if option not in known:
                raise unknown("option of a reference truth", option, known)
        with workspace_lock(self._storage, "reground truth import"):
            return import_reference(self._storage, name, Path(path), ReferenceOptions(**options))

    def compare_truths(self, first: str, second: str) -> Diff:
        """Compare any two truths, see `reground.annotations.truth.diff`."""
        from reground.annotations.truth import diff

        return diff(self._storage, first, second)

    def export(self, format: str, out: FilePath, only: str = "") -> Path:
        """Write the cleaned set, see `reground.tasks.export.export`; its folder."""
        from reground.tasks.export import export

        return export(self._storage, format, Path(out), only).folder

    # Shown

    def __repr__(self) -> str:
        tables = ", ".join(f"{name} ({rows:,})" for name, rows in self.tables().items()) or "no tables yet"
        return f"reground.open({self.url!r}): {tables}"

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><td>{escape(visible(name))}</td><td style='text-align: right'>{rows:,}</td>"
            f"<td style='text-align: left'>{escape(table_schema(name).row)}</td></tr>"
            for name, rows in self.tables().items()
        )
        head = "<tr><th>table</th><th>rows</th><th>one row is</th></tr>"
        return f"<p>Workspace <code>{escape(visible(self.url))}</code></p><table>{head}{rows}</table>"

    def _run(
        self,
        command: str,
        step_names: Sequence[str],
        overrides: Mapping[str, Any],
        runner: str,
        config: FilePath | None,
    ) -> Summary:
        execute(
            f"reground {command} (notebook)",
            step_names,
            self._storage,
            CallSettings({**overrides, "runner": runner} if runner else overrides),
            None if config is None else Path(config),
            Silence() if self.quiet else watch(),
        )
        return summarize(self._storage, step_names, idle_reasons(self._storage, step_names))

    def _require(self, table: str, columns: Sequence[str] | None) -> None:
        names = table_schema(table).names()
        for column in columns or ():
            if column not in names:
                raise unknown(f"column of {table}", column, names)
        if not self._storage.parts(table):
            made = ", ".join(self._storage.tables()) or "none"
            raise RegroundError(f"expected the table '{table}' in {self.url}; made so far: {made}.")
