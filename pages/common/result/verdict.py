"""The verdict beside every map: quick checks at once, dear ones at a click."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import streamlit as st

import explainers as ex
from explainers.render.charts.trust import curve_chart, randomisation_chart
from pages.common.app import session
from pages.common.app.caches import result_cache
from pages.common.app.errors import sentences
from pages.common.app.images import batched
from pages.common.app.progress import ProgressBar, progress_bar
from pages.common.app.selection import Selection, short_hash
from pages.common.result.ground_truth import Truth, truth_form
from pages.common.result.options_form import control, option_key
from pages.common.run.explain import duration, passes_in_words, plain

FIRST_ASKED = ["Deletion", "Insertion", "Model randomisation"]


QUICK = ""


REMEMBERED = 6  # other maps of the same question, to agree or disagree with


CURVES = ("deletion", "insertion", "road")


COLOURS: dict[bool | None, tuple[Literal["green", "orange", "gray"], str]] = {
    True: ("green", ":material/check:"),
    False: ("orange", ":material/warning:"),
    None: ("gray", ":material/info:"),
}
"""Of a finding that is good, bad, or neither: never the colour alone."""


def verdict_panel(selection: Selection, result: ex.Attribution) -> None:
    """How far a map can be trusted: a sentence, a badge per check, what they drew, and the dear checks to ask for."""
    st.subheader("How far can it be trusted?")
    said, marks = st.empty(), st.container(horizontal=True)
    truth = None
    with st.expander("Where the evidence is known to lie", icon=":material/my_location:"), sentences():
        truth = truth_form(selection, result)
    trial = MapChecks(selection, result, truth and truth.mask, tuple(_others(selection, result)))
    asked = _form(selection, result)
    verdicts = [trial.verdict()]
    made = dict(asked)
    missing = [name for name, options in asked.items() if trial.found(name, options) is None]
    if not missing or _offered(trial, {name: asked[name] for name in missing}):
        verdicts += [_made(trial, name, options) for name, options in asked.items()]
    else:
        made = {name: options for name, options in asked.items() if name not in missing}
        verdicts += [trial.verdict(name, options) for name, options in made.items()]
    verdict = ex.Verdict.joined(verdicts)
    said.markdown(f"**{verdict.sentence}**")
    with marks:
        _badges(verdict)
    _drawn(verdict)
    _table(verdict, _code(trial, truth, made))


@dataclass(frozen=True, eq=False)
class MapChecks:
    """One map that is checked. What was found stays on the shelf, under what it was made of.

    Attributes:
        truth: where the evidence is known to lie, (H, W) bool.
        others: other maps of the same question.
    """

    selection: Selection
    result: ex.Attribution
    truth: np.ndarray | None = None
    others: tuple[ex.Attribution, ...] = ()

    def found(self, name: str, options: dict[str, Any]) -> ex.Verdict | None:
        """What a check has found, if it has been made."""
        found: ex.Verdict | None = result_cache().find(self.key(name, options))
        return found

    def verdict(
        self, name: str = QUICK, options: dict[str, Any] | None = None, bar: ProgressBar | None = None
    ) -> ex.Verdict:
        """What a check finds, or the quick ones together."""
        options = options or {}
        found: ex.Verdict = result_cache().get(
            self.key(name, options),
            lambda: ex.verify(
                self.selection.model, self.selection.image, self.result, name or None,
                truth=self.truth, others=self.others, progress=bar, **options,
            ),
        )  # fmt: skip
        return found

    def price(self, name: str, options: dict[str, Any]) -> ex.Cost:
        """What a check will take."""
        price: ex.Cost = result_cache().get(
            ("price", *self.key(name, options)),
            lambda: ex.estimate_verify(self.selection.model, self.result, name, **options),
        )
        return price

    def key(self, name: str, options: dict[str, Any]) -> tuple[object, ...]:
        """What a check is made of: the map, the options and, for the quick ones, the truth and the other maps."""
        about = (*self.selection.key, *identity(self.result), name, repr(sorted(options.items())))
        if name != QUICK:
            return ("verdict", *about)
        truth = None if self.truth is None else self.truth.tobytes()
        return ("verdict", *about, short_hash(truth, [identity(other) for other in self.others]))


def identity(result: ex.Attribution) -> tuple[object, ...]:
    """What tells two maps of one question apart."""
    return (result.method, result.layer, repr(sorted(result.options.items())), result.share)


def _others(selection: Selection, result: ex.Attribution) -> list[ex.Attribution]:
    """The other maps of the same question that this visitor has looked at, one per method and layer, the latest last."""
    before = session.LOOKED_AT.get()
    earlier = before.maps if before is not None and before.question == selection.key else {}
    place = (result.method, result.layer)
    others = dict([(name, other) for name, other in earlier.items() if name != place][-REMEMBERED:])
    session.LOOKED_AT.set(session.LookedAt(selection.key, {**others, place: result}))
    return list(others.values())


def _form(selection: Selection, result: ex.Attribution) -> dict[str, dict[str, Any]]:
    """Choose the dear checks; returns their names, each with those of its options that differ from their defaults."""
    fitting = {check.title: check for check in ex.checks(selection.model, result) if not check.quick}
    titles = st.multiselect(
        "Checks that take passes", list(fitting), [title for title in FIRST_ASKED if title in fitting], bind="query-params",
        # One key per choice of checks: a black box has no weights to redraw, and not every method draws at random.
        key=f"checks_{len(fitting)}", wrap=True,
        help="\n\n".join(f"**{check.title}.** {check.says} ({check.citation})" for check in fitting.values()),
    )  # fmt: skip
    asked: dict[str, dict[str, Any]] = {fitting[title].name: {} for title in titles}
    with st.expander("Options of the checks", icon=":material/tune:"):
        for title in titles:
            check = fitting[title]
            fields = {name: field for name, field in check.options.model_fields.items() if name != "reduce"}
            st.markdown(f"**{title}.** {check.says}")
            for row in batched(list(fields), 3):
                for column, name in zip(st.columns(3), row, strict=False):
                    with column:
                        value = control(option_key("check", check.name, name), name, fields[name])
                    if value != fields[name].default:
                        asked[check.name][name] = value
    return asked


def _offered(trial: MapChecks, missing: dict[str, dict[str, Any]]) -> bool:
    """A button that says what the checks not yet made will take; True once it was pressed."""
    prices = [trial.price(name, options) for name, options in missing.items()]
    forward, backward = sum(price.forward for price in prices), sum(price.backward for price in prices)
    many = f"{len(missing)} check{'s' if len(missing) > 1 else ''}"
    words = (
        f"about {duration(sum(p.seconds for p in prices))}"  # the passes below: a narrow screen cuts long buttons off
    )
    name = f"_asked_{short_hash(trial.selection.key, identity(trial.result), missing)}"
    if st.session_state.get(name):
        return True
    st.button(f"Make {many}: {words}", icon=":material/fact_check:", key="make_checks", on_click=_ask, args=(name,))
    st.caption(f"{passes_in_words(forward, backward)}.")
    return False


def _ask(name: str) -> None:
    st.session_state[name] = True


def _made(trial: MapChecks, name: str, options: dict[str, Any]) -> ex.Verdict:
    with progress_bar(ex.find_check(name).title) as bar:
        return trial.verdict(name, options, bar)


def _badges(verdict: ex.Verdict) -> None:
    for check, finding in zip(verdict.checks, verdict.findings, strict=True):
        colour, icon = COLOURS[finding.good]
        number = "" if finding.value is None or check.name == "map" else f" {finding.value:.2f}"
        better = f" ({check.better} is better)" if check.better and number else ""
        st.badge(f"{check.title}{number}", color=colour, icon=icon, help=f"{finding.sentence} {check.says}{better}")


def _drawn(verdict: ex.Verdict) -> None:
    """The charts of the checks that have one."""
    tables = {finding.check: finding.table for finding in verdict.findings if finding.table is not None}
    charts: list[tuple[Any, str]] = []
    for name in CURVES:
        if name in tables:
            title = ex.find_check(name).title
            charts.append(
                (
                    curve_chart(tables[name], title),
                    f"{title}: the score as pixels are covered or shown in several orders",
                )
            )
    if "randomisation" in tables:
        words = "How like itself the map stays while weights are redrawn"
        charts.append((randomisation_chart(tables["randomisation"]), words))
    for row in batched(charts, 2):
        for column, (chart, words) in zip(st.columns(2), row, strict=False):
            column.altair_chart(chart, alt=words)


def _table(verdict: ex.Verdict, code: str) -> None:
    """All findings as a table, what stands behind the charts, and the code."""
    with st.expander("The checks as a table", icon=":material/table:"):
        st.dataframe(verdict.table(), hide_index=True, alt="What every check found")
        for finding in verdict.findings:
            if finding.table is not None:
                st.caption(f"{ex.find_check(finding.check).title}, in numbers")
                st.dataframe(finding.table, hide_index=True, height=200, alt=f"Numbers of {finding.check}")
        st.caption("The same from Python, after the code that makes the map:")
        st.code(code, language="python")


def _code(trial: MapChecks, truth: Truth | None, made: dict[str, dict[str, Any]]) -> str:
    """Python that says the same of the map `a`."""
    target = f", target={trial.selection.target_code}" if trial.selection.target_code else ""
    lines, known = [], ""
    if truth is not None:
        lines.append(f"truth = {truth.code}")
        known += ", truth=truth"
    if trial.others:
        lines.append("others = [")
        for other in trial.others:
            usual = ex.find_method(other.method).options().model_dump(mode="json")
            options = {name: value for name, value in other.options.items() if value != usual.get(name)}
            lines.append(f'    ex.explain(model, image, "{other.method}"{target}{_arguments(options)}),')
        lines.append("]")
        known += ", others=others"
    calls = [f"ex.verify(model, image, a, {name!r}{_arguments(options)})" for name, options in made.items()]
    lines += ["verdicts = [", *(f"    {call}," for call in (f"ex.verify(model, image, a{known})", *calls)), "]"]
    return "\n".join([*lines, "print(ex.Verdict.joined(verdicts).sentence)"])


def _arguments(options: dict[str, Any]) -> str:
    return "".join(f", {name}={value!r}" for name, value in plain(options).items())
