"""S1, S4: where a key must never be, and keys that no header can carry."""

from __future__ import annotations

import re
import subprocess
import sys

from tests.fault_server import FaultServer, good
from tests.torture.figure import Figure, in_memory
from xiantong_nb.draft import Draft
from xiantong_nb.errors import UsageError, XiantongError
from xiantong_nb.session import Session
from xiantong_nb.wizard import Wizard

SAFE = "QWXZJ"  # letters that no message of ours has in this order
AROUND = [
    "{}\rx", "{}\nx", "{}\r\nx-api-key: y", "{}\x00", "\x00{}x", "{}\tx", "{} x", "{}\x0bx", "{}\x0cx", "{}\x1bx",
    "{}\x7fx", "Bearer {} x", "{}\x80x", "{}\x85x", "{}\xa0x", "{}\u2028x", "{}\u2029x", "{}\ufeffx",
    "{}\u200bx", "{}é",
    "{}’s", "{}–1", "{}仙", 'sk-"{}', "{}🐼", "{}\ud800", "{}\u202ex", "{}\x1fx", "{}" * 2000, "{}…",
]  # fmt: skip


def figure(*, keys: int) -> Figure:
    """S4: each key comes by a variable, a prompt and the store's own door; nothing may be sent or quoted."""
    server, shown, refused, sent = FaultServer(), [], 0, 0
    try:
        for around in AROUND[:keys]:
            text = around.replace("{}", SAFE)
            for way in (_by_variable, _by_prompt, _from_environment):
                with in_memory() as folder:
                    try:
                        way(Session(environment={"GW": text, "HOME": str(folder)}, folder=folder), text, server.url)
                    except XiantongError as error:
                        refused += 1
                        seen = f"{error} {error!r} {error.__context__!r} {error.__cause__!r}"
                        shown += [ascii(text)] if re.search(SAFE, seen) else []
        sent = len(server.seen)
        with in_memory() as folder:  # a key that is fine is sent, so a request would have been seen
            server.play(good("hello"))
            _by_variable(Session(environment={"GW": "key-CANARY-0123456789-wxyz"}, folder=folder), "", server.url)
        proven = len(server.seen) == sent + 1
    finally:
        server.close()
    ways = 3 * len(AROUND[:keys])
    value = f"{sent} requests sent, {len(shown)} of {ways} messages show a character of the key"
    return Figure(
        value, "0, 0", not sent and not shown and proven and refused == ways, (f"{refused} refused", *shown[:3])
    )


def _by_variable(session: Session, text: str, url: str) -> None:
    wizard = Wizard(session, Draft("custom", base_url=url, model="m", key_variable="GW"))
    if not wizard.check():
        raise wizard.needs().error()
    wizard.probe()


def _by_prompt(session: Session, text: str, url: str) -> None:
    from xiantong_nb.secret import cleaned

    wizard = Wizard(session, Draft("custom", base_url=url, model="m", key=cleaned(text, name="the answer")[0]))
    if not wizard.check():
        raise wizard.needs().error()
    wizard.probe()


def _from_environment(session: Session, text: str, url: str) -> None:
    session.environment = {"ANTHROPIC_API_KEY": text, "ANTHROPIC_BASE_URL": url, "HOME": session.environment["HOME"]}
    with session.open("hello", "anthropic") as stream:
        raise UsageError(f"it was sent: {stream.result()}")


_WAYS = 6
_AGAIN = ("--last-failed", "--last-failed-no-failures=none")


def leaks(*, tests: tuple[str, ...]) -> Figure:
    """
    S1: marker keys after everything was done with them, by each way in; then in all that these tests leave.

    Browsers and kernels on a busy machine miss a moment now and then: what fails is run once more, alone.
    """
    told, code = _run(tests)
    failed = re.findall(r"^(?:FAILED|ERROR) (\S+)", told, re.MULTILINE)
    if failed:
        more, code = _run((*tests, *_AGAIN))
        told += more
    found: dict[str, int] = {}
    for way, places in re.findall(r"^\S*leaks ((?:with|by) .*): (\d+)", told, re.MULTILINE):
        found[way] = max(found.get(way, 0), int(places))
    swept = re.findall(r"keys left behind by this run: (\d+) in (\d+) files", told)
    left, files = (sum(map(int, each)) for each in (zip(*swept, strict=True) if swept else ((), ())))
    passed = re.search(r"\d+ passed", told)
    met = code == 0 and len(found) == _WAYS and not sum(found.values()) and len(swept) == 1 + bool(failed)
    notes = [f"{passed[0] if passed else 'none passed'}, the proofs of both searches among them"]
    notes += [f"{name}, failed once{'' if code else ', passed alone'}" for name in failed]
    value = f"{sum(found.values())} places in {len(found)} ways, {left} of {files} files left"
    return Figure(value, f"0 in {_WAYS}: five forms of traceback and the form; 0", met and not left, tuple(notes))


def _run(tests: tuple[str, ...]) -> tuple[str, int]:
    """Run tests in a process of their own; return what was told, and how it ended."""
    command = [sys.executable, "-m", "pytest", "-q", "-s", "-p", "no:randomly", *tests]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout, done.returncode
