"""Whose folders we use, and that nobody else's are touched."""

import os
import pwd
import stat
import subprocess
from pathlib import Path

import pytest

from app.local import postgresql
from app.local.children import Account
from app.local.clean import remove
from app.local.servers import local_servers
from app.local.state import checkout_root, local_root, secret, secure
from sync.errors import SettingsError, Unavailable

AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")


def modes(path: Path) -> dict[Path, tuple[int, int]]:
    return {
        each: (each.stat().st_mode, each.stat().st_uid) for each in (path, *path.resolve().parents)
    }


def test_folders_and_accounts_of_others_stay_as_they_are(state: Path) -> None:
    accounts = pwd.getpwall()
    foreign = modes(postgresql.PACKAGE / postgresql.PROGRAMS) | modes(local_root().parent)

    with local_servers(state):
        pass

    assert pwd.getpwall() == accounts
    assert foreign == {path: (path.stat().st_mode, path.stat().st_uid) for path in foreign}


def test_secrets_stay_the_same_and_are_for_us_alone(state: Path) -> None:
    first = secret(state, "word")

    assert secret(state, "word") == first
    assert len(first) >= 32
    assert stat.S_IMODE((state / "word.secret").stat().st_mode) == 0o600


def test_others_can_read_nothing_in_a_state_folder(state: Path) -> None:
    with local_servers(state):
        kept = [path for path in state.iterdir() if path.stat().st_uid == os.geteuid()]
        open_folders = [path for path in kept if path.is_dir() and path.stat().st_mode & 0o077]
        open_files = [path for path in kept if path.is_file() and path.stat().st_mode & 0o077]

    assert open_folders == []
    assert open_files == []
    assert not state.stat().st_mode & 0o066


@pytest.mark.parametrize(
    "mode", [pytest.param(0o770, id="group-writes"), pytest.param(0o707, id="anybody-writes")]
)
def test_a_folder_that_others_can_write_to_is_refused(tmp_path: Path, mode: int) -> None:
    folder = tmp_path / "state"
    folder.mkdir()
    folder.chmod(mode)

    with pytest.raises(SettingsError, match=str(folder)):
        secure(folder)


@pytest.mark.parametrize("made", ["link", "file"])
def test_what_is_no_folder_of_ours_is_refused(tmp_path: Path, made: str) -> None:
    path = tmp_path / "state"
    path.symlink_to(tmp_path) if made == "link" else path.touch()

    with pytest.raises(SettingsError, match=str(path)):
        secure(path)


@AS_ROOT
def test_a_folder_that_somebody_made_before_us_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "state"
    folder.mkdir()
    os.chown(folder, Account.named("nobody").uid, -1)

    with pytest.raises(SettingsError, match="belongs to you"):
        secure(folder)


@AS_ROOT
def test_root_is_told_when_its_server_could_not_reach_the_data(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)

    with pytest.raises(SettingsError, match="closed to others"), local_servers(tmp_path / "state"):
        pass


@AS_ROOT
def test_programs_out_of_reach_run_from_a_copy(state: Path) -> None:
    copy = state / "copy"
    old = os.umask(0o077)
    try:
        postgresql._copy_for_others(postgresql.PACKAGE, copy)
    finally:
        os.umask(old)

    told = subprocess.run(
        [copy / postgresql.PACKAGE.name / postgresql.PROGRAMS / "initdb", "--version"],
        capture_output=True,
        text=True,
        check=True,
        cwd="/",
        env={},
        **Account.named("nobody").options(),  # type: ignore[call-overload]
    )

    assert postgresql.VERSION.rsplit(".", 1)[0] in told.stdout


def test_clean_removes_what_is_not_in_use(state: Path) -> None:
    root = state / "root"
    secure(root / "one")

    remove(root)

    assert not root.exists()


def test_clean_leaves_what_is_in_use(state: Path) -> None:
    root = state / "root"
    with local_servers(secure(root / "one")), pytest.raises(Unavailable):
        remove(root)

    assert (root / "one" / "postgresql-18").exists()


def test_every_checkout_has_a_folder_of_its_own() -> None:
    roots = {checkout_root(Path("/home/ada/one")), checkout_root(Path("/home/ada/two"))}

    assert len(roots) == 2
    assert all(len(str(root)) < 50 for root in roots)
