"""Vitrine: why a PyTorch model answers as it does, and how far that explanation can be trusted.

Example:
    >>> import explainers as ex
    >>> model = ex.load_model("demo:signs-cnn")  # or ex.wrap(your_network, preprocess=..., labels=...)
    >>> image = ex.sample("scene:1000050").load()  # or ex.read_image("photo.jpg")
    >>> a = ex.explain(model, image, method="grad-cam")
    >>> tuple(a.values.shape), tuple(a.heatmap((224, 224)).shape)
    ((1, 12, 12), (1, 224, 224))
"""

from explainers import attention, grad_cam, perturbation, relevance, saliency  # noqa: F401 (they register their methods)
from explainers.api import (
    Prediction,
    attention_heads,
    channel_layers,
    estimate,
    explain,
    layers,
    predict,
    refine,
    regions,
    relabelled,
)
from explainers.attention.heads import AttentionHeads
from explainers.comparison import Question, Ranking, difference, explain_all, likeness, rank_correlations, rankings
from explainers.core.attribution import Attribution, Completeness
from explainers.core.capabilities import Needs
from explainers.core.cost import Cost
from explainers.core.errors import Cancelled, VitrineError
from explainers.core.model import Model
from explainers.core.preprocess import Preprocess
from explainers.core.target import ChannelTarget, ClassTarget, ContrastTarget, RegressionTarget, Target
from explainers.core.target_parser import class_index
from explainers.engine.engine import Engine, engine_for
from explainers.engine.process import configure_process
from explainers.grad_cam.layer_fusion import fuse
from explainers.graph.layers import Layer, default_layer, stages
from explainers.inputs.gallery import sample, samples
from explainers.inputs.images import read_image
from explainers.models import inspect_checkpoint, list_models, load_model, wrap
from explainers.registry import Method, find_method, methods
from explainers.relevance.conservation import describe_flow, relevance_flow, relevance_notes
from explainers.story import SHORTCUT, fresh_seeds, sticker_effect
from explainers.trust import (
    Check,
    Finding,
    Grade,
    Ground,
    GroundFinding,
    Reference,
    Verdict,
    answer_ground,
    estimate_verify,
    familiarity_reference,
    find_check,
    truth_mask,
    verify,
)
from explainers.trust.registry import checks
from explainers.trust.runner import quick_checks
from explainers.weight_stats import HealthFinding, Spectrum, estimate_weight_stats, health, histogram, spectrum
from explainers.weight_stats.difference import compare
from explainers.weight_stats.filters import first_layer_filters
from explainers.weight_stats.table import tensor_spectrum, weight_stats

__all__ = [
    "SHORTCUT",
    "AttentionHeads",
    "Attribution",
    "Cancelled",
    "ChannelTarget",
    "Check",
    "ClassTarget",
    "Completeness",
    "ContrastTarget",
    "Cost",
    "Engine",
    "Finding",
    "Grade",
    "Ground",
    "GroundFinding",
    "HealthFinding",
    "Layer",
    "Method",
    "Model",
    "Needs",
    "Prediction",
    "Preprocess",
    "Question",
    "Ranking",
    "Reference",
    "RegressionTarget",
    "Spectrum",
    "Target",
    "Verdict",
    "VitrineError",
    "answer_ground",
    "attention_heads",
    "channel_layers",
    "checks",
    "class_index",
    "compare",
    "configure_process",
    "default_layer",
    "describe_flow",
    "difference",
    "engine_for",
    "estimate",
    "estimate_verify",
    "estimate_weight_stats",
    "explain",
    "explain_all",
    "familiarity_reference",
    "find_check",
    "find_method",
    "first_layer_filters",
    "fresh_seeds",
    "fuse",
    "health",
    "histogram",
    "inspect_checkpoint",
    "layers",
    "likeness",
    "list_models",
    "load_model",
    "methods",
    "predict",
    "quick_checks",
    "rank_correlations",
    "rankings",
    "read_image",
    "refine",
    "regions",
    "relabelled",
    "relevance_flow",
    "relevance_notes",
    "sample",
    "samples",
    "spectrum",
    "stages",
    "sticker_effect",
    "tensor_spectrum",
    "truth_mask",
    "verify",
    "weight_stats",
    "wrap",
]
