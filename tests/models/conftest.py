"""What the tests of models share: a PyTorch home of their own, and a web server."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from explainers.demo.networks import NETWORKS
from explainers.models import demo

Answer = Callable[[BaseHTTPRequestHandler], None]


@pytest.fixture
def torch_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty TORCH_HOME; returns where PyTorch would keep downloaded weights."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(torch.hub, "_hub_dir", None)
    return tmp_path / "home/hub/checkpoints"


@pytest.fixture
def bundled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of bundled weights, untrained and in half precision as they are shipped."""
    for name, build in NETWORKS.items():
        state = {key: t.half() if t.is_floating_point() else t for key, t in build().state_dict().items()}
        save_file(state, tmp_path / f"{name}.safetensors", {"name": name, "features": '["age"]'})
    monkeypatch.setattr(demo, "WEIGHTS", tmp_path)
    return tmp_path


class Site:
    """A web server on this machine: what it answers for each path, and how often it was asked."""

    def __init__(self) -> None:
        site = self
        self.answers: dict[str, Answer] = {}
        self.requests: list[str] = []

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                site.requests.append(self.path)
                answer = site.answers.get(self.path)
                if answer is None:
                    self.send_error(404)
                else:
                    answer(self)

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.address = f"http://127.0.0.1:{self.server.server_port}"

    def serve(self, path: str, content: bytes, length: int | None = -1) -> str:
        """Answer `path` with `content`, claiming a length (None: claiming none); returns the address."""

        def answer(handler: BaseHTTPRequestHandler) -> None:
            handler.send_response(200)
            if length is not None:
                handler.send_header("Content-Length", str(len(content) if length < 0 else length))
            handler.end_headers()
            handler.wfile.write(content)

        self.answers[path] = answer
        return self.address + path


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    site = Site()
    thread = threading.Thread(target=site.server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield site
    site.server.shutdown()
    site.server.server_close()
    thread.join()
