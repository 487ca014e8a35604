"""The pages behind the links in customers' mails: opened by anybody, so they give nothing away.

A link's token is the permission: there is no session and no cookie. GET never changes anything,
as mail scanners open every link; POST does, from the page's button and from a mail program's
one-click unsubscribe (RFC 8058) alike. Read `blueprint`, then `standing` (what is still to do),
then `acting` (where a button leads).
"""

from app.customer_links.blueprint import blueprint
from app.customer_links.stripe_side import StripeSide, stripe_side

__all__ = ["StripeSide", "blueprint", "stripe_side"]
