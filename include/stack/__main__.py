"""`python -m stack`: the command line behind the Makefile."""

from __future__ import annotations

import argparse
import os
import shlex
import sys
from collections.abc import Sequence

from idc.errors import ConfigurationError
from stack import aws, demo, services, status
from stack.airflow import airflow_environment
from stack.console import say, say_aside
from stack.errors import StackError
from stack.settings import StackSettings, stack_settings


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command of the stack; return the exit code."""
    parser = _parser()
    options, rest = parser.parse_known_args(arguments)
    if rest and options.command != "airflow":
        parser.error(f"unrecognized arguments: {' '.join(rest)}")
    try:
        settings = stack_settings()
        if options.command == "up":
            services.up(settings, options.services)
        elif options.command == "down":
            services.down(settings, options.services)
        elif options.command == "status":
            status.show(settings)
        elif options.command == "logs":
            _follow_logs(settings, options.names)
        elif options.command == "env":
            _print_environment(settings)
        elif options.command == "airflow":
            _run_airflow(settings, rest)
        elif options.command == "demo":
            demo.run(
                settings,
                archive=options.archive or None,
                split=options.split or None,
                partition=options.partition or None,
            )
    except (StackError, ConfigurationError) as error:
        say_aside(f"error: {error}")
        return 1
    except KeyboardInterrupt:
        say_aside("interrupted: the services and the run go on. See `make status`; `make down` stops them.")
        return 130
    except BrokenPipeError:  # the reader, such as `head`, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="stack", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    for name, help_text in (("up", "start the services"), ("down", "stop the services")):
        command = commands.add_parser(name, help=help_text)
        command.add_argument(
            "services", nargs="*", choices=["aws", "airflow", "api", []], help="default: all"
        )
    commands.add_parser("status", help="show processes, addresses and the latest runs")
    commands.add_parser("env", help="print the variables that point an AWS client at the embedded AWS")
    commands.add_parser("airflow", add_help=False, help="run a command of Airflow's own on this stack")
    logs = commands.add_parser("logs", help="follow the logs")
    logs.add_argument("names", nargs="*", help="of these processes; default: all")
    command = commands.add_parser("demo", help="run the whole pipeline and show its results")
    command.add_argument(
        "--archive",
        help="a path or kaggle://…, https://…, s3://…, synthetic://…; default: a generated sample",
    )
    command.add_argument(
        "--split", help="a CSV of patient,split: a path, s3://… or https://…; default: by seed"
    )
    command.add_argument("--partition", help="year and month of the snapshot, such as 2026-10")
    return parser


def _print_environment(settings: StackSettings) -> None:
    if settings.aws == "amazon":
        raise StackError(
            "make env: HISTOFLOW_AWS is amazon, expected embedded. Use your own AWS credentials."
        )
    for name, value in aws.client_environment(settings).items():
        say(f"export {name}={shlex.quote(value)}")


def _run_airflow(settings: StackSettings, arguments: Sequence[str]) -> None:
    if not settings.airflow_home.exists():
        raise StackError("airflow: not set up yet, expected a stack. Start it with `make up`.")
    variables = aws.client_environment(settings) if settings.aws == "embedded" else {}
    command = [sys.executable, "-m", "airflow", *arguments]
    os.execve(sys.executable, command, airflow_environment(settings, variables))


def _follow_logs(settings: StackSettings, names: Sequence[str]) -> None:
    files = [path for path in status.log_files(settings) if not names or path.stem in names]
    if not files:
        known = ", ".join(path.stem for path in status.log_files(settings)) or "none yet"
        raise StackError(f"logs {' '.join(names)}: not found, expected some of: {known}. Try `make up`.")
    os.execvp("tail", ["tail", "-n", "10", "-F", *map(str, files)])


if __name__ == "__main__":
    sys.exit(main())
