"""CAMs by decomposition: the strongest common pattern of a layer's channels."""

from explainers.registry import import_modules

import_modules(__name__, __path__)
