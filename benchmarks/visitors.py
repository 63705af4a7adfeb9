"""Visitors without a browser: they speak Streamlit's own protocol, and change a control every other second.

What they wait for is the script on the server; what a browser draws afterwards costs the server nothing.
"""

from __future__ import annotations

import ipaddress
import random
import threading
import time
import urllib.request
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.sync.client import connect

HABITS = (("", "target"), ("saliency", "saliency_method"), ("grad_cam", "cam_method"))
"""The pages that visitors stay on, and the control that they change there."""
QUICK = {"Gradient", "Deconvolution", "Guided backpropagation", "Grad-CAM", "LayerCAM", "XGrad-CAM"}
"""Methods of a few passes: what is measured is the app, not Score-CAM."""
PAUSE = 2.0  # seconds that a visitor looks at what came, give or take half
PATIENCE = 60.0  # seconds after which an answer is given up
MOMENT = 0.1  # seconds between two questions after the server's health


def refuse_other_machines(address: str) -> None:
    """A load is for the machine that it is started on.

    Raises:
        SystemExit: if the address is that of another one.
    """
    parts = urlsplit(address)
    host = parts.hostname or ""
    try:
        here = host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        here = False
    if not here or parts.scheme != "http":
        raise SystemExit(
            f"load: only a server of this machine is loaded, such as http://127.0.0.1:8501, not {address!r}."
        )


@dataclass
class Answers:
    """What visitors met, in seconds: the first run of each, every run after a change, and the server's word on its health."""

    first: list[float] = field(default_factory=list)
    rerun: list[float] = field(default_factory=list)
    health: list[float] = field(default_factory=list)
    errors: int = 0


class Visitor:
    """One session on one page."""

    def __init__(self, socket: Any, page: str, control: str) -> None:
        self._socket = socket
        self._page = page
        self._control = control
        self._widget = ""
        self._options: Sequence[str] = ()

    def run(self, option: str | None = None) -> bool:
        """Let the script run, with the control moved if an option is named; whether the page came with its control and without an error."""
        message = BackMsg()
        message.rerun_script.page_name = self._page
        if option is not None:
            state = message.rerun_script.widget_states.widgets.add()
            state.id, state.string_value = self._widget, option
        self._socket.send(message.SerializeToString())
        return self._listen()

    def another(self, source: random.Random) -> str | None:
        """An option of the control: a quick method, or a class; None if the page has not come yet."""
        options = [option for option in self._options if option in QUICK] or self._options
        return source.choice(options) if options else None

    def _listen(self) -> bool:
        given_up, well = time.monotonic() + PATIENCE, True
        while time.monotonic() < given_up:
            answer = ForwardMsg.FromString(self._socket.recv(timeout=PATIENCE))
            kind = answer.WhichOneof("type")
            if kind == "delta":
                element = answer.delta.new_element
                well = well and element.WhichOneof("type") != "exception"
                if element.WhichOneof("type") == "selectbox" and element.selectbox.id.endswith(f"-{self._control}"):
                    self._widget, self._options = element.selectbox.id, tuple(element.selectbox.options)
            elif kind == "script_finished" and answer.script_finished != ForwardMsg.FINISHED_EARLY_FOR_RERUN:
                return well and bool(self._widget) and answer.script_finished == ForwardMsg.FINISHED_SUCCESSFULLY
        return False


@contextmanager
def visitor(address: str, page: str, control: str) -> Iterator[Visitor]:
    """A session at a server of this machine, ended at the end."""
    refuse_other_machines(address)
    stream = f"ws://{urlsplit(address).netloc}/_stcore/stream"
    with connect(stream, subprotocols=["streamlit"], origin=address, max_size=None, ping_interval=None) as socket:
        yield Visitor(socket, page, control)


def load(address: str, count: int, seconds: float) -> Answers:
    """So many visitors at once, for so long; the time until all of them have the page does not count.

    Args:
        address: of a server of this machine; another one is refused.
    """
    refuse_other_machines(address)
    answers = Answers()
    with ExitStack() as doors, ThreadPoolExecutor(count) as threads:
        habits = [HABITS[index % len(HABITS)] for index in range(count)]
        visitors = [doors.enter_context(visitor(address, page, control)) for page, control in habits]
        list(threads.map(lambda one: _first_look(one, answers), visitors))
        over = time.monotonic() + seconds
        work = [threads.submit(_stay, one, over, seed, answers) for seed, one in enumerate(visitors)]
        _ask_for_health(address, over, answers)
        for job in work:
            job.result()
    return answers


def _first_look(one: Visitor, answers: Answers) -> None:
    started = time.perf_counter()
    answers.errors += not one.run()
    answers.first.append(time.perf_counter() - started)


def _stay(one: Visitor, over: float, seed: int, answers: Answers) -> None:
    """Look, change the control, wait for what comes of it, until the time is over."""
    source = random.Random(seed)
    asleep = threading.Event()
    asleep.wait(source.uniform(0, PAUSE))  # visitors do not come in step
    while time.monotonic() < over:
        started = time.perf_counter()
        answers.errors += not one.run(one.another(source))
        answers.rerun.append(time.perf_counter() - started)
        asleep.wait(source.uniform(0.5, 1.5) * PAUSE)


def _ask_for_health(address: str, over: float, answers: Answers) -> None:
    while time.monotonic() < over:
        started = time.perf_counter()
        with urllib.request.urlopen(f"{address}/_stcore/health", timeout=PATIENCE) as answer:
            answers.errors += answer.read() != b"ok"
        answers.health.append(time.perf_counter() - started)
        time.sleep(MOMENT)
