"""The command line: `python -m explainers ...`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import explainers as ex
from explainers.export import json_text, save_result


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Returns:
        The exit status: 0, or 2 for input that is at fault, after one line on stderr.
    """
    parsed = _parser().parse_args(arguments)
    ex.configure_process()
    try:
        parsed.run(parsed)
    except ex.VitrineError as error:
        print(f"vitrine: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("vitrine: stopped.", file=sys.stderr)
        return 130
    except BrokenPipeError:  # `... | head` has seen enough
        sys.stderr.close()
        return 0
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m explainers", description="Why a PyTorch model answers as it does, from the command line."
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def command(name: str, run: Callable[[argparse.Namespace], None], text: str) -> argparse.ArgumentParser:
        subparser = commands.add_parser(name, help=text, description=text)
        subparser.add_argument("--json", action="store_true", help="print JSON for machines")
        subparser.set_defaults(run=run)
        return subparser

    def model_flags(subparser: argparse.ArgumentParser, required: bool = True) -> None:
        subparser.add_argument(
            "--model", required=required, help="demo:signs-cnn, torchvision:resnet50, torchvision:resnet18@random, ..."
        )
        subparser.add_argument("--weights", help="a checkpoint of that architecture (.safetensors, .pt, .pth, .ckpt)")
        subparser.add_argument("--labels", help="a text file with one label a line")

    model_flags(command("methods", _methods, "List the methods, or those a model can do."), required=False)
    command("models", _models, "List the models that can be opened by name.")
    predict = command("predict", _predict, "Ask a model about pictures.")
    explain = command(
        "explain", _explain, "Explain a model's answer: an overlay, the raw array and a manifest per picture."
    )
    weights = command("weights", _weights, "Statistics of every weight tensor, and what looks unhealthy.")
    inspect = command("inspect", _inspect, "What is in a checkpoint, without executing any of it.")
    for subparser in (predict, explain, weights):
        model_flags(subparser)
    for subparser in (predict, explain):
        subparser.add_argument(
            "images", nargs="+", metavar="IMAGE", help="a file, or a sample such as scene:1000003 or photo:chelsea"
        )
    explain.add_argument("--method", default="grad-cam", help="see the command `methods`")
    explain.add_argument(
        "--target",
        help="label or index of the class; or a channel, LAYER:CHANNEL, or LAYER:CHANNEL:ROW,COLUMN at one place; the top "
        "class if left out",
    )
    explain.add_argument("--against", help="another label or index: why the target rather than this")
    explain.add_argument(
        "--option", action="append", default=[], metavar="K=V", help="an option of the method; repeatable"
    )
    explain.add_argument(
        "--verify", nargs="?", const="quick", metavar="CHECKS",
        help="how far to trust it: quick (if nothing is named), all, or names of checks, separated by commas",
    )  # fmt: skip
    explain.add_argument(
        "--truth", metavar="MASK", help="a picture that is white where the evidence lies; for --verify"
    )
    for subparser in (predict, explain):
        subparser.add_argument(
            "--ground",
            action="store_true",
            help="whether the answer itself is safe ground: how sure, stable and familiar",
        )
    explain.add_argument("--out", required=True, type=Path, metavar="DIR", help="where the files go")
    weights.add_argument(
        "--against", metavar="FILE", help="another checkpoint of the architecture, compared tensor by tensor"
    )
    inspect.add_argument("file", metavar="FILE")
    return parser


def _print(parsed: argparse.Namespace, data: Any, lines: Sequence[str]) -> None:
    """The data as JSON if asked for, else the lines."""
    print(json_text(data) if parsed.json else "\n".join(lines))


def _load(parsed: argparse.Namespace) -> ex.Model:
    def progress(done: int, total: int | None) -> None:
        if sys.stderr.isatty():
            share = f"{done / total:.0%}" if total else f"{done / 1e6:.0f} MB"
            print(f"\rdownloading {share} ", end="", file=sys.stderr)

    return ex.load_model(parsed.model, weights=parsed.weights, labels=parsed.labels, progress=progress)


def _image(source: str) -> Any:
    is_sample = source.startswith(("scene:", "photo:")) and not Path(source).exists()
    return ex.sample(source).load() if is_sample else ex.read_image(source)


def _methods(parsed: argparse.Namespace) -> None:
    model = _load(parsed) if parsed.model else None
    listed = ex.methods(model)
    data = [
        {
            "name": method.name,
            "title": method.title,
            "family": method.family,
            "needs": [str(need.name).lower() for need in method.needs],
            "options": method.options.model_json_schema().get("properties", {}),
            "citation": method.citation,
            "shows": method.shows,
            "caveat": method.caveat,
        }
        for method in listed
    ]
    width = max(len(method.name) for method in listed)
    _print(parsed, data, [f"{method.name:<{width}}  {method.family:<9} {method.citation}" for method in listed])


def _models(parsed: argparse.Namespace) -> None:
    known = ex.list_models()
    lines = [f"{m.spec:<40} {m.title}{'' if m.on_disk else '  (needs a download)'}" for m in known]
    _print(parsed, known, lines)


def _predict(parsed: argparse.Namespace) -> None:
    model = _load(parsed)
    data, lines = [], []
    for source in parsed.images:  # one by one: decoded photographs are large
        image = _image(source)
        top = ex.predict(model, image).top(5)
        ground = ex.answer_ground(model, image) if parsed.ground else None
        entry: dict[str, Any] = {"image": source}
        entry["top"] = [{"label": n, "index": i, "probability": p} for n, i, p in top]
        data.append(entry | ({} if ground is None else {"ground": ground.record()}))
        lines.append(source)
        lines += [f"  {value:8.2%}  {label} ({index})" for label, index, value in top]
        lines += _ground_lines(ground)
    _print(parsed, data, lines)


def _explain(parsed: argparse.Namespace) -> None:
    model = _load(parsed)
    options = dict(_option(text) for text in parsed.option)
    target: Any = parsed.target
    if parsed.against is not None:
        if target is None:
            raise ex.VitrineError("--against needs --target: say which class is explained rather than the other.")
        target = ex.ContrastTarget(ex.class_index(target, model), ex.class_index(parsed.against, model))
    if parsed.truth is not None and parsed.verify is None:
        raise ex.VitrineError("--truth needs --verify: it is what the map is compared with.")
    manifests, lines = [], []
    for source in parsed.images:
        image = _image(source)
        attribution = ex.explain(model, image, method=parsed.method, target=target, **options)
        verdict = _verdict(parsed, model, image, attribution)
        ground = ex.answer_ground(model, image, attribution.target) if parsed.ground else None
        manifest = save_result(
            parsed.out,
            source,
            model,
            image,
            attribution,
            None if verdict is None else verdict.record(),
            None if ground is None else ground.record(),
        )
        manifests.append(manifest)
        lines.append(
            f"{manifest['image']}: {manifest['target']}, score {manifest['score']:.3f} -> {manifest['overlay']}"
        )
        lines += (
            []
            if verdict is None
            else [f"  Faithful to the model: {verdict.grade}. {verdict.reason}", f"  {verdict.sentence}"]
        )
        lines += _ground_lines(ground)
    _print(parsed, manifests, lines)


def _verdict(parsed: argparse.Namespace, model: ex.Model, image: Any, attribution: ex.Attribution) -> ex.Verdict | None:
    """What the checks say that --verify asks for."""
    if parsed.verify is None:
        return None
    checks = parsed.verify if parsed.verify in ("quick", "all") else parsed.verify.split(",")
    truth = None if parsed.truth is None else ex.truth_mask(model, ex.read_image(parsed.truth))
    return ex.verify(model, image, attribution, checks, truth=truth)


def _ground_lines(ground: ex.Ground | None) -> list[str]:
    """The grade of an answer with its reason, what was found, and what none of it tells."""
    if ground is None:
        return []
    lines = [f"  Safe ground: {ground.grade}. {ground.reason}"]
    lines += [f"    {finding.sentence}" for finding in ground.findings if finding.sentence != ground.reason]
    return [*lines, *([f"    {ground.note}"] if ground.note not in ("", ground.reason) else []), f"    {ground.limit}"]


def _option(text: str) -> tuple[str, Any]:
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise ex.VitrineError(f"--option takes NAME=VALUE, such as steps=50, not {text!r}.")
    return name, value


def _weights(parsed: argparse.Namespace) -> None:
    model = _load(parsed)
    if parsed.against:
        other = ex.load_model(parsed.model, weights=parsed.against, labels=parsed.labels)
        table = ex.compare(model, other)
        _print(parsed, table.to_dict("records"), [table.to_string(index=False)])
        return
    table = ex.weight_stats(model)
    findings = ex.health(table)
    data = {"tensors": table.to_dict("records"), "health": findings}
    findings_lines = [f"{f.level}: {f.sentence}" for f in findings] or [f"No problem found among {len(table)} tensors."]
    _print(parsed, data, [table.to_string(index=False), "", *findings_lines])


def _inspect(parsed: argparse.Namespace) -> None:
    info = ex.inspect_checkpoint(parsed.file)
    lines = [f"{info.format}, {info.size / 1e6:.2f} MB, {len(info.tensors)} tensors, {info.parameters:,} numbers"]
    lines += [f"sha256 {info.sha256}"]
    lines += [f"refused: {info.refused}"] if info.refused else []
    lines += [f"{name}: {value}" for name, value in {**info.hints, **dict(info.metadata)}.items()]
    lines += [f"key {entry.key}: {entry.type} {entry.value}".rstrip() for entry in info.entries]
    lines += [f"prefix {prefix} before every name" for prefix in info.prefixes]
    lines += [f"names {name}, which no plain checkpoint needs" for name in info.suspicious]
    lines += [f"  {t.name}  {t.dtype} {'x'.join(map(str, t.shape)) or 'scalar'}" for t in info.tensors]
    _print(parsed, info, lines)


if __name__ == "__main__":
    sys.exit(main())
