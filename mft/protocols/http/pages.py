"""Pages: templates of this package, in the client's language, under a policy of their own."""

import time
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from markupsafe import Markup

from mft.core.vpath import ROOT
from mft.protocols.http.answers import HTML, Fields
from mft.protocols.http.browsers import HOME, HOME_PLACE, login_place, return_place
from mft.protocols.http.exchange import Exchange
from mft.protocols.http.form_token import token_of
from mft.protocols.http.options import HttpOptions
from mft.protocols.http.static_files import place_of
from mft.protocols.http.words import Words, words_for
from mft.wire.http.target import parse_target

if TYPE_CHECKING:
    from jinja2 import Environment

# Nothing but our own files, no code or style within a page, and no form that leads elsewhere.
POLICY: Final = "; ".join(
    (
        *("default-src 'none'", "script-src 'self'", "style-src 'self'", "img-src 'self'"),
        *("connect-src 'self'", "form-action 'self'", "frame-ancestors 'none'", "base-uri 'none'"),
    )
)
PAGE: Final[Fields] = (
    ("Content-Type", HTML),
    ("Content-Security-Policy", POLICY),
    # With `no-referrer`, browsers send forms without saying where they are from.
    ("Referrer-Policy", "same-origin"),
)
# Where the rows of a folder go. Nothing that a page is filled with can look like it: escaped, it
# has no `<`.
ROWS: Final = Markup("<!--rows-->")
# Statuses that have a text of their own on the page of an error.
TOLD: Final = frozenset((400, 403, 404, 405, 409, 412, 413, 415, 416, 422, 500, 501, 503, 507))
# What a link to a page may let it say first: texts `done.*` of the catalogue.
NOTICES: Final = frozenset(
    (
        *("codes-removed", "deleted", "ended", "logged-out", "made", "moved"),
        *("password", "renamed", "triggered", "uploaded"),
    )
)
MAX_COUNT: Final = 1_000_000


@cache
def environment() -> "Environment":
    """The templates, compiled when they are first used; what they are given is escaped."""
    from jinja2 import Environment, PackageLoader, StrictUndefined  # not where nobody browses

    return Environment(
        loader=PackageLoader("mft.protocols.http"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )


def as_bytes(text: str) -> bytes:
    """A page as it is sent; halves of characters, which names on a disk may have, become `?`."""
    return text.encode("utf-8", "replace")


class Pages:
    """Makes the pages of one service."""

    def __init__(self, options: HttpOptions) -> None:
        self._options = options

    def words(self, exchange: Exchange) -> Words:
        """The texts in the language of a client."""
        return words_for(exchange.head, self._options.languages)

    def make(self, exchange: Exchange, template: str, **values: object) -> str:
        """Fill a template; it knows the words, the account and the token beside its `values`."""
        entered = not exchange.guest
        account = exchange.session.account if entered else None
        shown: dict[str, Any] = {
            "t": self.words(exchange),
            "file": place_of,
            "home": exchange.place(ROOT, folder=True) if entered else HOME_PLACE,
            "public": entered and exchange.area != (HOME,),
            "token": token_of(exchange),
            "account": account.name if account else "",
            "changes_password": account is not None and account.allow_own_password_change,
            "gives_codes": account is not None and account.allow_own_one_time_codes,
            **values,
        }
        return environment().get_template(template).render(shown)

    def around(self, exchange: Exchange, template: str, **values: object) -> tuple[bytes, bytes]:
        """A page in two pieces: what is before the rows, and what is behind them."""
        top, _, end = self.make(exchange, template, rows=ROWS, **values).partition(ROWS)
        return as_bytes(top), as_bytes(end)

    def answer(
        self,
        exchange: Exchange,
        status: int,
        template: str,
        *fields: tuple[str, str],
        **values: Any,
    ) -> None:
        """Answer with a page."""
        page = as_bytes(self.make(exchange, template, **values))
        exchange.answer(status, page, *PAGE, *fields)

    def refuse(
        self, exchange: Exchange, status: int, message: str, *fields: tuple[str, str]
    ) -> None:
        """Answer with the page of an error; who must log in gets the page for that."""
        t = self.words(exchange)
        if status == 401:
            tried = exchange.head.method == "POST" or "authorization" in exchange.head.fields
            with_codes = exchange.client.sign_in.takes_codes(exchange.source)
            problem = t("login.wrong-code" if with_codes else "login.wrong") if tried else ""
            self.log_in(exchange, status, *fields, problem=problem)
            return
        told = f"error.{status}" if status in TOLD else "error.other"
        self.answer(
            exchange, status, "error.html", *fields, told=t(told), message=message, code=status
        )

    def log_in(
        self,
        exchange: Exchange,
        status: int,
        *fields: tuple[str, str],
        notice: str = "",
        problem: str = "",
    ) -> None:
        """Answer with the login page, which leads to where its own query says."""
        self.answer(
            exchange,
            status,
            "login.html",
            *fields,
            action=login_place(parse_target(return_place(exchange.target.one("to")))),
            footnotes=self._options.login_footnotes,
            notice=notice,
            problem=problem,
            codes=exchange.client.sign_in.takes_codes(exchange.source),
        )

    def expiry(self, exchange: Exchange) -> str:
        """What the pages of folders say of a password that ends soon."""
        session = exchange.session
        days = session.account.password_days_left(time.time())
        if days is None or session.own.password_changed:
            return ""
        t, key = self.words(exchange), "expiry.soon"
        if session.account.allow_own_password_change:
            key = "expiry.change-soon"
        return t.count(key, days) if days else t(key.replace("soon", "today"))

    def notice(self, exchange: Exchange) -> str:
        """What a page says first, by the query; nothing but texts of ours."""
        key = exchange.target.one("done") or ""
        if key not in NOTICES:
            return ""
        count = exchange.target.one("count") or "1"
        number = int(count) if count.isascii() and count.isdecimal() and len(count) < 8 else 1
        return self.words(exchange).count(f"done.{key}", min(number, MAX_COUNT))
