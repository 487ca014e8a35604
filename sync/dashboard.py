"""Where Stripe's own dashboard shows an object."""


def dashboard_url(account: str, where: str, *, livemode: bool) -> str:
    """Return the address of `where`, such as "customers/cus_1"; `account` is empty for our own."""
    parts = (account, "" if livemode else "test", where)
    return "https://dashboard.stripe.com/" + "/".join(filter(None, parts))
