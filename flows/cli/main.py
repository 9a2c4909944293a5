"""The ``reground`` command. Only what every command needs is imported here: help must be quick."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from reground.flows.steps import ON_REQUEST
from reground.tasks.errors import RegroundError, UsageError

Add = Callable[[argparse.ArgumentParser], None]
PREDICT_IMPORT = "predict import"
"""A command of two words: `predict` alone is a step."""


def _set(parser: argparse.ArgumentParser, option: str, setting: str, meaning: str, **how: Any) -> None:
    """An option that is a setting: ``setting`` is STEP.FIELD."""
    parser.add_argument(option, dest=setting, default=argparse.SUPPRESS, help=meaning, **how)


def _path(text: str) -> str:
    """A file or folder by its full path: a workspace that remembers it may be used from elsewhere."""
    return str(Path(text).resolve()) if text and Path(text).exists() else text


def _method(text: str) -> str:
    """A mask method with the full path of the file or folder it names."""
    kind, colon, path = text.partition(":")
    return f"{kind}:{_path(path)}" if colon else text


def _names(text: str) -> list[str]:
    return [name for name in text.split(",") if name]


def _index_options(parser: argparse.ArgumentParser) -> None:
    _set(parser, "--boxes", "index.boxes", "folder of ImageNet-style box XML, found by stem", type=_path)
    _set(parser, "--labels", "index.labels", "ILSVRC devkit, for a flat val folder", type=_path)
    _set(
        parser,
        "--classes",
        "index.classes",
        "CSV of own classes: class_idx,name[,wnids,gloss] (default: ImageNet-1k)",
        type=_path,
    )
    _set(parser, "--ids", "index.ids", "an image's key: stem of its file, or its path", choices=["stem", "path"])
    _set(parser, "--max-pixels", "index.max_pixels", "larger images are dropped", type=int)
    _set(parser, "--max-dropped", "index.max_dropped", "share of files that may be dropped", type=float)


def _imagenet9_options(parser: argparse.ArgumentParser) -> None:
    meaning = "folder with original/val/..., only_bg_t/val/..., fg_mask/val/... (a workspace remembers it)"
    parser.add_argument(
        "imagenet9.folder", metavar="FOLDER", nargs="?", type=_path, default=argparse.SUPPRESS, help=meaning
    )


def _masks_options(parser: argparse.ArgumentParser) -> None:
    _set(parser, "--method", "masks.method", "grabcut, consensus, supplied:DIR (PNG, COCO) or onnx:FILE", type=_method)
    _set(parser, "--mask-iterations", "masks.iterations", "of GrabCut", type=int)
    _set(parser, "--mask-seed", "masks.seed", "of GrabCut's random start", type=int)
    _set(parser, "--min-quality", "masks.min_quality", "masks below it are quarantined, 0 to 1", type=float)


def _variants_options(parser: argparse.ArgumentParser) -> None:
    _set(
        parser,
        "--groups",
        "variants.groups",
        "imagenet9, superclasses, or a JSON or CSV file of own groups",
        type=_path,
    )
    _set(
        parser,
        "--compose",
        "variants.compose",
        "mask, published (as published: black means background), or mask,published to compare the two",
        type=_names,
    )
    _set(parser, "--fill", "variants.fill", "what takes a removed object's place", choices=["tile", "inpaint"])
    _set(parser, "--feather", "variants.feather", "width of the pasted edge in pixels, 0: hard", type=float)
    _set(parser, "--seed", "variants.seed", "of the choice of backgrounds", type=int)


def _predict_options(parser: argparse.ArgumentParser) -> None:
    _set(
        parser,
        "--models",
        "predict.models",
        "the whole ensemble, NAME[,NAME...]: efficientnet-lite0, timm:NAME, torchvision:NAME, ...",
        type=_names,
    )
    _set(parser, "--on", "predict.on", "SET[,SET...]: photographs and names of variants", type=_names)
    _set(parser, "--batch-size", "predict.batch_size", "images in a forward pass (0: what suits the device)", type=int)
    _set(parser, "--device", "predict.device", "auto, cpu or cuda", choices=["auto", "cpu", "cuda"])


def _adversarial_options(parser: argparse.ArgumentParser) -> None:
    meaning = "NAME[,NAME...] (default: those that have predicted)"
    _set(parser, "--model", "adversarial.models", meaning, type=_names)
    _set(
        parser,
        "--exhaustive",
        "adversarial.exhaustive",
        "every foreground on every background: exact rankings",
        action=argparse.BooleanOptionalAction,
    )
    _set(parser, "--batch-size", "adversarial.batch_size", "composites in a forward pass", type=int)
    _set(parser, "--device", "adversarial.device", "auto, cpu or cuda", choices=["auto", "cpu", "cuda"])


def _candidates_options(parser: argparse.ArgumentParser) -> None:
    _set(parser, "--top-k", "candidates.top_k", "predictions taken of each model", type=int)


def _truth_options(parser: argparse.ArgumentParser) -> None:
    _set(parser, "--min-annotators", "truth.min_annotators", "people who must have judged a label", type=int)
    _set(
        parser,
        "--ratio",
        "truth.ratio",
        "of the original label's selection frequency: confident from it on",
        type=float,
    )
    _set(parser, "--keep", "truth.keep", "smallest confidence of a label that is kept", type=float)
    _set(parser, "--hold-out", "truth.hold_out", "SOURCE[,SOURCE...]: sources whose votes do not count", type=_names)


def _no_options(parser: argparse.ArgumentParser) -> None:
    pass


STEPS: dict[str, tuple[Add, str]] = {
    "index": (_index_options, "list and check a folder (or CSV) of labelled images"),
    "imagenet9": (_imagenet9_options, "variants from a folder in the layout of the released ImageNet-9 data"),
    "masks": (_masks_options, "foreground masks from boxes"),
    "variants": (_variants_options, "the eight background variants of ImageNet-9"),
    "predict": (_predict_options, "top-5 of every model on photographs and variants"),
    "candidates": (_candidates_options, "labels worth asking about, with reasons"),
    "adversarial": (_adversarial_options, "which backgrounds fool a model on which foregrounds"),
    "truth": (_truth_options, "votes to labels with confidence"),
    "needs_vote": (_no_options, "which question to ask next, the one that tells most first"),
    "evaluate": (_no_options, "accuracy of every model, each with n and a 95 %% interval"),
    "report": (_no_options, "one HTML page with the pictures"),
}


def parser() -> argparse.ArgumentParser:
    """The whole command line."""
    top = argparse.ArgumentParser(
        "reground",
        description="Re-grounds image-classification benchmarks: background variants, candidate labels, "
        "people's votes, multi-label truth, re-evaluation.",
    )
    commands = top.add_subparsers(dest="command", metavar="COMMAND", required=True)
    demo = commands.add_parser("demo", help="the whole pipeline on 20 packaged photographs, Label Studio included")
    demo.add_argument("-w", "--workspace", default="demo-workspace", metavar="W")
    for name, (options, meaning) in STEPS.items():
        command = _command(commands, name, meaning)
        if name == "index":
            _images(command)
        if name == "truth":  # `run` has a --method of masks
            _set(command, "--method", "truth.method", "selection-frequency, dawid-skene or joint")
            meaning = "look back instead: `versions`, or `diff A B` with two of them"
            command.add_argument("action", nargs="*", metavar="ACTION", help=meaning)
        options(command)
    run = _command(commands, "run", "every step in order: all that can be done now")
    _images(run)
    for name, (options, _) in STEPS.items():
        if name not in ON_REQUEST:
            options(run)
    _review(_command(commands, "review", "ask people, and collect what they answered"))
    given = _command(commands, PREDICT_IMPORT, "predictions made elsewhere; images need not be at hand")
    given.add_argument("--model", required=True, metavar="NAME", help="what the model is called from now on")
    formats = "image_id and class_idx as .csv, .jsonl or .parquet; or a folder laid out as cleanlab/label-errors"
    given.add_argument("path", type=Path, metavar="FILE", help=formats)
    gold = _command(commands, "gold", "bring in known answers, to be hidden among the questions")
    gold.add_argument("action", choices=["import"])
    gold.add_argument("path", type=Path, metavar="FILE", help="CSV with image_id, class, answer (yes or no)")
    votes = _command(commands, "votes", "bring in votes that others have published")
    votes.add_argument("action", choices=["import"])
    votes.add_argument("--format", required=True, help="imagenet-multilabel, real, label-errors or csv")
    votes.add_argument("path", type=Path, metavar="PATH", help="folder as the publishers lay it out, or a CSV")
    export = _command(commands, "export", "a cleaned evaluation set that others' code reads")
    export.add_argument(
        "--format",
        required=True,
        help="of labels: real, imagenet-multilabel; with photographs: imagefolder, parquet, webdataset, "
        "croissant, coco, fiftyone; of the variants: imagenet9",
    )
    export.add_argument("out", type=Path, metavar="OUT", help="folder to make")
    table = _command(commands, "table", "any table as .csv, .jsonl or .parquet")
    table.add_argument("name", metavar="NAME", help="for example truth, or predictions/efficientnet-lite0")
    table.add_argument("--to", required=True, type=Path, metavar="FILE")
    _command(commands, "status", "what is done, what is open, who waits for what")
    serve = _command(commands, "serve", "schedules on this machine: collect votes, re-evaluate")
    serve.add_argument("--port", type=int, default=4200, help="of the Prefect server started if none is named")
    serve.add_argument("--collect-every", type=int, default=600, metavar="SECONDS")
    serve.add_argument("--audit-cron", default="0 3 * * *", metavar="CRON")
    doctor = commands.add_parser("doctor", help="what is installed, reachable, and how fast")
    doctor.add_argument("--json", action="store_true")
    return top


def _images(command: argparse.ArgumentParser) -> None:
    meaning = "folder of images, or a CSV of path,label (a workspace remembers it)"
    command.add_argument(
        "index.images", metavar="IMAGES", nargs="?", type=_path, default=argparse.SUPPRESS, help=meaning
    )


def _command(commands: Any, name: str, meaning: str) -> argparse.ArgumentParser:
    command = commands.add_parser(name, help=meaning, description=meaning)
    command.add_argument("-w", "--workspace", required=True, metavar="W", help="a folder, or an object-store URL")
    command.add_argument("--config", type=Path, metavar="FILE", help="settings in TOML")
    command.add_argument("--json", action="store_true", help="print the result as JSON")
    _set(command, "--runner", "runner", "threads[:N], processes[:N] or ray[:ADDRESS]")
    command.add_argument(
        "--prefect",
        metavar="URL",
        default=os.environ.get("PREFECT_API_URL", ""),
        help="run as a flow on this Prefect server (default: PREFECT_API_URL; without either, no Prefect)",
    )
    return command


def _review(command: argparse.ArgumentParser) -> None:
    command.add_argument("action", choices=["push", "status", "pull", "serve", "invite", "annotators"])
    command.add_argument("emails", nargs="*", metavar="EMAIL", help="whom `invite` makes accounts for")
    command.add_argument("--question", choices=["contains", "classify"], help="only this one (default: both)")
    _set(command, "--port", "review.port", "of the workspace's own Label Studio, which `serve` runs", type=int)
    _set(command, "--url", "review.url", "of another Label Studio (default: the workspace's own)")
    _set(command, "--round", "review.round", "a new one asks anew", type=int)
    _set(
        command,
        "--selection",
        "review.selection",
        "candidates, several, predictions or needs_vote; default: as published",
    )
    _set(command, "--limit", "review.limit", "most pairs or images asked about, the worthiest first; 0: all", type=int)
    _set(command, "--overlap", "review.overlap", "people asked about each question", type=int)
    _set(
        command,
        "--blind",
        "review.blind",
        "a project for each person, who never sees the answers of others",
        action=argparse.BooleanOptionalAction,
    )


def told(arguments: argparse.Namespace) -> dict[str, Any]:
    """The settings among the arguments, nested: {STEP: {FIELD: value}}."""
    nested: dict[str, Any] = {}
    for name, value in vars(arguments).items():
        step, dot, field = name.partition(".")
        if dot:
            nested.setdefault(step, {})[field] = value
    if hasattr(arguments, "runner"):
        nested["runner"] = arguments.runner
    return nested


def main(argv: Sequence[str] | None = None) -> int:
    """Exit status 0 done, 1 failed, 2 wrong use."""
    words = list(sys.argv[1:] if argv is None else argv)
    if " ".join(words[:2]) == PREDICT_IMPORT:
        words[:2] = [PREDICT_IMPORT]
    arguments = parser().parse_args(words)
    try:
        from reground.flows.cli import commands

        result = commands.run(arguments, told(arguments))
    except UsageError as error:
        return _fail(error, 2)
    except RegroundError as error:
        return _fail(error, 1)
    except KeyboardInterrupt:
        return _fail("stopped; the same command continues", 130)
    if getattr(arguments, "json", False):
        print(json.dumps(result.data, indent=1, sort_keys=True))
    else:
        print(result.text)
    return 0


def _fail(error: object, status: int) -> int:
    print(f"reground: {error}", file=sys.stderr)
    return status


if __name__ == "__main__":
    sys.exit(main())
