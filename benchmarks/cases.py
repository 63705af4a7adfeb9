"""The rows of the table of speed: which work is compared with what, and what must hold."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial

import torch
from torch import Tensor

import explainers as ex
from benchmarks.case import Case, Requirement
from benchmarks.floors import (
    frozen,
    in_parts,
    raw_gradient,
    raw_head,
    raw_partial,
    raw_rules,
    raw_scores,
    sizes,
)  # fmt: skip
from benchmarks.ours import loaded, vitrine
from benchmarks.setting import CLASS, CONVOLUTIONAL, CURVES, LAYERS, REFERENCES, SIZES, VIT, images
from benchmarks.verdict_cases import demo_verdict_case, network_verdict_case
from explainers.engine.run import Run
from explainers.render.cells import Drawing, backdrop, encode_cells
from explainers.render.scale import Scale

GRADIENT_CAMS = ["grad-cam", "grad-cam++", "hires-cam", "xgrad-cam", "layer-cam"]
COMPARED_CAMS = [*GRADIENT_CAMS, "grad-cam-element-wise"]
STAGES = ["layer1", "layer2", "layer3", "layer4"]
MIXED = "precision=mixed"
WORTH_MIXING = 64  # pictures; with fewer Vitrine does not try half the bits


def plural(count: int) -> str:
    return f"{count} image{'s' if count > 1 else ''}"


def floor_requirement(count: int = 1, single: float = 1.15) -> Requirement:
    return Requirement("floor", single if count == 1 else 1.15, True)


def grad_cam_case(name: str, count: int, device: torch.device) -> Case:
    inputs, layer = images(count, device), LAYERS[name]
    tried = sizes(name, device, [1, 2, 4, 8, count], [1, 2, 4, 8, count])
    floor, _ = in_parts(partial(raw_partial, frozen(name, device), layer), inputs, tried)
    requirements = [floor_requirement(), Requirement("pytorch-grad-cam", 2.8, False)]
    if name != VIT:  # TorchCAM takes maps only, no tokens
        requirements.append(Requirement("torchcam", 1.0, False))
    return Case(
        f"Grad-CAM, {name}, {plural(count)}",
        {"vitrine": vitrine("grad-cam", name, count, device), "floor": floor},
        requirements,
        [requirement.against for requirement in requirements[1:]],
        "grad-cam",
        name,
        count,
    )


def five_cams_case(name: str, device: torch.device) -> Case:
    model, inputs = loaded(name), images(1, device)
    return Case(
        f"five CAMs x four layers, {name}, 1 image",
        {
            "vitrine": lambda: ex.explain(model, inputs, GRADIENT_CAMS, CLASS, layer=STAGES),
            "one Grad-CAM": lambda: ex.explain(model, inputs, "grad-cam", CLASS, layer=STAGES[0]),
        },
        [Requirement("one Grad-CAM", 1.3, True)],
    )


def compare_case(name: str) -> Case:
    """All that the page Compare computes for a photograph: 24 maps, their pictures, and how alike they are.

    Its passes are one forward and one backward pass, which look at all four layers.
    """
    model, picture = loaded(name), ex.sample("photo:chelsea").load()
    questions = [ex.Question(model, picture, cam, CLASS, {"layer": n}) for cam in COMPARED_CAMS for n in STAGES]
    names = [f"{question.method} {question.options['layer']}" for question in questions]

    def maps() -> list[ex.Attribution]:
        return [answer for answer in ex.explain_all(questions) if isinstance(answer, ex.Attribution)]

    def passes() -> None:
        engine = ex.engine_for()
        Run(model, engine).capture(model.inputs(picture).to(engine.device), STAGES, ex.ClassTarget(CLASS))

    def page() -> None:
        attributions = maps()
        assert model.preprocess is not None
        seen = backdrop(model.preprocess.view(picture), 220)
        scales = [
            Scale.of(attribution.heatmap()[0], signed=False, percentile=attribution.percentile)
            for attribution in attributions
        ]
        encode_cells(
            [Drawing.of(seen, attribution, scale) for attribution, scale in zip(attributions, scales, strict=True)]
        )
        ranked = ex.rankings(attributions)
        for attribution in ranked:
            ex.likeness(attribution, ranked[0])
        ex.rank_correlations(ranked, names)

    return Case(
        f"Compare, {len(COMPARED_CAMS)} CAMs x {len(STAGES)} layers, {name}",
        {
            "vitrine": page,
            "maps alone": maps,
            "its passes": passes,
            "the cells one by one": lambda: [
                ex.explain(model, picture, question.method, CLASS, **question.options) for question in questions
            ],
        },
        [
            Requirement("its passes", 1.5, True),
            Requirement("its passes", 1.5, True, "maps alone"),
            Requirement("the cells one by one", 1.5, True),
        ],
    )


def channels(name: str) -> tuple[int, ...]:
    """Shape (C, h, w) of what the CAM layer puts out."""
    (shape,) = [layer.shape for layer in ex.layers(loaded(name)) if layer.name == LAYERS[name]]
    return tuple(shape)


def score_cam_case(name: str, device: torch.device) -> Case:
    count = channels(name)[0]
    tried = sizes(name, device, [8, 16, 32], [32, 128, count])
    floor, chunk = in_parts(partial(raw_scores, frozen(name, device)), images(1, device).repeat(count, 1, 1, 1), tried)
    return Case(
        f"Score-CAM, {count} channels, {name} (floor in chunks of {chunk})",
        {"vitrine": vitrine("score-cam", name, 1, device), "floor": floor},
        [
            floor_requirement(),
            Requirement("pytorch-score-cam", 2.0, False),
            Requirement("torchcam-score-cam", 2.0, False),
        ],
        ["pytorch-score-cam", "torchcam-score-cam"],
        "score-cam",
        name,
    )


def ablation_cam_case(name: str, device: torch.device) -> Case:
    """The floor runs what lies below the layer once per chunk, as we do."""
    shape = channels(name)
    maps = torch.randn(shape[0], *shape, generator=torch.Generator().manual_seed(0)).to(device)
    head = partial(raw_head, frozen(name, device), LAYERS[name], images(1, device))
    floor, chunk = in_parts(head, maps, [8, 16, 32])
    return Case(
        f"Ablation-CAM, {shape[0]} channels, {name} (floor in chunks of {chunk})",
        {"vitrine": vitrine("ablation-cam", name, 1, device), "floor": floor},
        [floor_requirement(), Requirement("pytorch-ablation-cam", 2.0, False)],
        ["pytorch-ablation-cam"],
        "ablation-cam",
        name,
    )


def path_case(
    title: str, method: str, name: str, device: torch.device, passes: int, scored: int, against: Requirement
) -> Case:
    """
    Args:
        passes: forward and backward.
        scored: inputs that are scored besides, for what the map should sum up to.
    """
    network, inputs = frozen(name, device), images(1, device)
    tried = sizes(name, device, [4, 8, 16, passes], [8, 16, passes])
    gradients, chunk = in_parts(partial(raw_gradient, network), inputs.repeat(passes, 1, 1, 1), tried)
    ends = inputs.repeat(scored, 1, 1, 1)

    def floor() -> None:
        gradients()
        for part in ends.split(chunk):
            raw_scores(network, part)

    return Case(
        f"{title}, {name} (floor in chunks of {chunk})",
        {"vitrine": vitrine(method, name, 1, device), "floor": floor},
        [floor_requirement(), against],
        [against.against],
        method,
        name,
    )


def integrated_gradients_case(name: str, device: torch.device) -> Case:
    steps, requirement = SIZES[name].steps, Requirement("captum-integrated-gradients", 1.7, False)
    return path_case(
        f"integrated gradients, {steps} steps", "integrated-gradients", name, device, steps, 2, requirement
    )  # fmt: skip


def expected_gradients_case(name: str, device: torch.device) -> Case:
    steps, requirement = SIZES[name].steps, Requirement("shap-gradients", 1.0, False)
    title = f"expected gradients, {steps} samples, {REFERENCES} references"
    return path_case(title, "expected-gradients", name, device, steps, REFERENCES + 1, requirement)


def smoothgrad_case(name: str, device: torch.device) -> Case:
    samples, requirement = SIZES[name].samples, Requirement("captum-smoothgrad", 1.7, False)
    return path_case(f"SmoothGrad, {samples} samples", "smoothgrad", name, device, samples, 1, requirement)


PERTURBATIONS = {"occlusion": "captum-occlusion", "lime": "captum-lime", "kernel-shap": "captum-kernel-shap"}
ORIGINALS = {"lime": "lime", "kernel-shap": "shap"}
"""The libraries that a method has its name from."""


def pictures(method: str, name: str) -> int:
    """How many pictures are scored."""
    size = SIZES[name]
    along = math.ceil((224 - size.patch) / size.stride) + 1
    return int(along**2) if method == "occlusion" else size.draws


def perturbation_case(method: str, name: str, device: torch.device) -> Case:
    count, captum = pictures(method, name), PERTURBATIONS[method]
    tried = sizes(name, device, [8, 16, 32], [32, 128, count])
    floor, chunk = in_parts(partial(raw_scores, frozen(name, device)), images(1, device).repeat(count, 1, 1, 1), tried)
    here = {"vitrine": vitrine(method, name, 1, device), "floor": floor}
    requirements = [floor_requirement(), Requirement(captum, 3.0, False)]
    if method in ORIGINALS:
        requirements.append(Requirement(ORIGINALS[method], 1.0, False))
    peers = [requirement.against for requirement in requirements[1:]]
    if count >= WORTH_MIXING:
        here[MIXED] = vitrine(method, name, 1, device, precision="mixed")
        requirements += [Requirement("floor", 1.15, True, MIXED), Requirement(captum, 3.0, False, MIXED)]
    return Case(
        f"{method}, {count} pictures, {name} (floor in chunks of {chunk})", here, requirements, peers, method, name
    )  # fmt: skip


def rise_case(name: str, device: torch.device) -> Case:
    """None of the other libraries here has it, so there is the floor alone."""
    network, count = frozen(name, device), masks(device)
    tried = sizes(name, device, [8, 16, 32], [32, 128, 256, 512])
    largest = images(1, device).repeat(max(tried), 1, 1, 1)

    def scored(numbers: Tensor) -> None:
        raw_scores(network, largest[: len(numbers)])

    floor, chunk = in_parts(scored, torch.arange(count), tried)
    mixed = vitrine("rise", name, 1, device, samples=count, precision="mixed")
    return Case(
        f"RISE, {count} masks, {name} (floor in chunks of {chunk})",
        {"vitrine": vitrine("rise", name, 1, device, samples=count), MIXED: mixed, "floor": floor},
        [floor_requirement(), Requirement("floor", 1.15, True, MIXED)],
    )


def masks(device: torch.device) -> int:
    """As many as RISE was published with, where that takes seconds and not minutes."""
    return 8000 if device.type == "cuda" else 400


def relevance_case(name: str, count: int, device: torch.device) -> Case:
    """Its floor is Zennit on Vitrine's copy: the rules pass every layer several times, whoever drives them."""
    inputs = images(count, device)
    return Case(
        f"LRP EpsilonPlusFlat, {name}, {plural(count)}",
        {
            "vitrine": vitrine("lrp-epsilon-plus-flat", name, count, device),
            "floor": in_parts(raw_rules(name, inputs), inputs, [1, 2, 4, 8, count])[0],
        },
        [floor_requirement(count, single=1.3), Requirement("zennit", 1.0, False)],
        ["zennit"],
        "lrp-epsilon-plus-flat",
        name,
        count,
    )


