"""What the server answers, and to whom."""

from __future__ import annotations

import http.client
import io
import json
import socket
import time
from contextlib import closing
from urllib.parse import urlsplit

import numpy as np
import pytest
from PIL import Image

from boxsup.errors import DataError
from boxsup.report.shared.pictures import fit_side
from boxsup.review.session import Wish
from helpers.commands import run_boxsup

pytestmark = pytest.mark.slow  # boxes are drawn, and candidates made


def ask(address, path="", method="GET", body=None, **headers):
    """Status, headers and body of an answer."""
    parts = urlsplit(address)
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    with closing(http.client.HTTPConnection(parts.hostname, parts.port, timeout=60)) as connection:
        connection.request(method, path if path.startswith("/") else parts.path + path, body, named)
        answer = connection.getresponse()
        return answer.status, answer.headers, answer.read()


def test_it_listens_on_this_machine_only(served):
    port = urlsplit(served.address).port
    others = {info[4][0] for info in socket.getaddrinfo(socket.gethostname(), None, socket.AF_INET)} - {"127.0.0.1"}
    for host in others | {"127.0.0.2"}:
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection((host, port), 2)


def test_without_the_token_there_is_nothing(served):
    assert ask(served.address)[0] == 200
    token = urlsplit(served.address).path.strip("/")
    assert len(token) >= 30
    for path in (
        "/",
        "/start",
        f"/{token[:-1]}/",
        f"/{token}x/start",
        "/%00/start",
        "/%C3%BC/start",
    ):
        assert ask(served.address, path)[0] == 404, path
    for path in ("photo/0/0-0-9-9", "mask/0/0-0-9-9", "start"):
        assert ask(served.address, f"/wrong/{path}")[0] == 404


def test_other_hosts_and_origins_are_refused(served):
    port = urlsplit(served.address).port
    assert ask(served.address, "start", Host=f"localhost:{port}")[0] == 200
    for host in ("evil.example", f"evil.example:{port}", "127.0.0.1", f"127.0.0.1:{port + 1}"):
        assert ask(served.address, "start", Host=host)[0] == 404
    body = json.dumps({"number": None, "events": 0})
    own = {"Content_Type": "application/json"}
    assert ask(served.address, "undo", "POST", body, Origin="http://evil.example", **own)[0] == 404
    assert ask(served.address, "undo", "POST", body, Origin="null", **own)[0] == 404
    assert ask(served.address, "undo", "POST", body, Origin=f"http://127.0.0.1:{port}", **own)[0] == 200


def test_headers_keep_the_address_to_itself(served):
    _, headers, content = ask(served.address)
    policy = headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe-inline'; script-src 'sha256-" in policy
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["X-Frame-Options"] == "DENY"
    assert urlsplit(served.address).path.strip("/").encode() not in content


WISH = {"number": "n", "place": 0, "verdict": "mask", "start": "made", "added": [], "removed": [], "events": 0}


def wish(served, **changes):
    box = served.subject.boxes[0]
    return {**WISH, "class": box.key.class_name, "box": list(box.corners), **changes}


@pytest.mark.parametrize("changes", [
    {"place": 10**9}, {"place": -1}, {"place": None}, {"verdict": "odd"}, {"start": "odd"}, {"start": 99},
    {"start": None},
    {"class": "background"}, {"class": "none such"}, {"class": 3}, {"box": [0, 0, 0, 0]}, {"box": [0, 0, 10**6, 10]},
    {"box": "abcd"}, {"added": "x"}, {"added": [[1]]}, {"number": 5}, {"place": float("inf")}, {"start": float("nan")},
    {"box": [0, 0, float("inf"), 9]}, {"added": [float("-inf")]},
])  # fmt: skip
def test_odd_wishes_are_refused_and_leave_no_line(served, changes):
    body = json.dumps(wish(served, **changes))
    status, _, content = ask(served.address, "decide", "POST", body, Content_Type="application/json")
    assert status == 422, content
    assert json.loads(content)["error"]
    assert served.lines() == []


ODD_BODIES = [b"\xff", b"[]", b"[" * 10**5, b" " * 2**21, b""]


def test_bodies_that_are_no_json_are_refused(served):
    for body in ODD_BODIES:
        assert ask(served.address, "decide", "POST", body, Content_Type="application/json")[0] == 422
    assert ask(served.address, "decide", "POST", json.dumps(wish(served)), Content_Type="text/plain")[0] == 422
    assert ask(served.address, "decide")[0] == 405


