"""Label Studio: client, server, and annotators' sessions."""

from reground.annotations.label_studio.browser_session import BrowserSession, sign_up
from reground.annotations.label_studio.client import Client
from reground.annotations.label_studio.credentials import write_private
from reground.annotations.label_studio.data import (
    ImportPayload,
    Json,
    Project,
    ProjectCounts,
    TaskChange,
    User,
    encode_tasks,
    task_url,
)
from reground.annotations.label_studio.errors import TOKEN_VARIABLE, UnavailableError
from reground.annotations.label_studio.retry import with_retry
from reground.annotations.label_studio.server import (
    LabelStudioServer,
    find_executable,
    find_server,
    run_server,
    serve_forever,
)

__all__ = [
    "LabelStudioServer",
    "find_executable",
    "run_server",
    "serve_forever",
    "find_server",
    "Client",
    "TOKEN_VARIABLE",
    "UnavailableError",
    "with_retry",
    "Json",
    "Project",
    "ProjectCounts",
    "TaskChange",
    "User",
    "ImportPayload",
    "encode_tasks",
    "task_url",
    "sign_up",
    "BrowserSession",
    "write_private",
]
