"""Label Studio: its client, its data on disk, its server."""

from reground.annotations.label_studio.browser_session import Annotator, sign_up
from reground.annotations.label_studio.client import Client, Project
from reground.annotations.label_studio.data import Change, Count, Json, Payload, payload
from reground.annotations.label_studio.errors import NoAnswerError
from reground.annotations.label_studio.retry import patiently
from reground.annotations.label_studio.server import (
    LabelStudioServer,
    find_executable,
    find_running,
    serve,
    serve_forever,
)

__all__ = [
    "Annotator",
    "Change",
    "Client",
    "Count",
    "Json",
    "LabelStudioServer",
    "NoAnswerError",
    "Payload",
    "Project",
    "find_executable",
    "find_running",
    "patiently",
    "payload",
    "serve",
    "serve_forever",
    "sign_up",
]
