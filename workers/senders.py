"""Who takes which lane's effects: the mail transport, each CRM and stock sink, the receivers."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlsplit

import redis

from app.doorbell import connect
from app.stripe_reads import open_reads
from app.stripe_writes import open_writes
from notifications import delivery as mail
from notifications.offers import Offers
from notifications.recheck import Recheck
from notifications.stripe_offers import StripeOffers
from notifications.transports import open_transport
from notifications.transports.gated import GatedTransport
from sync.access import delivery as access
from sync.changes import Failed, Outcome, Skipped
from sync.crm import delivery as crm
from sync.crm.sinks import open_sinks as open_crm
from sync.delivery.gate import Gate
from sync.delivery.policy import Policy
from sync.inventory import delivery as inventory
from sync.inventory.delivery import Ways
from sync.inventory.sinks import Opening
from sync.inventory.sinks import open_sinks as open_stock
from sync.inventory.stripe_gate import StripeGate
from sync.inventory.telling import STRIPE
from sync.mirror.client import StripeReads
from sync.mirror.look import look
from sync.mirror.shapes import Json
from sync.store.outbox import Claimed, Lane
from sync.webhook import Webhook
from workers.context import Context
from workers.lane import Deliver, Sender

# Long enough for a busy Redis, short enough that a frozen one costs a call little.
_REDIS_TIMEOUT_S = 0.5
_OUTSIDE = Policy(batch=10)
One = Callable[[Claimed, datetime], Outcome]


@dataclass(frozen=True, slots=True)
class Senders:
    """The ways out that the settings name."""

    by_lane: Mapping[Lane, Sender]

    def to(self, lane: Lane) -> Sender:
        """Return who takes the effects of `lane`; of a sink that is gone they all fail."""
        return self.by_lane.get(lane, _NOBODY)


@contextmanager
def open_senders(context: Context) -> Iterator[Senders]:
    """Open all ways out for the block; each connects with its first effect."""
    with ExitStack() as opened:
        client = opened.enter_context(
            connect(context.settings.redis_url, timeout_s=_REDIS_TIMEOUT_S)
        )
        opening = _Opening(context, opened, client)
        yield Senders({**opening.mail(), **opening.access(), **opening.crm(), **opening.stock()})


def _nobody(batch: Sequence[Claimed], now: datetime) -> Sequence[Outcome]:
    del now
    return [Failed("unknown_sink") for _ in batch]


_NOBODY = Sender(deliver=_nobody, at_once=20)


def one_by_one(deliver: One) -> Deliver:
    """Return the way for effects that are handed over singly."""

    def all_of(batch: Sequence[Claimed], now: datetime) -> Sequence[Outcome]:
        return [deliver(claimed, now) for claimed in batch]

    return all_of


@dataclass(frozen=True, slots=True)
class _Opening:
    context: Context
    opened: ExitStack
    client: redis.Redis

    def gate(self, name: str, policy: Policy) -> Gate:
        """Return the gate that all processes share for the sink `name`."""
        return Gate(self.client, name, policy)

    def mail(self) -> dict[Lane, Sender]:
        """Return the way of mails; without a transport they are skipped."""
        settings = self.context.settings
        if settings.mail_url is None:
            return {Lane("mail"): Sender(deliver=one_by_one(lambda *_: Skipped("mail_off")))}
        gate = self.gate(f"mail:{urlsplit(settings.mail_url).scheme}", _OUTSIDE)
        transport = GatedTransport(open_transport(settings.mail_url), gate)
        self.opened.callback(transport.close)
        look_again, offers = self._recheck(), self._offers()

        def send(claimed: Claimed, now: datetime) -> Outcome:
            engine, policy = self.context.engine, settings.mail_policy
            return mail.deliver(
                engine, claimed, now, transport, policy, look_again=look_again, offers=offers
            )

        return {Lane("mail"): Sender(deliver=one_by_one(send), policy=_OUTSIDE)}

    def access(self) -> dict[Lane, Sender]:
        """Return the way to who must know where customers stand."""
        settings, engine = self.context.settings, self.context.engine
        webhook = None
        if settings.access_webhook:
            webhook = Webhook(settings.access_webhook, self.gate("access", _OUTSIDE))
            self.opened.callback(webhook.close)

        def tell(claimed: Claimed, now: datetime) -> Outcome:
            return access.deliver(engine, claimed, now, webhook, settings.access)

        return {Lane("access"): Sender(deliver=one_by_one(tell), policy=_OUTSIDE)}

    def crm(self) -> dict[Lane, Sender]:
        """Return the way to each CRM, and that of what only asks for more of them."""
        engine = self.context.engine
        names, vendors = self.context.settings.crm, self.context.settings.customers.vendors
        sinks = open_crm(engine, names, vendors, gates=self.gate, opened=self.opened)

        def tell(batch: Sequence[Claimed], now: datetime) -> Sequence[Outcome]:
            return crm.deliver(engine, batch, now, sinks, self.context.settings.access)

        ways = {
            Lane("crm", name): Sender(deliver=tell, policy=sink.policy, at_once=sink.policy.batch)
            for name, sink in sinks.items()
        }
        return {Lane("crm"): Sender(deliver=tell), **ways}

    def stock(self) -> dict[Lane, Sender]:
        """Return the way to the shelf, and to each who follows it."""
        engine, stock = self.context.engine, self.context.settings.stock
        opening = Opening(engine, stock.vendors, self.gate, self.opened)
        sinks = open_stock(stock.sinks, opening)
        ways = Ways(policy=stock.policy, sinks=sinks, switch=self._switch())

        def tell(claimed: Claimed, now: datetime) -> Outcome:
            return inventory.deliver(engine, claimed, now, ways)

        def ask(claimed: Claimed) -> Outcome | None:
            return inventory.resolve(engine, claimed, ways)

        deliver = one_by_one(tell)
        lanes = {
            Lane("inventory", name): Sender(deliver=deliver, policy=sink.policy, resolve=ask)
            for name, sink in sinks.items()
        }
        lanes[Lane("inventory", STRIPE)] = Sender(deliver=deliver)
        return {Lane("inventory"): Sender(deliver=deliver), **lanes}

    def _switch(self) -> StripeGate | None:
        """Return the gate's hand at Stripe, None where it only alerts."""
        settings = self.context.settings
        if settings.stripe_api_key is None or settings.stock.policy.gate == "alert":
            return None
        switch = StripeGate(settings.stripe_api_key, base=settings.stripe_api_base)
        self.opened.callback(switch.close)
        return switch

    def _recheck(self) -> Recheck | None:
        """Return the way to ask Stripe once more before a mail goes out; None without a key."""
        settings = self.context.settings
        if settings.stripe_api_key is None:
            return None
        reads = open_reads(settings, self.context.engine, self.context.clock)
        self.opened.enter_context(closing(reads))
        return _look_by(reads, livemode=bool(settings.livemode))

    def _offers(self) -> Offers | None:
        """Return who makes promotion codes; None without a key or a coupon."""
        coupons = self.context.settings.winback_coupons
        writes = open_writes(self.context.settings) if coupons else None
        return StripeOffers(self.opened.enter_context(writes), coupons) if writes else None


def _look_by(reads: StripeReads, *, livemode: bool) -> Recheck:
    def again(account: str, object_type: str, object_id: str) -> Json | None:
        return look(reads, object_type, object_id, account=account, livemode=livemode).object

    return again
