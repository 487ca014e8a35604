"""Experiments: who is in which arm, what may be tried, and how it came out."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine

from notifications import experiment_results, experiments, lint
from notifications.experiment_results import Arm, judged, two_proportion_z
from notifications.experiments import Experiment
from notifications.kinds import KINDS
from notifications.render import render
from notifications.templates import find
from sync.errors import SettingsError
from tests.notifications import shop
from tests.notifications.shop import DAY, NOW
from tests.notifications.test_postponed import record

KIND = "winback_voluntary"
TRIED = Experiment(name="try", kind=KIND, variants={"plain": 45, "warm": 45}, hold_out=10)
GOOD = """
[try]
kind = "winback_voluntary"
variants = { plain = 45, warm = 45 }
hold_out = 10
"""


def test_a_customer_stays_in_one_arm_and_arms_fill_by_weight() -> None:
    people = [f"cus_{n}" for n in range(4000)]
    first = [TRIED.variant_for(person) for person in people]

    assert first == [TRIED.variant_for(person) for person in people]
    assert 1650 <= first.count("try/plain") <= 1950
    assert 1650 <= first.count("try/warm") <= 1950
    assert 320 <= first.count("try/hold_out") <= 480


def test_experiments_split_independently_of_each_other() -> None:
    halves = {"variants": {"a": 1, "b": 1}, "kind": KIND}
    one, two = Experiment(name="one", **halves), Experiment(name="two", **halves)  # type: ignore[arg-type]
    both = [(one.variant_for(f"cus_{n}")[-1], two.variant_for(f"cus_{n}")[-1]) for n in range(4000)]

    assert all(900 <= both.count((a, b)) <= 1100 for a in "ab" for b in "ab")


def written(folder: Path, text: str) -> str:
    (folder / "experiments.toml").write_text(text, "utf-8")
    return str(folder)


def test_marketing_writes_experiments_into_a_file(tmp_path: Path) -> None:
    assert experiments.read(written(tmp_path, GOOD)) == {KIND: TRIED}


def test_without_a_file_there_are_none(tmp_path: Path) -> None:
    assert experiments.read(str(tmp_path)) == {}
    assert experiments.read(None) == {}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        pytest.param(GOOD.replace("winback_voluntary", "receipt"), "kind is one of", id="kind"),
        pytest.param(
            GOOD.replace("winback_voluntary", "final_notice"), "held out of", id="required"
        ),
        pytest.param(GOOD.replace("plain = 45", "plain = 0"), "above 0", id="no-weight"),
        pytest.param(GOOD.replace("plain = 45", "plain = 0.5"), "above 0", id="a-part"),
        pytest.param(GOOD.replace("hold_out = 10", "hold_out = -1"), "hold_out", id="negative"),
        pytest.param(GOOD.replace("[try]", '["a/b"]'), "small letters", id="name"),
        pytest.param(GOOD.replace("plain", "Plain"), "names", id="variant-name"),
        pytest.param(GOOD + "colour = 1", "known are", id="unknown-field"),
        pytest.param(GOOD + GOOD.replace("[try]", "[again]"), "two experiments", id="twice"),
        pytest.param("kind = 1", "no table", id="no-table"),
        pytest.param("[try", "experiments.toml", id="no-toml"),
        pytest.param(
            '[try]\nkind = "winback_voluntary"\nvariants = { a = 1 }', "compare", id="one-arm"
        ),
    ],
)
def test_what_cannot_be_tried_is_refused(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(SettingsError, match=said):
        experiments.read(written(tmp_path, text))


def test_a_variants_own_template_wins_and_the_rest_is_the_kinds(tmp_path: Path) -> None:
    for place, words in ((f"{KIND}@warm", "Warm words"), (KIND, "Plain words")):
        (tmp_path / place).mkdir()
        (tmp_path / place / "subject.txt").write_text(words, "utf-8")
    (sample, *_) = KINDS[KIND].samples(shop.policy(templates_dir=str(tmp_path))).values()

    subjects = {
        arm: render(KINDS[KIND], replace(sample, variant=arm)).subject
        for arm in (None, "try/plain", "try/warm")
    }
    assert subjects == {None: "Plain words", "try/plain": "Plain words", "try/warm": "Warm words"}
    assert find(f"{KIND}@warm", "en", "body.txt", str(tmp_path)).parent.name == KIND


def arm(name: str, matured: int, recovered: int, experiment: str = "try") -> Arm:
    return Arm(
        experiment=experiment,
        kind=KIND,
        arm=name,
        customers=matured,
        mails=matured,
        matured=matured,
        recovered=recovered,
    )


@pytest.mark.parametrize(
    ("control", "other", "z"),
    [
        # Worked example of the NIST handbook's kind: 12 % of 500 against 17 % of 500.
        pytest.param((500, 60), (500, 85), 2.2453, id="more"),
        pytest.param((500, 85), (500, 60), -2.2453, id="less"),
        pytest.param((500, 60), (500, 60), 0.0, id="same"),
        pytest.param((500, 60), (0, 0), None, id="nobody-yet"),
        pytest.param((500, 0), (500, 0), None, id="no-spread"),
        pytest.param((5, 5), (5, 5), None, id="all-recovered"),
    ],
)
def test_two_proportions(control: tuple[int, int], other: tuple[int, int], z: float | None) -> None:
    found = two_proportion_z(arm("a", *control), arm("b", *other))

    assert found == (None if z is None else pytest.approx(z, abs=1e-3))


def test_each_arm_is_judged_against_the_first_of_the_file() -> None:
    arms = [arm("hold_out", 500, 30), arm("plain", 500, 60), arm("warm", 500, 85)]
    found = judged(arms, {KIND: TRIED})

    assert [(one.arm.arm, one.verdict) for one in found] == [
        ("plain", "control"),
        ("warm", "better"),
        ("hold_out", "worse"),
    ]


def test_an_experiment_that_is_over_is_still_told() -> None:
    found = judged([arm("b", 10, 1, "old"), arm("a", 10, 2, "old")], {})

    assert [(one.arm.arm, one.verdict) for one in found] == [
        ("a", "control"),
        ("b", "no_difference"),
    ]


def test_customers_count_once_and_when_their_days_are_over(engine: Engine) -> None:
    long_ago = NOW - 40 * DAY
    held_out = {"state": "skipped", "reason": "hold_out", "variant": "try/hold_out"}
    record(
        engine,
        {"variant": "try/warm", "at": long_ago},
        {"variant": "try/warm", "at": long_ago + DAY},
        {"variant": "try/warm", "at": NOW - 28 * DAY, "customer": "cus_2"},
        {"variant": "try/warm", "at": NOW - 28 * DAY + timedelta(seconds=1), "customer": "cus_3"},
        {"variant": "try/warm", "at": long_ago, "customer": "cus_4", "state": "failed"},
        {**held_out, "at": long_ago, "customer": "cus_5"},
    )
    back, before = shop.seconds(long_ago + 28 * DAY), shop.seconds(long_ago)
    late = shop.seconds(NOW + timedelta(seconds=1))
    shop.mirror(
        engine,
        shop.subscription(created=back),
        shop.subscription(id="sub_2", customer="cus_2", created=late),
        shop.subscription(id="sub_5", customer="cus_5", created=before),
    )

    with engine.connect() as conn:
        found = experiment_results.count(conn, {KIND: TRIED}, NOW)
    assert [(a.arm, a.customers, a.mails, a.matured, a.recovered) for a in found] == [
        ("hold_out", 1, 0, 1, 0),
        ("warm", 3, 4, 2, 1),
    ]


def test_the_linter_reads_the_variants_too(tmp_path: Path) -> None:
    folder = written(tmp_path, GOOD)
    for place in (f"{KIND}@warm", f"{KIND}@wram"):
        (tmp_path / place).mkdir()
        (tmp_path / place / "subject.txt").write_text("{{ nothing_of_ours }}", "utf-8")
    policy = shop.policy(templates_dir=folder, experiments=experiments.read(folder))

    found = lint.mistakes(policy)
    assert all(f"{KIND}@w" in line for line in found)
    assert any("no kind is called 'winback_voluntary@wram'" in line for line in found)
    assert any("UndefinedError" in line and f"{KIND}@warm th" in line for line in found)
