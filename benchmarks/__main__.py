"""`python -m benchmarks [names...] [--full] [--json FILE]`: measure, then print one table."""

import argparse
import json
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from app.local.interruption import interruptible
from app.local.servers import local_servers
from app.local.state import state_dir
from benchmarks import burst, drain, idle, receiver, scan, signature
from benchmarks.figures import Figure, table
from benchmarks.stage import DEFAULT, FULL, Scale, Stage
from sync.errors import SettingsError, Unavailable

Measure = Callable[[Stage], Iterator[Figure]]

MEASURES: Mapping[str, Measure] = {
    "signature": signature.measure,
    "receiver": receiver.measure,
    "idle": idle.measure,
    "burst": burst.measure,
    "drain": drain.measure,
    "scan": scan.measure,
}


def main(arguments: Sequence[str]) -> int:
    """Run the measures that `arguments` name, all when they name none; return the exit code.

    0: every bar is kept, 1: one is not, 2: it could not be measured, 130: interrupted.
    """
    options = _parser().parse_args(arguments)
    exit_code = 130
    with interruptible():
        exit_code = _run(options.names, FULL if options.full else DEFAULT, options.json)
    return exit_code  # noqa: RET504 — an interrupt leaves the block before it is set


def _run(names: Sequence[str], scale: Scale, json_file: Path | None) -> int:
    try:
        found = list(_measure(names or list(MEASURES), scale))
    except (SettingsError, Unavailable) as error:
        print(error, file=sys.stderr)
        return 2
    print(f"\n{table(found)}")
    if json_file:
        json_file.write_text(json.dumps([figure.as_dict() for figure in found], indent=2))
    return int(any(figure.bar and not figure.bar.met(figure) for figure in found))


def _measure(names: Sequence[str], scale: Scale) -> Iterator[Figure]:
    """Yield the figures of every named measure, on durable servers of our own."""
    state = state_dir("bench")
    with local_servers(state, durable=True) as servers:
        stage = Stage(servers=servers, state=state, scale=scale)
        for name in names:
            load_1m, _, _ = os.getloadavg()
            print(f"measuring {name} (load average {load_1m:.1f})", file=sys.stderr)
            yield from MEASURES[name](stage)


def _name(text: str) -> str:
    if text not in MEASURES:
        raise argparse.ArgumentTypeError(f"{text!r} is none of {', '.join(MEASURES)}")
    return text


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    known = ", ".join(MEASURES)
    parser.add_argument("names", nargs="*", type=_name, metavar="name", help=f"of {known}")
    parser.add_argument("--full", action="store_true", help="more rounds, a million subscriptions")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures here, too")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
