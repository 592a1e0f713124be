"""Drive a browser without a window, by the standard library alone: Chromium by its DevTools protocol, Firefox by Marionette.

with Chromium() as browser:
    browser.open("file:///...")
    browser.run("return document.title")
"""

from abc import ABC, abstractmethod
import base64
from collections.abc import Sequence
import json
import os
from pathlib import Path
import shutil
import socket
import subprocess
import tempfile
import time
from typing import Any, Self

Point = tuple[float, float]  # in the window, from its upper left corner [px]

_PATIENCE = 120.0  # seconds to wait for an answer
# Keys that are no letters, in the protocols: Chromium's virtual key codes, and WebDriver's code points.
_CODES = {"ArrowLeft": 37, "ArrowUp": 38, "ArrowRight": 39, "ArrowDown": 40, "Tab": 9, " ": 32}
_POINTS = {"ArrowLeft": "\ue012", "ArrowUp": "\ue013", "ArrowRight": "\ue014", "ArrowDown": "\ue015", "Tab": "\ue004"}


class Browser(ABC):
    """A browser with one page. Leaving the context ends it."""

    programs: tuple[str, ...]  # names under which it may be installed

    def __init__(self, width: int = 1280, height: int = 900, dark: bool = False, still: bool = False):
        """Start it.

        Args:
            width, height: of the page [px].
            dark: whether the reader prefers a dark page.
            still: whether the reader prefers little motion.
        """
        self._profile = Path(tempfile.mkdtemp(prefix="browser"))
        self._start(width, height, dark, still)

    @classmethod
    def program(cls) -> str | None:
        """The path of the installed program; None if it is not installed."""
        return next(filter(None, map(shutil.which, cls.programs)), None)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._process.kill()
        self._process.wait()
        self._close()
        shutil.rmtree(self._profile, ignore_errors=True)

    @abstractmethod
    def open(self, address: str) -> None:
        """Load a page, and wait until it has loaded."""

    @abstractmethod
    def run(self, body: str) -> Any:
        """Run the body of an asynchronous function in the page, and return what it returns."""

    @abstractmethod
    def picture(self) -> bytes:
        """Return a picture of the window, as PNG."""

    @abstractmethod
    def press(self, points: Sequence[Point]) -> None:
        """Press the mouse at the first point and move it to the others."""

    @abstractmethod
    def release(self) -> None:
        """Let go of the mouse."""

    @abstractmethod
    def key(self, key: str, down: bool) -> None:
        """Press a key or let go of it."""

    def click(self, selector: str) -> None:
        """Click into the middle of an element."""
        left, top, width, height = self.box(selector)
        self.press([(left + width / 2, top + height / 2)])
        self.release()

    def box(self, selector: str) -> tuple[float, float, float, float]:
        """Bring an element into the window, and return where it lies there: left, top, width, height [px]."""
        left, top, width, height = self.run(
            f"const element = document.querySelector({json.dumps(selector)}); element.scrollIntoView({{ block: 'center' }});"
            "const { x, y, width, height } = element.getBoundingClientRect(); return [x, y, width, height]"
        )
        return left, top, width, height

    def type(self, key: str) -> None:
        """Press a key and let go of it."""
        self.key(key, True)
        self.key(key, False)

    @abstractmethod
    def _start(self, width: int, height: int, dark: bool, still: bool) -> None: ...

    @abstractmethod
    def _close(self) -> None: ...

    def _launch(self, words: list[str], **settings: Any) -> None:
        program = self.program()
        if program is None:
            raise RuntimeError(f"none of {', '.join(self.programs)} is installed")
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "stdin": subprocess.DEVNULL}
        self._process: subprocess.Popen[bytes] = subprocess.Popen([program, *words], **{**quiet, **settings})


