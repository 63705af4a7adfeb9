"""`verify`: the checks made one after the other, and what they take."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from explainers.core.attribution import Attribution
from explainers.core.cost import Cost
from explainers.core.errors import VitrineError
from explainers.core.model import Images, Model
from explainers.engine.cost_prediction import predict_seconds
from explainers.engine.engine import Engine, engine_for
from explainers.engine.passes import Progress
from explainers.engine.run import Run
from explainers.trust.context import CheckContext, ShareDone, heatmap_of, registered_method, runs_again
from explainers.trust.finding import Finding
from explainers.trust.registry import Asks, Check, CheckOptions, checks, find_check
from explainers.trust.truth import Truth, read_truth
from explainers.trust.verdict import Verdict, highlighted

Wanted = str | Sequence[str] | None


def verify(
    model: Model,
    image: Images,
    attribution: Attribution,
    checks: Wanted = None,
    *,
    truth: Truth | None = None,
    others: Sequence[Attribution] = (),
    engine: Engine | None = None,
    progress: Progress | None = None,
    cancel: threading.Event | None = None,
    **options: Any,
) -> Verdict:
    """Ask how far an explanation can be trusted.

    Args:
        image: the input that was explained: one picture, or a preprocessed tensor (1, ...).
        attribution: of that input alone.
        checks: names of checks, or one of them; "all" that fit; None or "quick" for the quick ones that fit.
        truth: where the evidence is known to lie: a mask (H, W) of true and false in the frame of the model's input, or a box
            (left, top, right, bottom) in its pixels.
        others: other attributions of the same input, to compare with.
        progress: called on the way with the share done and a few words; may raise to stop.
        cancel: set it from another thread to stop the work within one chunk (raises Cancelled).
        **options: of the checks; each goes to every check that knows it.

    Returns:
        The verdict, with a finding for every check, in the order of `checks`.

    Raises:
        VitrineError: the attribution is of several inputs, of another input or of another model; a check, an option, the truth or
            the others do not fit; in one sentence.

    Example:
        >>> import explainers as ex
        >>> model = ex.load_model("demo:signs-cnn")
        >>> image = ex.sample("scene:1000050").load()
        >>> a = ex.explain(model, image)
        >>> verdict = ex.verify(model, image, a, ["map", "pointing-game"], truth=(30, 30, 70, 70))
        >>> [finding.check for finding in verdict.findings]
        ['map', 'pointing-game']
        >>> verdict.sentence.startswith("The map highlights")
        True
    """
    others = tuple(others)
    _refuse_strangers(model, image, attribution, others)
    mask = None if truth is None else _truth_mask(model, truth, attribution)
    engine = engine or engine_for()
    rerun = rerun_passes(model, attribution, engine)
    selected = _select_checks(model, attribution, checks, mask is not None, bool(others), rerun)
    check_options = read_options(selected, options)
    expected = [check.cost(attribution, check_options[check.name], rerun) for check in selected]
    progress_parts = _progress_parts(progress, selected, expected)
    findings = []
    for check, cost, part in zip(selected, expected, progress_parts, strict=True):
        own_options = check_options[check.name]
        context = CheckContext(
            model, attribution, engine, mask, others, own_options.reduce, rerun, cost, part, cancel
        )  # fmt: skip
        findings.append(_judge(check, context, own_options))
    if progress is not None:
        progress(1.0, "done")
    reduce = check_options[selected[0].name].reduce if selected else None
    total = sum((finding.cost for finding in findings), Cost())
    heat = heatmap_of(attribution, reduce)
    return Verdict(attribution.method, highlighted(heat), tuple(findings), tuple(selected), total)


def _judge(check: Check, context: CheckContext, options: CheckOptions) -> Finding:
    """The finding of one check, with what it took; of values that are not finite only whether they are a map is asked."""
    if check.name == "map" or bool(torch.isfinite(context.attribution.values).all()):
        finding = check.judge(context, options)
    else:
        finding = Finding(check.name, None, None, "Not checked: the map has values that are not numbers.")
    return replace(finding, cost=context.cost)


def estimate_verify(
    model: Model,
    attribution: Attribution,
    checks: Wanted = None,
    *,
    truth: bool = False,
    others: bool = False,
    engine: Engine | None = None,
    **options: Any,
) -> Cost:
    """What `verify` would take: its passes, and seconds from the pace of earlier passes of this model on this device.

    Args:
        truth, others: whether `verify` will get them.

    Example:
        >>> import explainers as ex
        >>> model = ex.load_model("demo:signs-cnn")
        >>> image = ex.sample("scene:1000050").load()
        >>> cost = ex.estimate_verify(model, ex.explain(model, image), "deletion")
        >>> cost.forward > 0, cost.backward, cost.seconds > 0  # backward: maps of four other pictures
        (True, 4, True)
    """
    engine = engine or engine_for()
    _refuse_shapes(attribution)
    rerun = rerun_passes(model, attribution, engine)
    selected = _select_checks(model, attribution, checks, truth, others, rerun)
    check_options = read_options(selected, options)
    passes = sum((check.cost(attribution, check_options[check.name], rerun) for check in selected), Cost())
    inputs = attribution.inputs.to(engine.device)
    return replace(passes, seconds=predict_seconds(Run(model, engine), inputs, passes))


def read_options(selected: Sequence[Check], given: Mapping[str, Any]) -> dict[str, CheckOptions]:
    """The options of every check, validated; each given one goes to all that know it.

    Raises:
        VitrineError: no check knows one of them, or a value is out of range.
    """
    known = {name for check in selected for name in check.options.model_fields}
    unknown = [name for name in given if name not in known]
    if unknown:
        listed = ", ".join(sorted(known)) or "none"
        raise VitrineError(f"None of the checks has an option {unknown[0]!r}; their options are: {listed}.")
    return {
        check.name: check.options.read(
            check.name, {name: value for name, value in given.items() if name in check.options.model_fields}
        )
        for check in selected
    }


def _select_checks(
    model: Model, attribution: Attribution, wanted: Wanted, truth: bool, others: bool, rerun: Cost
) -> list[Check]:
    """The checks to make, in order.

    Args:
        rerun: see `rerun_passes`.

    Raises:
        VitrineError: one that was named cannot be made here, or none was named.
    """
    given = (Asks.TRUTH if truth else Asks.NOTHING) | (Asks.OTHERS if others else Asks.NOTHING)

    def lacks(check: Check) -> str | None:
        missing = check.needs & (Asks.TRUTH | Asks.OTHERS) & ~given
        if Asks.TRUTH in missing:
            return "it asks where the evidence lies; give truth, a mask or a box"
        if Asks.OTHERS in missing:
            return "it compares with other maps; give others"
        return check.misfit(model, attribution)

    if wanted == "all":
        return [check for check in checks(model, attribution) if lacks(check) is None]
    if wanted in (None, "quick"):
        return [check for check in _quick(model, attribution, rerun) if lacks(check) is None]
    assert wanted is not None
    named = [find_check(name) for name in dict.fromkeys([wanted] if isinstance(wanted, str) else wanted)]
    if not named:
        raise VitrineError("The list of checks is empty; name at least one, or leave it out for the quick ones.")
    for check in named:
        if (reason := lacks(check)) is not None:
            raise VitrineError(f"The check {check.name} cannot be made here: {reason}.")
    return named


def quick_checks(model: Model, attribution: Attribution) -> list[Check]:
    """The checks that `verify` makes without being asked for: the quick ones that fit, and of those that run the method again
    only where one run takes few passes.

    Example:
        >>> import explainers as ex
        >>> model = ex.load_model("demo:signs-cnn")
        >>> image = ex.sample("scene:1000050").load()
        >>> quick, dear = ex.explain(model, image, "grad-cam"), ex.explain(model, image, "rise", samples=200)
        >>> ["target-sensitivity" in [check.name for check in ex.quick_checks(model, a)] for a in (quick, dear)]
        [True, False]
    """
    return _quick(model, attribution, rerun_passes(model, attribution, engine_for()))


def _quick(model: Model, attribution: Attribution, rerun: Cost) -> list[Check]:
    affordable = runs_again(attribution, rerun)
    return [
        check for check in checks(model, attribution) if check.quick and (affordable or Asks.RERUNS not in check.needs)
    ]


def rerun_passes(model: Model, attribution: Attribution, engine: Engine) -> Cost:
    """The passes of one more run of the method; none of a map that no registered method made."""
    method = registered_method(attribution)
    if method is None:
        return Cost()
    options = method.options.read(method.name, attribution.options)
    return method.passes(attribution.inputs.shape, options, Run(model, engine))


def _refuse_strangers(model: Model, image: Images, attribution: Attribution, others: Sequence[Attribution]) -> None:
    """Refuse an attribution or other maps that are of another input or another model."""
    _refuse_shapes(attribution)
    inputs = model.inputs(image)
    if len(inputs) != 1:
        raise VitrineError(f"One input is verified at a time, and {len(inputs)} came; call verify for each.")
    fingerprint = replace(attribution, inputs=inputs).input_fingerprint
    if fingerprint != attribution.input_fingerprint:
        raise VitrineError(
            f"The attribution by {attribution.method} explains another input than the one given; explain this one first."
        )
    if attribution.model_fingerprint not in ("", model.fingerprint):
        raise VitrineError(
            f"The attribution by {attribution.method} is of another model than {model.name} with these weights; explain this one first."
        )
    for other in others:
        _refuse_shapes(other)
        if other.input_fingerprint != fingerprint:
            raise VitrineError(f"The other map, by {other.method}, is of another input; compare maps of one input.")


def _refuse_shapes(attribution: Attribution) -> None:
    """Refuse attributions of several inputs, and values that are no map of their input."""
    values, inputs = attribution.values, attribution.inputs
    if len(inputs) != 1:
        raise VitrineError(
            f"One input is verified at a time, and the attribution is of {len(inputs)}; take one of them with attribution.row(i)."
        )
    fits = values.shape == inputs.shape if inputs.ndim == 2 else values.ndim in (3, 4) and min(values.shape) > 0
    if len(values) != 1 or not fits:
        expected = tuple(inputs.shape) if inputs.ndim == 2 else "(1, H, W) or (1, C, H, W)"
        raise VitrineError(
            f"The values have the shape {tuple(values.shape)}, which is no map of an input of shape {tuple(inputs.shape)}; "
            f"expected {expected}."
        )


def _truth_mask(model: Model, truth: Truth, attribution: Attribution) -> Tensor:
    if not model.takes_images:
        raise VitrineError(f"The truth is a part of a picture, and {model.name} takes vectors; leave truth out.")
    height, width = attribution.inputs.shape[-2:]
    return read_truth(truth, (height, width))


def _progress_parts(
    progress: Progress | None, selected: Sequence[Check], expected: Sequence[Cost]
) -> list[ShareDone | None]:
    """For every check a function that tells its progress as a part of that of all, by the passes each will make."""
    if progress is None:
        return [None] * len(selected)
    weights = [1 + cost.forward + cost.backward for cost in expected]
    total = sum(weights)

    def part(check: Check, before: float, share: float) -> ShareDone:
        return lambda done: progress(min(1.0, before + share * done), check.title)

    return [
        part(check, sum(weights[:position]) / total, weights[position] / total)
        for position, check in enumerate(selected)
    ]
