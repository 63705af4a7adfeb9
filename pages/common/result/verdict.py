"""The verdict beside every map: two conclusions at once, and the checks behind them; dear ones at a click."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

import explainers as ex
from explainers.render.charts.trust import curve_chart, fit_chart, randomisation_chart
from pages.common.app.address import bound
from pages.common.app.badges import badge, badge_row
from pages.common.app.images import batched
from pages.common.app.progress import progress_bar
from pages.common.app.selection import short_hash
from pages.common.result.conclusions import FAITHFUL, answer_conclusion, conclude
from pages.common.result.ground_truth import Truth
from pages.common.result.map_checks import QUICK, MapChecks, identity
from pages.common.result.options_form import control, option_key
from pages.common.run.confirm import Offer, confirmed
from pages.common.run.snippets import verdict_code

PRESET = ["Deletion", "Insertion", "Model randomisation"]  # of the dear checks
CURVES = ("deletion", "insertion", "road")
UNPRICED = 2.0  # seconds that a map took, up to which its quick checks are made without asking for their price

COLOURS: dict[bool | None, tuple[Literal["green", "orange", "gray"], str]] = {
    True: ("green", ":material/check:"),
    False: ("orange", ":material/warning:"),
    None: ("gray", ":material/info:"),
}
"""Of a finding that is good, bad, or neither: never the colour alone."""

OptionsByCheck = dict[str, dict[str, Any]]
"""The dear checks by name, each with those of its options that differ from their defaults."""


def verdict_panel(
    map_checks: MapChecks, truth: Truth | None, conclusions: DeltaGenerator, checks_tab: DeltaGenerator
) -> ex.Verdict | None:
    """How far a map can be trusted: the conclusions, and in the tab what they are made of; None where a click is waited for."""
    with checks_tab:
        checks = _checks_form(map_checks)
        quick = _quick_verdict(map_checks)
        if quick is None:
            return None
        verdicts = [quick]
        missing = {name: options for name, options in checks.items() if map_checks.known(name, options) is None}
        if missing and not _confirmed(map_checks, missing):
            checks = {name: options for name, options in checks.items() if name not in missing}
        verdicts += [_verdict_with_progress(map_checks, name, options) for name, options in checks.items()]
    verdict = ex.Verdict.joined(verdicts)
    with conclusions:
        conclude(FAITHFUL, verdict.grade, verdict.reason)
        ground = answer_conclusion(map_checks.selection)
        with badge_row():
            _badges(verdict)
    with checks_tab:
        st.markdown(verdict.sentence)
        _charts(verdict)
        _table(verdict, ground, _code(map_checks, truth, checks))
    return verdict


def _quick_verdict(map_checks: MapChecks) -> ex.Verdict | None:
    """The quick checks together; None while they wait for a click because they run a slow method again."""
    if map_checks.attribution.cost.seconds > UNPRICED and map_checks.known(QUICK, {}) is None:
        work = short_hash("quick", map_checks.key(QUICK, {}))
        offer = Offer("Check this map: about {time}", ":material/fact_check:", "secondary", "make_quick_checks")
        if not confirmed(work, lambda: [map_checks.price(QUICK, {})], offer):
            return None
    with progress_bar("Checking the map") as bar:
        return map_checks.verdict(bar=bar)


def _checks_form(map_checks: MapChecks) -> OptionsByCheck:
    """Choose the dear checks; returns their names, each with those of its options that differ from their defaults."""
    fitting = {check.title: check for check in map_checks.dear_checks()}
    titles = bound(
        st.multiselect, "Checks that take passes", list(fitting), [title for title in PRESET if title in fitting],
        # One key per choice of checks: a black box has no weights to redraw, and not every method draws at random.
        key=f"checks_{len(fitting)}", wrap=True,
        help="\n\n".join(f"**{check.title}.** {check.says} ({check.citation})" for check in fitting.values()),
    )  # fmt: skip
    checks: OptionsByCheck = {fitting[title].name: {} for title in titles}
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
                        checks[check.name][name] = value
    return checks


def _confirmed(map_checks: MapChecks, missing: OptionsByCheck) -> bool:
    """Whether the checks not yet made may be: a button says what they will take."""
    work = short_hash(map_checks.selection.key, identity(map_checks.attribution), missing)
    many = f"{len(missing)} check{'s' if len(missing) > 1 else ''}"
    offer = Offer(f"Make {many}: about {{time}}", ":material/fact_check:", "secondary", "make_checks", unasked=False)
    return confirmed(work, lambda: [map_checks.price(name, options) for name, options in missing.items()], offer)


def _verdict_with_progress(map_checks: MapChecks, name: str, options: dict[str, Any]) -> ex.Verdict:
    with progress_bar(ex.find_check(name).title) as bar:
        return map_checks.verdict(name, options, bar)


def _badges(verdict: ex.Verdict) -> None:
    for check, finding in zip(verdict.checks, verdict.findings, strict=True):
        colour, icon = COLOURS[finding.good]
        number = "" if finding.value is None or check.name == "map" else f" {finding.value:.2f}"
        better = f" ({check.better} is better)" if check.better and number else ""
        badge(f"{check.title}{number}", colour, icon, f"{finding.sentence}\n\n{check.says}{better}")


def _charts(verdict: ex.Verdict) -> None:
    """The charts of the checks that have one."""
    tables = {finding.check: finding.table for finding in verdict.findings if finding.table is not None}
    drawn: dict[str, tuple[Callable[[], Any], str]] = {
        "faithfulness-correlation": (
            lambda: fit_chart(tables["faithfulness-correlation"]),
            "The score of pictures with hidden halves, against how much of the map each shows",
        ),
        **{
            name: (
                lambda name=name: curve_chart(tables[name], ex.find_check(name).title),
                f"{ex.find_check(name).title}: the score as pixels are covered or shown in several orders",
            )
            for name in CURVES
        },
        "randomisation": (
            lambda: randomisation_chart(tables["randomisation"]),
            "How like itself the map stays while weights are redrawn",
        ),
    }
    charts = [chart for name, chart in drawn.items() if name in tables]
    for row in batched(charts, 2):
        for column, (make, words) in zip(st.columns(2), row, strict=False):
            column.altair_chart(make(), alt=words)


def _table(verdict: ex.Verdict, ground: ex.Ground, code: str) -> None:
    """All findings as a table, what stands behind the charts, and the code."""
    with st.expander("The checks as a table", icon=":material/table:"):
        st.dataframe(verdict.table(), hide_index=True, alt="What every check found")
        for finding in verdict.findings:
            if finding.table is not None:
                st.caption(f"{ex.find_check(finding.check).title}, in numbers")
                st.dataframe(finding.table, hide_index=True, height=200, alt=f"Numbers of {finding.check}")
        st.caption("The answer itself, in numbers")
        st.dataframe(ground.table(), hide_index=True, alt="How sure, how stable and how familiar the answer is")
        st.caption(ground.limit)
        st.caption("The same from Python, after the code that makes the map:")
        st.code(code, language="python", wrap_lines=True)


def _code(map_checks: MapChecks, truth: Truth | None, checks: OptionsByCheck) -> str:
    """Python that says the same of the map `a`."""
    return verdict_code(None if truth is None else truth.code, checks, map_checks.selection.target_code)
