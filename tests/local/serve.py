"""A starter for the tests to interrupt and to kill: serves until it is told to stop."""

import sys
from pathlib import Path

from app.local.interruption import interruptible
from app.local.servers import local_servers


def main() -> None:
    with interruptible(), local_servers(Path(sys.argv[1])) as servers:
        sys.stdout.write(f"{servers.database_url}\n{servers.redis_url}\n")
        sys.stdout.flush()
        sys.stdin.read()


if __name__ == "__main__":
    main()
