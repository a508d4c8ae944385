"""Another website in the same browser: its forms, fetches and WebSockets to every route, in a real Chromium; none is obeyed."""

from __future__ import annotations

import http.server
import threading
from functools import partial

from playwright.sync_api import sync_playwright

from benchmarks.attack._app import end, running, verdict
from engines.api.access.gradio_routes import RULES
from engines.api.frames import frame
from tests.fixtures import chromium

SESSION = "0" * 32
PATHS = sorted({rule.path.replace("{path:path}", "x").replace("{", "").replace("}", "") for rule in RULES})
PATHS += ["/visavis/api/message", "/visavis/api/stream", "/visavis/modules.json", "/visavis/stage/stage.html"]
ATTACK = """async ([app, paths, bodies]) => {
  const got = [];
  const wait = (ms) => new Promise((done) => setTimeout(done, ms));
  for (const path of paths) for (const body of bodies) {
    const at = app + path;
    for (const method of ['GET', 'POST']) for (const mode of ['no-cors', 'cors']) {
      const options = { method, mode, credentials: 'include', signal: AbortSignal.timeout(3000) };
      if (method === 'POST') options.body = new Blob([body], { type: 'text/plain' });
      try {
        const answer = await fetch(at, options);
        if (mode === 'cors') got.push(`${method} ${path} read ${answer.status}`);
      } catch { /* as it should be */ }
    }
  }
  for (const path of paths) {
    const frame = Object.assign(document.createElement('iframe'), { name: `f${Math.random()}`.replace('.', '') });
    const order = { action: app + path, method: 'POST', enctype: 'text/plain', target: frame.name };
    const form = Object.assign(document.createElement('form'), order);
    form.append(Object.assign(document.createElement('input'), { name: bodies[0], value: '' }));
    document.body.append(frame, form);
    form.submit();
    await wait(30);
  }
  for (const path of paths.slice(-4)) { // a browser slows down whoever opens many sockets in vain
    const socket = new WebSocket(app.replace('http', 'ws') + path);
    const outcome = new Promise((done) => { socket.onopen = () => done(true); socket.onerror = () => done(false); });
    const opened = await Promise.race([outcome, wait(3000)]);
    if (opened) got.push(`WebSocket ${path}`);
    socket.close();
  }
  await wait(500);
  return got;
}"""


class Quiet(http.server.SimpleHTTPRequestHandler):
    """Serves an empty page and says nothing."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(b"<!doctype html><body>")

    def log_message(self, *_: object) -> None:
        pass


def main() -> None:
    """Open the app as a user, then the attacker's page beside it, and see what the app has done."""
    orders = [
        frame({"type": "cleared", "session": SESSION}).decode("latin1"),
        frame({"type": "engine", "session": SESSION, "stage": "tts", "choose": "espeak_ng"}).decode("latin1"),
        '{"data":{"stage":"llm","choose":"transformers:a/b"},"component_id":4,"session_hash":"x","fn_name":"engine"}',
    ]
    obeyed: list[str] = []
    with (
        running() as (address, _),
        http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet)) as site,
        sync_playwright() as playwright,
    ):
        threading.Thread(target=site.serve_forever, daemon=True).start()
        browser = playwright.chromium.launch(executable_path=chromium.PROGRAM, args=[*chromium.QUIET, *chromium.SOFTWARE_GL])
        context = browser.new_context()
        user, other = context.new_page(), context.new_page()
        user.goto(f"{address}/?face=2d")
        user.wait_for_function("document.getElementById('status')?.dataset.state === 'idle'")
        answers: list[tuple[int, str]] = []
        other.on("response", lambda answer: answers.append((answer.status, f"{answer.request.method} {answer.url}")))
        for name in ("localhost", "127.0.0.1"):  # another site, and the same site on another port
            other.goto(f"http://{name}:{site.server_port}/")
            answers.clear()
            obeyed += other.evaluate(ATTACK, [address, PATHS, orders])
            obeyed += [what for status, what in answers if status < 400 and address in what and what.startswith("POST")]
        said = user.locator("#chat .theirs").count()
        browser.close()
        site.shutdown()
    tried = 2 * (len(PATHS) * (4 * len(orders) + 1) + 4)
    print("\n".join(obeyed[:10]))
    end(
        verdict(f"cross-site: {len(obeyed)} of {tried} commands to {len(PATHS)} routes obeyed or read", holds=not obeyed, goal="0"),
        verdict(f"cross-site: the user's page still shows its {said} message", holds=said == 1, goal="1"),
    )


if __name__ == "__main__":
    main()
