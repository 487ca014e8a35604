"""Stripe's API on the loopback interface, for demos and tests: real HTTP, no keys.

Read in this order: `account` (what is true), `resources` (which paths and filters exist),
`lists` and `rendering` (how Stripe shows it), `answer` (one read), `writing` and `made` (one
write), `faults` and `server`.
"""
