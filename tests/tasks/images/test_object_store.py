"""Images and boxes in a bucket give the tables that the same files in a folder give."""

from __future__ import annotations

import socket
from pathlib import Path

import httpx
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from reground.tasks.errors import RegroundError, UsageError
from reground.tasks.images import IndexSettings, list_files, load_rgb
from reground.tasks.images.decode import MissingImageError
from reground.tasks.images.object_listing import find_objects
from reground.tasks.images.settings import faults
from reground.tasks.workspace import Workspace
from tests.support.bucket import Bucket
from tests.support.indexing import CAT, DOG, bomb, box_xml, photo, put, run


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """Images that will do and others that will not, with boxes."""
    folder = tmp_path / "files"
    put(folder / "images" / DOG / "rex.png", photo(1))
    put(folder / "images" / DOG / "a b.png", photo(2))
    put(folder / "images" / DOG / "100%20#?.png", photo(3))
    put(folder / "images" / DOG / "cafe\u0301.png", photo(4))
    put(folder / "images" / DOG / "cut.png", photo(5)[:-30])
    put(folder / "images" / CAT / "tom.jpg", photo(6, format="JPEG"))
    put(folder / "images" / CAT / "tom.png", photo(7))
    put(folder / "images" / CAT / "empty.png")
    put(folder / "images" / CAT / "bomb.png", bomb(50_000, 50_000))
    put(folder / "images" / CAT / "notes.txt", "no image")
    put(folder / "images" / CAT / ".hidden.png", photo(8))
    put(folder / "images" / "unknown_class" / "who.png", photo(9))
    put(folder / "images" / "loose.png", photo(10))
    put(folder / "boxes" / "rex.xml", box_xml())
    put(folder / "boxes" / "tom.xml", "<no xml")
    return folder


def tables(workspace: Workspace, root: str) -> dict[str, pd.DataFrame]:
    """What an index made, with the address of its root taken out."""
    whole = {
        name: workspace.read(name).map(lambda cell: cell.replace(root, "ROOT") if isinstance(cell, str) else cell)
        for name in ("images", "classes", "dropped")
    }
    # Rows of `dropped` are sorted by image_id or address.
    return whole | {"dropped": whole["dropped"].sort_values(["item", "reason", "detail"], ignore_index=True)}


def indexed(folder: Path, root: str, **settings) -> dict[str, pd.DataFrame]:
    workspace = Workspace(folder)
    run(workspace, IndexSettings(f"{root}/images", f"{root}/boxes", max_dropped=1.0, **settings))
    return tables(workspace, root)


@pytest.mark.parametrize("ids", ["stem", "path"])
def test_the_same_tables_as_from_a_folder(tmp_path: Path, files: Path, bucket: Bucket, ids: str):
    remote = indexed(tmp_path / "remote", bucket.upload(files, "some/val"), ids=ids)
    local = indexed(tmp_path / "local", str(files), ids=ids)
    assert len(remote["images"]) == 5
    for name, rows in local.items():
        pd.testing.assert_frame_equal(remote[name], rows)


def test_objects_that_stand_for_folders_and_workspaces_are_no_images(bucket: Bucket):
    bucket.storage.put(f"val/{DOG}/rex.png", photo(1))
    httpx.put(f"{_address(bucket)}/val/{DOG}/", content=b"").raise_for_status()  # as the console of a vendor does
    bucket.storage.put("val/w/manifest/log", b"x")
    bucket.storage.put("val/w/tables/images/x.png", photo(2))
    bucket.storage.put(f"val2/{DOG}/other.png", photo(3))
    assert [file.name for file in list_files(f"{bucket.url}/val/")] == [f"{DOG}/rex.png"]
    assert [file.name for file in list_files(f"{bucket.url}", [f"{bucket.url}/val2"])] == [f"val/{DOG}/rex.png"]


def _address(bucket: Bucket) -> str:
    import os

    return f"{os.environ['AWS_ENDPOINT_URL']}/{bucket.url.removeprefix('s3://')}"


def test_only_the_shards_of_changed_objects_are_made_again(tmp_path: Path, bucket: Bucket):
    for number in range(20):
        bucket.storage.put(f"val/{DOG}/{number}.png", photo(number))
    workspace, settings = Workspace(tmp_path / "w"), IndexSettings(f"{bucket.url}/val", shard_size=4)
    whole = run(workspace, settings)
    bucket.storage.put(f"val/{DOG}/3.png", photo(3))  # the same content has the same tag
    assert run(workspace, settings) == []
    bucket.storage.put(f"val/{DOG}/3.png", photo(99))
    bucket.storage.delete([f"val/{DOG}/7.png"])
    again = run(workspace, settings)
    assert 0 < len(again) < len(whole) - 1
    assert len(workspace.read("images")) == 19


