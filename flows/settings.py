"""Every setting, in one class: workspace memory, TOML file, environment, command line.

Later sources win. A setting of a step is ``STEP.FIELD``: ``[masks] seed = 1`` in a TOML file,
``REGROUND_MASKS__SEED=1`` in the environment, an option on the command line. A workspace
remembers what it was told (``settings.json``), so ``reground evaluate -w W`` judges with the
groups that ``reground run IMAGES -w W --groups FILE`` was given.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import pydantic
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    InitSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from reground.annotations.rounds.settings import ReviewSettings
from reground.annotations.truth import NeedsVoteSettings, TruthSettings
from reground.tasks.adversarial import AdversarialSettings
from reground.tasks.errors import UsageError
from reground.tasks.evaluation import EvaluationSettings
from reground.tasks.imagenet9 import ReleasedSettings
from reground.tasks.images import IndexSettings
from reground.tasks.masks import MaskSettings
from reground.tasks.predictions import CandidateSettings, PredictionSettings
from reground.tasks.report import ReportSettings
from reground.tasks.variants import VariantSettings
from reground.tasks.workspace import Workspace

MEMORY = "settings.json"


class Settings(BaseSettings):
    """One field a step, each that step's own dataclass; see those for the fields' meaning."""

    model_config = SettingsConfigDict(env_prefix="REGROUND_", env_nested_delimiter="__", extra="forbid")
    from_file: ClassVar[dict[str, Any]] = {}
    remembered: ClassVar[dict[str, Any]] = {}

    runner: str = "threads"
    index: IndexSettings = IndexSettings()
    released: ReleasedSettings = ReleasedSettings()
    masks: MaskSettings = MaskSettings()
    variants: VariantSettings = VariantSettings()
    predict: PredictionSettings = PredictionSettings()
    candidates: CandidateSettings = CandidateSettings()
    adversarial: AdversarialSettings = AdversarialSettings()
    review: ReviewSettings = ReviewSettings()
    truth: TruthSettings = TruthSettings()
    needs_vote: NeedsVoteSettings = NeedsVoteSettings()
    evaluate: EvaluationSettings = EvaluationSettings()
    report: ReportSettings = ReportSettings()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return (
            init_settings,
            EnvSettingsSource(settings_cls),
            InitSettingsSource(settings_cls, cls.from_file),
            InitSettingsSource(settings_cls, cls.remembered),
        )

    def of(self, step: str) -> Any:
        """The settings of one step."""
        return getattr(self, step)


def load(workspace: Workspace, told: Mapping[str, Any], config: Path | None = None) -> Settings:
    """All settings for a workspace; remembers what it was ``told``.

    Raises:
        UsageError: an unknown setting or a value of the wrong kind; the message names it.
    """
    before = _recall(workspace)
    sources = {"from_file": read_toml(config), "remembered": before}
    chosen = type("Settings", (Settings,), {"__annotations__": {}, **sources, "__module__": __name__})
    try:
        settings = chosen(**told)
    except pydantic.ValidationError as error:
        problems = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        raise UsageError(f"settings not understood: {problems}") from error
    after = merge(before, told)
    if after != before:
        workspace.write_bytes(MEMORY, json.dumps(after, sort_keys=True, indent=1).encode())
    return settings


def read_toml(path: Path | None) -> dict[str, Any]:
    """The settings in a TOML file; none without a path.

    Raises:
        UsageError: no such file, or not TOML.
    """
    if path is None:
        return {}
    try:
        return tomllib.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise UsageError(f"expected settings in TOML at {path}: {error}. Check the path after --config.") from error


def _recall(workspace: Workspace) -> dict[str, Any]:
    try:
        return json.loads(workspace.read_bytes(MEMORY))
    except FileNotFoundError:
        return {}


def merge(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """Nested settings, ``over`` winning field by field."""
    merged = dict(base)
    for name, value in over.items():
        both = isinstance(value, Mapping) and isinstance(merged.get(name), Mapping)
        merged[name] = merge(merged[name], value) if both else value
    return merged
