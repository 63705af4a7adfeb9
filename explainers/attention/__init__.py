"""Attention: where the tokens of a transformer look, layer by layer and through all layers."""

from explainers.registry import import_modules

import_modules(__name__, __path__)
