"""`answer_ground`: how sure, how stable, how familiar, and the grade that these make together."""

from __future__ import annotations

import threading

import torch
from torch import Tensor

from explainers.core.cost import Cost
from explainers.core.errors import VitrineError
from explainers.core.model import Images, Model
from explainers.core.target import Target, are_probabilities
from explainers.core.target_parser import TargetLike
from explainers.engine.engine import Engine
from explainers.engine.passes import Progress
from explainers.executor import begin
from explainers.trust.finding import percent
from explainers.trust.grade import Grade
from explainers.trust.ground.bundled import bundled_reference
from explainers.trust.ground.familiarity import familiarity_by_norms, familiarity_by_reference, features_of
from explainers.trust.ground.reference import Reference
from explainers.trust.ground.result import Ground, GroundFinding
from explainers.trust.ground.stability import LEAST_SIDE, changed_inputs, stability
from explainers.trust.ground.sureness import UNSURE, sureness


def answer_ground(
    model: Model,
    image: Images,
    target: TargetLike = None,
    *,
    reference: Reference | None = None,
    engine: Engine | None = None,
    progress: Progress | None = None,
    cancel: threading.Event | None = None,
) -> Ground:
    """Ask whether an answer itself is safe ground: about twenty forward passes.

    A map can be faithful to a model that is unsure, that changes its mind when the picture moves by a pixel, or that was never
    made for such pictures.

    Args:
        image: one picture, or a preprocessed tensor (1, ...).
        target: whose answer: a class, or None for the first answer; of a channel of a layer the first answer is looked at.
        reference: of the pictures that the model was made for; bundled models bring their own.
        progress: called on the way with the share done and a few words; may raise to stop.
        cancel: set it from another thread to stop the work within one chunk (raises Cancelled).

    Raises:
        VitrineError: there are several pictures, or the target or the reference does not fit, in one sentence.

    Example:
        >>> import explainers as ex
        >>> model = ex.load_model("demo:signs-cnn")
        >>> ground = ex.answer_ground(model, ex.sample("scene:1000050").load())
        >>> print(ground.grade, [finding.good for finding in ground.findings])
        supported [True, True, True]
        >>> print(ex.answer_ground(model, ex.sample("photo:chelsea").load()).grade)
        not supported
    """
    inputs = model.inputs(image)
    if len(inputs) != 1:
        raise VitrineError(f"The ground of one answer is looked at, and {len(inputs)} inputs came; ask for each.")
    if reference is None:
        reference = bundled_reference(model)
    elif reference.fingerprint != model.fingerprint:
        raise VitrineError(
            f"The reference is of another model than {model.name} with these weights; make one of this model."
        )
    job = begin(model, inputs, target, engine=engine, progress=progress, cancel=cancel)
    note = "" if reference is None else reference.flaw
    if model.task != "classification":
        reason = "Not checked: the model puts out a quantity, and no error of it is known that could be compared."
        label = job.target.describe(model.labels)
        return Ground(Grade.NOT_CHECKED, reason, label, (), note, job.run.cost)
    changeable = model.takes_images and min(job.inputs.shape[-2:]) >= LEAST_SIDE
    names, changed = changed_inputs(model, job.inputs) if changeable else ([], job.inputs[:0])
    job.run.expect(Cost(forward=2 + len(names)))
    if reference is None:
        outputs, features = job.run.outputs(job.inputs), None
    else:
        outputs, features = features_of(job.run, job.inputs, reference.layer)
    index = _class_of(job.target, outputs)
    findings = []
    if bool(torch.isfinite(outputs).all()) and outputs[0].numel() > 1:
        findings.append(sureness(model, _probabilities(outputs)[0], index, reference))
        if names:
            probabilities = _probabilities(job.run.outputs(changed))
            findings.append(stability(model, names, probabilities, index))
        else:
            sentence = f"Not checked: which changes do not matter is known of pictures only, of {LEAST_SIDE} pixels a side or more."
            findings.append(GroundFinding("stable", None, None, sentence))
        if reference is not None and features is not None:
            findings.append(familiarity_by_reference(features, reference))
        else:
            findings.append(familiarity_by_norms(job.run, model, job.inputs))
    grade, reason = _conclusion(model, index, findings, reference)
    job.run.finish()
    return Ground(grade, reason, model.label(index), tuple(findings), note, job.run.cost)


def _probabilities(outputs: Tensor) -> Tensor:
    """Probabilities (N, K) of raw outputs, which may be probabilities already."""
    outputs = outputs.flatten(1).float()
    return outputs if are_probabilities(outputs) else outputs.softmax(1)


def _class_of(target: Target, outputs: Tensor) -> int:
    """The class that is asked about: the target's, or the first answer where it names none."""
    index = getattr(target, "index", None)
    if isinstance(index, tuple):
        index = index[0]
    count = outputs.flatten(1).shape[1]
    if index is None:
        return int(outputs.flatten(1)[0].argmax())
    if not 0 <= index < count:
        raise VitrineError(f"Class {index} does not exist: the model has {count} outputs, 0 to {count - 1}.")
    return int(index)


def _conclusion(
    model: Model, index: int, findings: list[GroundFinding], reference: Reference | None
) -> tuple[Grade, str]:
    """The grade, and why.

    A picture that is not familiar, an answer that is not the first or has less than half of the probability, two weak points,
    or random weights: not supported. All three good: supported, unless the model has a known flaw. Else mixed.
    """
    if not findings:
        return Grade.NOT_CHECKED, "Not checked: the outputs are not the finite scores of several classes."
    sure, stable, familiar = findings
    answer = f"its answer {model.label(index)!r} has {percent(sure.value or 0.0)}"
    if model.untrained:
        return Grade.NOT_SUPPORTED, f"The model's weights are random: {answer}, and none of its answers means anything."
    if not sure.details["first answer"]:
        return Grade.NOT_SUPPORTED, sure.sentence
    if familiar.good is False:
        return Grade.NOT_SUPPORTED, f"{familiar.sentence[:-1]}; {answer}."
    if (sure.value or 0.0) < UNSURE:
        return Grade.NOT_SUPPORTED, f"The model is not sure: {answer}, so that another answer is more likely than not."
    weak = [finding for finding in (sure, stable) if finding.good is False]
    if len(weak) == 2:
        return (
            Grade.NOT_SUPPORTED,
            f"The model is not sure, and small changes give another answer: {_lower(stable.sentence)}",
        )
    if weak:
        return Grade.MIXED, weak[0].sentence
    if stable.good is None and familiar.good is None:
        return Grade.NOT_CHECKED, f"Only how sure the model is can be told: {answer}."
    if familiar.good is None:
        return Grade.MIXED, f"The model is sure and small changes leave its answer; {_lower(familiar.sentence)}"
    if reference is not None and reference.flaw:
        return Grade.MIXED, reference.flaw
    return Grade.SUPPORTED, f"The answer is sure and stable, and {_lower(familiar.sentence)}"


def _lower(sentence: str) -> str:
    return sentence[:1].lower() + sentence[1:]
