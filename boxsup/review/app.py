"""The page of a review and what it asks for, served to this machine only."""

from __future__ import annotations

import hmac
import io
import json
import secrets
import socket
import socketserver
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

import bottle
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from boxsup.errors import BoxSupError, DataError
from boxsup.image.files import read_image
from boxsup.report.review.page import render_page
from boxsup.report.shared.pictures import fit_side, resize
from boxsup.review.session import Session, Wish

HOST = "127.0.0.1"
SIDE = 1400  # px of a view's longer side on the page, at most; what is smaller is shown pixel by pixel
QUALITY = 92  # of JPEG
MOST_BYTES = 2**20  # of what a page sends
MOST_IGNORED = 2**26  # bytes of a body that is refused
IDLE = 2  # s without a byte of such a body, after which its sender is given up
VIEW = "<place:int>/<x0:int>-<y0:int>-<x1:int>-<y1:int>"  # of a box: the part of its photograph that is shown
View = tuple[slice, slice]  # its rows and columns
KEPT_OUT = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Resource-Policy": "same-origin",
}


def make_app(session: Session, token: str, hosts: Callable[[], set[str]]) -> bottle.Bottle:
    """Make the application.

    Args:
        session: The review.
        token: What addresses begin with; requests without it are answered as if there was nothing.
        hosts: Returns the names that a request may call this server by: a page elsewhere cannot reach it by a name of
            its own that leads here.
    """
    app = bottle.Bottle()
    app.default_error_handler = lambda error: _answer({"error": str(error.body)}, error.status_code)

    def guarded(serve: Callable[..., Any]) -> Callable[..., Any]:
        def checked(given: str, **arguments: Any) -> Any:  # noqa: ANN401 - whatever is served
            request = bottle.request
            own = request.get_header("Host", "") in hosts()
            origin = request.get_header("Origin")
            own &= origin is None or origin.removeprefix("http://") in hosts()
            if not (hmac.compare_digest(given.encode(), token.encode()) and own):
                return _answer({"error": "there is nothing here"}, 404)
            try:
                return serve(**arguments)
            except BoxSupError as error:
                return _answer({"error": str(error)}, 422)
            except TimeoutError:  # the page asks again
                return _answer({"error": "the candidates are still being made; try again"}, 503)
            except OSError as error:
                return _answer({"error": f"{error.filename or 'the journal'}: {error.strerror}: not saved"}, 507)

        return checked

    def route(path: str, method: str, serve: Callable[..., Any]) -> None:
        app.route(f"/<given>/{path}", method, guarded(serve))

    route("", "GET", _page)
    route("start", "GET", lambda: _answer(session.start()))
    route("news/<since:int>", "GET", lambda since: _answer(session.news(max(0, since))))
    for name, serve in (("photo", _photo), ("mask", _mask), ("options", _options)):
        route(f"{name}/{VIEW}", "GET", _of_view(session, serve))
    route("decide", "POST", lambda: _decide(session))
    route("undo", "POST", lambda: _undo(session))
    return app


