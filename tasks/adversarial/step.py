"""Adversarial: the backgrounds that fool a model, for each foreground.

Reads ``classes``, ``groups``, ``foregrounds``, ``variants/original``, ``variants/only_bg_t``; writes
``adversarial/MODEL``, ``adversarial_pairs/MODEL``, ``adversarial_margins/MODEL`` (not when exhaustive),
``adversarial_pool/MODEL``, ``adversarial_backgrounds/MODEL``, ``adversarial_shared``.

Source: Xiao et al. 2020, section 4 and challenge_eval.py (see `reground.tasks.adversarial.outcomes`). The verdict is
that of an exhaustive search, with fewer passes: `reground.tasks.kernels.adversarial_order` learns which
backgrounds to try first. Foregrounds are shuffled and split into shards. A shard learns from earlier shards,
which it reads from the workspace: a crash costs one shard, and resuming does not change the result.

The rates of backgrounds count the pairs tried. A search tries the strongest backgrounds first and the others
mostly on robust foregrounds, so its rates are biased low, and comparable only among backgrounds tried often.
Rates of an exhaustive search are exact.
"""

from __future__ import annotations

import functools
import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

import numpy as np
import pyarrow as pa

from reground.tasks import models
from reground.tasks.adversarial import inputs as inputs_module
from reground.tasks.adversarial import tables
from reground.tasks.adversarial.search import Searcher
from reground.tasks.adversarial.summary import summaries
from reground.tasks.errors import RegroundError, UsageError
from reground.tasks.predictions import output_classes
from reground.tasks.workspace import (
    Device,
    Fault,
    NonNegativeInt,
    Output,
    Shard,
    Step,
    Workspace,
    derive_seed,
    raise_faults,
)

if TYPE_CHECKING:
    from reground.tasks.models import Compositor

log = logging.getLogger(__name__)

NAME: Final = "adversarial"
SHARED: Final = "shared"
BATCH: Final = {"cpu": 8, "cuda": 128}
"""Default number of composites tried at once: the more, the more of them are tried in vain."""
ROWS: Final = {False: 32, True: 4}
"""Exhaustive -> default number of foregrounds per shard; a search tries few of their pairs."""


@dataclass(frozen=True)
class AdversarialSettings:
    """Which models are searched, and how.

    Attributes:
        models: models to search, for example ``timm:NAME``; empty: all models with predictions.
        exhaustive: try every pair, not only until the verdicts are final.
        batch_size: composites tried at once; 0: default of the device.
        device: ``auto`` (a GPU where there is one), ``cpu`` or ``cuda``.
        precision: ``auto`` (bfloat16 on a GPU, float32 on a CPU), ``float32`` or ``bfloat16``.
        rows: foregrounds per shard; 0: a default that depends on `exhaustive`.
        seed: seed of the shuffle of foregrounds and of the order in which pairs are tried.
        num_gpus: GPUs that one worker on Ray takes: ``NUMBER`` for every model, ``MODEL=NUMBER`` for one; ``0``,
            a fraction or a whole number. Empty: 1 where the cluster has GPUs and the device is not ``cpu``.
    """

    models: tuple[str, ...] = ()
    exhaustive: bool = False
    batch_size: NonNegativeInt = 0
    device: Device = "auto"
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    rows: NonNegativeInt = 0
    seed: NonNegativeInt = 0
    num_gpus: tuple[str, ...] = ()


def faults(settings: AdversarialSettings) -> Iterator[Fault]:
    """Faults of the settings, found without reading the workspace."""
    yield from (Fault("models", problem) for problem in models.name_problems(settings.models))
    yield from _gpu_faults(settings, settings.models)


def _gpu_faults(settings: AdversarialSettings, names: Sequence[str]) -> Iterator[Fault]:
    return (Fault("num_gpus", problem) for problem in models.gpu_problems(settings.num_gpus, names, settings.device))


def plan(workspace: Workspace, settings: AdversarialSettings) -> list[Shard]:
    """Per model, shards of foregrounds and one shard for its ranking; one shard to compare several models.

    Raises:
        UsageError: the name of a model with predictions is ambiguous, or `num_gpus` names another model.
        RegroundError: there are no variants, or neither named models nor predictions.
    """
    workspace.require("foregrounds", "variants")
    names = _names(workspace, settings)
    raise_faults(NAME, list(_gpu_faults(settings, names)))
    foregrounds, _ = (_count(workspace, table) for table in ("foregrounds", inputs_module.BACKGROUND))
    inputs = inputs_module.input_digests(workspace)
    size = settings.rows or ROWS[settings.exhaustive]
    starts = range(0, foregrounds, size)
    shards: list[Shard] = []
    for name in names:
        for number, start in enumerate(starts):
            stop = min(start + size, foregrounds)
            args = {"model": name, **models.plugin_args(name), "number": number, "start": start, "stop": stop}
            shards.append(Shard(_shard_id(name, number), inputs, args, stop - start))
        ranking = {"model": name, **models.plugin_args(name), "ranked": len(starts)}
        shards.append(Shard(f"{models.slug(name)}.ranking", inputs, ranking, size=0))
    if len(names) > 1:
        plugins = [models.plugin_args(name) for name in names]
        shards.append(Shard(SHARED, inputs, {"models": names, "plugins": plugins, "shared": len(starts)}, size=0))
    return shards


