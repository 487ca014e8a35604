"""The queries for charges, refunds, credit notes and what ties them to invoices."""

from sqlalchemy import text

CHARGES_OF_CUSTOMER = text("""
    SELECT id, payment_intent, status, currency, amount_refunded_minor, created
      FROM stripe.charges
     WHERE account = :account AND customer = :customer
     ORDER BY created, id""")

# A charge names its invoice itself only in shapes before basil (see `charges_invoice_idx`).
CHARGES_OF_INVOICE = text("""
    SELECT id, payment_intent, status, currency, amount_refunded_minor, created
      FROM stripe.charges
     WHERE account = :account
       AND (payment_intent = ANY(:intents) OR id = ANY(:charges)
            OR coalesce(data #>> '{invoice,id}', data ->> 'invoice') = :invoice)
     ORDER BY created, id""")

REFUNDS = text("""
    SELECT id, charge, payment_intent, status, currency, amount_minor
      FROM stripe.refunds
     WHERE account = :account AND (charge = ANY(:charges) OR payment_intent = ANY(:intents))
     ORDER BY created, id""")

TIES = text("""
    SELECT invoice, payment_intent, charge
      FROM stripe.invoice_payments
     WHERE account = :account AND invoice = ANY(:invoices)""")

# One row per credited line, one without a line for a note that has none.
CREDIT_NOTES = text("""
    SELECT note.id, note.amount_minor, line.invoice_line_item, line.quantity,
           line.amount_minor AS line_amount_minor
      FROM stripe.credit_notes AS note
      LEFT JOIN stripe.credit_note_line_items AS line
        ON line.account = note.account AND line.credit_note = note.id
     WHERE note.account = :account AND note.invoice = :invoice
       AND note.deleted_at IS NULL AND note.status IS DISTINCT FROM 'void'
     ORDER BY note.created, note.id, line.id""")

INVOICES_PAID_BY = text("""
    WITH attempt AS (
      SELECT id, payment_intent, coalesce(data #>> '{invoice,id}', data ->> 'invoice') AS invoice
        FROM stripe.charges
       WHERE account = :account AND (id = :payment OR payment_intent = :payment)
    ), paying AS (
      SELECT ARRAY(SELECT :payment UNION SELECT id FROM attempt
                    UNION SELECT payment_intent FROM attempt) AS ids
    )
    SELECT invoice FROM attempt WHERE invoice IS NOT NULL
     UNION
    SELECT invoice FROM stripe.invoice_payments
     WHERE account = :account AND invoice IS NOT NULL
       AND (payment_intent = ANY((SELECT ids FROM paying)::text[])
            OR charge = ANY((SELECT ids FROM paying)::text[]))
     ORDER BY invoice""")
