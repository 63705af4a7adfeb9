"""CAMs without gradients: a layer's map is taken apart, and the score watched."""

from explainers.registry import import_modules

import_modules(__name__, __path__)
