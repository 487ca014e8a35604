"""A quote on its way from a draft to a subscription."""

from app.simulator.billing.signup import Goods, Start, begin
from app.simulator.objects.quote import quote
from app.simulator.objects.subscription import Period, Terms
from app.simulator.periods import next_end
from app.simulator.shop import Scene


def offer(scene: Scene, customer_id: str, goods: Goods) -> str:
    """Draw a quote up and finalize it, so that the customer can accept it; return its id."""
    world = scene.world
    with world.request():
        quote_id = world.create(quote(world, customer_id, goods), "quote.created")
    world.tick(20)
    with world.request():
        opened = {
            "number": f"QT-{world.token(8).upper()}-0001-1",
            "status": "open",
            "status_transitions": {"finalized_at": world.now},
        }
        world.update(quote_id, "quote.finalized", opened)
    return quote_id


def accept(scene: Scene, quote_id: str, goods: Goods) -> Start:
    """Accept a quote: the subscription it was about begins, to be paid by invoice."""
    world, now = scene.world, scene.world.now
    period = Period(now, next_end(now, now, goods[0][0]["recurring"]))
    terms = Terms(status="active", period=period, days_until_due=30)
    with world.request():
        start = begin(scene, world[quote_id]["customer"], goods, terms)
        accepted = {
            "invoice": start.invoice,
            "status": "accepted",
            "status_transitions": {"accepted_at": now},
            "subscription": start.subscription,
        }
        world.update(quote_id, "quote.accepted", accepted)
    return start
