"""app.json and the Procfile: what a platform is told."""

import json
import re
from pathlib import Path

from app.local.processes import PROCFILE, parse_procfile
from app.local.state import CHECKOUT

APP = json.loads((CHECKOUT / "app.json").read_text())
OF_GUNICORN = {"FORWARDED_ALLOW_IPS"}


def test_every_process_type_is_formed() -> None:
    assert {*APP["formation"], "release"} == set(parse_procfile(PROCFILE.read_text()))


def test_every_variable_is_one_of_our_settings() -> None:
    text = "".join(map(Path.read_text, (CHECKOUT / "app").glob("*settings.py")))
    read = set(re.findall(r'"([A-Z_]{3,})"', text))

    assert set(APP["env"]) - OF_GUNICORN - read == set()


def test_every_variable_is_described_and_no_secret_has_a_value() -> None:
    assert all(variable["description"] for variable in APP["env"].values())
    assert APP["env"]["SECRET_KEY"]["generator"] == "secret"
    assert {name for name in APP["env"] if "value" in APP["env"][name]} == {
        "TIMEZONE",
        "FORWARDED_ALLOW_IPS",
    }
