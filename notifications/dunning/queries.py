"""What the campaigns read of the mirror, in SQL."""

from sqlalchemy import text

# A charge that failed and that nobody but the customer or the shop's bank can mend. Completing
# a first payment is the checkout's business.
_FAILING = """
    invoice.status = 'open' AND invoice.attempt_count >= 1
    AND invoice.amount_remaining_minor > 0
    AND invoice.collection_method = 'charge_automatically'
    AND invoice.billing_reason IS DISTINCT FROM 'subscription_create'
    AND invoice.deleted_at IS NULL"""

BILLS = text(f"""
    SELECT invoice.*, known.campaign, known.owed_minor, known.failed_at
      FROM stripe.invoices AS invoice
      LEFT JOIN evergreen.dunning_invoice AS known
        ON known.account = invoice.account AND known.invoice = invoice.id
     WHERE invoice.account = :account AND invoice.customer = :customer
       AND (known.campaign = ANY(:campaigns) OR (known.invoice IS NULL AND {_FAILING}))
     ORDER BY invoice.created, invoice.id""")  # noqa: S608 — our own condition

CHARGES = text("""
    SELECT id, payment_intent, status, created, failure_code, outcome_reason, advice_code,
           payment_method, card_fingerprint,
           coalesce(data #>> '{invoice,id}', data ->> 'invoice') AS invoice
      FROM stripe.charges
     WHERE account = :account AND customer = :customer AND created >= :since
     ORDER BY created, id""")

# Since 2025-03-31.basil an intent names its invoice as the order it pays, if at all.
INTENTS = text("""
    SELECT id, status, as_of, latest_charge, last_payment_error_code AS code,
           last_payment_error_decline_code AS decline_code,
           data #>> '{last_payment_error,advice_code}' AS advice_code,
           coalesce(data #>> '{invoice,id}', data ->> 'invoice',
                    data #>> '{payment_details,order_reference}') AS invoice
      FROM stripe.payment_intents
     WHERE account = :account AND customer = :customer
       AND status IS DISTINCT FROM 'canceled' AND created >= :since
     ORDER BY created, id""")

# Read from the events themselves, as the mirror keeps the newest state only; a thin event
# tells the time as well.
TOLD = text("""
    SELECT object_id, told.type, min(created) AS first_at, max(created) AS last_at
      FROM evergreen.inbox,
           LATERAL (SELECT regexp_replace(inbox.type, '^v1[.]', '') AS type) AS told
     WHERE object_id = ANY(:objects) AND account = :account
       AND told.type IN ('invoice.payment_failed', 'invoice.payment_action_required',
                         'payment_method.automatically_updated')
     GROUP BY object_id, told.type""")

# No row where that is not told.
HAS_METHOD = text("""
    SELECT customer.data ->> 'default_source' IS NOT NULL
           OR customer.data #>> '{invoice_settings,default_payment_method}' IS NOT NULL
           OR EXISTS (SELECT FROM stripe.payment_methods AS method
                       WHERE method.account = customer.account AND method.customer = customer.id)
           OR EXISTS (SELECT FROM stripe.subscriptions AS sub
                       WHERE sub.account = customer.account AND sub.customer = customer.id
                         AND coalesce(sub.default_payment_method,
                                      sub.data ->> 'default_source') IS NOT NULL)
      FROM stripe.customers AS customer
     WHERE customer.account = :account AND customer.id = :customer
       AND customer.data -> 'invoice_settings' IS NOT NULL""")

# A month's worth of an item, in minor units; tiers and meters count nothing.
_MONTHLY = """
    sum(item.unit_amount_minor * coalesce(item.quantity, 1)
        * CASE item.recurring_interval WHEN 'day' THEN 365 WHEN 'week' THEN 52
                                       WHEN 'month' THEN 12 WHEN 'year' THEN 1 END
        / (12 * coalesce(item.recurring_interval_count, 1)))::bigint"""
_LIVE = "sub.status IN ('trialing', 'active', 'past_due', 'unpaid', 'paused')"

# Where half the customers pay as much as the upper tenth, nobody stands out.
COUNT_THRESHOLDS = text(f"""
    INSERT INTO evergreen.dunning_threshold (account, livemode, currency, p90_minor, counted_at)
    SELECT account, livemode, currency,
           CASE WHEN percentile_disc(0.1) WITHIN GROUP (ORDER BY monthly_minor DESC)
                     > percentile_disc(0.5) WITHIN GROUP (ORDER BY monthly_minor)
                THEN percentile_disc(0.1) WITHIN GROUP (ORDER BY monthly_minor DESC) END,
           :now
      FROM (SELECT sub.account, sub.livemode, item.currency, sub.customer,
                   {_MONTHLY} AS monthly_minor
              FROM stripe.subscriptions AS sub
              JOIN stripe.subscription_items AS item
                ON item.account = sub.account AND item.subscription = sub.id
             WHERE {_LIVE} AND item.currency IS NOT NULL AND item.deleted_at IS NULL
               AND sub.account = ANY(:accounts)
             GROUP BY 1, 2, 3, 4) AS paying
     WHERE monthly_minor > 0
     GROUP BY 1, 2, 3
        ON CONFLICT (account, livemode, currency) DO UPDATE
       SET p90_minor = excluded.p90_minor, counted_at = excluded.counted_at""")  # noqa: S608 — our own formula

# The invoice tells the cycles: what was charged more than once, or is open after a charge.
STANDING = text(f"""
    SELECT (SELECT count(*) FROM stripe.invoices
             WHERE account = :account AND customer = :customer
               AND status = 'paid' AND amount_paid_minor > 0) AS paid_invoices,
           (SELECT count(*) FROM evergreen.dunning_campaign
             WHERE account = :account AND customer_id = :customer
               AND outcome = ANY(:recovered)) AS recoveries,
           (SELECT count(*) FROM stripe.invoices AS invoice
              LEFT JOIN evergreen.dunning_invoice AS known
                ON known.account = invoice.account AND known.invoice = invoice.id
             WHERE invoice.account = :account AND invoice.customer = :customer
               AND invoice.created > :since
               AND invoice.billing_reason IS DISTINCT FROM 'subscription_create'
               AND (invoice.attempt_count >= 2 OR known.invoice IS NOT NULL
                    OR (invoice.status IN ('open', 'uncollectible')
                        AND invoice.attempt_count >= 1))) AS failing_cycles,
           EXISTS (SELECT FROM stripe.subscriptions AS sub
                     JOIN stripe.subscription_items AS item
                       ON item.account = sub.account AND item.subscription = sub.id
                     JOIN evergreen.dunning_threshold AS upper
                       ON upper.account = sub.account AND upper.livemode = sub.livemode
                      AND upper.currency = item.currency
                    WHERE sub.account = :account AND sub.customer = :customer
                      AND {_LIVE} AND item.deleted_at IS NULL
                    GROUP BY upper.currency, upper.p90_minor
                   HAVING {_MONTHLY} >= upper.p90_minor) AS valuable""")  # noqa: S608 — our own formula
