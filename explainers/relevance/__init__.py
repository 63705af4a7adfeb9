"""Relevance: the score handed back layer by layer, each layer sharing out what it got among its inputs."""

from explainers.registry import import_modules

import_modules(__name__, __path__)
