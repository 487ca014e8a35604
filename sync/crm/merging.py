"""Several customers who are one contact over there: one snapshot for all of them."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sync.crm.risk import BANDS
from sync.crm.standing import rank_of

Fields = Mapping[str, Any]
_Merge = Callable[[Sequence[Any]], Any]


def _total(values: Sequence[Any]) -> Any:
    known = [value for value in values if value is not None]
    return sum(known) if known else None


def _first(values: Sequence[Any]) -> Any:
    return min((value for value in values if value is not None), default=None)


def _last(values: Sequence[Any]) -> Any:
    return max((value for value in values if value is not None), default=None)


def _all(values: Sequence[Any]) -> list[Any]:
    return sorted({each for value in values for each in value})


# Of amounts in another currency than the first's, none is added.
_AMOUNTS = ("mrr_minor", "ltv_gross_minor", "ltv_net_minor")
_MERGES: Mapping[str, _Merge] = {
    **dict.fromkeys(("customer_ids", "plans", "subscription_ids", "churn_risk_reasons"), _all),
    **dict.fromkeys(("next_renewal_at", "first_paid_at"), _first),
    **dict.fromkeys(("last_failed_at", "churn_risk", "delinquent"), _last),
    **dict.fromkeys(("failed_payment_count", *_AMOUNTS), _total),
    "deleted": all,
}


def merged(snapshots: Sequence[Fields]) -> Fields:
    """Return one snapshot: of the customer with the best status, with the sums of all.

    What cannot be added up, such as the plan or the last movement, is that customer's.
    """
    if len(snapshots) == 1:
        return snapshots[0]
    main, *others = sorted(
        snapshots, key=lambda each: (each["deleted"], rank_of(each["status"]), each["customer_id"])
    )
    same = [each for each in others if each["currency"] in {main["currency"], None}]
    fields = dict(main)
    for name, merge in _MERGES.items():
        counted = same if name in _AMOUNTS else others
        fields[name] = merge([main[name], *(each[name] for each in counted)])
    score = fields["churn_risk"]
    band = next((band for band, least in BANDS if score is not None and score >= least), None)
    return {**fields, "churn_risk_band": band}
