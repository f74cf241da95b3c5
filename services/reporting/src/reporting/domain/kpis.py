"""KPIs: what each is made of, its value in a sum of figures, and whether it meets its target."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from chassis.errors import InvalidInput, NotFound

from reporting.domain.figures import Figures
from reporting.domain.sketch import quantile

AT_LEAST, AT_MOST = "at_least", "at_most"
_LIMITS = {"ratio": (0.0, 1.0), "points": (0.0, 100.0), "nps": (-100.0, 100.0), "minutes": (0.0, 1e6), "count": (0.0, 1e12)}
UNITS = frozenset(_LIMITS)


@dataclass(frozen=True, slots=True)
class Kpi:
    """One line of the catalogue.

    value = scale * (numerator - minus) / denominator; without denominator it counts the numerator; with `share` it is that
    percentile of handling times. `divisor` turns stored whole numbers into the unit. `enough` is the denominator from which a
    day's figure says something: below it no breach is told.
    """

    kpi: str
    title: str
    definition: str
    unit: str
    sense: str = ""
    target: float | None = None
    numerator: tuple[str, ...] = ()
    minus: tuple[str, ...] = ()
    denominator: tuple[str, ...] = ()
    divisor: float = 1.0
    scale: float = 1.0
    share: float | None = None
    enough: int = 30


@dataclass(frozen=True, slots=True)
class KpiValue:
    """A measured figure; `value` is None where nothing was measured, `met` where value or target is."""

    kpi: Kpi
    value: float | None
    numerator: float
    denominator: float

    @property
    def met(self) -> bool | None:
        if self.value is None or self.kpi.target is None or not self.kpi.sense:
            return None
        # Figures are sums of whole numbers: what differs by less than this is the same figure.
        slack = 1e-9 * max(1.0, abs(self.kpi.target))
        return self.value >= self.kpi.target - slack if self.kpi.sense == AT_LEAST else self.value <= self.kpi.target + slack


@dataclass(frozen=True, slots=True)
class KpiChange:
    """One figure in two spans."""

    current: KpiValue
    baseline: KpiValue

    @property
    def change(self) -> float | None:
        return None if self.current.value is None or self.baseline.value is None else self.current.value - self.baseline.value

    @property
    def better(self) -> bool | None:
        if not self.change or self.current.kpi.target is None or not self.current.kpi.sense:
            return None
        return (self.change > 0) == (self.current.kpi.sense == AT_LEAST)


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Every KPI, in the order in which they are shown."""

    kpis: tuple[Kpi, ...]

    def named(self, kpi: str) -> Kpi:
        """Raises NotFound."""
        for each in self.kpis:
            if each.kpi == kpi:
                return each
        raise NotFound("there is no such KPI", field="kpi")

    def with_targets(self, targets: Mapping[str, float]) -> "Catalogue":
        """The same KPIs with a tenant's own targets."""
        return Catalogue(tuple(replace(k, target=targets[k.kpi]) if k.kpi in targets else k for k in self.kpis))

    def values(self, figures: Figures) -> tuple[KpiValue, ...]:
        return tuple(value(k, figures) for k in self.kpis)

    def breaches(self, figures: Figures, told: Sequence[str]) -> list[KpiValue]:
        """What has left its target, with enough measured to say so, and was not told before."""
        return [v for v in self.values(figures) if v.met is False and v.denominator >= v.kpi.enough and v.kpi.kpi not in told]


def value(kpi: Kpi, figures: Figures) -> KpiValue:
    """A KPI in a sum of figures. Counts have denominator 1; percentiles the figure itself over the number measured."""
    if kpi.share is not None:
        bins = {int(k[2:]): n for k, n in figures.items() if k.startswith("h.") and n}
        milliseconds = quantile(bins, kpi.share)
        found = None if milliseconds is None else milliseconds / kpi.divisor
        return KpiValue(kpi, found, found or 0.0, float(sum(bins.values())))
    numerator = (sum(figures.get(n, 0) for n in kpi.numerator) - sum(figures.get(n, 0) for n in kpi.minus)) / kpi.divisor
    if not kpi.denominator:
        return KpiValue(kpi, numerator * kpi.scale, numerator, 1.0)
    denominator = float(sum(figures.get(n, 0) for n in kpi.denominator))
    return KpiValue(kpi, kpi.scale * numerator / denominator if denominator else None, numerator, denominator)


def checked_target(kpi: Kpi, target: float) -> float:
    """Raises InvalidInput where the KPI takes no target or the target is no figure in its unit."""
    if not kpi.sense:
        raise InvalidInput("kpi", "takes no target: neither more nor less of it is good")
    low, high = _LIMITS[kpi.unit]
    if not math.isfinite(target) or not low <= target <= high:
        raise InvalidInput("target", f"must be between {low:g} and {high:g} ({kpi.unit})")
    return target


@dataclass(frozen=True, slots=True)
class ItemRate:
    """How often one scorecard item was passed."""

    item_id: str
    title: str
    dimension: str
    passed: int
    failed: int
    abstained: int

    @property
    def rate(self) -> float | None:
        judged = self.passed + self.failed
        return self.passed / judged if judged else None


def worst_first(rates: Sequence[ItemRate]) -> list[ItemRate]:
    """By rate; items never judged come last, equals in order of their id."""
    return sorted(rates, key=lambda r: (r.rate is None, r.rate or 0.0, r.item_id))
