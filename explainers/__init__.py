"""Vitrine: why a PyTorch model answers as it does, and how far that explanation can be trusted.

import explainers as ex

model = ex.load_model("demo:signs-cnn")
image = ex.read_image("photo.jpg")
a = ex.explain(model, image, method="grad-cam")
a.heatmap((224, 224))
"""

from explainers.api import Prediction, class_index, explain, methods, predict
from explainers.core.attribution import Attribution, Completeness, Cost
from explainers.core.engine import Engine, engine_for
from explainers.core.errors import Cancelled, VitrineError
from explainers.core.model import Model, Needs
from explainers.core.preprocess import Preprocess
from explainers.core.target import ClassTarget, ContrastTarget, RegressionTarget, Target

__all__ = [
    "Attribution",
    "Cancelled",
    "ClassTarget",
    "Completeness",
    "ContrastTarget",
    "Cost",
    "Engine",
    "Model",
    "Needs",
    "Prediction",
    "Preprocess",
    "RegressionTarget",
    "Target",
    "VitrineError",
    "class_index",
    "engine_for",
    "explain",
    "methods",
    "predict",
]
