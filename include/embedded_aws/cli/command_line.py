"""The command line: up, run, down, status, env, jobs, logs, endpoints, fault, reset."""

from __future__ import annotations

import argparse
import dataclasses
import os
import shlex
import shutil
import signal
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from embedded_aws import settings
from embedded_aws.cloudwatch import logs
from embedded_aws.errors import EmbeddedAwsError, SettingError
from embedded_aws.moto import roles
from embedded_aws.settings import Settings
from embedded_aws.store import kinds
from embedded_aws.store.resources import Kind, Row, Store
from embedded_aws.supervision import health, supervisor
from embedded_aws.wire import fault_injection
from embedded_aws.wire.credentials import load_or_create, write_profile

DEFAULT_HOME = "~/.embedded-aws"
FOLLOW_PERIOD_S = 0.2
WATCH_PERIOD_S = 1.0
MOST_ROWS = 50


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; its exit code."""
    options = vars(_parser().parse_args(arguments))
    command = options.pop("command")
    try:
        chosen = settings.load(Path(options.pop("home")), _flags(options), os.environ)
        _forget_callers_aws()
        return int(COMMANDS[command](chosen, options))
    except EmbeddedAwsError as error:
        print(error, file=sys.stderr)
        return 1
    except (KeyboardInterrupt, BrokenPipeError):
        return 130


def up(chosen: Settings, _options: dict[str, Any]) -> int:
    """Start everything and wait until it answers."""
    started = time.monotonic()
    supervisor.up(chosen, lambda text: print(f"embedded AWS: {text} …", flush=True))
    for role in chosen.role:
        roles.ensure(chosen, role)
    print(f"embedded AWS: up after {time.monotonic() - started:.1f} s, home {chosen.home}")
    print(f"  AWS  {chosen.endpoint_url}\n  S3   {chosen.s3_endpoint_url}")
    return 0


def run(chosen: Settings, options: dict[str, Any]) -> int:
    """Start everything, stay until SIGTERM or SIGINT, then stop everything: for a container of its own."""
    asked = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: asked.set())
    up(chosen, options)
    print(f"  credentials  {write_profile(chosen.home)}", flush=True)
    while supervisor.is_up(chosen) and not asked.wait(WATCH_PERIOD_S):
        pass
    down(chosen, options)
    return 0 if asked.is_set() else 1


def down(chosen: Settings, _options: dict[str, Any]) -> int:
    """Stop everything."""
    supervisor.down(chosen)
    print("embedded AWS: down")
    return 0


def reset(chosen: Settings, _options: dict[str, Any]) -> int:
    """Stop everything and forget all state: resources, S3 objects, logs; credentials and settings stay."""
    supervisor.down(chosen)
    for path in (chosen.home / "s3", chosen.stream_dir, chosen.work_dir, chosen.run_dir, chosen.log_dir):
        shutil.rmtree(path, ignore_errors=True)
    for path in chosen.home.glob(f"{chosen.database.name}*"):
        path.unlink()
    print(f"embedded AWS: all state in {chosen.home} is gone")
    return 0


def status(chosen: Settings, _options: dict[str, Any]) -> int:
    """Which parts answer, and how much there is of what; 1 if it is not all well."""
    missing = health.missing(chosen) if supervisor.is_up(chosen) else list(health.PARTS)
    rows = [[part, "missing" if part in missing else "running"] for part in health.PARTS]
    _table(["PART", "STATE"], rows)
    print(f"\nAWS {chosen.endpoint_url}   S3 {chosen.s3_endpoint_url}   home {chosen.home}")
    return 1 if missing else 0


def env(chosen: Settings, _options: dict[str, Any]) -> int:
    """Print the variables that point an AWS client here, for `eval`."""
    for name, value in variables(chosen).items():
        print(f"export {name}={shlex.quote(value)}")
    return 0


def variables(chosen: Settings) -> dict[str, str]:
    """The variables that point any AWS client at this embedded AWS."""
    credentials = load_or_create(chosen.home)
    return {
        "AWS_ENDPOINT_URL": chosen.endpoint_url,
        "AWS_ENDPOINT_URL_S3": chosen.s3_endpoint_url,
        "AWS_ACCESS_KEY_ID": credentials.access_key_id,
        "AWS_SECRET_ACCESS_KEY": credentials.secret_access_key,
        "AWS_DEFAULT_REGION": chosen.region,
        "AWS_REGION": chosen.region,
    }


def jobs(chosen: Settings, _options: dict[str, Any]) -> int:
    """The latest jobs, newest first."""
    rows = [(kind, row) for kind in kinds.JOBS for row in _rows(chosen, kind)]
    rows.sort(key=lambda pair: pair[1].created, reverse=True)
    table = []
    for kind, row in rows[:MOST_ROWS]:
        state = row.document.get("SecondaryStatus", row.status)
        shown = row.status if state == row.status else f"{row.status}/{state}"
        why = row.document.get("FailureReason", "").partition("\n")[0]
        table.append([row.name, kind.name, shown, _clock(row.created), _age(row), why[:80]])
    _table(["JOB", "KIND", "STATUS", "CREATED", "SECONDS", "REASON"], table)
    return 0


def endpoints(chosen: Settings, _options: dict[str, Any]) -> int:
    """All endpoints and how many of their instances answer."""
    store = Store(chosen.database)
    table = []
    for row in _rows(chosen, kinds.ENDPOINT):
        states = store.query("SELECT state FROM worker WHERE endpoint = ?", (row.name,))
        ready = sum(state == "ready" for (state,) in states)
        config = row.document["EndpointConfigName"]
        table.append(
            [
                row.name,
                row.status,
                config,
                f"{ready}/{len(states)}",
                row.document.get("FailureReason", "")[:80],
            ]
        )
    _table(["ENDPOINT", "STATUS", "CONFIGURATION", "READY", "REASON"], table)
    return 0


def show_logs(chosen: Settings, options: dict[str, Any]) -> int:
    """Print the log lines of a job or an endpoint, and follow them if asked to."""
    name = options["name"]
    readers: dict[Path, logs.LineReader] = {}
    pause = threading.Event()
    while True:
        for path in _log_files(chosen, name):
            readers.setdefault(path, logs.LineReader(path))
        for reader in readers.values():
            for line in reader.new_lines():
                print(logs.parse(line)[1], flush=True)
        if not options["follow"]:
            break
        pause.wait(FOLLOW_PERIOD_S)
    if not readers:
        raise SettingError(
            f"Logs {name}: none, expected the name of a job or endpoint. See `jobs` and `endpoints`."
        )
    return 0


def fault(chosen: Settings, options: dict[str, Any]) -> int:
    """Ask for a fault, list those that still strike, or remove all; needs `up --faults`."""
    if not chosen.faults:
        raise SettingError(
            f"Faults {chosen.home}: switched off, expected an embedded AWS meant for tests. "
            f"Start it anew: {settings.how_to_set('faults')}"
        )
    store = Store(chosen.database)
    kind = options["kind"]
    if kind == "clear":
        fault_injection.remove(store)
    elif kind != "list":
        values = {name: options[name] for name in ("count", "seconds", "status") if options[name] is not None}
        fault_injection.add(store, kind, options["target"], **values)
    rows = [
        [str(each.id), each.kind, each.target, str(each.remaining or "until removed")]
        for each in fault_injection.all_of(store)
    ]
    _table(["ID", "FAULT", "TARGET", "STRIKES"], rows)
    return 0


COMMANDS = {
    "up": up,
    "run": run,
    "down": down,
    "reset": reset,
    "status": status,
    "env": env,
    "jobs": jobs,
    "endpoints": endpoints,
    "logs": show_logs,
    "fault": fault,
}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="embedded-aws", description=__doc__)
    home = os.environ.get("EMBEDDED_AWS_HOME", DEFAULT_HOME)
    parser.add_argument("--home", default=home, help="directory of all its state (default: %(default)s)")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, function in COMMANDS.items():
        sub = commands.add_parser(name, help=(function.__doc__ or "").splitlines()[0])
        sub.add_argument("--port", type=int, help="port of everything but S3 (4566)")
        sub.add_argument("--s3-port", type=int, help="port of S3 (8333)")
        sub.add_argument(
            "--internal-port", type=int, help="first of eleven ports of our own (20 above --port)"
        )
        if name in ("up", "run"):
            sub.add_argument("--listen", help="address of the two public ports: 127.0.0.1 or 0.0.0.0")
            sub.add_argument("--runtimes", help="TOML file that maps images to interpreters")
            sub.add_argument("--bucket", action="append", help="an S3 bucket to make; may be repeated")
            sub.add_argument("--role", action="append", help="an IAM role to make; may be repeated")
            sub.add_argument("--max-jobs", type=int, help="jobs that run at once")
            sub.add_argument("--memory-limit-mb", type=int, help="memory the containers of a job may use")
            sub.add_argument("--stop-grace-s", type=float, help="seconds a stopped job may take to end (120)")
            sub.add_argument("--isolation", help="auto, namespaces or none (auto)")
            sub.add_argument(
                "--faults", action=argparse.BooleanOptionalAction, help="allow `fault`, for tests (off)"
            )
        if name == "fault":
            sub.add_argument("kind", choices=[*fault_injection.KINDS, "list", "clear"])
            sub.add_argument(
                "target", nargs="?", default=fault_injection.ANY, help="operation, job or endpoint"
            )
            sub.add_argument("--count", type=int, help="how often it strikes (until removed)")
            sub.add_argument("--seconds", type=float, help="how long a latency takes (1)")
            sub.add_argument("--status", type=int, help="the HTTP status of an error (500)")
        if name == "logs":
            sub.add_argument("name", metavar="JOB")
            sub.add_argument("-f", "--follow", action="store_true", help="wait for further lines")
    return parser


def _forget_callers_aws() -> None:
    """Drop the caller's own AWS settings and proxies, which mean other machines than this one."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        del os.environ[name]
    os.environ["NO_PROXY"] = os.environ["no_proxy"] = settings.HOST


