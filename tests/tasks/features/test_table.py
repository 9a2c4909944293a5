"""Features are read whole and in the order of the ids, or one sentence says what is wrong with them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from reground.tasks.errors import RegroundError
from reground.tasks.features import feature_models, feature_table, load_features
from reground.tasks.workspace import Output, Workspace
from tests.support.tables import image, put


def row(image_id: str, vector: Sequence[float], set_name: str = "photographs") -> dict[str, Any]:
    return {"set": set_name, "image_id": image_id, "vector": np.array(vector, np.float16), "recipe": "{}"}


def store(url: str, *parts: Sequence[dict[str, Any]], model: str = "m") -> Workspace:
    workspace = Workspace(url)
    for number, rows in enumerate(parts):
        workspace.commit("predict", f"{model}.{number}", "key", Output({f"features/{model}": rows}))
    return workspace


def test_rows_are_ordered_by_id_across_files(workspace_url: str) -> None:
    workspace = store(workspace_url, [row("c", [1, 2]), row("x", [0, 0], "original")], [row("a", [3, 4])])
    features = load_features(workspace)
    assert features.image_ids == ["a", "c"]
    assert features.vectors.dtype == np.float16 and features.vectors.tolist() == [[3, 4], [1, 2]]
    assert load_features(workspace, "m", "original").image_ids == ["x"]


def test_the_first_model_by_name_where_none_is_named(workspace_url: str) -> None:
    store(workspace_url, [row("a", [1])], model="n")
    workspace = store(workspace_url, [row("a", [2])], model="m")
    assert feature_models(workspace) == ["m", "n"]
    assert feature_table(workspace) == "features/m"
    assert load_features(workspace).vectors.tolist() == [[2]]


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([row("a", [1, 2]), row("b", [1, 2, 3])], "2 numbers.*'b' have 3"),
        ([row("a", [1, 2]), row("b", [1, np.nan])], "finite.*'b' are not"),
        ([row("a", [1, np.inf])], "finite.*'a' are not"),
        ([row("a", [1]), row("a", [1])], "two of 'a'"),
        ([row("a", [])], "'a' have 0"),
        ([row("a", [1], "original")], "no features of 'photographs'.*--on photographs"),
    ],
)
def test_what_cannot_be_features_names_the_image(
    workspace_url: str, rows: Sequence[dict[str, Any]], message: str
) -> None:
    with pytest.raises(RegroundError, match=message):
        load_features(store(workspace_url, rows))


def test_without_features_the_command_that_makes_them_is_named(workspace_url: str) -> None:
    with pytest.raises(RegroundError, match=r"reground predict -w .* --features"):
        load_features(Workspace(workspace_url))


def test_an_unknown_model_lists_those_with_features(workspace_url: str) -> None:
    with pytest.raises(RegroundError, match=r"'resnet'.*m"):
        load_features(store(workspace_url, [row("a", [1])]), "resnet")


def test_photographs_without_features_are_counted(workspace_url: str, caplog: pytest.LogCaptureFixture) -> None:
    workspace = store(workspace_url, [row("a", [1]), row("c", [1])])
    put(workspace, "images", [image("a", 0), image("b", 0), image("c", 0)])
    load_features(workspace)
    assert "1 of 3 photographs have no features in features/m, such as 'b'" in caplog.text
    caplog.clear()
    put(workspace, "images", [image("a", 0), image("c", 0)])
    load_features(workspace)
    assert not caplog.text
