"""What can be written of a webhook, and what is told of the rest."""

from pathlib import Path

import pytest

from mft.events import catalogue
from mft.events.model import Occurrence
from mft.handlers.webhook_options import WebhookOptions
from tests.fakes.occurrences import SYSTEM, told
from tests.fakes.webhooks import URL, read_options, webhook_options


def problems(directory: Path, **given: str) -> list[str]:
    values = {"name": "hook", "type": "http", "url": URL, **given}
    return read_options(WebhookOptions, directory, **values)[1]


def test_the_defaults_are_those_that_operators_know() -> None:
    options = webhook_options()
    assert options.timeout == 120
    assert (options.retry_count, options.retry_increase) == (2, 10)
    assert (options.request_method, options.http_content_type) == ("POST", "json")
    assert options.maximum_events == 100
    assert options.fail_after_errors == 0


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"url": ""}, "https://hooks.example.com/mft"),
        ({"url": "http://me:pw@h/"}, "name before the host"),
        ({"url": "http://hooks.example.com/?token=hunter2"}, "in clear"),
        ({"timeout": "11m"}, "longer than 600"),
        ({"retry_count": "11"}, "number of retries"),
        ({"request_method": "DELETE"}, "is not one of"),
        ({"http_content_type": "legacy-webadmin"}, "is not spoken here"),
        ({"http_content_type": "yaml"}, "is not one of"),
        ({"http_content_type": "custom"}, "it is the body"),
        ({"extra_data": '{"a": "{acount.name}"}'}, 'did you mean "account.name"'),
        ({"extra_data": "[1]"}, "not a JSON object"),
        ({"extra_data": '{"a": }'}, "not a JSON object"),
        ({"extra_data": '{"events": []}'}, "without a key events"),
        ({"headers": "X-Who: {acount.name}"}, 'X-Who that there is no "acount.name"'),
        ({"headers": "Content-Type: text/plain"}, "needs custom"),
        ({"headers": "Idempotency-Key: 1"}, "the request itself decides"),
        ({"headers": "Webhook-Signature: 1"}, "the request itself decides"),
        ({"expected_response": "m/(a+)+$/"}, "cannot be matched"),
        ({"maximum_events": "501"}, "number of events"),
        ({"signature_secret": "hunter2"}, "less than 16"),
        ({"signature_secret": "whsec_hunter2 hunter2"}, "not base64"),
        ({"password": "hunter2"}, "without a username"),
        ({"ssl_certificate_authority": "none.pem"}, "cannot be read"),
        ({"signature_secret": ",".join(["x" * 16] * 6)}, "more than 5"),
    ],
)
def test_options_that_cannot_be_used_say_why(
    tmp_path: Path, given: dict[str, str], sentence: str
) -> None:
    (told_,) = problems(tmp_path, **given)
    assert sentence in told_
    assert "hunter2" not in told_


def test_what_other_servers_have_and_means_nothing_here_is_a_warning(tmp_path: Path) -> None:
    (warned,) = problems(tmp_path, proxy="connect://proxy:3128")
    assert "has no effect here" in warned


def test_a_get_with_custom_needs_no_body() -> None:
    assert webhook_options(http_content_type="custom", request_method="get").bodied is False


def test_results_of_handlers_are_wanted_only_by_their_number() -> None:
    done = Occurrence(1, 1e9, catalogue.PROGRAM_DONE, {}, SYSTEM)
    everything = webhook_options().filter()
    assert everything.wants(told())
    assert not everything.wants(done)
    assert webhook_options(target="20053").filter().wants(done)


def test_a_handler_of_another_server_wants_nothing() -> None:
    assert webhook_options(servers="server-1").filter(server="server-1").wants(told())
    assert not webhook_options(servers="server-2").filter(server="server-1").wants(told())


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (
            {"extra_data": '{"text" "x"}'},
            ['extra_data = "..." is not JSON; what is none'],
        ),
        ({"extra_data": '{"size": {data.size}}'}, []),
        ({"extra_data": "<a/>"}, []),
        (
            {"extra_data": "text=x", "headers": "Content-Type: application/x-www-form-urlencoded"},
            [],
        ),
        ({}, ["extra_data is missing: with custom it is the body"]),
    ],
)
def test_a_body_of_ones_own_is_json_unless_it_says_otherwise(
    tmp_path: Path, given: dict[str, str], told: list[str]
) -> None:
    found = problems(tmp_path, http_content_type="custom", **given)
    assert [sentence in one for sentence, one in zip(told, found, strict=True)] == [True] * len(
        told
    )
