"""Saliency: which pixels the score is sensitive to, or is made of, by gradients down to the input."""

from explainers.registry import import_modules

import_modules(__name__, __path__)
