"""Headless Chromium, driven through its debugging pipe: open a page, wait, read, take a picture."""

import base64
import json
import os
import shutil
import subprocess
import time
from contextlib import contextmanager

CHROMIUM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)

_FLAGS = (
    "--headless",
    "--no-sandbox",  # it has none where root runs it, as in containers
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--hide-scrollbars",
    "--no-first-run",
    "--remote-debugging-pipe",
)

# What stands on the page, in elements of elements' own (shadow DOM) too.
_TEXT = """(() => {
  const words = node => [...node.childNodes].map(child =>
    child.nodeType === Node.TEXT_NODE ? child.data
    : ["STYLE", "SCRIPT", "TEMPLATE", "DOM-MODULE"].includes(child.tagName) ? ""
    : words(child) + (child.shadowRoot ? words(child.shadowRoot) : "")).join(" ");
  return words(document.body).replace(/\\s+/g, " ");
})()"""


class Page:
    """A tab of the browser."""

    def __init__(self, write, read, width, height):
        self._write, self._read, self._number, self._session = write, read, 0, None
        target = self._call("Target.createTarget", url="about:blank")["targetId"]
        attached = self._call("Target.attachToTarget", targetId=target, flatten=True)
        self._session = attached["sessionId"]
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        self._call("Emulation.setDeviceMetricsOverride", **size)

    def _call(self, method, **params):
        self._number += 1
        message = {"id": self._number, "method": method, "params": params}
        if self._session is not None:
            message["sessionId"] = self._session
        os.write(self._write, json.dumps(message).encode() + b"\0")
        while True:
            answer = json.loads(self._read())
            if answer.get("id") == self._number:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']}")
                return answer["result"]

    def open(self, url):
        """Go to a page."""
        self._call("Page.navigate", url=url)

    def run(self, script):
        """Return the value of some JavaScript."""
        answer = self._call("Runtime.evaluate", expression=script, returnByValue=True)
        return answer["result"].get("value")

    def text(self):
        """Return all that stands on the page; nothing while it gives way to another."""
        try:
            return self.run(_TEXT) or ""
        except RuntimeError:
            return ""

    def wait_for(self, *words, seconds=60):
        """Return the page's text once all the words stand in it, and it has been still since."""
        deadline, before = time.monotonic() + seconds, None
        while True:
            text = self.text()
            missing = [word for word in words if word not in text]
            if not missing and text == before:
                return text
            if time.monotonic() > deadline:
                raise AssertionError(f"{missing} not on the page after {seconds} s: {text[:5000]}")
            before = text
            time.sleep(0.5)

    def picture(self, path):
        """Write what is seen as a PNG file."""
        answer = self._call("Page.captureScreenshot", format="png")
        path.write_bytes(base64.b64decode(answer["data"]))


@contextmanager
def page(directory, width=1400, height=900):
    """Give a tab of a new browser, which ends with the block.

    Args:
        directory: for what the browser keeps.
        width: of the tab, pixels.
        height: of the tab, pixels.
    """
    to_browser, ours = os.pipe(), os.pipe()
    # The browser reads from its file 3 and writes to its file 4.
    command = [CHROMIUM, *_FLAGS, f"--user-data-dir={directory}"]
    script = f'exec "$@" 3<&{to_browser[0]} 4>&{ours[1]}'
    process = subprocess.Popen(
        ["bash", "-c", script, "bash", *command],
        pass_fds=(to_browser[0], ours[1]),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    os.close(to_browser[0])
    os.close(ours[1])
    left = bytearray()

    def read():
        while b"\0" not in left:
            part = os.read(ours[0], 1 << 20)
            if not part:
                raise RuntimeError("the browser has ended")
            left.extend(part)
        message, _, rest = bytes(left).partition(b"\0")
        left[:] = rest
        return message

    try:
        yield Page(to_browser[1], read, width, height)
    finally:
        os.close(to_browser[1])
        os.close(ours[0])
        process.terminate()
        process.wait()
