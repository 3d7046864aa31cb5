"""A headless Chromium: keys are pressed in it as a person does, and what its page complains of is kept.

It is spoken to over two pipes in the DevTools protocol: no driver needs to be installed, and no port is opened.
"""

from __future__ import annotations

import base64
import json
import os
import select
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
QUIET = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
    "--disable-background-networking", "--disable-component-update", "--hide-scrollbars",
)  # fmt: skip
PATIENCE = 60  # s for an answer
KEYS = {"ArrowLeft": 37, "ArrowRight": 39, "Escape": 27, "Enter": 13, "Tab": 9, "End": 35, "Home": 36}


def find_browser() -> str | None:
    """The program, or None where there is none."""
    return next((path for name in NAMES if (path := shutil.which(name))), None)


MIDDLE = """selector => {
  const found = document.querySelector(selector);
  found.scrollIntoView({ block: "center", behavior: "instant" });
  const { x, y, width, height } = found.getBoundingClientRect();
  return [x + width / 2, y + height / 2];
}"""


class Browser:
    """A browser with one page.

    Attributes:
        complaints: What the console said and what was thrown since it was opened.
        requests: Addresses that the page asked for, itself included; no data URIs.
    """

    def __init__(self, program: str, profile: Path) -> None:
        own_in, self._out = os.pipe()
        self._in, own_out = os.pipe()
        command = [program, *QUIET, f"--user-data-dir={profile}", "--remote-debugging-pipe"]

        def pipes() -> None:  # the browser reads at 3 and writes to 4
            reading, writing = os.dup(own_in), os.dup(own_out)
            os.dup2(reading, 3)
            os.dup2(writing, 4)

        null = subprocess.DEVNULL
        self._process = subprocess.Popen(
            command, stdin=null, stdout=null, stderr=null, preexec_fn=pipes, close_fds=False
        )
        os.close(own_in)
        os.close(own_out)
        self._buffer = b""
        self._number = 0
        self._session: str | None = None
        self._loaded = False
        self.complaints: list[str] = []
        self.requests: list[str] = []
        self.new_tab()

    def open(self, page: Path, width: int = 1280, height: int = 900, fragment: str = "") -> None:
        """Load a file, at a fragment of it, into a window of this size, on light ground, and wait until it is there."""
        self.visit(page.resolve().as_uri() + fragment, width, height)

    def visit(self, address: str, width: int = 1280, height: int = 900) -> None:
        """Load an address in the same way."""
        self._load("Page.navigate", url="about:blank")  # whose loading is not to be taken for that of the page
        self.complaints, self.requests = [], []
        self.resize(width, height)
        self.dark(False)
        self._load("Page.navigate", url=address)

    def new_tab(self) -> str:
        """Open a tab and go there; returns its name for `go_to`."""
        self._session = None
        target = self.send("Target.createTarget", url="about:blank")["targetId"]
        self._session = str(self.send("Target.attachToTarget", targetId=target, flatten=True)["sessionId"])
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.send(f"{domain}.enable")
        return self._session

    def go_to(self, tab: str) -> None:
        """Speak to another tab from now on."""
        self._session = tab
        self.send("Page.bringToFront")

    def reload(self) -> None:
        """Load the page again."""
        self._load("Page.reload")

    def _load(self, method: str, **parameters: str) -> None:
        """Send what loads a page, and wait until it is there."""
        self._loaded = False
        self.send(method, **parameters)
        deadline = time.monotonic() + PATIENCE
        while not self._loaded:
            self._receive(deadline)

    def wait(self, expression: str) -> None:
        """Wait until an expression is true on the page."""
        deadline = time.monotonic() + PATIENCE
        while not self.value(expression):
            if time.monotonic() > deadline:
                raise TimeoutError(f"{expression}; the page said {self.complaints}")
            time.sleep(0.05)

    def close(self) -> None:
        """End the browser."""
        self._process.terminate()
        self._process.wait(PATIENCE)
        os.close(self._in)
        os.close(self._out)

    def resize(self, width: int, height: int) -> None:
        """Give the page a window of this size; a narrow one is a telephone's."""
        self.send(
            "Emulation.setDeviceMetricsOverride",
            width=width, height=height, deviceScaleFactor=1, mobile=width < 600,
        )  # fmt: skip

    def dark(self, dark: bool = True) -> None:
        """Let the person prefer dark pages, or light ones."""
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.send("Emulation.setEmulatedMedia", features=[scheme])

    def value(self, expression: str) -> Any:
        """What an expression is on the page, as JSON."""
        result = self.send("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in result:
            raise AssertionError(f"{expression}: {result['exceptionDetails']['exception'].get('description')}")
        return result["result"].get("value")

    def press(self, *keys: str) -> None:
        """Press keys one after the other, as they are called in events: `a`, `ArrowLeft`, `Enter`."""
        for key in keys:
            code = KEYS.get(key, ord(key[0].upper()))
            text = {"text": "\r" if key == "Enter" else key} if key == "Enter" or len(key) == 1 else {}
            for kind in ("keyDown", "keyUp"):
                own = text if kind == "keyDown" else {}
                self.send("Input.dispatchKeyEvent", type=kind, key=key, code=key, windowsVirtualKeyCode=code, **own)

    def click(self, selector: str) -> None:
        """Click in the middle of the first element of a selector with the mouse."""
        self.click_at(*self.value(f"({MIDDLE})({json.dumps(selector)})"))

    def click_at(self, x: float, y: float) -> None:
        """Click at a place of the window."""
        for kind in ("mousePressed", "mouseReleased"):
            self.send("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)

    def screenshot(self, path: Path, whole: bool = False) -> None:
        """Write what is seen, or the whole page, as PNG."""
        shot = self.send("Page.captureScreenshot", captureBeyondViewport=whole, **self._clip(whole))
        path.write_bytes(base64.b64decode(shot["data"]))

    def _clip(self, whole: bool) -> dict[str, Any]:
        if not whole:
            return {}
        size = self.send("Page.getLayoutMetrics")["cssContentSize"]
        return {"clip": {"x": 0, "y": 0, "width": size["width"], "height": size["height"], "scale": 1}}

    def send(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Call a method of the DevTools protocol and wait for its result."""
        self._number += 1
        message = {"id": self._number, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._out, json.dumps(message).encode() + b"\0")
        deadline = time.monotonic() + PATIENCE
        while (answer := self._receive(deadline)).get("id") != self._number:
            pass
        if "error" in answer:
            raise AssertionError(f"{method}: {answer['error']['message']}")
        result: dict[str, Any] = answer["result"]
        return result

    def _receive(self, deadline: float) -> dict[str, Any]:
        """The next message; events are noted."""
        while b"\0" not in self._buffer:
            if not select.select([self._in], [], [], max(0, deadline - time.monotonic()))[0]:
                raise TimeoutError("the browser does not answer")
            part = os.read(self._in, 2**20)
            if not part:
                raise AssertionError("the browser has gone")
            self._buffer += part
        line, self._buffer = self._buffer.split(b"\0", 1)
        message: dict[str, Any] = json.loads(line)
        self._note(message.get("method", ""), message.get("params", {}))
        return message

    def _note(self, method: str, event: dict[str, Any]) -> None:
        if method == "Page.loadEventFired":
            self._loaded = True
        elif method == "Network.requestWillBeSent":
            if not event["request"]["url"].startswith("data:"):
                self.requests.append(event["request"]["url"])
        elif method == "Runtime.consoleAPICalled":
            self.complaints.append(f"console: {event['args']}")
        elif method == "Runtime.exceptionThrown":
            self.complaints.append(f"exception: {event['exceptionDetails']}")
        elif method == "Log.entryAdded":
            self.complaints.append(f"log: {event['entry']['text']}")