class Chromium(Browser):
    """Chromium, over two pipes: messages of JSON, each followed by a zero byte."""

    programs = ("chromium", "chromium-browser", "google-chrome")

    def send(self, method: str, **values: Any) -> dict[str, Any]:
        """Send a command of the DevTools protocol to the page, and return the answer."""
        return self._send(method, values, self._session)

    def slow_down(self, times: float) -> None:
        """Make the processor seem slower."""
        self.send("Emulation.setCPUThrottlingRate", rate=times)

    def open(self, address: str) -> None:
        self.send("Page.navigate", url="about:blank")
        self.send("Page.navigate", url=address)
        deadline = time.monotonic() + _PATIENCE
        while self.run("return [location.href, document.readyState]") != [address, "complete"]:
            assert time.monotonic() < deadline, f"{address} does not load"
            time.sleep(0.05)

    def run(self, body: str) -> Any:
        answer = self.send(
            "Runtime.evaluate", expression=f"(async () => {{ {body} }})()", awaitPromise=True, returnByValue=True,
            userGesture=True,
        )  # fmt: skip
        if "exceptionDetails" in answer:
            raise RuntimeError(answer["exceptionDetails"].get("exception", {}).get("description", str(answer)))
        return answer["result"].get("value")

    def picture(self) -> bytes:
        return base64.b64decode(self.send("Page.captureScreenshot")["data"])

    def press(self, points: Sequence[Point]) -> None:
        for i, (x, y) in enumerate(points):
            kinds = ("mouseMoved", "mousePressed") if i == 0 else ("mouseMoved",)
            for kind in kinds:
                pressed = 0 if kinds[0] == kind and i == 0 else 1
                self.send("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", buttons=pressed, clickCount=1)
        self._mouse = points[-1]

    def release(self) -> None:
        x, y = self._mouse
        self.send("Input.dispatchMouseEvent", type="mouseReleased", x=x, y=y, button="left", clickCount=1)

    def key(self, key: str, down: bool) -> None:
        code = _CODES.get(key, ord(key[0].upper()))
        values: dict[str, Any] = {"type": "keyDown" if down else "keyUp", "key": key, "windowsVirtualKeyCode": code}
        self.send("Input.dispatchKeyEvent", **values)

    def _start(self, width: int, height: int, dark: bool, still: bool) -> None:
        commands, self._commands = os.pipe()
        self._answers, answers = os.pipe()
        words = [
            "--headless=new", "--remote-debugging-pipe", "--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu",
            "--no-first-run", "--hide-scrollbars", "--disable-background-networking", f"--user-data-dir={self._profile}",
            "about:blank",
        ]  # fmt: skip
        # The protocol is spoken on descriptors 3 and 4, which the shell puts the pipes onto.
        program = self.program() or ""
        redirected = f'exec "$0" "$@" 3<&{commands} 4>&{answers}'
        self._process = subprocess.Popen(
            ["bash", "-c", redirected, program, *words], pass_fds=(commands, answers),
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        os.close(commands)
        os.close(answers)
        self._number, self._read, self._mouse = 0, b"", (0.0, 0.0)
        page = next(one for one in self._send("Target.getTargets", {})["targetInfos"] if one["type"] == "page")
        attached = self._send("Target.attachToTarget", {"targetId": page["targetId"], "flatten": True})
        self._session: str | None = attached["sessionId"]
        phone = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        self.send("Emulation.setDeviceMetricsOverride", **phone)
        wishes = {"prefers-color-scheme": "dark" if dark else "light"}
        wishes |= {"prefers-reduced-motion": "reduce"} if still else {}
        self.send("Emulation.setEmulatedMedia", features=[{"name": name, "value": value} for name, value in wishes.items()])

    def _send(self, method: str, values: dict[str, Any], session: str | None = None) -> dict[str, Any]:
        self._number += 1
        message = {"id": self._number, "method": method, "params": values, **({"sessionId": session} if session else {})}
        os.write(self._commands, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._receive()
            if answer.get("id") == self._number:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']}")
                return dict(answer["result"])

    def _receive(self) -> dict[str, Any]:
        while b"\0" not in self._read:
            more = os.read(self._answers, 1 << 20)
            if not more:
                raise RuntimeError("the browser has ended")
            self._read += more
        message, self._read = self._read.split(b"\0", 1)
        return dict(json.loads(message))

    def _close(self) -> None:
        os.close(self._commands)
        os.close(self._answers)


class Firefox(Browser):
    """Firefox, over a socket: messages of JSON, each preceded by its length and a colon."""

    programs = ("firefox-esr", "firefox")

    def open(self, address: str) -> None:
        self._send("WebDriver:Navigate", {"url": address})

    def run(self, body: str) -> Any:
        script = (
            f"const done = arguments[arguments.length - 1];"
            f"(async () => {{ {body} }})().then((value) => done([value]), (error) => done(String(error)))"
        )
        answer = self._send("WebDriver:ExecuteAsyncScript", {"script": script, "args": [], "sandbox": None})["value"]
        if isinstance(answer, str):
            raise RuntimeError(answer)
        return answer[0]

    def picture(self) -> bytes:
        return base64.b64decode(self._send("WebDriver:TakeScreenshot", {"full": False})["value"])

    def press(self, points: Sequence[Point]) -> None:
        moves = [{"type": "pointerMove", "x": round(x), "y": round(y), "duration": 20} for x, y in points]
        self._act("pointer", [moves[0], {"type": "pointerDown", "button": 0}, *moves[1:]])

    def release(self) -> None:
        self._act("pointer", [{"type": "pointerUp", "button": 0}])

    def key(self, key: str, down: bool) -> None:
        self._act("key", [{"type": "keyDown" if down else "keyUp", "value": _POINTS.get(key, key)}])

    def _act(self, kind: str, actions: list[dict[str, Any]]) -> None:
        self._send("WebDriver:PerformActions", {"actions": [{"type": kind, "id": kind, "actions": actions}]})

    def _start(self, width: int, height: int, dark: bool, still: bool) -> None:
        wishes = {
            "marionette.port": 0,  # any that is free; the profile then says which
            "layout.css.prefers-color-scheme.content-override": 0 if dark else 1,
            "ui.prefersReducedMotion": int(still),
            "browser.shell.checkDefaultBrowser": False,
            "datareporting.policy.dataSubmissionEnabled": False,
            "toolkit.legacyUserProfileCustomizations.stylesheets": True,
        }
        lines = [f"user_pref({json.dumps(name)}, {json.dumps(value)});" for name, value in wishes.items()]
        (self._profile / "user.js").write_text("\n".join(lines), encoding="utf-8")
        (self._profile / "chrome").mkdir()
        (self._profile / "chrome" / "userChrome.css").write_text(
            ":root { min-width: 0 !important }", encoding="utf-8"
        )  # 500 px else
        self._launch(["--headless", "--marionette", "--no-remote", "--profile", str(self._profile)])
        self._connection = self._connected()
        self._read, self._number = b"", 0
        self._receive()  # its greeting
        self._send("WebDriver:NewSession", {"capabilities": {}})
        self._send("WebDriver:SetTimeouts", {"script": 1000 * int(_PATIENCE)})
        inside = self._send("WebDriver:GetWindowRect", {})
        frame = self.run("return [outerWidth - innerWidth, outerHeight - innerHeight]")
        self._send("WebDriver:SetWindowRect", {**inside, "width": width + frame[0], "height": height + frame[1]})

    def _connected(self) -> socket.socket:
        deadline, port = time.monotonic() + _PATIENCE, self._profile / "MarionetteActivePort"
        while True:
            try:
                return socket.create_connection(("127.0.0.1", int(port.read_text(encoding="utf-8"))), timeout=_PATIENCE)
            except (OSError, ValueError):
                assert time.monotonic() < deadline, "Firefox does not answer"
                assert self._process.poll() is None, "Firefox has ended"
                time.sleep(0.1)

    def _send(self, command: str, values: dict[str, Any]) -> Any:
        self._number += 1
        message = json.dumps([0, self._number, command, values]).encode()
        self._connection.sendall(f"{len(message)}:".encode() + message)
        _, _, error, result = self._receive()
        if error:
            raise RuntimeError(f"{command}: {error}")
        return result

    def _receive(self) -> Any:
        while b":" not in self._read:
            self._more()
        length, self._read = self._read.split(b":", 1)
        while len(self._read) < int(length):
            self._more()
        message, self._read = self._read[: int(length)], self._read[int(length) :]
        return json.loads(message)

    def _more(self) -> None:
        received = self._connection.recv(1 << 20)
        if not received:
            raise RuntimeError("the browser has ended")
        self._read += received

    def _close(self) -> None:
        self._connection.close()


BROWSERS: tuple[type[Browser], ...] = (Chromium, Firefox)
