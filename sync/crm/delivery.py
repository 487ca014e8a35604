"""The CRM's side of an effect: read what is true now, hand what is new to the sink."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from sqlalchemy import Connection, Engine, text

from sync.access import AccessPolicy
from sync.changes import Done, Failed, Outcome
from sync.crm import links, looking
from sync.crm.facts import Facts, load
from sync.crm.links import Key
from sync.crm.merging import merged
from sync.crm.planning import SPREAD, told_of
from sync.crm.sink import CrmSink, Link, Snapshot
from sync.crm.snapshot import picture
from sync.crm.spreading import spread
from sync.delivery.unchanged import Intent, deliver_changed, digest
from sync.store import outbox
from sync.store.outbox import Claimed

_DATABASE_TIME = text("SELECT statement_timestamp()")


def deliver(
    engine: Engine,
    batch: Sequence[Claimed],
    now: datetime,
    sinks: Mapping[str, CrmSink],
    policy: AccessPolicy | None = None,
) -> list[Outcome]:
    """Deliver the snapshots of a batch of one sink, read after the claim and before any call.

    `now` is business time, `policy` says who may use the service. Returns one outcome each, in
    order. A change that comes while this runs asks again by itself.
    """
    if batch[0].effect.kind == SPREAD:
        return [_spread(engine, each, now, list(sinks)) for each in batch]
    sink = sinks.get(batch[0].effect.sink)
    if sink is None:
        return [Failed("unknown_sink") for _ in batch]
    return _Delivery(engine, sink, now, policy).deliver(batch)


def _spread(engine: Engine, claimed: Claimed, now: datetime, sinks: Sequence[str]) -> Outcome:
    spread(engine, claimed.effect, now, sinks)
    return Done()


@dataclass(slots=True)
class _Read:
    """What was read for a batch; `leads`: who stands for a customer, itself where alone."""

    leads: dict[Key, Key] = field(default_factory=dict)
    links: dict[Key, Link] = field(default_factory=dict)
    intents: dict[Key, Intent[Snapshot]] = field(default_factory=dict)
    looks: list[tuple[Key, bool, datetime | None]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Delivery:
    """One batch on its way to one sink."""

    engine: Engine
    sink: CrmSink
    now: datetime
    policy: AccessPolicy | None

    def deliver(self, batch: Sequence[Claimed]) -> list[Outcome]:
        """Send what the sink does not hold yet, and note who became whom over there."""
        with self.engine.connect().execution_options(isolation_level="REPEATABLE READ") as conn:
            read = self._read(conn, batch)
        ours = list(read.intents)
        sent = deliver_changed([read.intents[key] for key in ours], self.sink.deliver)
        ended = {key: _named(read, key, end) for key, end in zip(ours, sent, strict=True)}
        with self.engine.begin() as conn:
            self._note(conn, read, ended, {_key(each): each.effect.livemode for each in batch})
        followed = {key: Done(link.remote_id) for key, link in read.links.items()}
        return [ended.get(_key(each)) or followed[_key(each)] for each in batch]

    def _read(self, conn: Connection, batch: Sequence[Claimed]) -> _Read:
        read_at: datetime = conn.execute(_DATABASE_TIME).scalar_one()
        read = _Read(links=links.load(conn, self.sink.name, map(_key, batch)))
        shared = links.sharing(
            conn, self.sink.name, (link.remote_id for link in read.links.values())
        )
        for claimed in batch:
            key = _key(claimed)
            link = read.links.get(key)
            same = shared[link.remote_id] if link else [key]
            read.leads[key] = same[0]
            if same[0] == key:
                live = claimed.effect.livemode
                facts = [load(conn, *each, self.now, self.policy, livemode=live) for each in same]
                read.intents[key] = self._intent(read, claimed, facts, read_at)
        return read

    def _intent(
        self, read: _Read, claimed: Claimed, known: Sequence[Facts], read_at: datetime
    ) -> Intent[Snapshot]:
        """Return what shall be held of a customer, or of all who are one record over there."""
        pictures = [picture(facts, self.now) for facts in known]
        for facts, each in zip(known, pictures, strict=True):
            looked = ((facts.account, facts.customer_id), facts.livemode, each.look_at)
            read.looks.append(looked)
        effect = claimed.effect
        snapshot = Snapshot(
            account=effect.account,
            customer_id=effect.subject["customer"],
            livemode=effect.livemode,
            fields=merged([each.fields for each in pictures]),
            at=self.now,
            read_at=read_at,
            link=read.links.get(_key(claimed)),
        )
        held = digest([self.sink.shown(snapshot), sorted(_told(self.sink, snapshot))])
        # What is asked for anew is a new message, even if all is as it was two messages ago: a
        # receiver that knows the id again would drop it.
        said = f"{effect.key}\n{claimed.revision}\n{held}"
        name = hashlib.sha256(said.encode()).hexdigest()[:32]
        content = replace(snapshot, message_id=f"msg_{name}")
        return Intent(content=content, digest=held, sent_hash=claimed.sent_hash)

    def _note(
        self,
        conn: Connection,
        read: _Read,
        ended: Mapping[Key, Outcome],
        livemodes: Mapping[Key, bool],
    ) -> None:
        """Note when to look again and who is who over there; ask for who stands for others."""
        looking.note(conn, read.looks)
        links_now = {
            key: Link(end.remote_id, _told(self.sink, read.intents[key].content))
            for key, end in ended.items()
            if isinstance(end, Done) and end.remote_id
        }
        new = {key: link for key, link in links_now.items() if link != read.links.get(key)}
        links.keep(conn, self.sink.name, new)
        before = {key: read.links[key].remote_id for key in new if key in read.links}
        moved = {k: link.remote_id for k, link in new.items() if link.remote_id != before.get(k)}
        for key in moved.keys() & before.keys():
            links.move(conn, self.sink.name, before[key], moved[key])
        shared = links.sharing(conn, self.sink.name, moved.values())
        joined = {shared[remote][0]: key for key, remote in moved.items() if shared[remote][1:]}
        stand_ins = {lead: key for key, lead in read.leads.items() if lead not in ended}
        for (account, customer_id), key in sorted({**stand_ins, **joined}.items()):
            asked = told_of(
                account, customer_id, self.now, [self.sink.name], livemode=livemodes[key]
            )
            outbox.add(conn, asked)


def _key(claimed: Claimed) -> Key:
    return claimed.effect.account, claimed.effect.subject["customer"]


def _named(read: _Read, key: Key, end: Outcome) -> Outcome:
    """Return `end` with the record's name, which is known where no call was needed."""
    link = read.links.get(key)
    if link and isinstance(end, Done) and end.remote_id is None:
        return replace(end, remote_id=link.remote_id)
    return end


def _told(sink: CrmSink, snapshot: Snapshot) -> frozenset[str]:
    """Return the fields that are told once, told by then."""
    return snapshot.told | {name for name in sink.once if snapshot.fields.get(name)}
