"""Perturbation: hide a part of the input and record how the score answers."""

from explainers.registry import import_modules

import_modules(__name__, __path__)
