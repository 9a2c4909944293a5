"""Masks by a network in ONNX: tiny networks made here, right ones and every wrong signature."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from reground.flows.run import Runner, run_step
from reground.tasks.errors import RegroundError, UsageError
from reground.tasks.images import Box, DropError, Photograph
from reground.tasks.masks.onnx import onnx_method
from reground.tasks.masks.rle import decode_mask
from reground.tasks.masks.source import MaskMethod
from reground.tasks.masks.step import STEP, MaskSettings
from reground.tasks.workspace import Workspace, todo
from tests.support.masks_world import TWO_THREADS, box, commit_images, digests, index_world, quiet, row

PLAIN = "mean = [0, 0, 0]\nstd = [1, 1, 1]\n"


FREE = ["batch", 3, "height", "width"]


CHANNEL = {
    name: [helper.make_node("Gather", ["image", name], ["mask"], axis=1)] for name in ("first", "second", "third")
}


def write(
    path: Path,
    sidecar: str = PLAIN + 'size = 32\nactivation = "sigmoid"\n',
    nodes: Sequence[onnx.NodeProto] = (),
    shape: Sequence[object] = FREE,
    kind: int = TensorProto.FLOAT,
    inputs: int = 1,
    outputs: Sequence[str] = ("mask",),
) -> Path:
    """A network that tells by the red channel, unless it is given other nodes; and its sidecar."""
    floats = {"red": ([40.0, 0.0, 0.0], (1, 3, 1, 1)), "level": ([-14.0], (1,)), "nothing": ([0.0], (1,))}
    constants = [helper.make_tensor(name, kind, shape, values) for name, (values, shape) in floats.items()]
    constants += [helper.make_tensor(name, TensorProto.INT64, (1,), [n]) for n, name in enumerate(CHANNEL)]
    by_red = [helper.make_node("Conv", ["image", "red", "level"], ["mask"])]
    graph = helper.make_graph(
        list(nodes or by_red),
        "tiny",
        [helper.make_tensor_value_info(name, kind, list(shape)) for name in ("image", "points")[:inputs]],
        [helper.make_tensor_value_info(name, kind, None) for name in outputs],
        constants,
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), path)
    path.with_suffix(".toml").write_text(sidecar)
    return path


def find(network: Path, pixels: np.ndarray, where: tuple[int, int, int, int] | None = None) -> np.ndarray:
    """Its mask of an image, as the step asks for it."""
    source: MaskMethod = onnx_method(str(network), "cpu")
    assert source.shard_inputs is not None
    height, width = pixels.shape[:2]
    photograph = Photograph("a", "", 0, width, height, Box(*(where or (0, 0, width, height))))  # type: ignore[arg-type]
    return source.find(photograph, lambda: pixels, 0, source.shard_inputs(["a"]).args)


def plain(colour: tuple[int, int, int] = (200, 100, 50), size: tuple[int, int] = (40, 60)) -> np.ndarray:
    return np.full((*size, 3), colour, np.uint8)


def halves() -> np.ndarray:
    """Red at the right, from column 30."""
    pixels = plain((20, 100, 50))
    pixels[:, 30:] = (230, 100, 50)
    return pixels


def settings(network: Path, **more: object) -> MaskSettings:
    return MaskSettings(method=f"onnx:{network}", **more)  # type: ignore[arg-type]


def test_masks_of_the_world_by_a_network(world, tmp_path):
    network = write(tmp_path / "red.onnx", PLAIN + 'size = 128\nactivation = "sigmoid"\n')
    made = []
    for name, runner in (("threads", TWO_THREADS), ("processes", Runner("processes", 2))):
        (tmp_path / name).mkdir()
        workspace = index_world(world, str(tmp_path / name / "workspace"), tmp_path / name)
        run_step("masks", workspace, settings(network), runner, quiet(tmp_path))
        made.append(workspace)
    masks = made[0].read("masks")
    assert set(masks.image_id) == set(world.masks)
    for found in masks.itertuples():
        mask, true = decode_mask(found.rle, found.height, found.width), world.masks[found.image_id]
        assert (mask & true).sum() / (mask | true).sum() > 0.93, found.image_id
    assert set(masks.method) == {"onnx:red"} and set(masks.seed) == {0}
    assert masks.quarantine.isna().all()
    assert digests(made[0], "masks", "dropped") == digests(made[1], "masks", "dropped")


def test_no_box_is_needed_and_a_box_cuts(workspace_url, tmp_path):
    pixels = np.random.default_rng(0).integers(0, 60, (200, 300, 3)).astype(np.uint8)
    pixels[60:150, 100:200, 0] += 180
    commit_images(
        Workspace(workspace_url),
        [
            row(tmp_path / "none.png", pixels),
            row(tmp_path / "one.png", pixels, box(100, 60, 180, 150)),
            row(tmp_path / "away.png", pixels, box(205, 60, 235, 150)),
            row(tmp_path / "speck.png", pixels, box(30, 30, 105, 190)),
        ],
    )
    network = write(tmp_path / "red.onnx", PLAIN + 'size = 300\nactivation = "sigmoid"\n')
    run_step("masks", Workspace(workspace_url), settings(network), TWO_THREADS, quiet(tmp_path))
    masks = Workspace(workspace_url).read("masks").set_index("image_id")
    assert masks.box.to_dict() == {"none": box(100, 60, 200, 150), "one": None}
    assert masks.area_ratio.to_dict() == {"none": 1.0, "one": 1.0}
    dropped = Workspace(workspace_url).read("dropped")
    assert set(zip(dropped.item, dropped.reason)) == {("away", "mask_too_small"), ("speck", "mask_too_small")}


def test_a_changed_network_or_sidecar_is_run_again(workspace_url, tmp_path):
    commit_images(Workspace(workspace_url), [row(tmp_path / "a.png", halves(), box(20, 5, 50, 35))])
    network = write(tmp_path / "red.onnx")
    chosen = settings(network, min_quality=0.0)
    run_step("masks", Workspace(workspace_url), chosen, TWO_THREADS, quiet(tmp_path))
    assert not todo(STEP, Workspace(workspace_url), chosen).missing
    sidecar = network.with_suffix(".toml")
    sidecar.write_text(sidecar.read_text() + "threshold = 0.9\n")
    assert todo(STEP, Workspace(workspace_url), chosen).missing
    run_step("masks", Workspace(workspace_url), chosen, TWO_THREADS, quiet(tmp_path))
    (tmp_path / "red.onnx.data").write_bytes(b"weights beside it")
    assert todo(STEP, Workspace(workspace_url), chosen).missing


def test_a_wrong_network_stops_the_step(workspace_url, tmp_path):
    commit_images(Workspace(workspace_url), [row(tmp_path / "a.png", halves())])
    network = write(tmp_path / "red.onnx", inputs=2)
    with pytest.raises(RegroundError, match="expected one input"):
        run_step("masks", Workspace(workspace_url), settings(network), TWO_THREADS, quiet(tmp_path))


@pytest.mark.parametrize(
    ("sidecar", "channel", "expected"),
    [
        ("mean = [0.1, 0.2, 0.3]\nstd = [2, 4, 5]", "first", (200 / 255 - 0.1) / 2),
        ("mean = [0.1, 0.2, 0.1]\nstd = [2, 4, 5]", "third", (50 / 255 - 0.1) / 5),
        ('mean = [0.1, 0.2, 0.3]\nstd = [2, 4, 5]\nchannels = "bgr"', "first", (50 / 255 - 0.1) / 2),
        ('mean = [0.1, 0.2, 0.3]\nstd = [2, 4, 5]\nscale = "max"', "second", (100 / 200 - 0.2) / 4),
        ('mean = [10, 20, 30]\nstd = [250, 250, 250]\nscale = "byte"', "second", (100 - 20) / 250),
    ],
)
def test_what_a_network_is_given(tmp_path, sidecar, channel, expected):
    for name, threshold in (("below", expected - 0.001), ("above", expected + 0.001)):
        text = f"{sidecar}\nsize = 8\nthreshold = {threshold}\n"
        found = find(write(tmp_path / f"{name}.onnx", text, CHANNEL[channel]), plain())
        assert (found.all(), found.any()) == ((True, True) if name == "below" else (False, False))


def test_a_mask_is_as_large_as_its_image(tmp_path):
    found = find(write(tmp_path / "a.onnx"), halves())
    assert found.shape == (40, 60)
    np.testing.assert_array_equal(found, np.broadcast_to(np.arange(60) >= 30, (40, 60)))


def test_the_network_sees_the_box_and_its_margin(tmp_path):
    pixels = plain((128, 0, 0))
    pixels[:, :10], pixels[:, 50:] = (255, 0, 0), (0, 0, 0)
    # minmax: what is brightest depends on what is seen.
    seen = {"": 10, "margin = 0.5": 50, "margin = 2": 10}
    for number, (margin, edge) in enumerate(seen.items()):
        text = f'{PLAIN}size = 60\nactivation = "minmax"\nthreshold = 0.6\n{margin}'
        network = write(tmp_path / f"{number}.onnx", text, CHANNEL["first"])
        if margin == "margin = 0.5":
            found = find(network, pixels, (25, 0, 45, 40))
            assert found[:, 15:49].all() and not found[:, :15].any() and not found[:, 51:].any()
        else:
            found = find(network, pixels, (25, 0, 45, 40))
            assert found[:, : edge - 1].all() and not found[:, edge + 2 :].any()


def test_half_precision_and_a_fixed_size(tmp_path):
    network = write(
        tmp_path / "a.onnx", PLAIN + 'activation = "sigmoid"', shape=[1, 3, 30, 60], kind=TensorProto.FLOAT16
    )
    np.testing.assert_array_equal(find(network, halves()), np.broadcast_to(np.arange(60) >= 30, (40, 60)))


def test_the_named_output_is_taken(tmp_path):
    nodes = [*CHANNEL["second"], helper.make_node("Identity", ["image"], ["features"])]
    text = f"{PLAIN}size = 8\nthreshold = 0.3\n"
    several = write(tmp_path / "a.onnx", text + 'output = "mask"', nodes, outputs=["features", "mask"])
    assert find(several, plain()).all()
    first = write(tmp_path / "b.onnx", text, nodes, outputs=["features", "mask"])
    with pytest.raises(RegroundError, match=r"got \[1, 3, 8, 8\]: write in .*b.toml: output = one of features, mask"):
        find(first, plain())


SAME = [helper.make_node("Identity", ["image"], ["mask"])]


MEAN = [helper.make_node("ReduceMean", ["image"], ["mask"], axes=[1, 2, 3], keepdims=1)]


LOG = [helper.make_node("Conv", ["image", "red", "level"], ["x"]), helper.make_node("Log", ["x"], ["mask"])]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"inputs": 2}, r"expected one input, an image, found 2 \(image \[.*\], points \[.*\]\)"),
        ({"shape": [1, 1, 32, 32], "nodes": SAME}, r"expected an input \[1, 3, h.*found \[1, 1, 32, 32\]"),
        ({"shape": [4, 3, 32, 32]}, r"expected an input \[1, 3, h.*found \[4, 3, 32, 32\]: export the network again"),
        ({"shape": [1, 32, 32, 3], "nodes": SAME}, r"channels first, found \[1, 32, 32, 3\]"),
        ({"shape": [3, 32, 32], "nodes": SAME}, r"found \[3, 32, 32\]"),
        ({"kind": TensorProto.DOUBLE, "nodes": SAME}, r"input of tensor\(float\) or .*, found tensor\(double\)"),
        ({"shape": [1, 3, 64, 64]}, r"size = 32, but the network takes 64 x 64 alone: leave size out"),
        ({"sidecar": PLAIN}, r"a.toml: expected the size of the image, which the network leaves free .*: write size ="),
        ({"sidecar": PLAIN + 'size = 8\noutput = "d0"'}, r"unknown output in .*a.toml 'd0': expected one of: mask"),
        ({"sidecar": PLAIN + "size = 8"}, r"expected an output from 0 to 1, got .*: write in .*a.toml: activation ="),
        ({"nodes": MEAN}, r"one map for an image .*, got \[1, 1, 1, 1\]"),
    ],
)
def test_networks_that_cannot_be_used(tmp_path, changes, message):
    network = write(tmp_path / "a.onnx", **changes)
    with pytest.raises(RegroundError, match=message):
        find(network, halves())


@pytest.mark.parametrize(("nodes", "detail"), [(LOG, "no numbers"), (CHANNEL["second"], "is 0.392 everywhere")])
def test_an_output_that_tells_nothing_costs_one_image(tmp_path, nodes, detail):
    network = write(tmp_path / "a.onnx", PLAIN + 'size = 8\nactivation = "minmax"', nodes)
    with pytest.raises(DropError, match=detail) as caught:
        find(network, plain((20, 100, 50)))
    assert caught.value.reason == "mask_failed"


def test_files_that_are_no_network(tmp_path):
    network = write(tmp_path / "a.onnx")
    network.write_bytes(b"no network")
    with pytest.raises(RegroundError, match=r"expected a network in ONNX at .*a.onnx, but onnxruntime cannot load it"):
        find(network, plain())
    network.unlink()
    with pytest.raises(UsageError, match=r"expected an ONNX file at .*a.onnx, found none"):
        find(network, plain())


def test_a_network_without_its_sidecar(tmp_path):
    network = write(tmp_path / "a.onnx")
    network.with_suffix(".toml").unlink()
    with pytest.raises(UsageError, match=r"(?s)expected the preprocessing of .*a.onnx in .*a.toml.*mean = \["):
        find(network, plain())


def test_devices(tmp_path, monkeypatch):
    network = write(tmp_path / "a.onnx")
    monkeypatch.setattr("onnxruntime.get_available_providers", lambda: ["CPUExecutionProvider"])
    source = onnx_method(str(network), "cuda")
    photograph = Photograph("a", "", 0, 60, 40, Box(0, 0, 60, 40))  # type: ignore[arg-type]
    assert source.shard_inputs is not None
    with pytest.raises(UsageError, match=r"needs onnxruntime with CUDAExecutionProvider, found .*CPUEx"):
        source.find(photograph, halves, 0, source.shard_inputs(["a"]).args)


def test_without_onnxruntime(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(RegroundError, match=r"pip install 'reground\[onnx\]'"):
        find(write(tmp_path / "a.onnx"), plain())
