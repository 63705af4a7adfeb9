"""What shuts people out of a page: axe-core's findings, and what the Tab key reaches and shows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from playwright.sync_api import Page

from tests.support.browser.axe import find_axe

RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
"""axe-core's tags of WCAG 2.2, levels A and AA."""

ALSO = ["heading-order", "page-has-heading-one", "empty-heading", "image-redundant-alt"]
"""Rules beyond WCAG that hold here all the same."""

HARD = ("serious", "critical")


@dataclass(frozen=True)
class Finding:
    """An element that breaks a rule."""

    rule: str
    impact: str
    selector: str
    html: str
    says: str
    inside: tuple[str, ...]
    """The names (data-testid) of the widgets around it, the innermost first."""

    def __str__(self) -> str:
        place = f"{self.selector} (inside {' < '.join(self.inside)})"
        return f"{self.rule} ({self.impact}): {self.says}\n    at {place}\n    {self.html[:200]}"


@dataclass(frozen=True)
class Known:
    """A finding inside one of Streamlit's own widgets, where nothing from outside can mend it."""

    rule: str
    inside: str
    """The widget, by its data-testid."""
    reason: str
    pages: tuple[str, ...] = ()
    """Where it stands; on every page if none is named."""

    def covers(self, finding: Finding) -> bool:
        return finding.rule == self.rule and self.inside in finding.inside

    def stands_on(self, page: str) -> bool:
        return not self.pages or page in self.pages


def examine(page: Page, within: str = "html") -> list[Finding]:
    """What axe-core finds on the page as it stands, in the rules of WCAG 2.2 AA and in `ALSO`."""
    if not page.evaluate("'axe' in window"):
        page.add_script_tag(path=find_axe())
    report = page.evaluate(
        """async ([within, tags, also]) => {
          const report = await axe.run(within, {
            resultTypes: ["violations"],
            elementRef: true,
            runOnly: {type: "tag", values: tags},
            rules: Object.fromEntries(also.map(rule => [rule, {enabled: true}])),
          });
          const around = (at, names = []) => {
            for (; at; at = at.parentElement) if (at.dataset?.testid) names.push(at.dataset.testid);
            return names;
          };
          return report.violations.flatMap(rule => rule.nodes.map(node => {
            const broken = [...node.any, ...node.all, ...node.none];
            const says = broken[0]?.message ?? rule.help;
            return [rule.id, rule.impact, node.target.flat().join(" "), node.html, says, around(node.element)];
          }));
        }""",
        [within, RULES, ALSO],
    )
    return [Finding(*words, inside=tuple(names)) for *words, names in report]


def faults(findings: Iterable[Finding]) -> list[Finding]:
    """Those that must not be: serious or critical ones, and headings out of order."""
    return [finding for finding in findings if finding.impact in HARD or finding.rule in ALSO]


MARK = """
() => {
  const kinds = "a[href], button:enabled, input:enabled:not([type=hidden]), textarea:enabled, select:enabled, summary, " +
    "[tabindex='0'], [role=button], [role=slider], [role=tab], [role=switch], [role=combobox]";
  const shown = e => e.checkVisibility({visibilityProperty: true}) && e.getClientRects().length > 0;
  // Arrow keys move within a group that is one stop of the Tab key: radio buttons, tabs, tags, the cells of a table. A button
  // that is left out of the order on purpose repeats what its own field does by arrow keys: opening a list, stepping a number.
  const group = e => e.closest("[role=radiogroup], [role=tablist], [role=grid], [role=toolbar], [data-testid=stMultiSelectTagsContainer]");
  const name = e => {
    const words = e.getAttribute("aria-label") || e.labels?.[0]?.innerText || e.innerText || e.value || "";
    const place = (host(e) ?? e).closest("[class*='st-key-']")?.className.match(/st-key-\\S+/)?.[0] ?? "";
    return `${e.localName} "${words.slice(0, 60).replaceAll("\\n", " ")}" in ${(host(e) ?? e).closest("[data-testid]")?.dataset.testid} ${place}`;
  };
  const ring = e => {
    for (let up = 0, at = e; at && up < 5; up++, at = at.parentElement ?? host(at)) {
      const style = getComputedStyle(at), box = at.getBoundingClientRect();
      const seen = up > 0 || (box.width > 4 && Number(style.opacity) > 0);
      if (seen && style.outlineStyle === "solid" && parseFloat(style.outlineWidth) >= 2) return style.outlineColor;
    }
    return null;
  };
  // Components keep what they draw in shadow roots of their own.
  const roots = [document];
  for (const root of roots) for (const e of root.querySelectorAll("*")) if (e.shadowRoot) roots.push(e.shadowRoot);
  const active = () => {
    let e = document.activeElement;
    while (e?.shadowRoot?.activeElement) e = e.shadowRoot.activeElement;
    return e;
  };
  const host = e => e.getRootNode().host;
  const controls = roots.flatMap(root => [...root.querySelectorAll(kinds)]).filter(e => shown(e) && e.tabIndex >= 0);
  const reached = new Set();
  window.vitrineTab = {
    count: controls.length,
    stop: () => {
      const e = active();
      if (!e || e === document.body) return null;
      const again = reached.has(e);
      reached.add(e);
      return {name: name(e), ring: ring(e), again};
    },
    missed: () => {
      const groups = new Set([...reached].map(group).filter(Boolean));
      return controls.filter(e => e.isConnected && shown(e) && !reached.has(e) && !groups.has(group(e))).map(name);
    },
  };
}
"""


@dataclass(frozen=True)
class Tour:
    """What the Tab key showed: the controls it reached in order, those without a visible ring, and those it never reached."""

    reached: Sequence[str]
    unmarked: Sequence[str]
    missed: Sequence[str]


def tab_through(page: Page) -> Tour:
    """Press Tab from the top of the page until nothing new comes."""
    page.evaluate(MARK)
    page.evaluate("document.activeElement?.blur()")
    reached: list[str] = []
    unmarked: list[str] = []
    stale = 0
    for _ in range(2 * page.evaluate("vitrineTab.count") + 50):
        page.keyboard.press("Tab")
        stop = page.evaluate("vitrineTab.stop()")
        stale = stale + 1 if stop is None or stop["again"] else 0
        if stop is not None and not stop["again"]:
            reached.append(stop["name"])
            unmarked += [stop["name"]] if stop["ring"] is None else []
        if stale > LEAVING:
            break
    return Tour(reached, unmarked, page.evaluate("vitrineTab.missed()"))


LEAVING = 30  # presses that go through the cells of a table before one leaves it
