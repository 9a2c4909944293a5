"""A model, a mask method, an export format and a reader of votes for reground."""

import csv
import json

import numpy as np

from reground.tasks.models import Preprocessing, Recipe

PALETTE = np.stack(
    [np.arange(1000) * 37 % 120 + 130, np.arange(1000) * 91 % 200 + 40, np.arange(1000) * 53 % 120 + 110]
)


class Colours:
    """Knows each class of ImageNet by one colour, and looks at the middle of an image."""

    class_count, wnids = 1000, ()
    photograph = square = Preprocessing("decode|resize(32, bilinear)|value_range(0, 255)")

    def __init__(self, name, device):
        self.name = name

    def recipe(self, preprocessing):
        return Recipe("palette", "", preprocessing.spec, "Pillow", "float32", "cpu", f"numpy {np.__version__}")

    def predict(self, batch):
        middle = batch[:, :, 14:18, 14:18].mean(axis=(2, 3))
        score = 1e-12 + np.exp(-((middle[:, :, None] - PALETTE) ** 2).sum(axis=1) / 200)
        return score / score.sum(axis=1, keepdims=True)


def ellipse(pixels, box, seed):
    """The ellipse that fills the box."""
    y, x = np.mgrid[: pixels.shape[0], : pixels.shape[1]]
    height, width = box.ymax - box.ymin, box.xmax - box.xmin
    return ((2 * y + 1 - box.ymin - box.ymax) / height) ** 2 + ((2 * x + 1 - box.xmin - box.xmax) / width) ** 2 <= 1


def write(dataset, folder):
    with (folder / "labels.csv").open("w", newline="") as handle:
        csv.writer(handle).writerows([image.image_id, *image.labels] for image in dataset)


def read(path):
    for line in path.read_text().splitlines():
        row = json.loads(line)
        yield {"image_id": row["photo"], "label": row["class"], "annotator": row["who"], "answer": row["says"]}