@pytest.mark.parametrize(("path", "status"), [("decide", 422), ("/wrong/decide", 404)])
def test_a_refused_body_is_answered_however_late_it_comes(served, path, status):
    """A connection that is closed before its body was read is reset, and the page would get no answer."""
    parts = urlsplit(served.address)
    address = path if path.startswith("/") else parts.path + path
    length = 2**23
    head = f"POST {address} HTTP/1.0\r\nHost: {parts.netloc}\r\nContent-Type: application/json\r\n"
    with socket.create_connection((parts.hostname, parts.port), 60) as connection:
        connection.sendall(f"{head}Content-Length: {length}\r\n\r\n".encode())
        for _ in range(8):
            time.sleep(0.05)  # the server has answered by now
            connection.sendall(b" " * (length // 8))
        answer = b"".join(iter(lambda: connection.recv(2**16), b""))
    assert int(answer.split()[1]) == status


def test_a_view_of_a_large_photograph_is_as_sharp_as_the_photograph(served, monkeypatch):
    monkeypatch.setattr("boxsup.review.app.SIDE", 60)  # the photographs of this test have 100 px and more
    box, mask = served.subject.boxes[0], served.subject.mask(0)
    for x0, y0, x1, y1 in ((10, 20, 50, 47), (0, 0, box.width, box.height)):
        height, width = fit_side(y1 - y0, x1 - x0, 60)
        _, _, photo = ask(served.address, f"photo/0/{x0}-{y0}-{x1}-{y1}")
        with Image.open(io.BytesIO(photo)) as shown:
            assert shown.size == (width, height)
        _, _, sent = ask(served.address, f"mask/0/{x0}-{y0}-{x1}-{y1}")
        head, _, bits = sent.partition(b"\n")
        assert json.loads(head) == {"height": height, "width": width, "masks": 1}
        if (height, width) == (y1 - y0, x1 - x0):
            pixels = np.unpackbits(np.frombuffer(bits, np.uint8), count=height * width).reshape(height, width)
            np.testing.assert_array_equal(pixels, mask[y0:y1, x0:x1])


@pytest.mark.parametrize("view", ["5-5-5-9", "9-5-5-9", "0-0-9-100000", "0-0-9", "0-0-9--1", ""])
def test_odd_views_are_refused(served, view):
    for name in ("photo", "mask", "options"):
        assert ask(served.address, f"{name}/0/{view}")[0] in (404, 422)


def test_a_wish_that_is_sent_twice_is_one_decision(served):
    body = json.dumps(wish(served))
    answers = [ask(served.address, "decide", "POST", body, Content_Type="application/json") for _ in range(2)]
    assert [status for status, *_ in answers] == [200, 200]
    assert [line["decision"] for line in served.lines()] == ["n"]


def test_an_empty_mask_is_refused(served):
    session, subject = served.session, served.subject
    box = subject.boxes[0]
    superpixels = session.options(0)[0].superpixels
    every = tuple(range(int(superpixels.max()) + 1))
    with pytest.raises(DataError, match="the mask is empty"):
        session.decide(Wish("n", 0, "mask", "made", (), every, box.key.class_name, box.corners))


def test_a_journal_that_cannot_be_written_is_told(served, monkeypatch):
    served.subject.journal.mkdir()
    status, _, content = ask(
        served.address, "decide", "POST", json.dumps(wish(served)), Content_Type="application/json"
    )
    assert status == 507
    assert "not saved" in json.loads(content)["error"]


def test_mistakes_are_told_in_one_line(tmp_path, masks):
    for arguments, message in (
        ([tmp_path / "none"], "no such folder; name the --out folder of `boxsup masks`"),
        ([tmp_path], "has neither masks of `boxsup masks` nor runs of an experiment"),
        ([masks, "--target", "2"], "--target 2.0: expected a share above 0, at most 1"),
    ):
        done = run_boxsup("review", *arguments, "--no-browser")
        assert done.returncode == 1
        assert message in done.stderr
        assert done.stderr.count("\n") == 1
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        done = run_boxsup("review", masks, "--no-browser", "--port", taken.getsockname()[1])
    assert done.returncode == 1
    assert "Address already in use; choose another one" in done.stderr


def test_a_damaged_folder_is_told(tmp_path, masks):
    (tmp_path / "masks.json").write_text('{"images": "."}')
    done = run_boxsup("review", tmp_path, "--no-browser")
    assert done.returncode == 1
    assert "masks.json: cannot be used" in done.stderr
