"""The columns of Tsipras et al. 2020, as MadryLab/ImageNetMultiLabel lays them out and its notebook reads them.

Reads ``votes`` besides. ``data/annotations_classify_task.pkl`` has a row for every image with CLASSIFY
answers, ``data/image_info.pkl`` the routing of every image that has one; beside each lies the same as
Parquet, for whoever opens no pickles. The pickles hold a frame of lists, numbers and counters, no more.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from reground.tasks.errors import RegroundError
from reground.tasks.export.dataset import Dataset, missing
from reground.tasks.export.image import ExportImage
from reground.tasks.images import load_classes, load_groups
from reground.tasks.schema import ClassRow
from reground.tasks.votes import CLASSIFY

if TYPE_CHECKING:
    import pandas as pd

ROUTINGS: Final = {"several": "fu", "easy": "easy", "too_few_workers": "amb", "never_selected": "mis"}
"""Our routing -> their code."""
PROTOCOL: Final = 4
"""Of the pickles: any Python from 3.4 on reads it."""
_VOTE: Final = ("image_id", "at", "answer_id", "class_idx", "answer", "main")


@dataclass(frozen=True)
class Worker:
    """One person's answer on one image, in ImageNet's indices: the valid labels, and the main one."""

    selected: list[int]
    main: int


def imagenet_multilabel(data: Dataset, out: Path) -> None:
    """Write the published files, for the images whose classes are ImageNet's.

    Raises:
        RegroundError: nobody answered a CLASSIFY question, or on ImageNet's classes.
    """
    folder = out / "data"
    folder.mkdir()
    rows = list(_rows(data))
    if not rows:
        raise RegroundError(
            "expected CLASSIFY answers on ImageNet's classes, which imagenet-multilabel shows, found none: collect "
            "some (`reground review push --question classify`, or `votes import`) and run `reground truth`, or "
            "take another format."
        )
    info = [
        {"image": _name(image.image_id), "annotation": ROUTINGS[image.routing]}
        for image in data
        if image.routing in ROUTINGS
    ]
    _save(folder / "annotations_classify_task", rows)
    _save(folder / "image_info", info)
    classes = load_classes()
    _save_object(folder / "imagenet_label_to_wnid.npy", {row["class_idx"]: row["wnids"][0] for row in classes})
    _save_object(folder / "imagenet_label_map.npy", {row["class_idx"]: row["name"] for row in classes})
    _save_object(folder / "superclasses.npy", _superclasses(classes))


def _rows(data: Dataset) -> Iterator[dict[str, Any]]:
    """Rows of annotations_classify_task, by image_id."""
    images = iter(data)
    for image_id, votes in groupby(_votes(data), key=itemgetter(0)):
        image = next(item for item in images if item.image_id == image_id)
        row = _row(data, image, list(votes))
        if isinstance(row, str):
            data.left_out.add(image_id, row)
        else:
            yield row


def _votes(data: Dataset) -> Iterator[tuple[Any, ...]]:
    """CLASSIFY votes that count on the images in this export, by image, then in the order given.

    Raises:
        RegroundError: the truth lacks an image that has votes.
    """
    votes = data.votes(_VOTE, CLASSIFY)
    unknown_ids = missing(votes, data.whole)
    if unknown_ids:
        raise RegroundError(f"votes speak of {unknown_ids[0]}, which the truth lacks: run `reground truth` again.")
    votes = votes.filter(pc.is_in(votes["image_id"], value_set=data.truth["image_id"].combine_chunks()))  # pyright: ignore[reportAttributeAccessIssue]
    ordered = votes.sort_by([(name, "ascending") for name in _VOTE[:4]])
    for batch in ordered.to_batches(max_chunksize=10_000):
        yield from zip(*(batch[name].to_pylist() for name in _VOTE), strict=True)


def _row(data: Dataset, image: ExportImage, votes: Sequence[tuple[Any, ...]]) -> dict[str, Any] | str:
    """One image's row, or why it has none."""
    if image.original is None:
        return "its original label is not known, which the published layout must name"
    label_classes = {image.original, *(vote[3] for vote in votes)}
    if not label_classes <= data.imagenet.keys():
        return "a label that is none of ImageNet's classes"
    workers = [worker for _, given in groupby(votes, key=itemgetter(1, 2)) if (worker := _worker(data, list(given)))]
    if not workers:
        return "nobody picked a main label"
    return _columns(data, image, workers)


def _worker(data: Dataset, votes: Sequence[tuple[Any, ...]]) -> Worker | None:
    """None: no main label was picked, which each published answer has."""
    selected = [data.imagenet[label] for _, _, _, label, answer, _ in votes if answer == "yes"]
    main = next((data.imagenet[label] for _, _, _, label, _, picked in votes if picked), None)
    return Worker(selected, main) if main in selected and main is not None else None