def curves_case(name: str, device: torch.device) -> Case:
    """A picture covered and uncovered in the order of a map; besides, the picture as it is once."""
    network, picture, steps = frozen(name, device), images(1, device), SIZES[name].steps
    tried = sizes(name, device, [4, 8, 16, 32], [16, 32, steps])
    curve, chunk = in_parts(partial(raw_scores, network), picture.repeat(steps, 1, 1, 1), tried)

    def floor() -> None:
        raw_scores(network, picture)
        curve()
        curve()

    return Case(
        f"deletion and insertion, {steps} steps each, {name} (floor in chunks of {chunk})",
        {"vitrine": vitrine(CURVES, name, 1, device), "floor": floor},
        [floor_requirement(), Requirement("quantus", 1.0, False)],
        ["quantus"],
        CURVES,
        name,
    )


LOWEST = {
    # Rollout takes no gradients but those of the last attention, which tell what tokens the head reads.
    "rollout": LAYERS[VIT],
    "transformer-attribution": "encoder.dropout",
}
"""Method: what stands below the lowest attention whose gradients it needs."""


def attention_case(method: str, name: str, count: int, device: torch.device) -> Case:
    """None of the other libraries has these, so there is the floor alone."""
    inputs = images(count, device)
    forward_backward = partial(raw_partial, frozen(name, device), LOWEST[method])
    floor, _ = in_parts(forward_backward, inputs, sizes(name, device, [1, 8], [1, 8, count]))
    return Case(
        f"{method}, {name}, {plural(count)}",
        {"vitrine": vitrine(method, name, count, device), "floor": floor},
        [floor_requirement(count, single=1.3)],
    )


