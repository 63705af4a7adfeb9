"""What a picture says of itself: the words under it, and those inside its file."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Provenance:
    """Where a map comes from, in words.

    Attributes:
        model, picture, target, method: what was asked; the method by its title, with its layer.
        options: those that differ from their defaults.
        score: of the target, as text.
        verdict: how far the map can be trusted.
        date: when the picture was made, "2026-11-27".
        link: the address of the page that shows it.
    """

    model: str
    picture: str
    target: str
    method: str
    options: str = ""
    score: str = ""
    verdict: str = ""
    date: str = ""
    link: str = ""

    def lines(self) -> list[str]:
        """To stand under the picture; what is not known is left out."""
        score = f", score {self.score}" if self.score else ""
        options = f" ({self.options})" if self.options else ""
        return [
            f"Model {self.model} on the picture {self.picture}; target: {self.target}{score}.",
            f"Method: {self.method}{options}.",
            *([f"Verdict: {self.verdict}"] if self.verdict else []),
            *filter(None, (self.date, self.link)),
        ]

    def metadata(self) -> dict[str, str]:
        """For the file; the first keywords are those that the PNG specification registers."""
        words = {
            "Title": self.method, "Description": " ".join(self.lines()).strip(), "Software": "Vitrine", "Creation Time": self.date,
            "Source": self.link, "Model": self.model, "Picture": self.picture, "Target": self.target, "Score": self.score,
            "Method": self.method, "Options": self.options, "Verdict": self.verdict,
        }  # fmt: skip
        return {keyword: text for keyword, text in words.items() if text}
