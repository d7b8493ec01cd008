"""An authentication server that knows `ann`: what it answers to a question, and a way to ask it."""

import base64
import json
from collections.abc import Callable, Mapping
from typing import Any

from mft.auth.http import HttpAuthenticator
from mft.auth.http_options import HttpAuthOptions
from mft.auth.options import GroupOptions
from mft.core.peer import Component
from mft.runtime.fetch import Answer
from tests.fakes.accounts import Around

URL = "http://127.0.0.1:9/login"
HTTP = Component("method-2", "http", "elsewhere")
HOME = {"home_folder_path": "/homes/ann"}

Judge = Callable[[dict[str, Any]], Answer]


def accepted(**account: Any) -> Answer:
    """A login that is right, with what is told of the account."""
    return Answer(200, json.dumps({"account": account}).encode())


class Knowing:
    """Knows ann by what was given."""

    def __init__(self, **right: str) -> None:
        self.right = right  # the right content, by kind of credential
        self.asked: list[dict[str, Any]] = []

    def __call__(self, question: dict[str, Any]) -> Answer:
        """Judge, as such a server would."""
        given = question["credentials"]
        self.asked.append(given)
        if given["username"] != "ann":
            return Answer(401, b"")
        if self.right.get(given["type"].replace("-", "_")) == given["content"]:
            return accepted(**HOME)
        return Answer(403, json.dumps({"message": "no", "other": 1}).encode())


class HttpMethod(HttpAuthenticator, Around):
    """An http method over fakes; `judge` answers, and every question is kept."""

    def __init__(
        self, judge: Judge, *, groups: Mapping[str, GroupOptions] | None = None, **options: str
    ) -> None:
        Around.__init__(self, groups=groups)
        self.questions: list[dict[str, Any]] = []

        async def ask(url: str, body: bytes) -> Answer:
            self.questions.append(json.loads(body))
            return judge(self.questions[-1])

        HttpAuthenticator.__init__(self, HTTP, http_options(**options), self.parts, ask)


def http_options(**options: str) -> HttpAuthOptions:
    """Options of a method, as server.ini would have them."""
    return HttpAuthOptions.model_validate({"name": HTTP.name, "url": URL, **options})


def blob_text(blob: bytes) -> str:
    """A key as it is sent."""
    return base64.b64encode(blob).decode()
