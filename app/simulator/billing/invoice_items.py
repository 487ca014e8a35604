"""What is bought once and waits for a subscription's next invoice."""

from app.simulator.objects.lines import Entry, invoice_item
from app.simulator.objects.subscription import Period
from app.simulator.shop import Scene


def buy_once(scene: Scene, subscription_id: str, offer: str) -> None:
    """Put one piece of an offer on the next invoice."""
    world = scene.world
    subscription = world[subscription_id]
    price = scene.shop.price(offer, subscription["currency"])
    bought = Entry(
        price=price,
        item_id=None,
        amount=price["unit_amount"],
        quantity=1,
        description=world[price["product"]]["name"],
        period=Period(world.now, world.now),
    )
    with world.request():
        made = invoice_item(world, subscription["customer"], subscription_id, bought)
        item_id = world.create(made, "invoiceitem.created")
    world.pending.setdefault(subscription_id, []).append(item_id)