def cases(only: str, device: torch.device) -> Sequence[Callable[[], Case]]:
    """Every row of which `only` is part of the name, in upper or lower case, built only when its turn comes.

    Raises:
        SystemExit: there is none.
    """
    rows: list[tuple[str, Callable[[], Case]]] = []
    for name in LAYERS:
        rows += [(f"grad-cam {name} {count}", partial(grad_cam_case, name, count, device)) for count in (1, 16)]
    rows += [(f"five {name}", partial(five_cams_case, name, device)) for name in ("resnet18", "resnet50")]
    rows.append(("compare resnet50", partial(compare_case, "resnet50")))
    for name in ("resnet18", "mobilenet_v3_small"):
        rows.append((f"score-cam {name}", partial(score_cam_case, name, device)))
        rows.append((f"ablation-cam {name}", partial(ablation_cam_case, name, device)))
    for name in LAYERS:
        rows.append((f"ig {name}", partial(integrated_gradients_case, name, device)))
        rows.append((f"smoothgrad {name}", partial(smoothgrad_case, name, device)))
        rows.append((f"expected-gradients {name}", partial(expected_gradients_case, name, device)))
    for name in LAYERS:
        rows += [(f"{method} {name}", partial(perturbation_case, method, name, device)) for method in PERTURBATIONS]
    for name in CONVOLUTIONAL:
        rows.append((f"rise {name}", partial(rise_case, name, device)))
    for name in ("resnet18", "resnet50"):
        rows += [(f"lrp {name} {count}", partial(relevance_case, name, count, device)) for count in (1, 16)]
    for name in ("resnet18", "mobilenet_v3_small"):
        rows.append((f"deletion {name}", partial(curves_case, name, device)))
    for method in LOWEST:
        rows += [(f"{method} {VIT} {count}", partial(attention_case, method, VIT, count, device)) for count in (1, 8)]
    rows += [
        (f"verdict grad-cam {name}", partial(network_verdict_case, "grad-cam", name, device))
        for name in ("mobilenet_v3_small", "resnet18")
    ]
    rows.append(("verdict ig resnet18", partial(network_verdict_case, "integrated-gradients", "resnet18", device)))
    rows += [
        (f"verdict {method} {name}", partial(demo_verdict_case, method, f"demo:{name}"))
        for method, name in (("grad-cam", "signs-cnn"), ("attn-lrp", "signs-vit"))
    ]
    matching = [build for key, build in rows if only.lower() in key]
    if not matching:
        raise SystemExit(f"No row is called {only!r}; there are: {', '.join(key for key, _ in rows)}.")
    return matching
