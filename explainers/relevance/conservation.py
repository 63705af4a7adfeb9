"""Conservation: how much of the score is still there at every layer that relevance comes through."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import pandas as pd
import torch
from torch import Tensor, fx

from explainers.core.capabilities import Needs
from explainers.core.errors import VitrineError
from explainers.core.model import Images, Model
from explainers.core.target import Target, layer_of
from explainers.core.target_parser import TargetLike, parse_target
from explainers.engine.engine import Engine, engine_for
from explainers.engine.passes import Progress
from explainers.engine.run import Run
from explainers.registry import fitting_method, methods
from explainers.relevance._canonizer import bottleneck_nodes, coverage_notes, node_kind, node_name, passes_relevance_on
from explainers.relevance._family import COMPOSITES, canonized_network, propagate
from explainers.relevance.attn_lrp import ATTENTION_IS_CONSTANT, AttentionRelevanceOptions, propagate_through_attention

NEGLIGIBLE = 0.01  # of the score


def relevance_flow(
    model: Model,
    image: Images,
    target: TargetLike = None,
    method: str = "lrp-epsilon-plus",
    *,
    engine: Engine | None = None,
    progress: Progress | None = None,
    **options: Any,
) -> pd.DataFrame:
    """The sum of the relevance behind every layer, from the output down to the input, in one pass forward and one back.

    Only layers that every way through the network leads through are listed: beside a branch that runs past it, a layer
    holds only its part. Layers that hand all relevance on (activations, dropout, maximum pooling) are left out. Of a
    transformer they are its blocks.

    Args:
        image: one picture, or one preprocessed input (1, ...).

    Returns:
        A row per layer, the network's output first, the input last. Columns: layer; kind; relevance, the sum over what
        the layer puts out, in units of the score; share, of the score, where 1 is all of it.

    Raises:
        VitrineError: the method is no LRP; there are several inputs; the method does not lead through the network.

    Example:
        >>> import explainers as ex
        >>> model = ex.load_model("demo:signs-cnn")
        >>> image = ex.sample("scene:1000050").load()
        >>> flow = ex.relevance_flow(model, image)
        >>> list(flow.columns)
        ['layer', 'kind', 'relevance', 'share']
        >>> list(flow["layer"])[:2], list(flow["layer"])[-1], round(float(flow["share"][0]), 4)
        (['fc', 'pool'], 'input', 1.0)
    """
    if method not in COMPOSITES and method not in ATTENTION_IS_CONSTANT:
        known = ", ".join(m.name for m in methods(model) if m.family == "relevance")
        raise VitrineError(f"The flow of relevance is known for {known}, not for {method!r}.")
    method_options = fitting_method(method, model).options.read(method, options)
    engine = engine or engine_for()
    inputs = model.inputs(image).to(engine.device)
    if len(inputs) != 1:
        raise VitrineError(f"The flow of relevance is of one input, not of {len(inputs)}; ask for one after the other.")
    run = Run(model, engine, progress=progress)
    resolved = run.resolve(inputs, parse_target(target, model))
    if isinstance(method_options, AttentionRelevanceOptions):
        return _flow_through_blocks(run, inputs, resolved, method, method_options)
    recorder = _FlowRecorder(canonized_network(run, layer_of(resolved)))
    propagate(run, inputs, resolved, lambda chunk: COMPOSITES[method](run, chunk, method_options), recorder)
    return _flow_table(recorder.layers, recorder.sums, float(run.scores(inputs, resolved)))


def _flow_through_blocks(
    run: Run, inputs: Tensor, target: Target, method: str, options: AttentionRelevanceOptions
) -> pd.DataFrame:
    """The flow through a transformer: every way through the network passes all of its blocks."""
    block_sums: dict[str, float] = {}
    relevance = propagate_through_attention(run, inputs, target, method, options, block_sums)
    score = float(run.scores(inputs, target))
    modules = dict(run.network.named_modules())
    layers = [("output", "Output"), *((name, type(modules[name]).__name__) for name in block_sums), ("input", "Input")]
    return _flow_table(layers, [score, *block_sums.values(), float(relevance.cpu().sum(dtype=torch.float64))], score)


def _flow_table(layers: Sequence[tuple[str, str]], sums: Sequence[float], score: float) -> pd.DataFrame:
    """Layers' names and kinds, from the output to the input, and the relevance behind each."""
    return pd.DataFrame(
        {
            "layer": [name for name, _ in layers],
            "kind": [kind for _, kind in layers],
            "relevance": sums,
            "share": [total / score if score else float("nan") for total in sums],
        }
    )


