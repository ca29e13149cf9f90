"""A headless Chromium, spoken to in the WebDriver protocol: a few requests of JSON, no library needed."""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

OPTIONS = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--window-size=1400,1500",
]
ELEMENT = "element-6066-11e4-a52e-4f735466cecf"
KEYS = {"Tab": "\ue004", "Enter": "\ue007", "ArrowDown": "\ue015", "ArrowUp": "\ue013", "ArrowRight": "\ue014"}


def find_programs() -> tuple[str, str] | None:
    """The browser and its driver; nothing where either is not installed."""
    browser = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    driver = shutil.which("chromedriver")
    return (browser, driver) if browser and driver else None


class Browser:
    """One window. ``dark`` asks for the dark colors."""

    def __init__(self, folder: Path, *, dark: bool = False) -> None:
        programs = find_programs()
        assert programs, "install chromium and chromium-driver"
        browser, driver = programs
        self.process = subprocess.Popen(  # noqa: S603
            [driver, "--port=0"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        self.base = f"http://127.0.0.1:{self._read_port()}"
        options = [*OPTIONS, f"--user-data-dir={folder}", *(["--force-dark-mode"] if dark else [])]
        wanted = {
            "browserName": "chrome",
            "goog:chromeOptions": {"binary": browser, "args": options},
            "goog:loggingPrefs": {"browser": "ALL"},
        }
        answer = self._send("POST", "/session", {"capabilities": {"alwaysMatch": wanted}})
        self.base += f"/session/{answer['sessionId']}"
        if dark:
            self._tell("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": "dark"}])

    def _read_port(self) -> int:
        assert self.process.stdout
        for line in self.process.stdout:
            if "successfully on port" in line:
                return int(line.rstrip(". \n").split()[-1])
        raise AssertionError("the driver did not start")

    def _send(self, method: str, path: str, values: dict[str, Any] | None = None) -> Any:
        body = json.dumps(values).encode() if values is not None else None
        request = Request(self.base + path, body, {"Content-Type": "application/json"}, method=method)  # noqa: S310
        with urlopen(request, timeout=60) as answer:  # noqa: S310
            return json.load(answer)["value"]

    def _tell(self, command: str, **values: Any) -> Any:
        return self._send("POST", "/goog/cdp/execute", {"cmd": command, "params": values})

    def show(self, address: str) -> None:
        """Open a page that a server gives."""
        self._send("POST", "/url", {"url": address})

    def open(self, page: Path) -> float:
        """Open a page and return the seconds until it said that it is ready."""
        started = time.perf_counter()
        self._send("POST", "/url", {"url": page.as_uri()})
        while self.run("return document.documentElement.dataset.ready") != "yes":
            assert time.perf_counter() - started < 30, self.list_messages()
            time.sleep(0.02)
        return time.perf_counter() - started

    def run(self, script: str, *arguments: Any) -> Any:
        return self._send("POST", "/execute/sync", {"script": script, "args": list(arguments)})

    def find(self, selector: str) -> str:
        element = self._send("POST", "/element", {"using": "css selector", "value": selector})
        return str(element[ELEMENT])

    def click(self, selector: str) -> None:
        self._send("POST", f"/element/{self.find(selector)}/click", {})

    def text(self, selector: str) -> str:
        return str(self.run("return document.querySelector(arguments[0]).textContent", selector))

    def press(self, *keys: str) -> None:
        """Press keys one after another, whatever has the focus."""
        actions = [{"type": kind, "value": KEYS.get(key, key)} for key in keys for kind in ("keyDown", "keyUp")]
        self._send("POST", "/actions", {"actions": [{"type": "key", "id": "keyboard", "actions": actions}]})

    def list_messages(self) -> list[str]:
        """What the console said since it was asked last."""
        return [entry["message"] for entry in self._send("POST", "/se/log", {"type": "browser"})]

    def resize(self, width: int, height: int = 1000) -> None:
        """Give the page so many pixels."""
        self._tell("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)

    def imitate(self, media: str, *, dark: bool) -> None:
        """Show the page as on ``print`` or ``screen``."""
        features = [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]
        self._tell("Emulation.setEmulatedMedia", media=media, features=features)

    def download(self, selector: str, folder: Path) -> bytes:
        """Click a button that saves a file, and return what was saved."""
        self._tell("Browser.setDownloadBehavior", behavior="allow", downloadPath=str(folder))
        before = set(folder.iterdir())
        self.click(selector)
        for _ in range(500):
            saved = [path for path in set(folder.iterdir()) - before if path.suffix != ".crdownload"]
            if saved and saved[0].stat().st_size:
                return saved[0].read_bytes()
            time.sleep(0.02)
        raise AssertionError("nothing was saved")

    def photograph(self, path: Path, *, whole: bool = True, width: int = 1400) -> None:
        if whole:
            self.resize(width)
            self.resize(width, self.run("return document.documentElement.scrollHeight"))
        path.write_bytes(base64.b64decode(self._send("GET", "/screenshot")))

    def close(self) -> None:
        try:
            self._send("DELETE", "")
        finally:
            self.process.terminate()
            self.process.communicate(timeout=20)
