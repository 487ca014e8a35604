"""What a benchmark says: one line of the table, and whether it keeps its bar."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal


@dataclass(frozen=True, slots=True)
class Bar:
    """How low or high the figure, or its ratio to what it is compared with, must be."""

    side: Literal["at most", "at least"]
    limit: float
    of: Literal["value", "ratio"] = "value"

    def met(self, figure: "Figure") -> bool:
        """Tell whether `figure` keeps to this bar."""
        found = figure.value if self.of == "value" else figure.ratio
        assert found is not None, "a bar on a ratio wants one"
        return found <= self.limit if self.side == "at most" else found >= self.limit

    def text(self, unit: str) -> str:
        """Return the bar as people write it."""
        sign = "<=" if self.side == "at most" else ">="
        return f"{sign} {self.limit:g}{'x' if self.of == 'ratio' else f' {unit}'}"


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured value; `compared` is the other side's, measured in the same run."""

    measure: str
    value: float
    unit: str
    bar: Bar | None = None
    compared: float | None = None
    versus: str = ""

    @property
    def ratio(self) -> float | None:
        """Return the value as a multiple of what it is compared with."""
        return self.value / self.compared if self.compared else None

    def as_dict(self) -> dict[str, Any]:
        """Return everything there is to say, for machines."""
        met = self.bar.met(self) if self.bar else None
        return {**asdict(self), "ratio": self.ratio, "met": met}

    def cells(self) -> tuple[str, ...]:
        """Return the line of the table."""
        compared = f"{self.ratio:.2f}x {self.versus}" if self.ratio else self.versus
        met = ("yes" if self.bar.met(self) else "NO") if self.bar else ""
        bar = self.bar.text(self.unit) if self.bar else ""
        return (self.measure, f"{_number(self.value)} {self.unit}", compared, bar, met)


HEADINGS = ("measure", "figure", "ratio", "bar", "met?")


def table(figures: Sequence[Figure]) -> str:
    """Return all figures as a table of plain text."""
    lines = [HEADINGS, *(figure.cells() for figure in figures)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(HEADINGS))]
    padded = ["  ".join(c.ljust(w) for c, w in zip(line, widths, strict=True)) for line in lines]
    rule = "  ".join("-" * width for width in widths)
    return "\n".join(line.rstrip() for line in (padded[0], rule, *padded[1:]))


def percentile(values: Sequence[float], share: float) -> float:
    """Return the value below which `share` (0 to 1) of `values` lie."""
    return sorted(values)[min(int(len(values) * share), len(values) - 1)]


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:,.1f}"