def relevance_notes(model: Model, *, engine: Engine | None = None) -> list[str]:
    """Sentences on what the rules of LRP do not cover in this model's network; none for a plain network of ReLUs.

    Raises:
        VitrineError: the network cannot be traced, or is a function without gradients.

    Example:
        >>> import explainers as ex
        >>> ex.relevance_notes(ex.load_model("demo:signs-cnn"))
        []
        >>> ex.relevance_notes(ex.load_model("demo:signs-vit"))[0]
        'This network has attention, for which AttnLRP and CP-LRP have rules; the other methods here have none.'
    """
    fitting_method("lrp-epsilon", model)
    has_attention = Needs.ATTENTION in model.capabilities
    notes = []
    if has_attention:
        titles = " and ".join(m.title for m in methods(model) if m.name in ATTENTION_IS_CONSTANT)
        notes = [f"This network has attention, for which {titles} have rules; the other methods here have none."]
    try:
        return notes + coverage_notes(canonized_network(Run(model, engine or engine_for())))
    except VitrineError:
        if has_attention:
            return notes
        raise


def describe_flow(flow: pd.DataFrame) -> str:
    """One plain sentence on how much of the score arrives at the input, and where most of the rest went.

    Args:
        flow: the table that `relevance_flow` makes.

    Example:
        >>> import pandas as pd
        >>> import explainers as ex
        >>> ex.describe_flow(pd.DataFrame({"layer": ["fc", "stem", "input"], "share": [1.0, 1.0, 1.0]}))
        '100% of the score arrives at the input; nothing to speak of is lost or doubled on the way.'
    """
    layers, shares = list(flow["layer"]), [float(share) for share in flow["share"]]
    if math.isnan(shares[-1]):
        return "The score is zero, so there is nothing to share out."
    changes = [after - before for before, after in pairwise(shares)]
    step = max(range(len(changes)), key=lambda index: abs(changes[index]))
    largest, where = changes[step], f"between {layers[step]} and {layers[step + 1]}"
    arrives = f"{shares[-1]:.0%} of the score arrives at the input"
    if abs(largest) <= NEGLIGIBLE:
        return f"{arrives}; nothing to speak of is lost or doubled on the way."
    if largest < 0:
        return (
            f"{arrives}; the largest loss, {-largest:.0%} of the score, is {where}: biases, epsilon or a softmax absorb relevance, "
            "or a step has no rule."
        )
    return (
        f"{arrives}; the largest gain, {largest:.0%} of the score, is {where}: biases absorb negative relevance there, "
        "alpha meets nothing that speaks against, or a step has no rule."
    )


class _FlowRecorder:
    """Runs a canonical copy node by node and keeps the sum of the relevance that comes back to each of its bottlenecks."""

    def __init__(self, network: fx.GraphModule) -> None:
        nodes = [node for node in bottleneck_nodes(network) if not passes_relevance_on(network, node)]
        self._layers = {node: (node_name(node), node_kind(network, node)) for node in nodes}
        self._layers[nodes[0]] = ("input", "Input")
        self._sums: dict[fx.Node, float] = {}

    def __call__(self, network: fx.GraphModule, inputs: Tensor) -> Any:
        return _RecordingInterpreter(network, set(self._layers), self._sums).run(inputs)

    @property
    def layers(self) -> list[tuple[str, str]]:
        """Layers' names and kinds, from the output to the input."""
        return list(reversed(self._layers.values()))

    @property
    def sums(self) -> list[float]:
        """The relevance behind each of them."""
        return [self._sums[node] for node in reversed(self._layers)]


class _RecordingInterpreter(fx.Interpreter):
    """Runs a traced network and, on the way back, writes the sum of the relevance at some of its nodes into `sums`."""

    def __init__(self, network: fx.GraphModule, nodes: set[fx.Node], sums: dict[fx.Node, float]) -> None:
        super().__init__(network)
        self._nodes, self._sums = nodes, sums

    def run_node(self, node: fx.Node) -> Any:
        value = super().run_node(node)
        if node in self._nodes:

            def record(relevance: Tensor) -> None:
                self._sums[node] = float(relevance.cpu().sum(dtype=torch.float64))

            value.register_hook(record)
        return value
