"""Whether a redesign left everything as it was: every method's values on every bundled model, and the words that users see.

    python -m benchmarks values save before.safetensors       # at the commit before
    python -m benchmarks values compare before.safetensors    # afterwards, on the same machine

Values are compared bit for bit. Chunks have a fixed size and one thread computes, because both decide in which order
floating-point numbers are added up. Only the public Python API is used, so that the script runs on both sides.
"""

from __future__ import annotations

import contextlib
import io
import json
import sys
from collections.abc import Hashable, Iterator
from enum import Enum
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor

import explainers as ex
from explainers.__main__ import main as command_line

SCENES = ("scene:1000050", "scene:1000051")
JUDGED: dict[str, dict[str, int]] = {
    "grad-cam": {},
    "integrated-gradients": {"steps": 10},
    "rise": {"samples": 64},
    "rollout": {},
}
"""Methods whose maps all checks look at, with options that keep it short."""
CHUNK = 4
COMMANDS = ("methods", "models", "predict", "explain", "weights", "inspect")


class FixedChunks:
    """Stands in for the chunk sizes that an engine learns from times, which differ from run to run."""

    def size(self, key: Hashable, remaining: int, numbers: int = 0) -> int:
        return min(remaining, CHUNK)

    def pace(self, key: Hashable) -> float | None:
        return None

    def measured(self, key: Hashable) -> bool:
        return True

    def took(self, key: Hashable, rows: int, seconds: float) -> bool:
        return False

    def start_like(self, key: Hashable, other: Hashable) -> None: ...

    def too_large(self, key: Hashable, rows: int) -> None: ...


def inputs_of(model: ex.Model) -> Any:
    """Two scenes, or three rows of numbers."""
    if model.preprocess is not None:
        return [ex.sample(name).load() for name in SCENES]
    return torch.randn(3, *model.input_shape, generator=torch.Generator().manual_seed(0))


def values(engine: ex.Engine) -> Iterator[tuple[str, Tensor]]:
    """Every number that is compared, under a name that tells where it comes from."""
    for name in [listed.spec for listed in ex.list_models() if listed.spec.startswith("demo:")]:
        model = ex.load_model(name)
        images = inputs_of(model)
        yield f"{name} outputs", ex.predict(model, images, engine=engine).outputs
        for method in ex.methods(model):
            print(f"{name} {method.name}", file=sys.stderr)
            try:
                attribution = ex.explain(model, images, method.name, engine=engine)
            except ex.VitrineError as refusal:
                yield (
                    f"{name} {method.name} refusal",
                    torch.frombuffer(bytearray(str(refusal), "utf-8"), dtype=torch.uint8),
                )
                continue
            yield f"{name} {method.name} values", attribution.values
            yield f"{name} {method.name} score", attribution.score
            yield f"{name} {method.name} passes", torch.tensor([attribution.cost.forward, attribution.cost.backward])
            if attribution.error is not None:
                yield f"{name} {method.name} error", attribution.error
        yield from of_checks(name, model, images, engine)
        yield from of_weights(name, model)


def of_checks(name: str, model: ex.Model, images: Any, engine: ex.Engine) -> Iterator[tuple[str, Tensor]]:
    """What every check that fits says of a few maps; the way of relevance, and attention heads."""
    image = images[:1]
    for method in [method for method in JUDGED if ex.find_method(method).fits(model)]:
        attribution = ex.explain(model, image, method, engine=engine, **JUDGED[method])
        verdict = ex.verify(model, image, attribution, checks="all", engine=engine)
        for finding in verdict.findings:
            print(f"{name} {method} {finding.check}", file=sys.stderr)
            value = float("nan") if finding.value is None else finding.value
            yield f"{name} {method} check {finding.check}", torch.tensor([value], dtype=torch.float64)
    if model.preprocess is not None:
        for segments in ("slic", "grid", "felzenszwalb", "quickshift"):
            yield f"{name} regions {segments}", ex.regions(model, image, segments)
    for method in ("lrp-epsilon", "attn-lrp"):
        with contextlib.suppress(ex.VitrineError):
            flow = ex.relevance_flow(model, image, method=method, engine=engine)
            numbers = flow.select_dtypes("number").to_numpy()
            yield f"{name} {method} flow", torch.from_numpy(numbers.astype("float64"))


