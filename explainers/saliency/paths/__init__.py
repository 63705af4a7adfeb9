"""Gradients added up on the way from a baseline, or from references, to the input."""

from explainers.registry import import_modules

import_modules(__name__, __path__)
