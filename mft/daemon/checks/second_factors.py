"""What must be right between methods of logging in and their second factors."""

from collections.abc import Iterator

from mft.auth.options import AccountOptions, ApplicationOptions, GroupOptions, MethodOptions
from mft.config.kinds import Wrong
from mft.config.section import wrong_in
from mft.daemon.options import ServerOptions
from mft.daemon.reading import Read, Reading
from mft.protocols.options import ServiceOptions

SECOND = "second_factor_authentication"


def check_second_factors(reading: Reading) -> None:
    """Every second factor must be one, and be asked by nobody else than its first."""
    methods = {
        uuid: one.options
        for uuid, one in reading.families["authentications"].items()
        if isinstance(one.options, MethodOptions)
    }
    for one in reading.every():
        for wrong in _wrongs(one, methods):
            if one.options is not None:
                wrong_in(one.options, one.raw, wrong, reading.problems)


def _wrongs(one: Read, methods: dict[str, MethodOptions]) -> Iterator[Wrong]:
    options = one.options
    if isinstance(options, MethodOptions):
        yield from _of_method(options, methods)
    elif isinstance(options, ServerOptions | ServiceOptions):
        for uuid in options.authentications:
            if uuid in methods and methods[uuid].use_as_second_factor:
                yield Wrong("is a second factor only", uuid, option="authentications")
    elif isinstance(options, AccountOptions) and options.multi_factor_authentication is not None:
        yield from _of_account("multi_factor_authentication", methods)
    elif isinstance(options, GroupOptions) and options.allow_own_one_time_codes:
        yield from _of_account("allow_own_one_time_codes", methods)


def _of_account(option: str, methods: dict[str, MethodOptions]) -> Iterator[Wrong]:
    """An account has one second factor."""
    if any(_asks_another(method) for method in methods.values()):
        sentence = f"has no place beside {SECOND} of the method of these accounts"
        yield Wrong(sentence, option=option)


def _asks_another(method: MethodOptions) -> bool:
    asks = method.second_factor_authentication is not None
    return asks and method.enabled and isinstance(method, ApplicationOptions)


def _of_method(options: MethodOptions, methods: dict[str, MethodOptions]) -> Iterator[Wrong]:
    second = options.second_factor_authentication
    if second is None:
        return
    if options.use_as_second_factor:
        yield Wrong("is none for a method that is a second factor itself", second, option=SECOND)
    elif second not in methods:
        return  # it is told that it is not there, or what is wrong with it
    elif not methods[second].use_as_second_factor:
        yield Wrong("is a method without use_as_second_factor = Yes", second, option=SECOND)
    elif options.enabled and not methods[second].enabled:
        yield Wrong("is not enabled, so that nobody could log in", second, option=SECOND)
