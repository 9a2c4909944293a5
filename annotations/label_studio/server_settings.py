"""Label Studio's Django settings, with a database that keeps what is written to it.

Loaded in Label Studio's environment, from a copy in its data folder. Label Studio's default SQLite settings
silently lose annotations when an import runs while people annotate; a write-ahead log and immediate
transactions prevent it. With synchronous=FULL, an annotation that was acknowledged survives a power cut, not
only a kill. PostgreSQL settings stay as they are.
"""

# pyright: reportMissingImports=false, reportUndefinedVariable=false
import os

# The default module reloads itself by this name.
_module = os.environ.get("DJANGO_SETTINGS_MODULE")
os.environ["DJANGO_SETTINGS_MODULE"] = "label_studio.core.settings.label_studio"
from core.settings.label_studio import *  # noqa: E402, F403

if _module:
    os.environ["DJANGO_SETTINGS_MODULE"] = _module
if DATABASES["default"]["ENGINE"].endswith("sqlite3"):  # noqa: F405
    DATABASES["default"]["OPTIONS"] = {  # noqa: F405
        "timeout": 30,
        "transaction_mode": "IMMEDIATE",
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA cache_size=-65536;",
    }
