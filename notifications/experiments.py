"""Experiments: a kind's texts against each other, or against no mail at all.

Marketing writes them into `experiments.toml` in the folder of replaced templates:

    [friendlier-subject]
    kind = "winback_voluntary"
    variants = { plain = 45, friendly = 45 }   # in parts of all
    hold_out = 10                              # get no mail
    days = 28                                  # within which a recovery counts

The first variant is what the others are measured against. A variant's own templates stand in
`<kind>@<variant>/`; what is not there is taken from `<kind>/`.
"""

import hashlib
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sync.errors import SettingsError

FILE = "experiments.toml"
HOLD_OUT = "hold_out"
# What can be measured by money or customers that came back.
CAMPAIGN_KINDS = frozenset({"action_required", "payment_failed", "final_notice"})
RETURN_KINDS = frozenset({"winback_delinquent", "winback_voluntary"})
# No law and no contract asks for these, so somebody may get none.
MAY_BE_HELD_OUT = frozenset({"payment_failed", *RETURN_KINDS})
_FIELDS = frozenset({"kind", "variants", "hold_out", "days"})
_NAME = re.compile(r"[a-z0-9][a-z0-9-]*")
DAYS = 28


@dataclass(frozen=True, slots=True, kw_only=True)
class Experiment:
    """One experiment; `variants` are names and their weights, in the order of the file.

    `hold_out` is the weight of those who get no mail, `days` how long a recovery counts.
    """

    name: str
    kind: str
    variants: Mapping[str, int]
    hold_out: int = 0
    days: int = DAYS

    @property
    def arms(self) -> Sequence[tuple[str, int]]:
        """All that a customer can fall into, with its weight."""
        held_out = [(HOLD_OUT, self.hold_out)] if self.hold_out else []
        return [*self.variants.items(), *held_out]

    def variant_for(self, customer_id: str) -> str:
        """Return the experiment and the arm that this customer is in, always the same."""
        arms = self.arms
        digest = hashlib.sha256(f"{self.name}:{customer_id}".encode()).digest()
        place = int.from_bytes(digest[:8]) % sum(weight for _, weight in arms)
        for arm, weight in arms:
            if place < weight:
                return f"{self.name}/{arm}"
            place -= weight
        raise AssertionError("weights add up")  # pragma: no cover


def template_of(kind: str, variant: str | None) -> str:
    """Return the name under which a kind's templates for `variant` stand."""
    arm = arm_of(variant) if variant else HOLD_OUT
    return kind if arm == HOLD_OUT else f"{kind}@{arm}"


def arm_of(variant: str) -> str:
    """Return the arm of a recorded variant."""
    return variant.rpartition("/")[2]


def is_held_out(variant: str) -> bool:
    """Tell whether this customer gets no mail, so that the mail can be measured."""
    return arm_of(variant) == HOLD_OUT


def read(folder: str | None) -> Mapping[str, Experiment]:
    """Return the experiments of a folder, by the kind they are about; none without a file.

    Raises:
        SettingsError: the file is not as it must be; says every mistake.
    """
    file = Path(folder, FILE) if folder else None
    if file is None or not file.is_file():
        return {}
    try:
        written = tomllib.loads(file.read_text("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{FILE}: {error}") from error
    mistakes = [f"{FILE}: {line}" for line in _mistakes(written)]
    if mistakes:
        raise SettingsError("; ".join(mistakes))
    found = [_experiment(name, table) for name, table in written.items()]
    return {experiment.kind: experiment for experiment in found}


def _experiment(name: str, table: Mapping[str, Any]) -> Experiment:
    return Experiment(name=name, **table)


def _mistakes(written: Mapping[str, Any]) -> list[str]:
    tables = {name: table for name, table in written.items() if isinstance(table, dict)}
    kinds = [table.get("kind") for table in tables.values()]
    return [
        *(f"{name} is no table" for name in written if name not in tables),
        *(f"{name}: {problem}" for name, table in tables.items() for problem in _of(name, table)),
        *(
            f"two experiments about {kind}"
            for kind in sorted(set(map(str, kinds)))
            if kinds.count(kind) > 1
        ),
    ]


def _of(name: str, table: Mapping[str, Any]) -> list[str]:
    kind, variants = table.get("kind"), table.get("variants")
    hold_out, days = table.get("hold_out", 0), table.get("days", DAYS)
    measured = CAMPAIGN_KINDS | RETURN_KINDS
    weights = variants if isinstance(variants, dict) else {}
    rules = (
        (bool(_NAME.fullmatch(name)), "a name has small letters, digits and -"),
        (set(table) <= _FIELDS, f"known are {', '.join(sorted(_FIELDS))}"),
        (kind in measured, f"kind is one of {', '.join(sorted(measured))}"),
        (_are_weights(weights), "variants are names with whole numbers above 0"),
        (_is_whole(hold_out, 0), "hold_out is a whole number"),
        (_is_whole(days, 1), "days is a whole number above 0"),
        (not hold_out or kind in MAY_BE_HELD_OUT, f"nobody may be held out of {kind}"),
        (len(weights) + bool(hold_out) > 1, "there is nothing to compare"),
    )
    return [problem for holds, problem in rules if not holds]


def _are_weights(variants: Mapping[str, Any]) -> bool:
    return bool(variants) and all(
        _NAME.fullmatch(name) and _is_whole(weight, 1) for name, weight in variants.items()
    )


def _is_whole(value: Any, least: int) -> bool:
    return type(value) is int and value >= least
