"""A shop's life as Stripe would tell it: seeded, truthful histories of events.

Read in this order: `world` (what changes and how Stripe reports it), `objects/` (what each
object looks like at `API_VERSION`), `billing/` (what Stripe does by itself), `lives/` (what
customers do), `simulate` and `year` (whole histories), `post` (sending them).
"""