class Server(socketserver.ThreadingMixIn, WSGIServer):
    """Answers each request in a thread of its own, on this machine only."""

    daemon_threads = True

    def server_bind(self) -> None:
        """Take the port, without the look-up of a name, which may take seconds."""
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = HOST, self.server_address[1]
        self.setup_environ()

    def shutdown_request(self, request: Any) -> None:  # noqa: ANN401 - as socketserver has it
        """End an answer, and read what is left of the request: a reset in place of its end would lose the answer."""
        with suppress(OSError):
            request.shutdown(socket.SHUT_WR)
            request.settimeout(IDLE)
            ignored = 0
            while ignored < MOST_IGNORED and (chunk := request.recv(2**16)):
                ignored += len(chunk)
        self.close_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ANN401 - as socketserver has it
        """Say nothing of a page that is closed while it is answered."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


class _Quiet(WSGIRequestHandler):
    """Writes no line for each request: the address holds the token."""

    def log_message(self, format: str, *args: Any) -> None:  # noqa: ANN401 - as http.server has it
        pass


def make_server(session: Session, port: int) -> tuple[Server, str]:
    """Make the server, which waits for `serve_forever`, and its address.

    Args:
        session: The review.
        port: The port; 0 for one that is free.

    Raises:
        OSError: The port is taken.
    """
    render_page()  # so that the first paint need not wait for it
    token = secrets.token_urlsafe(24)
    server = Server((HOST, port), _Quiet)
    hosts = {f"{name}:{server.server_port}" for name in (HOST, "localhost")}
    server.set_app(make_app(session, token, lambda: hosts))
    return server, f"http://{HOST}:{server.server_port}/{token}/"


# --- what is served ---------------------------------------------------------------------------------------------------


def _page() -> bottle.HTTPResponse:
    text, policy = render_page()
    headers = {"Content-Type": "text/html; charset=utf-8", "Content-Security-Policy": policy}
    return bottle.HTTPResponse(text.encode(), 200, {**KEPT_OUT, **headers})


def _of_view(session: Session, serve: Callable[[Session, int, View], bottle.HTTPResponse]) -> Callable[..., Any]:
    def served(place: int, x0: int, y0: int, x1: int, y1: int) -> bottle.HTTPResponse:
        box = session.subject.boxes[_known(session, place)]
        if not (0 <= x0 < x1 <= box.width and 0 <= y0 < y1 <= box.height):
            raise DataError("there is no such part of the photograph")
        return serve(session, place, (slice(y0, y1), slice(x0, x1)))

    return served


def _photo(session: Session, place: int, view: View) -> bottle.HTTPResponse:
    box = session.subject.boxes[place]
    pixels = read_image(box.path, (box.height, box.width))[view]
    size, buffer = fit_side(pixels.shape[0], pixels.shape[1], SIDE), io.BytesIO()
    if size != pixels.shape[:2]:
        pixels = resize(pixels, size, Image.Resampling.BOX)
    Image.fromarray(pixels).save(buffer, "JPEG", quality=QUALITY)
    headers = {**KEPT_OUT, "Content-Type": "image/jpeg", "Cache-Control": "private, max-age=3600"}
    return bottle.HTTPResponse(buffer.getvalue(), 200, headers)


def _mask(session: Session, place: int, view: View) -> bottle.HTTPResponse:
    _, pixels = session.mask(place)
    return _binary({}, _size(view), [] if pixels is None else [pixels[view]])


def _options(session: Session, place: int, view: View) -> bottle.HTTPResponse:
    looked, options = session.options(place)
    superpixels = _scaled(looked.superpixels[view], _size(view)).astype("<u2")
    return _binary({"superpixels": True}, _size(view), [mask[view] for mask in options], superpixels)


def _size(view: View) -> tuple[int, int]:
    rows, columns = view
    return fit_side(rows.stop - rows.start, columns.stop - columns.start, SIDE)


def _decide(session: Session) -> bottle.HTTPResponse:
    given = _given()
    try:
        corners = tuple(int(side) for side in given["box"])
        x0, y0, x1, y1 = corners
        start = given["start"] if isinstance(given["start"], str) else int(given["start"])
        texts = (given["number"], given["verdict"], given["class"])
        if not all(isinstance(text, str) for text in texts) or given["verdict"] not in ("mask", "nothing", "void"):
            raise TypeError("not a text")
        added, removed = (tuple(int(number) for number in given[name]) for name in ("added", "removed"))
        place = _known(session, int(given["place"]))
        wish = Wish(given["number"], place, given["verdict"], start, added, removed, given["class"], (x0, y0, x1, y1))
    except (LookupError, TypeError, ValueError, OverflowError) as error:
        raise DataError(f"the page asked for something odd ({error}); load it again") from error
    session.decide(wish)
    return _answer(session.news(_seen(given)))


def _undo(session: Session) -> bottle.HTTPResponse:
    given = _given()
    number = given.get("number")
    place = session.undo(number if isinstance(number, str) else None)
    return _answer({"place": place, **session.news(_seen(given))})


def _given() -> dict[str, Any]:
    """What the page sent: a JSON object of a limited size."""
    request = bottle.request
    if request.content_type.partition(";")[0] != "application/json" or not 0 < request.content_length <= MOST_BYTES:
        raise DataError("expected JSON")
    try:
        content = json.loads(request.body.read())
    except (ValueError, RecursionError) as error:
        raise DataError("expected JSON") from error
    if not isinstance(content, dict):
        raise DataError("expected a JSON object")
    return content


def _seen(given: dict[str, Any]) -> int:
    seen = given.get("events")
    return max(0, seen) if isinstance(seen, int) else 0


def _known(session: Session, place: int) -> int:
    if not 0 <= place < len(session.subject.boxes):
        raise DataError("there is no such box")
    return place


def _answer(content: dict[str, Any], status: int = 200) -> bottle.HTTPResponse:
    body = json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "backslashreplace")
    return bottle.HTTPResponse(body, status, {**KEPT_OUT, "Content-Type": "application/json"})


def _binary(
    facts: dict[str, Any],
    size: tuple[int, int],
    masks: list[NDArray[np.bool_]],
    superpixels: NDArray[np.uint16] | None = None,
) -> bottle.HTTPResponse:
    """Masks as bits in a picture of `size`, after a line of JSON that says what follows, filled to whole words."""
    head = json.dumps({**facts, "height": size[0], "width": size[1], "masks": len(masks)}).encode()
    head += b" " * (-(len(head) + 1) % 4) + b"\n"
    bits = [np.packbits(_scaled(mask, size)).tobytes() for mask in masks]
    body = head + (b"" if superpixels is None else superpixels.tobytes()) + b"".join(bits)
    return bottle.HTTPResponse(body, 200, {**KEPT_OUT, "Content-Type": "application/octet-stream"})


def _scaled(values: NDArray[Any], size: tuple[int, int]) -> NDArray[Any]:
    """A map (H×W) at another size, by its nearest pixels."""
    rows, columns = ((np.arange(new) * old // new).astype(np.intp) for new, old in zip(size, values.shape, strict=True))
    return values if size == values.shape else values[rows[:, None], columns]