def _flags(options: dict[str, Any]) -> dict[str, Any]:
    known = {field.name for field in dataclasses.fields(Settings)}
    return {name: value for name, value in options.items() if name in known}


def _rows(chosen: Settings, kind: Kind) -> list[Row]:
    return Store(chosen.database).select("kind = ?", (kind.name,), "created DESC", MOST_ROWS)


def _log_files(chosen: Settings, name: str) -> list[Path]:
    """The files of a job's streams, or of an endpoint's, oldest first."""
    found = []
    for group in (logs.TRAINING_GROUP, logs.PROCESSING_GROUP, logs.TRANSFORM_GROUP, logs.ENDPOINT_GROUP):
        directory = chosen.stream_dir / group.strip("/") / name
        if "/" not in name and directory.is_dir():
            found += list(directory.rglob("*.log"))
    return sorted(found, key=lambda path: path.stat().st_ctime)


def _age(row: Row) -> str:
    ends = (row.document.get(f"{noun}EndTime") for noun in ("Training", "Processing", "Transform"))
    return f"{next(filter(None, ends), time.time()) - row.created:.0f}"


def _clock(seconds: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(seconds))


def _table(head: list[str], rows: list[list[str]]) -> None:
    widths = [max(len(line[column]) for line in [head, *rows]) for column in range(len(head))]
    for line in [head, *rows]:
        print("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())
