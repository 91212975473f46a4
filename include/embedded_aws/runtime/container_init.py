"""Starts a container's program, as its first process would in a real container.

Run as `python -I -S container_init.py` with a specification as JSON on standard input:
`argv`, `environment`, `directory`, `parent` (the pid of the agent), `isolation` ("root", "user" or
"none"), `hostname`, `host_names` (names that resolve to this machine) and `ml` (the directory to be
seen at /opt/ml).

With isolation, the program runs in mount, pid and host name namespaces of its own: /opt/ml is its
directory, and no process it starts can outlive it. Without, its descendants are adopted and killed
at its end. Ends with the program's exit code, or 128 and the number of the signal that ended it.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import signal
import sys
from typing import Any

CLONE_NEWNS, CLONE_NEWUTS, CLONE_NEWUSER, CLONE_NEWPID = 0x00020000, 0x04000000, 0x10000000, 0x20000000
MS_BIND, MS_REC, MS_PRIVATE = 0x1000, 0x4000, 0x40000
MNT_DETACH = 2
PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36
CANNOT_START = 126

libc = ctypes.CDLL(None, use_errno=True)


def main() -> None:
    """Start the program as the specification says and end as it ends."""
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])  # it waits until it can be passed on
    specification = json.load(sys.stdin)
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    die_with_parent()
    if os.getppid() != specification["parent"]:
        sys.exit(CANNOT_START)  # the agent ended before it could be watched
    if specification["isolation"] == "none":
        call("prctl", PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
        code = run(specification)
        end_remaining()
        os._exit(code)
    enter_namespaces(specification["isolation"] == "user")
    init = os.fork()
    if init == 0:
        die_with_parent()
        enter_container(specification)
        os._exit(run(specification))
    pass_on_termination(init)
    os._exit(exit_code(wait_for(init)))


def enter_namespaces(needs_user: bool) -> None:
    """Leave the machine's mounts, host name and, for children, its processes."""
    user, group = os.getuid(), os.getgid()
    call("unshare", CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWPID | (CLONE_NEWUSER if needs_user else 0))
    if needs_user:
        write("/proc/self/setgroups", "deny")
        write("/proc/self/uid_map", f"{user} {user} 1")
        write("/proc/self/gid_map", f"{group} {group} 1")


def enter_container(specification: dict[str, Any]) -> None:
    """Make the file system and the host name those of the container."""
    mount("none", "/", None, MS_REC | MS_PRIVATE)
    mount_ml(specification["ml"])
    mount_hosts(specification)
    with contextlib.suppress(OSError):  # a machine that masks parts of /proc forbids a new one
        mount("proc", "/proc", "proc", 0)
    name = specification["hostname"].encode()
    call("sethostname", name, len(name))


def mount_ml(directory: str) -> None:
    """Show the directory at /opt/ml, and everything else that is in /opt as it was."""
    if not os.path.isdir("/opt/ml"):
        kept = os.path.join(directory, ".opt")
        os.makedirs(kept, exist_ok=True)
        mount("/opt", kept, None, MS_BIND | MS_REC)
        mount("tmpfs", "/opt", "tmpfs", 0)
        for entry in os.scandir(kept):
            target = os.path.join("/opt", entry.name)
            if entry.is_symlink():
                os.symlink(os.readlink(entry.path), target)
                continue
            if entry.is_dir():
                os.mkdir(target)
            else:
                write(target, "")
            mount(entry.path, target, None, MS_BIND | MS_REC)
        call("umount2", kept.encode(), MNT_DETACH)
        os.rmdir(kept)
        os.mkdir("/opt/ml")
    mount(directory, "/opt/ml", None, MS_BIND | MS_REC)


def mount_hosts(specification: dict[str, Any]) -> None:
    """Let the names of the job's hosts resolve to this machine."""
    with open("/etc/hosts", encoding="utf-8") as hosts:
        lines = hosts.read().rstrip("\n")
    path = os.path.join(os.path.dirname(specification["ml"]), "hosts")
    write(path, f"{lines}\n127.0.0.1 {' '.join(specification['host_names'])}\n")
    mount(path, "/etc/hosts", None, MS_BIND)


def run(specification: dict[str, Any]) -> int:
    """Start the program and reap every child until it ends; its exit code."""
    program = os.fork()
    if program == 0:
        start(specification)
    pass_on_termination(program)
    return exit_code(wait_for(program))


def start(specification: dict[str, Any]) -> None:
    """Become the program, in a session of its own."""
    die_with_parent()
    os.setsid()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGPIPE):
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGTERM])
    argv, environment = specification["argv"], specification["environment"]
    try:
        os.chdir(specification["directory"])
        os.execvpe(argv[0], argv, environment)
    except OSError as error:
        os.write(2, f"cannot start {argv[0]}: {error.strerror}\n".encode())
    os._exit(CANNOT_START)


def wait_for(child: int) -> int:
    """Reap children until this one ends; its wait status."""
    while True:
        pid, status = os.wait()
        if pid == child:
            return status


def end_remaining() -> None:
    """Kill and reap all children left, and those they leave in turn."""
    while True:
        with open(f"/proc/self/task/{os.getpid()}/children", encoding="ascii") as children:
            pids = [int(pid) for pid in children.read().split()]
        if not pids:
            return
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)


def exit_code(status: int) -> int:
    """A wait status as a shell tells it."""
    return 128 + os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)


def pass_on_termination(child: int) -> None:
    """Let SIGTERM reach the program."""
    signal.signal(signal.SIGTERM, lambda number, _: os.kill(child, number))
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGTERM])


def die_with_parent() -> None:
    """Have the kernel kill this process when its parent dies."""
    call("prctl", PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def mount(source: str, target: str, kind: str | None, flags: int) -> None:
    """The system call of that name."""
    call(
        "mount",
        source.encode(),
        target.encode(),
        kind.encode() if kind else None,
        ctypes.c_ulong(flags),
        None,
    )


def call(name: str, *arguments: Any) -> None:
    """A C library function that answers -1 and errno on failure."""
    if getattr(libc, name)(*arguments) == -1:
        number = ctypes.get_errno()
        raise OSError(number, f"{name}: {os.strerror(number)}")


def write(path: str, text: str) -> None:
    """Write a whole small file."""
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


if __name__ == "__main__":
    main()
