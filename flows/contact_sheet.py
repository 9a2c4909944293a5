"""Contact sheet: a few photographs with all their variants, as one small image inside markdown."""

from __future__ import annotations

import base64
import io
from typing import Any

from PIL import Image, ImageDraw

from reground.tasks.schema import VARIANTS
from reground.tasks.text import markdown
from reground.tasks.workspace import Workspace

MAX_ROWS = 6
SIDE, GAP, HEAD = 98, 4, 18
"""Side of a thumbnail, gap between two, height of the header; pixels."""


def contact_sheet(workspace: Workspace) -> str:
    """Markdown with the sheet as a data URI (some 100 kB, stored in the server's database).

    Reads one shard of each variant, whatever the size of the workspace. Empty if there are no variants.
    """
    shards = {name: _first_images(workspace, name) for name in VARIANTS}
    image_ids = sorted({image_id for images in shards.values() for image_id in images})[:MAX_ROWS]
    if not image_ids:
        return ""
    sheet = draw([[shards[name].get(image_id) for name in VARIANTS] for image_id in image_ids])
    content = base64.b64encode(_jpeg(sheet)).decode()
    return f"![{', '.join(map(markdown, image_ids))}](data:image/jpeg;base64,{content})"


def draw(rows: list[list[bytes | None]]) -> Image.Image:
    """The sheet: one row for each photograph, one column for each variant; a missing variant stays blank."""
    sheet = Image.new("RGB", (len(VARIANTS) * (SIDE + GAP), HEAD + len(rows) * (SIDE + GAP)), "white")
    pen = ImageDraw.Draw(sheet)
    for column, name in enumerate(VARIANTS):
        pen.text((column * (SIDE + GAP) + 2, 2), name, fill="black")
    for line, row in enumerate(rows):
        for column, content in enumerate(row):
            if content is not None:
                with Image.open(io.BytesIO(content)) as image:
                    small = image.convert("RGB").resize((SIDE, SIDE), Image.Resampling.LANCZOS)
                sheet.paste(small, (column * (SIDE + GAP), HEAD + line * (SIDE + GAP)))
    return sheet


def _first_images(workspace: Workspace, variant: str) -> dict[str, bytes]:
    """image_id -> encoded image, from the variant's first shard that has any."""
    for _, part in workspace.parts(f"variants/{variant}"):
        if part.rows:
            rows: list[dict[str, Any]] = workspace.read_part(part.path, ["image_id", "image"]).to_pylist()
            return {row["image_id"]: row["image"]["bytes"] for row in rows}
    return {}


def _jpeg(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=75)
    return buffer.getvalue()
