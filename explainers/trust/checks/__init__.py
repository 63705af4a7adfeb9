"""The checks, one a file: each is registered by a decorator beside its mathematics."""

from explainers.registry import import_modules

import_modules(__name__, __path__)
