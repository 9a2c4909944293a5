"""Copies planted among photographs: how many are found, how many others are, and what that costs against a decode.

``python -m benchmarks.suspect_duplicates --images FOLDER [--copies 10]`` with class folders of JPEG files. For each
way to change a picture ``copies`` photographs get a copy, in their own class folder or in another: renamed; with
another suffix (PNG); JPEG of quality 40; half size; cropped to 85 % of each side, in the middle or anywhere; mirrored;
grey; cropped anywhere and mirrored. One row of results for ``reground`` (`facts`, and suspects of the kind duplicate
without features), and one each for imagededup (pHash, at most 10 bits) and cleanvision where they are installed.

- ``recall_CHANGE``: share of the copies that are named with their original; ``exact`` and ``near`` of several changes.
- ``precision``: share of the pairs that are a copy and its original.
- ``decode_s``: processor seconds of decoding the same files and nothing else, one after the other; ``seconds`` those of
  the method, its processes included, with one thread where it lets one say so; each the least of three rounds;
  ``ratio`` of both.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import random
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Final

import cv2
from PIL import Image

from benchmarks.memory import Silent
from benchmarks.record import record
from reground.flows.run import Runner, run_step
from reground.tasks.facts import FactSettings
from reground.tasks.images import IndexSettings, load_rgb
from reground.tasks.suspects import STEP, SuspectSettings
from reground.tasks.workspace import Workspace, run_shard, todo

Change = Callable[[Image.Image, random.Random], Image.Image]
Pairs = set[frozenset[str]]
MIRROR: Final = Image.Transpose.FLIP_LEFT_RIGHT


def crop(image: Image.Image, rng: random.Random | None = None) -> Image.Image:
    """85 % of each side, in the middle, or anywhere."""
    width, height = int(image.width * 0.85), int(image.height * 0.85)
    rest = image.width - width, image.height - height
    left, top = (rng.randint(0, rest[0]), rng.randint(0, rest[1])) if rng else (rest[0] // 2, rest[1] // 2)
    return image.crop((left, top, left + width, top + height))


NEAR: Final[dict[str, Change]] = {
    "jpeg": lambda image, rng: image,
    "half": lambda image, rng: image.resize((max(1, image.width // 2), max(1, image.height // 2))),
    "crop": lambda image, rng: crop(image),
    "crop_anywhere": crop,
    "mirror": lambda image, rng: image.transpose(MIRROR),
    "grey": lambda image, rng: image.convert("L"),
    "crop_mirror": lambda image, rng: crop(image, rng).transpose(MIRROR),
}
EXACT: Final = ("renamed", "suffix")


def plant(source: Path, folder: Path, copies: int) -> dict[str, tuple[str, str]]:
    """Photographs and copies below ``folder``. Returns stem of the copy -> (change, stem of its original)."""
    files = sorted(path for path in source.rglob("*") if path.suffix.lower() in (".jpg", ".jpeg"))
    rng = random.Random(0)
    for file in files:
        (folder / file.parent.name).mkdir(parents=True, exist_ok=True)
        shutil.copy(file, folder / file.parent.name / file.name)
    planted: dict[str, tuple[str, str]] = {}
    changes = [*EXACT, *NEAR]
    for number, file in enumerate(rng.sample(files, min(len(files), copies * len(changes)))):
        change = changes[number % len(changes)]
        stem = f"copy_{number:05d}"
        target = folder / (file if number % 2 else rng.choice(files)).parent.name / stem
        planted[stem] = change, file.stem
        if change == "renamed":
            shutil.copy(file, target.with_suffix(file.suffix))
        elif change == "suffix":
            Image.open(file).convert("RGB").save(target.with_suffix(".png"))
        else:
            changed = NEAR[change](Image.open(file).convert("RGB"), rng)
            changed.save(target.with_suffix(".jpg"), quality=40 if change == "jpeg" else 92)
    return planted


def by_reground(images: Path, folder: Path) -> Callable[[], Pairs]:
    """`facts` and suspects, after the index."""
    workspace, runner = Workspace(folder), Runner("threads", 1)
    run_step("index", workspace, IndexSettings(images=str(images)), runner, Silent())
    settings = SuspectSettings(find=("duplicate",))

    def find() -> Pairs:
        for step in ("facts", STEP.name):
            workspace.retire(step, set())
        run_step("facts", workspace, FactSettings(), runner, Silent())
        for shard in todo(STEP, workspace, settings).missing:
            run_shard(STEP, workspace, settings, shard)
        rows = workspace.read_arrow("suspects", ["image_id", "related"]).to_pylist()
        return {frozenset((row["image_id"], other)) for row in rows for other in row["related"]}

    return find


def by_imagededup(images: Path, folder: Path) -> Callable[[], Pairs]:
    """pHash, one process."""
    from imagededup.methods import PHash  # type: ignore[import-not-found]

    def find() -> Pairs:
        method = PHash(verbose=False)
        encodings = method.encode_images(image_dir=str(images), recursive=True, num_enc_workers=0)
        named = method.find_duplicates(encoding_map=encodings, max_distance_threshold=10, num_dist_workers=0)
        pairs = [(Path(name).stem, Path(other).stem) for name, others in named.items() for other in others]
        return set(map(frozenset, pairs))

    return find


def by_cleanvision(images: Path, folder: Path) -> Callable[[], Pairs]:
    """Exact and near duplicates with its own settings, one process."""
    from cleanvision import Imagelab  # type: ignore[import-not-found]

    def find() -> Pairs:
        lab = Imagelab(data_path=str(images))
        lab.find_issues({"exact_duplicates": {}, "near_duplicates": {}}, n_jobs=1, verbose=False)
        groups = [group for kind in ("exact_duplicates", "near_duplicates") for group in lab.info[kind]["sets"]]
        stems = [[Path(name).stem for name in group] for group in groups]
        return {frozenset((a, b)) for group in stems for a in group for b in group if a != b}

    return find


METHODS: Final = {"reground": by_reground, "imagededup": by_imagededup, "cleanvision": by_cleanvision}


def by_decoding(images: Path) -> Callable[[], None]:
    """A bare decode of all files."""

    def decode() -> None:
        for file in sorted(images.rglob("*")):
            if file.is_file():
                load_rgb(str(file))

    return decode


def seconds_of(call: Callable[[], object], rounds: int = 3) -> float:
    """Least processor seconds, of processes that have ended too."""
    times = []
    for _ in range(rounds):
        before = sum(os.times()[:4])
        call()
        times.append(sum(os.times()[:4]) - before)
    return min(times)


def figures(pairs: Pairs, planted: dict[str, tuple[str, str]]) -> dict[str, float]:
    """Recall by change, exact and near, and precision."""
    hits = {stem: frozenset((stem, original)) in pairs for stem, (_, original) in planted.items()}

    def recall(*changes: str) -> float:
        of_them = [hit for stem, hit in hits.items() if planted[stem][0] in changes]
        return sum(of_them) / max(1, len(of_them))

    numbers = {f"recall_{change}": recall(change) for change in (*EXACT, *NEAR)}
    precision = sum(hits.values()) / max(1, len(pairs))
    return {"exact": recall(*EXACT), "near": recall(*NEAR), "precision": precision, **numbers}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=Path, required=True, help="class folders of JPEG files")
    parser.add_argument("--copies", type=int, default=10, help="copies for each change")
    options = parser.parse_args()
    cv2.setNumThreads(1)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        planted = plant(options.images, folder / "images", options.copies)
        bare = seconds_of(by_decoding(folder / "images"))
        for name, method in METHODS.items():
            if name != "reground" and importlib.util.find_spec(name) is None:
                print(f"{name} is not installed: left out")
                continue
            find = method(folder / "images", folder / name)
            seconds = seconds_of(find)
            numbers = {
                "method": name,
                "photographs": sum(file.is_file() for file in (folder / "images").rglob("*")),
                "copies": len(planted),
                **figures(find(), planted),
                **{"decode_s": bare, "seconds": seconds, "ratio": seconds / bare},
            }
            record("suspect_duplicates", numbers, ("pillow", "opencv-python-headless", "numpy"))


if __name__ == "__main__":
    main()