def of_weights(name: str, model: ex.Model) -> Iterator[tuple[str, Tensor]]:
    stats = ex.weight_stats(model)
    yield f"{name} weights", torch.from_numpy(stats.select_dtypes("number").to_numpy().astype("float64"))


def words() -> dict[str, Any]:
    """What users read and type: public names, methods and checks with their options, the command line."""
    entries: dict[str, Any] = {"names": sorted(ex.__all__)}
    for kind, registered in (("method", ex.methods()), ("check", ex.checks())):
        for entry in registered:
            fields = {key: value for key, value in vars(entry).items() if isinstance(value, str | bool | int | None)}
            fields["options"] = {
                option: [
                    str(info.default),
                    info.description,
                    sorted(map(repr, info.metadata)),
                    choices(info.annotation),
                ]
                for option, info in entry.options.model_fields.items()
            }
            entries[f"{kind} {entry.name}"] = fields
    for command in COMMANDS:
        with contextlib.redirect_stdout(io.StringIO()) as text, contextlib.suppress(SystemExit):
            command_line([command, "--help"])
        entries[f"command {command}"] = text.getvalue()
    return entries


def choices(annotation: Any) -> list[str]:
    return (
        [str(member) for member in annotation] if isinstance(annotation, type) and issubclass(annotation, Enum) else []
    )


def snapshot() -> tuple[dict[str, Tensor], dict[str, Any]]:
    torch.set_num_threads(1)
    engine = ex.Engine(torch.device("cpu"), FixedChunks)  # type: ignore[arg-type]
    return {name: value.contiguous() for name, value in values(engine)}, words()


def save(path: Path) -> int:
    tensors, texts = snapshot()
    save_file(tensors, path, {"words": json.dumps(texts)})
    print(f"{len(tensors)} tensors and {len(texts)} entries of words are in {path}.")
    return 0


def compare(path: Path) -> int:
    """Print every difference; the exit status is 1 if there is one."""
    tensors, texts = snapshot()
    differences = []
    with safe_open(path, "pt") as before:
        names = list(before.keys())
        texts_before = json.loads(before.metadata()["words"])
        for name in sorted({*names, *tensors}):
            if name not in names or name not in tensors:
                differences.append(f"{name}: only {'before' if name in names else 'now'}")
            elif difference := unlike(before.get_tensor(name), tensors[name]):
                differences.append(f"{name}: {difference}")
    gone = set(texts_before.pop("names")) - set(texts.pop("names"))  # new ones may come
    differences += [f"ex.{name} is gone" for name in sorted(gone)]
    for key in sorted({*texts_before, *texts}):
        if texts_before.get(key) != json.loads(json.dumps(texts.get(key))):
            differences.append(f"{key}: {texts_before.get(key)}\n  is now {texts.get(key)}")
    print("\n".join(differences) or f"All {len(tensors)} tensors are equal to the last bit, and all words the same.")
    return bool(differences)


def unlike(before: Tensor, now: Tensor) -> str:
    """How two tensors differ, in a few words; "" if they are equal bit for bit."""
    if before.shape != now.shape or before.dtype != now.dtype:
        return f"{tuple(before.shape)} {before.dtype} is now {tuple(now.shape)} {now.dtype}"
    if torch.equal(before.reshape(-1).view(torch.uint8), now.reshape(-1).view(torch.uint8)):
        return ""
    gap = (before.double() - now.double()).abs().nan_to_num().max()
    return f"up to {gap:.3g} apart, where the largest is {before.double().abs().nan_to_num().max():.3g}"


def main(arguments: list[str]) -> None:
    """`save FILE` or `compare FILE`."""
    verbs = {"save": save, "compare": compare}
    if len(arguments) != 2 or arguments[0] not in verbs:
        sys.exit("usage: python -m benchmarks values {save|compare} FILE")
    sys.exit(verbs[arguments[0]](Path(arguments[1])))
