"""What a running server does not show: the steps of logins go to nobody."""

from mft.auth.parts import unheard


def test_the_steps_of_a_running_server_are_heard_by_nobody() -> None:
    assert unheard("binds as ann") is None
