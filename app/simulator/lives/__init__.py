"""What customers do. One function per life; `LIVES` is the whole list.

A life begins when its customer comes by. It waits by yielding the second at which it goes
on, and returns the subscription that lives on after the story, or None.
"""

from collections.abc import Callable, Generator, Mapping

from app.simulator.lives import (
    banking,
    changing,
    counting,
    discounted,
    disputing,
    entitled,
    failing,
    leaving,
    owing,
    repaying,
    scheduled,
    selling,
    starting,
    steady,
    taxed,
)
from app.simulator.shop import Scene

Life = Callable[[Scene], Generator[int, None, str | None]]

LIVES: Mapping[str, Life] = {
    life.__name__: life
    for life in (
        starting.trial_to_active,
        starting.trial_canceled,
        starting.trial_ended_without_card,
        starting.incomplete_to_active,
        starting.incomplete_expired,
        steady.renewal,
        steady.annual_renewal,
        steady.multi_item,
        steady.bundle,
        steady.thb,
        steady.jpy,
        steady.send_invoice,
        changing.upgrade_with_proration,
        changing.downgrade,
        changing.seat_change,
        changing.paused_and_resumed,
        changing.metadata_toggle,
        changing.product_and_price_updates,
        failing.failed_payment_recovered,
        failing.failed_payment_canceled,
        failing.expired_card_updated,
        failing.card_updated_by_network,
        failing.action_required,
        failing.voided_invoice,
        leaving.cancel_at_period_end_and_come_back,
        leaving.cancel_at_period_end_ends,
        leaving.cancel_now,
        leaving.ended_and_resubscribed,
        leaving.customer_deleted,
        repaying.refund_full,
        repaying.refund_partial,
        discounted.coupon_forever,
        discounted.coupon_repeating_that_ends,
        discounted.promotion_code_redeemed,
        discounted.customer_coupon,
        disputing.dispute_won,
        disputing.dispute_lost,
        counting.many_lines,
        counting.tiered_seats,
        counting.metered_usage,
        scheduled.scheduled_change,
        owing.gives_up_unpaid,
        owing.paid_out_of_band,
        owing.paid_in_two_parts,
        taxed.tax_ids,
        taxed.tax_rate_on_top,
        entitled.entitled,
        banking.payouts,
        selling.quote_accepted,
        selling.payment_link_followed,
        selling.test_clock_advanced,
    )
}