def test_an_object_that_was_removed_or_damaged_since(bucket: Bucket):
    url = f"{bucket.url}/val/{DOG}/rex.png"
    with pytest.raises(MissingImageError, match=rf"expected the indexed image at {url}: .*No such file"):
        load_rgb(url)
    bucket.storage.put(f"val/{DOG}/rex.png", photo(1)[:-30])
    with pytest.raises(MissingImageError, match="truncated"):
        load_rgb(url)


# Lists


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
@pytest.mark.parametrize("remote", [False, True])
def test_a_list_of_urls(tmp_path: Path, bucket: Bucket, suffix: str, remote: bool):
    bucket.storage.put("a/one.png", photo(1))
    bucket.storage.put("a/caf\u00e9.png", photo(2))
    bucket.storage.put("three.png", photo(3))
    paths = {
        f"{bucket.url}/a/one.png": "207",
        f"{bucket.url}/a/cafe\u0301.png": "207",
        f"{bucket.url}/a/gone.png": "207",
        "https://example.org/x.png": "281",
    }
    paths |= {"three.png": "281"} if remote else {}
    content = pa.table({"path": list(paths), "label": list(paths.values())})
    file = tmp_path / f"list{suffix}"
    if suffix == ".csv":
        file.write_text("path,label\n" + "".join(f"{path},{label}\n" for path, label in paths.items()))
    else:
        pq.write_table(content, file)
    source = str(file)
    if remote:
        bucket.storage.put(file.name, file.read_bytes())
        source = f"{bucket.url}/{file.name}"
    workspace = Workspace(tmp_path / "w")
    run(workspace, IndexSettings(source, max_dropped=1.0))
    images = workspace.read("images").set_index("image_id")
    assert images["uri"].to_dict() == {
        "one": f"{bucket.url}/a/one.png",
        "caf\u00e9": f"{bucket.url}/a/caf\u00e9.png",
        **({"three": f"{bucket.url}/three.png"} if remote else {}),
    }
    dropped = workspace.read("dropped").set_index("item")["detail"]
    assert dropped[f"{bucket.url}/a/gone.png"] == "No such file or directory"
    assert "expected a path or s3://, gs:// or az://" in dropped["https://example.org/x.png"]


def test_few_objects_of_a_large_folder_are_asked_for_one_by_one(bucket: Bucket, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("reground.tasks.images.object_listing.PAGE", 2)
    monkeypatch.setattr("reground.tasks.images.object_listing.MAX_LISTED_PER_OBJECT", 1)
    for number in range(9):
        bucket.storage.put(f"a/{number}.png", photo(number))
    wanted = [f"{bucket.url}/a/8.png", f"{bucket.url}/a/0.png", f"{bucket.url}/a/10.png"]
    assert {url: actual for url, (actual, _) in find_objects(wanted).items()} == {url: url for url in wanted[:2]}


def test_a_list_that_is_malformed_is_named_by_its_url(tmp_path: Path, bucket: Bucket):
    bucket.storage.put("list.csv", b"file,label\na.png,207\n")
    for name, problem in (("list.csv", f"^{bucket.url}/list.csv.*path"), ("none.csv", "found nothing there")):
        with pytest.raises(UsageError, match=problem):
            run(Workspace(tmp_path / "w"), IndexSettings(f"{bucket.url}/{name}"))


# Faults


def test_a_bucket_that_does_not_exist_is_no_empty_folder(tmp_path: Path, bucket: Bucket):
    with pytest.raises(RegroundError, match="there is no bucket 'not-there'"):
        run(Workspace(tmp_path / "w"), IndexSettings("s3://not-there/val"))
    with pytest.raises(UsageError, match=r"expected images below .*/val, found none"):
        run(Workspace(tmp_path / "w"), IndexSettings(f"{bucket.url}/val"))


def test_a_store_that_does_not_answer_is_not_a_set_of_unreadable_images(
    tmp_path: Path, bucket: Bucket, monkeypatch: pytest.MonkeyPatch
):
    bucket.storage.put(f"val/{DOG}/rex.png", photo(1))
    workspace, settings = Workspace(tmp_path / "w"), IndexSettings(f"{bucket.url}/val", max_dropped=1.0)
    run(workspace, settings)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{free.getsockname()[1]}")
    with pytest.raises(RegroundError, match="does not answer: check the network") as raised:
        load_rgb(f"{bucket.url}/val/{DOG}/rex.png")
    assert not isinstance(raised.value, MissingImageError)
    with pytest.raises(RegroundError, match="does not answer: check the network"):
        run(workspace, settings)
    assert len(workspace.read("images")) == 1


def test_a_setting_that_needs_a_file_of_this_machine_says_so(monkeypatch: pytest.MonkeyPatch):
    from reground.tasks.workspace import fields

    by_name = {field.name: field for field in fields(IndexSettings)}
    for name in ("labels", "classes"):
        with pytest.raises(ValueError, match=r"expected a file or folder of this machine, got s3://b/x\.csv: download"):
            by_name[name].parse("s3://b/x.csv")
    assert by_name["images"].parse("s3://b/val") == "s3://b/val"
    assert not list(faults(IndexSettings("s3://b/val", "s3://b/boxes")))
