"""Everything that can predict, behind one protocol. The only place that imports torch.

Importing this package imports no framework; `load` imports the one that a model needs.
"""

from reground.tasks.models.preprocessing import Preprocessing
from reground.tasks.models.protocol import Model, Recipe
from reground.tasks.models.registry import check, known, load, named, slug

__all__ = ["Model", "Preprocessing", "Recipe", "check", "known", "load", "named", "slug"]