def work(workspace: Workspace, settings: AdversarialSettings, shard: Shard) -> Output:
    """Search some foregrounds, rank one model's backgrounds, or compare several models.

    Raises:
        RegroundError: an image, a package, the weights or an earlier shard is missing, the model's classes do not
            map to the vocabulary of the workspace, or a single composite does not fit into memory.
    """
    search_inputs = inputs_module.load_inputs(workspace.url, shard.inputs)
    args = shard.args
    if "shared" in args:
        parts = {name: _parts(workspace, "adversarial_pairs", name, args["shared"]) for name in args["models"]}
        return Output({"adversarial_shared": tables.shared_rows(search_inputs, parts)})
    name = models.slug(args["model"])
    if "ranked" in args:
        pairs = _parts(workspace, "adversarial_pairs", args["model"], args["ranked"])
        return Output(
            {
                f"adversarial_pool/{name}": tables.pool_rows(search_inputs),
                f"adversarial_backgrounds/{name}": tables.background_rows(search_inputs, pairs),
            }
        )
    return _search(workspace, settings, shard, search_inputs)


def _search(
    workspace: Workspace, settings: AdversarialSettings, shard: Shard, search_inputs: inputs_module.SearchInputs
) -> Output:
    model, slug = shard.args["model"], models.slug(shard.args["model"])
    compositor, class_of = _network(
        workspace.url, shard.inputs, model, settings.device, settings.batch_size, settings.precision
    )
    order = np.random.default_rng(settings.seed).permutation(len(search_inputs.foregrounds))
    rows = np.sort(order[shard.args["start"] : shard.args["stop"]])
    searcher = Searcher(compositor, class_of, search_inputs, rows)
    if settings.exhaustive:
        result, margins = searcher.exhaust(), {}
    else:
        parts = _parts(workspace, "adversarial_margins", model, shard.args["number"])
        result = searcher.search(derive_seed(settings.seed, shard.id), tables.earlier_margins(search_inputs, parts))
        margins = {f"adversarial_margins/{slug}": tables.margin_rows(result.outcomes)}
    return Output(
        {
            f"adversarial/{slug}": tables.foreground_rows(result),
            f"adversarial_pairs/{slug}": tables.pair_rows(
                result.outcomes, compositor.recipe(shard.args.get("plugin", ""))
            ),
            **margins,
        }
    )


def finalize(workspace: Workspace, settings: AdversarialSettings) -> None:
    """Log the outcomes and the cost of every search."""
    for slug, summary in summaries(workspace).items():
        log.info("%s: %s", slug, summary)


@functools.lru_cache(maxsize=1)
def _network(
    url: str, inputs: tuple[str, ...], name: str, device: str, batch_size: int, precision: str
) -> tuple[Compositor, np.ndarray]:
    """The compositor of a model, and ``(C,)`` the class of each of its outputs; the last result is cached."""
    from reground.tasks.models import Compositor, Network

    search_inputs, network = inputs_module.load_inputs(url, inputs), models.load(name, device)
    if not isinstance(network, Network):
        raise UsageError(
            f"expected a torch network (reground.tasks.models.Network), since composites are made on its device, but "
            f"'{name}' is of type {type(network).__name__}: name other models, --model NAME[,NAME...]."
        )
    class_of = output_classes(network, Workspace(url).read("classes", ["class_idx", "wnids"]))
    batch = batch_size or BATCH[network.device.type]
    return Compositor(
        network, search_inputs.background_pixels, search_inputs.groups_of(class_of), batch, precision
    ), class_of


def _parts(workspace: Workspace, table: str, model: str, count: int) -> Iterator[pa.Table]:
    """The parts of a table from a model's first shards, in order."""
    for number in range(count):
        entry = workspace.entry(NAME, _shard_id(model, number))
        if entry is None:
            raise RegroundError(
                f"expected the shard {_shard_id(model, number)} of the search in {workspace.url}, found none: shards "
                "learn from those before them. Run `reground adversarial` again, and no other command at the same time."
            )
        yield workspace.read_part(entry.tables[f"{table}/{models.slug(model)}"].path)


def _shard_id(model: str, number: int) -> str:
    return f"{models.slug(model)}.{number:05d}"


def _count(workspace: Workspace, table: str) -> int:
    count = sum(part.rows for _, part in workspace.parts(table))
    if not count:
        raise RegroundError(
            f"expected images in the tables 'foregrounds' and '{inputs_module.BACKGROUND}' of {workspace.url}, "
            f"'{table}' has none: see the table 'dropped' for the reasons."
        )
    return count


def _names(workspace: Workspace, settings: AdversarialSettings) -> list[str]:
    return list(dict.fromkeys(settings.models)) or _predicted(workspace)


def _predicted(workspace: Workspace) -> list[str]:
    slugs = [table.partition("/")[2] for table in workspace.tables() if table.startswith("predictions/")]
    if not slugs:
        raise RegroundError(
            f"expected models, found none: name them (--model NAME[,NAME...]), or run `reground predict -w "
            f"{workspace.url}` first."
        )
    return [models.name_of_slug(slug) for slug in slugs]


STEP = Step(
    NAME,
    2,
    AdversarialSettings,
    plan,
    work,
    check=faults,
    parallel=False,
    sequential=True,
    num_gpus=lambda settings, model: models.gpus_of(settings.num_gpus, model),
    execution_only=frozenset({"models", "num_gpus"}),
    finalize=finalize,
)
