"""Whoever holds the workspace adds to the manifest: commits, folds, and removes what nobody reads any more."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Final

import pyarrow as pa

from reground.tasks.workspace.chain import Chain, Content, LostError, State
from reground.tasks.workspace.entry_rows import last_rows, lay_over

OPEN_LOGS: Final = 16
"""Logs that are folded into one file."""
FEW_OPEN: Final = 4
"""Files that may stay open at the end of a command: whoever reads makes a request for each."""
LARGE: Final = 5_000_000
"""Bytes of a snapshot that is not rewritten at each fold."""
MAX_NAMES: Final = 500
"""Files after which a large snapshot is rewritten: a page of a listing holds 1,000."""
GRACE: Final = timedelta(minutes=15)
"""How long a file stays after it was taken in twice: somebody may be about to read it."""


class Writer:
    """Whoever holds the workspace, for as long as it does.

    Args:
        chain: of the workspace.
        state: as it was read when the workspace was taken; changed in place.
        generation: of the lock; None: one more than the largest listed.
        check: raises where the lock was lost; called before each write.
        is_alone: says whether nobody reads, so that files need not stay for them.
    """

    def __init__(
        self,
        chain: Chain,
        state: State,
        generation: int | None = None,
        check: Callable[[], None] = lambda: None,
        is_alone: Callable[[], bool] = lambda: False,
    ) -> None:
        self.chain, self.state, self.check, self.is_alone = chain, state, check, is_alone
        self.generation = state.generation + 1 if generation is None else generation
        self._number, self._taken = 0, False

    def take(self) -> None:
        """From here on, whatever those write who held the workspace before does not count."""
        if not self._taken and (self.state.listed or self.state.layers):
            self._refresh()
            self._fold("snap" if len(self.state.listed) >= self._max_names() else "merge")
            self._taken = True

    def commit(self, rows: pa.Table) -> None:
        """List some entries, or take them off.

        Raises:
            LostError: another run has taken the workspace over.
        """
        if not self._taken:
            self.state.layers.append(rows)
            try:
                self.take()
            except BaseException:
                if self.state.layers and self.state.layers[-1] is rows:  # nothing lists them
                    self.state.layers.pop()
                raise
            return
        self.check()
        self._put("log", Content(rows, frozenset(), ""))
        self.state.layers.append(rows)
        if len(self.state.open) > OPEN_LOGS:
            self.fold()

    def fold(self) -> None:
        """Take everything that is open into one file, and remove what nobody reads any more."""
        self._refresh()
        sizes = {name.key: size for name, (size, _) in self.state.listed.items()}
        is_large = sizes.get(self.state.base, 0) > LARGE
        self._fold("merge" if is_large and len(self.state.listed) < self._max_names() else "snap")

    def tidy(self) -> None:
        """At the end: fold what is open, unless it is little."""
        if len(self.state.open) > FEW_OPEN:
            self.fold()

    def _max_names(self) -> int:
        return 4 * OPEN_LOGS if self.chain.storage.is_local else MAX_NAMES

    def _refresh(self) -> None:
        """What is listed may be more than this writer has read; what it has not read it does not take in."""
        self.check()
        self.state.listed = self.chain.list()
        if self.state.generation > self.generation:
            raise LostError(
                f"another run has taken {self.chain.storage.root} over: everything listed before is kept; run the same "
                "command again once it has ended."
            )

    def _fold(self, kind: str) -> None:
        state = self.state
        listed = {name.key for name in state.listed}
        folded = frozenset(state.open) | (state.covered & listed)
        recent = last_rows(state.layers)
        before = replace(state, listed=dict(state.listed), open=list(state.open))
        if kind == "merge":
            self._put("merge", Content(recent, folded, state.base))
            state.layers, state.open = [recent], state.open[-1:]
        else:
            rows = lay_over(state.snapshot, recent)
            rows = rows.sort_by([("step", "ascending"), ("shard", "ascending")])
            self._put("snap", Content(rows, folded, ""))
            assert state.head
            state.snapshot, state.base, state.layers, state.open = rows, state.head.key, [], []
            self._remove(before)
        state.covered = folded

    def _put(self, kind: str, content: Content) -> None:
        self._number += 1
        name = self.chain.put(kind, self.generation, self._number, content)
        self.state.listed[name] = (content.rows.nbytes, _now())
        self.state.open.append(name.key)
        if kind != "log":
            self.state.head = name

    def _remove(self, before: State) -> None:
        """What the head before had taken in, older snapshots but its own, and what never counted."""
        limit = _now() - (timedelta(0) if self.is_alone() else GRACE)
        keep = {before.base, before.head.key if before.head else "", self.state.base}
        late = {name.key for name in before.listed if name.generation < (before.head.generation if before.head else 0)}
        removable = before.covered | late | {name.key for name in before.listed if name.kind == "snap"}
        old = {name.key for name, (_, modified) in before.listed.items() if modified <= limit}
        gone = (removable & old) - keep - set(before.open)
        self.chain.storage.delete(sorted(gone))
        self.state.listed = {name: value for name, value in self.state.listed.items() if name.key not in gone}


def _now() -> datetime:
    return datetime.now(UTC)
