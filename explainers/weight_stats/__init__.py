"""Weight statistics: every parameter tensor in numbers, what looks unhealthy about it, and how it changed."""

from explainers.weight_stats.cost_prediction import estimate_weight_stats
from explainers.weight_stats.difference import COMPARED, compare
from explainers.weight_stats.filters import first_layer_filters
from explainers.weight_stats.health_rules import HealthFinding, health
from explainers.weight_stats.moments import histogram
from explainers.weight_stats.spectral import CITATIONS, Spectrum, spectrum
from explainers.weight_stats.table import COLUMNS, tensor_spectrum, weight_stats

__all__ = [
    "CITATIONS",
    "COLUMNS",
    "COMPARED",
    "HealthFinding",
    "Spectrum",
    "compare",
    "estimate_weight_stats",
    "first_layer_filters",
    "health",
    "histogram",
    "spectrum",
    "tensor_spectrum",
    "weight_stats",
]
