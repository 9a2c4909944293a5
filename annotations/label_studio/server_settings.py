"""Label Studio's own Django settings, with a database that keeps what is written to it.

Loaded inside Label Studio's environment, from a copy in its data folder. Label Studio's stock
SQLite settings silently lose annotations when an import runs while people annotate; a
write-ahead log and immediate transactions do not. What an annotator was told is saved is on the disk
(synchronous): it outlives a power cut, not only a kill. PostgreSQL is left as it is.
"""

# pyright: reportMissingImports=false, reportUndefinedVariable=false
import os

# The stock module reads itself again by this name.
_ours = os.environ.get("DJANGO_SETTINGS_MODULE")
os.environ["DJANGO_SETTINGS_MODULE"] = "label_studio.core.settings.label_studio"
from core.settings.label_studio import *  # noqa: E402, F403

if _ours:
    os.environ["DJANGO_SETTINGS_MODULE"] = _ours
if DATABASES["default"]["ENGINE"].endswith("sqlite3"):  # noqa: F405
    DATABASES["default"]["OPTIONS"] = {  # noqa: F405
        "timeout": 30,
        "transaction_mode": "IMMEDIATE",
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA cache_size=-65536;",
    }
