"""The verdict beside every map: quick checks at once, dear ones at a click."""

from __future__ import annotations

from typing import Any, Literal

import streamlit as st

import explainers as ex
from explainers.render.charts.trust import curve_chart, randomisation_chart
from pages.common.app import session
from pages.common.app.errors import sentences
from pages.common.app.images import batched
from pages.common.app.progress import progress_bar
from pages.common.app.selection import Selection, short_hash
from pages.common.result.ground_truth import Truth, truth_form
from pages.common.result.map_checks import MapChecks, identity
from pages.common.result.options_form import control, option_key
from pages.common.run.confirm import Offer, confirmed
from pages.common.run.snippets import verdict_code

PRESET = ["Deletion", "Insertion", "Model randomisation"]  # of the dear checks
REMEMBERED = 6  # other maps of the same question, to agree or disagree with
CURVES = ("deletion", "insertion", "road")

COLOURS: dict[bool | None, tuple[Literal["green", "orange", "gray"], str]] = {
    True: ("green", ":material/check:"),
    False: ("orange", ":material/warning:"),
    None: ("gray", ":material/info:"),
}
"""Of a finding that is good, bad, or neither: never the colour alone."""

OptionsByCheck = dict[str, dict[str, Any]]
"""The dear checks by name, each with those of its options that differ from their defaults."""


def verdict_panel(selection: Selection, attribution: ex.Attribution) -> None:
    """How far a map can be trusted: a sentence, a badge per check, its charts, and the dear checks to ask for."""
    st.subheader("How far can it be trusted?")
    sentence, badges = st.empty(), st.container(horizontal=True)
    truth = None
    with st.expander("Where the evidence is known to lie", icon=":material/my_location:"), sentences():
        truth = truth_form(selection, attribution)
    mask = None if truth is None else truth.mask
    map_checks = MapChecks(selection, attribution, mask, tuple(_others(selection, attribution)))
    checks = _checks_form(selection, attribution)
    verdicts = [map_checks.verdict()]
    missing = {name: options for name, options in checks.items() if map_checks.known(name, options) is None}
    if missing and not _confirmed(map_checks, missing):
        checks = {name: options for name, options in checks.items() if name not in missing}
        verdicts += [map_checks.verdict(name, options) for name, options in checks.items()]
    else:
        verdicts += [_verdict_with_progress(map_checks, name, options) for name, options in checks.items()]
    verdict = ex.Verdict.joined(verdicts)
    sentence.markdown(f"**{verdict.sentence}**")
    with badges:
        _badges(verdict)
    _charts(verdict)
    _table(verdict, _code(map_checks, truth, checks))


def _others(selection: Selection, attribution: ex.Attribution) -> list[ex.Attribution]:
    """The other maps of the same question that this visitor has looked at, one per method and layer, the latest last."""
    before = session.LOOKED_AT.get()
    earlier = before.maps if before is not None and before.question == selection.key else {}
    place = (attribution.method, attribution.layer)
    others = dict([(name, other) for name, other in earlier.items() if name != place][-REMEMBERED:])
    session.LOOKED_AT.set(session.LookedAt(selection.key, {**others, place: attribution}))
    return list(others.values())


def _checks_form(selection: Selection, attribution: ex.Attribution) -> OptionsByCheck:
    """Choose the dear checks; returns their names, each with those of its options that differ from their defaults."""
    fitting = {check.title: check for check in ex.checks(selection.model, attribution) if not check.quick}
    titles = st.multiselect(
        "Checks that take passes", list(fitting), [title for title in PRESET if title in fitting], bind="query-params",
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
        st.badge(f"{check.title}{number}", color=colour, icon=icon, help=f"{finding.sentence} {check.says}{better}")


def _charts(verdict: ex.Verdict) -> None:
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


def _code(map_checks: MapChecks, truth: Truth | None, checks: OptionsByCheck) -> str:
    """Python that says the same of the map `a`."""
    others = []
    for other in map_checks.others:
        usual = ex.find_method(other.method).options().model_dump(mode="json")
        differing = {name: value for name, value in other.options.items() if value != usual.get(name)}
        others.append((other.method, differing))
    truth_code = None if truth is None else truth.code
    return verdict_code(truth_code, others, checks, map_checks.selection.target_code)
