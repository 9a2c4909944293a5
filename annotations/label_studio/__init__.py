"""Label Studio: client, server, and annotators' sessions."""

from reground.annotations.label_studio.address import parse_address, same_server
from reground.annotations.label_studio.browser_session import BrowserSession, sign_up
from reground.annotations.label_studio.client import Client
from reground.annotations.label_studio.credentials import write_private
from reground.annotations.label_studio.data import (
    ImportPayload,
    Json,
    Project,
    TaskChange,
    User,
    encode_tasks,
    task_url,
)
from reground.annotations.label_studio.errors import UnavailableError
from reground.annotations.label_studio.retry import with_retry
from reground.annotations.label_studio.running import LabelStudioServer, find_server
from reground.annotations.label_studio.server import find_executable, run_server, serve_forever
from reground.annotations.label_studio.token import TOKEN_VARIABLE, parse_token
from reground.annotations.label_studio.transport import tls_context

__all__ = [
    "LabelStudioServer",
    "find_executable",
    "run_server",
    "serve_forever",
    "find_server",
    "Client",
    "parse_address",
    "same_server",
    "TOKEN_VARIABLE",
    "parse_token",
    "tls_context",
    "UnavailableError",
    "with_retry",
    "Json",
    "Project",
    "TaskChange",
    "User",
    "ImportPayload",
    "encode_tasks",
    "task_url",
    "sign_up",
    "BrowserSession",
    "write_private",
]
