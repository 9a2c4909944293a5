"""The top-5 of models, and the candidate labels they give."""

from reground.tasks.predictions.candidates import STEP as CANDIDATES
from reground.tasks.predictions.candidates import CandidateSettings
from reground.tasks.predictions.files import COLUMNS
from reground.tasks.predictions.importer import import_predictions, imported_models, remove_predictions
from reground.tasks.predictions.step import BATCH, PredictionSettings, output_classes
from reground.tasks.predictions.step import STEP as PREDICT

__all__ = [
    "BATCH",
    "CANDIDATES",
    "COLUMNS",
    "PREDICT",
    "CandidateSettings",
    "PredictionSettings",
    "import_predictions",
    "imported_models",
    "remove_predictions",
    "output_classes",
]
