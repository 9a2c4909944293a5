"""Files from elsewhere: each format is read in one place, in bounded memory and time."""

from reground.tasks.files.content import ContentError, read_bytes
from reground.tasks.files.json import parse_json, read_json
from reground.tasks.files.npy import NpyHeader, NpyStream, parse_npy, read_npy, read_npy_header
from reground.tasks.files.npz import Npz
from reground.tasks.files.parquet import cells, open_parquet
from reground.tasks.files.preview import preview
from reground.tasks.files.toml import MAX_TOML_BYTES, parse_toml

__all__ = [
    "ContentError",
    "read_bytes",
    "read_json",
    "parse_json",
    "parse_toml",
    "MAX_TOML_BYTES",
    "read_npy",
    "parse_npy",
    "read_npy_header",
    "NpyHeader",
    "NpyStream",
    "Npz",
    "open_parquet",
    "cells",
    "preview",
]
