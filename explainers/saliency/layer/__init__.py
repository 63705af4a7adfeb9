"""Gradients at a layer inside the network instead of at the input: how much of the score each of its units carries."""

from explainers.registry import import_modules

import_modules(__name__, __path__)
