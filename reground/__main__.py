"""``python -m reground`` is the command ``reground``."""

import sys

from reground.flows.cli import main

sys.exit(main())
