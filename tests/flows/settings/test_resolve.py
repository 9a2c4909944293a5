"""Settings: which source wins, where a value came from, what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reground.flows.settings import CallSettings, FlowSettings, Settings, fields, forget, remember, resolve
from reground.tasks.errors import UsageError
from reground.tasks.workspace import SettingField, Workspace

FIELDS = {field.name: field for field in fields(Settings)}


def origin(workspace: Workspace, name: str, overrides: dict[str, Any], config: Path | None = None) -> str:
    return next(str(row.origin) for row in resolve(workspace, overrides, config).rows() if row.name == name)


def test_later_sources_win(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    workspace, config = Workspace(tmp_path / "w"), tmp_path / "reground.toml"
    assert resolve(workspace, {}).settings.masks.seed == 0
    assert origin(workspace, "masks.seed", {}) == "default"
    remember(workspace, {"masks": {"seed": 1}})
    assert resolve(workspace, {}).settings.masks.seed == 1
    assert origin(workspace, "masks.seed", {}) == "workspace"
    config.write_text("[masks]\nseed = 2\niterations = 7\n")
    assert resolve(workspace, {}, config).settings.masks.seed == 2
    assert origin(workspace, "masks.seed", {}, config) == f"file {config}"
    monkeypatch.setenv("REGROUND_MASKS__SEED", "3")
    masks = resolve(workspace, {}, config).settings.masks
    assert (masks.seed, masks.iterations) == (3, 7)
    assert origin(workspace, "masks.seed", {}, config) == "environment REGROUND_MASKS__SEED"
    overrides = {"masks": {"seed": 4}}
    assert resolve(workspace, overrides, config).settings.masks.seed == 4
    assert origin(workspace, "masks.seed", overrides, config) == "command line"


def test_rows_are_every_setting_with_its_help(tmp_path: Path) -> None:
    rows = resolve(Workspace(tmp_path / "w"), {}).rows()
    assert [row.name for row in rows] == list(FIELDS)
    assert [row.name for row in rows if not row.help] == []
    assert {row.origin.kind for row in rows} == {"default"}


def test_text_is_parsed_as_the_field_wants_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REGROUND_PREDICT__MODELS", "timm:a, timm:b")
    monkeypatch.setenv("REGROUND_ADVERSARIAL__EXHAUSTIVE", "true")
    monkeypatch.setenv("REGROUND_REVIEW__EXCLUDE__MIN_GOLD_ACCURACY", "0.25")
    monkeypatch.setenv("REGROUND_RUNNER", "threads:2")
    settings = resolve(Workspace(tmp_path / "w"), {}).settings
    assert settings.predict.models == ("timm:a", "timm:b")
    assert settings.adversarial.exhaustive is True
    assert settings.review.exclude.min_gold_accuracy == 0.25
    assert settings.runner == "threads:2"


def test_an_empty_value_takes_a_setting_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    workspace = Workspace(tmp_path / "w")
    remember(workspace, {"masks": {"seed": 1, "iterations": 7}})
    assert resolve(workspace, {"masks": {"seed": "", "iterations": None}}).settings.masks == Settings().masks
    remember(workspace, {"masks": {"seed": ""}})
    masks = resolve(workspace, {}).settings.masks
    assert (masks.seed, masks.iterations) == (0, 7)
    monkeypatch.setenv("REGROUND_MASKS__ITERATIONS", "")
    assert resolve(workspace, {}).settings.masks.iterations == 7


def test_an_empty_list_is_a_value(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path / "w")
    remember(workspace, {"variants": {"compose": ["mask", "published"]}, "predict": {"on": []}})
    settings = resolve(workspace, {}).settings
    assert (settings.variants.compose, settings.predict.on) == (("mask", "published"), ())


def test_all_faults_are_told_with_their_source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    workspace, config = Workspace(tmp_path / "w"), tmp_path / "reground.toml"
    workspace.write_bytes("settings.json", json.dumps({"masks.colour": {"value": "blue"}}).encode())
    config.write_text("[mask]\nseed = 1\n[variants]\nfill = 'tyle'\n")
    monkeypatch.setenv("REGROUND_MASKS__SEED", "one")
    with pytest.raises(UsageError) as refused:
        resolve(workspace, {"index": {"max_dropped": 2, "imges": "x"}}, config)
    head, *lines = str(refused.value).splitlines()
    assert head == "6 settings cannot be used:"
    undo = f"(workspace; `reground settings unset masks.colour -w {workspace.url}` takes it back)"
    for line, start, end in zip(
        lines,
        (
            "unknown setting 'masks.colour': expected one of: masks.device, ",
            "mask.seed: unknown step 'mask': did you mean 'masks'? expected one of: adversarial, ",
            "variants.fill: expected one of: tile, inpaint, got 'tyle' (did you mean 'tile'?)",
            "masks.seed: expected a whole number, at least 0, got 'one'",
            "index.max_dropped: expected a number from 0 to 1, got 2",
            "unknown setting 'index.imges': did you mean 'index.images'? expected one of: index.box_orientation, ",
        ),
        (undo, f"(file {config})", f"(file {config})", "(environment REGROUND_MASKS__SEED)", *["(command line)"] * 2),
        strict=True,
    ):
        assert line.strip().startswith(start) and line.endswith(end)


@pytest.mark.parametrize(("kind", "said"), [(dict, "command line"), (CallSettings, "call"), (FlowSettings, "flow run")])
def test_a_fault_says_who_gave_the_setting(tmp_path: Path, kind: type[dict[str, Any]], said: str) -> None:
    with pytest.raises(UsageError, match=rf"masks.seed: .* got -1 \({said}\)$"):
        resolve(Workspace(tmp_path), kind(masks={"seed": -1}))


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ({"masks": {"seed": True}}, "masks.seed: expected a whole number, at least 0, got True"),
        ({"masks": {"seed": 1.5}}, "masks.seed: expected a whole number, at least 0, got 1.5"),
        ({"masks": {"seed": -1}}, "masks.seed: expected a whole number, at least 0, got -1"),
        ({"masks": {"min_area": float("nan")}}, "masks.min_area: expected a number from 0 to 1, got nan"),
        ({"masks": {"min_area": "inf"}}, "masks.min_area: expected a number from 0 to 1, got 'inf'"),
        ({"evaluate": {"level": 1}}, "evaluate.level: expected a number between 0 and 1, both excluded, got 1"),
        ({"variants": {"compose": "mask,blend"}}, "variants.compose: expected some of: mask, published, got 'blend'"),
        ({"predict": {"models": [1]}}, r"predict.models: expected names, separated by commas, got \[1\]"),
        ({"index": {"split": 1}}, "index.split: expected text, got 1"),
        ({"adversarial": {"exhaustive": "perhaps"}}, "adversarial.exhaustive: expected true or false, got 'perhaps'"),
        ({"masks": {"seed": {"a": 1}}}, "unknown setting 'masks.seed.a'"),
        ({"colours": {}}, "colours: unknown step 'colours'"),
        ({"masks": "grabcut"}, "unknown setting 'masks'"),
    ],
)
def test_a_wrong_value_is_refused(tmp_path: Path, overrides: dict[str, Any], message: str) -> None:
    for refuse in (resolve, remember):
        with pytest.raises(UsageError, match=message):
            refuse(Workspace(tmp_path / "w"), overrides)
    assert not (tmp_path / "w").exists()


def test_paths_are_stored_in_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    workspace, config = Workspace(tmp_path / "w"), tmp_path / "sub" / "reground.toml"
    for folder in ("photos", "grabcut", "sub/photos", "imagenet9", "sub/masks"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "link").symlink_to(tmp_path / "photos")
    config.write_text(
        "[index]\nimages = 'photos'\n[masks]\nmethod = 'supplied:masks'\n[variants]\ngroups = 'imagenet9'\n"
    )
    monkeypatch.chdir(tmp_path)
    remember(workspace, {"index": {"boxes": "link"}, "imagenet9": {"folder": "nowhere"}}, config)
    settings = resolve(workspace, {}).settings
    assert settings.index.images == str(tmp_path / "sub" / "photos")
    assert settings.index.boxes == str(tmp_path / "link")
    assert settings.masks.method == f"supplied:{tmp_path / 'sub' / 'masks'}"
    assert (settings.variants.groups, settings.imagenet9.folder) == ("imagenet9", "nowhere")
    assert resolve(workspace, {"masks": {"method": "grabcut"}}).settings.masks.method == "grabcut"


@pytest.mark.parametrize(
    "content",
    [b"[masks\n", b"\xff\xfe[masks]", b"x = " + b"[" * 100_000, b"#" * 1_000_001, b"[masks]\nseed = 1\nseed = 2\n"],
)
def test_a_file_that_is_no_toml_is_refused(tmp_path: Path, content: bytes) -> None:
    config = tmp_path / "broken.toml"
    config.write_bytes(content)
    with pytest.raises(UsageError, match=r"expected settings in TOML at .*broken.toml: .*--config"):
        resolve(Workspace(tmp_path / "w"), {}, config)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"missing.toml.*--config"):
        resolve(Workspace(tmp_path / "w"), {}, tmp_path / "missing.toml")


@pytest.mark.parametrize(
    "content",
    [
        b"[]",
        b"{",
        b"\xff",
        b'{"a":' * 100_000,
        b"[" * 100_000,
        b'{"masks.min_area": {"value": NaN}}',
        b" " * 1_000_001,
    ],
)
def test_a_workspace_file_that_is_no_object_is_refused(tmp_path: Path, content: bytes) -> None:
    workspace = Workspace(tmp_path)
    workspace.write_bytes("settings.json", content)
    for refuse in (resolve, remember):
        with pytest.raises(UsageError, match=r"expected remembered settings, a JSON object, in .*settings.json"):
            refuse(workspace, {"masks": {"seed": 1}})
    assert (tmp_path / "settings.json").read_bytes() == content


@pytest.mark.parametrize(
    ("name", "entry"),
    [
        ("masks.colour", {"value": "blue"}),
        ("masks.seed", {"value": "one"}),
        ("masks.seed", 1),
        ("masks", {"seed": 1}),
        ("masks.seed", {"value": 10**400}),
        ("masks.min_area", {"value": 1e999}),
    ],
)
def test_an_outdated_setting_is_named_with_the_way_out(tmp_path: Path, name: str, entry: Any) -> None:
    workspace = Workspace(tmp_path)
    workspace.write_bytes("settings.json", json.dumps({name: entry}).replace("Infinity", "1e999").encode())
    if entry != {"value": 10**400}:
        with pytest.raises(UsageError, match=f"{name}.*`reground settings unset {name} -w {workspace.url}`"):
            resolve(workspace, {})
    forget(workspace, name)
    assert resolve(workspace, {}).settings == Settings()


# Any settings


def values_of(field: SettingField) -> st.SearchStrategy[Any]:
    item: st.SearchStrategy[Any]
    if field.choices:
        item = st.sampled_from([choice for choice in field.choices if choice])
    elif field.type is bool:
        item = st.booleans()
    elif field.type is int:
        item = st.integers(1, 65_535)
    elif field.type is float:
        # Within the bounds of every one of them, but for those of shares that are most of something.
        item = st.floats(0.5, 0.9) if field.name in ("evaluate.sure", "class_pairs.most") else st.floats(0.01, 0.25)
    else:
        item = st.text(st.characters(codec="utf-8", exclude_characters=",\0/"), min_size=1).map(str.strip).filter(bool)
    return st.lists(item, max_size=3).map(tuple) if field.is_list else item


OVERRIDES = st.sets(st.sampled_from(sorted(FIELDS)), min_size=1, max_size=6).flatmap(
    lambda names: st.fixed_dictionaries({name: values_of(FIELDS[name]) for name in names})
)


@given(OVERRIDES, OVERRIDES)
def test_any_settings_are_remembered_overridden_and_taken_back(
    tmp_path_factory: pytest.TempPathFactory, first: dict[str, Any], second: dict[str, Any]
) -> None:
    workspace = Workspace(tmp_path_factory.mktemp("any") / "w")

    def values(overrides: dict[str, Any]) -> dict[str, Any]:
        resolved = resolve(workspace, overrides)
        assert resolved == resolve(workspace, overrides)
        return {row.name: row.value for row in resolved.rows()}

    defaults = values({})
    assert values(first) == {**defaults, **first}
    remember(workspace, first)
    assert values({}) == {**defaults, **first}
    assert values(second) == {**defaults, **first, **second}
    assert values(dict.fromkeys(first)) == defaults
    remember(workspace, second)
    for name in {**first, **second}:
        forget(workspace, name)
    assert values({}) == defaults