def _columns(data: Dataset, image: ExportImage, workers: Sequence[Worker]) -> dict[str, Any]:
    original = data.imagenet[image.original]  # type: ignore[index]
    main = Counter(worker.main for worker in workers)
    chosen = Counter(label for worker in workers for label in worker.selected)
    sizes = Counter(len(worker.selected) for worker in workers)
    objects = _objects(data, image, chosen)
    top = data.imagenet.get(image.consensus.main_label, main.most_common(1)[0][0])  # type: ignore[arg-type]
    most = [sum(main[label] for label in labels) for labels in objects]
    place = {label: number for number, labels in enumerate(objects) for label in labels}
    return {
        "image": _name(image.image_id),
        "main": np.array([worker.main for worker in workers], np.int64),
        "selected": [worker.selected for worker in workers],
        "num_workers": len(workers),
        "image_number": _numbers().get(image.image_id, -1),
        "imagenet_label": original,
        "main_counter": main,
        "main_top": top,
        "num_objects": image.consensus.num_objects or sizes.most_common(1)[0][0],
        "object_counter": sizes,
        "objects": [_shares(labels, chosen, len(workers)) for labels in objects],
        "main_object": most.index(max(most)) if most else 0,
        "main_object_counter": most,
        "imagenet_object": float(place.get(original, math.nan)),
        "state": image.state,
        "outcome": image.outcome,
        **image.suspects,
        "isolated": [data.imagenet[label] for label in image.consensus.isolated],
    }


def _objects(data: Dataset, image: ExportImage, chosen: Counter[int]) -> list[list[int]]:
    """Labels of each object; as published, without those that nobody chose beside another."""
    alone = set(image.consensus.isolated)
    groups = [[data.imagenet[label] for label in labels if label not in alone] for labels in image.consensus.objects]
    return [[label for label in labels if chosen[label]] for labels in groups if labels]


def _shares(labels: Sequence[int], chosen: Counter[int], workers: int) -> dict[int, tuple[float, float]]:
    """label -> (share of the object's votes, share of workers)."""
    total = sum(chosen[label] for label in labels)
    return {label: (chosen[label] / total, chosen[label] / workers) for label in labels}


def _name(image_id: str) -> str:
    return f"{image_id}.JPEG"


@cache
def _numbers() -> dict[str, int]:
    """image_id -> its place in torchvision's ImageFolder of the validation images, which their notebook indexes."""
    text = resources.files("reground.tasks.vocabularies").joinpath("imagenet_validation.txt").read_text()
    order = np.argsort(np.array(text.split(), np.int64), kind="stable")
    return {f"ILSVRC2012_val_{number + 1:08d}": place for place, number in enumerate(order.tolist())}


def _superclasses(classes: list[ClassRow]) -> dict[str, list[int]]:
    rows, _ = load_groups("superclasses", classes)
    classes_of: dict[str, list[int]] = {}
    for row in rows:
        classes_of.setdefault(str(row["name"]), []).append(int(row["class_idx"]))
    return classes_of


def _save(path: Path, rows: Sequence[dict[str, Any]]) -> None:
    """One frame, as a pickle and as Parquet."""
    import pandas as pd

    names = pd.Index([row["image"] for row in rows], dtype=object)
    columns = [name for name in (rows[0] if rows else ("image", "annotation")) if name != "image"]
    content = {name: _series([row[name] for row in rows], names) for name in columns}
    frame = pd.DataFrame(content, index=names, columns=pd.Index(columns, dtype=object))
    frame.to_pickle(path.with_suffix(".pkl"), protocol=PROTOCOL)
    plain = [{name: _plain(value) for name, value in row.items()} for row in rows]
    pq.write_table(pa.Table.from_pylist(plain), path.with_suffix(".parquet"), compression="zstd")


def _series(values: Sequence[Any], index: Any) -> pd.Series[Any]:
    import pandas as pd

    kind = {int: np.int64, float: np.float64}.get(type(values[0]) if values else object, object)
    array = np.empty(len(values), kind)
    for number, value in enumerate(values):
        array[number] = value
    return pd.Series(array, index)


def _plain(value: Any) -> Any:
    """A value as Parquet holds it: a counter as pairs, an object as rows of label and shares."""
    if isinstance(value, Counter):
        return [{"key": key, "count": count} for key, count in value.items()]
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return [[{"label": n, "of_object": a, "of_workers": b} for n, (a, b) in labels.items()] for labels in value]
    return value.tolist() if isinstance(value, np.ndarray) else value


def _save_object(path: Path, content: dict[Any, Any]) -> None:
    np.save(path, np.array(content, dtype=object), allow_pickle=True)
