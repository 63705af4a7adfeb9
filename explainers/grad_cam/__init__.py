"""Class activation maps: where in a layer the evidence for a class lies."""

from explainers.registry import import_modules

import_modules(__name__, __path__)
