"""`jco serve`: a component that answers HTTP."""

import contextlib
import os
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request

WAIT = 120


@contextlib.contextmanager
def served(session, folder, component):
    """Serves a component on a free port. Gives a function that makes one request: path, body -> status, headers, body."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = ["node", "node_modules/@bytecodealliance/jco/dist/jco.js", "serve", component, "--port", str(port)]
    with open(folder / "served.log", "w+") as log:
        # The server has processes of its own, which have to end with it.
        server = subprocess.Popen(
            command, cwd=folder, env=session.environment, stdout=log, stderr=subprocess.STDOUT, start_new_session=True
        )
        try:
            wait_for(server, port, folder / "served.log")
            yield lambda path, body=None: request(port, path, body)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(server.pid, signal.SIGKILL)
            server.wait()


def wait_for(server, port, log):
    """Returns when the port is listened to."""
    end = time.monotonic() + WAIT
    while time.monotonic() < end:
        if server.poll() is not None:
            raise SystemExit(f"jco serve ended: {log.read_text()}")
        with socket.socket() as attempt:
            if attempt.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.2)
    raise SystemExit(f"jco serve does not listen after {WAIT} s")


def request(port, path, body):
    """One request to the server."""
    asked = urllib.request.Request(f"http://127.0.0.1:{port}{path}", data=body)
    try:
        answer = urllib.request.urlopen(asked, timeout=60)
    except urllib.error.HTTPError as error:
        answer = error
    with answer:
        headers = {name: value for name, value in answer.headers.items() if name.lower() in ("content-type", "x-served")}
        return answer.status, headers, answer.read().decode()
