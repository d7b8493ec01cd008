"""`type = analytics`: what the process uses is told from time to time, and when it is too much."""

import os
from collections.abc import Callable, Iterator
from typing import Annotated, Any, ClassVar, Final, Literal

from twisted.internet.task import LoopingCall
from twisted.python.failure import Failure

from mft.config.kinds import Count, Size, duration
from mft.config.section import option
from mft.core.peer import NOWHERE, PROCESS, Component, Origin
from mft.events import catalogue as events
from mft.events import payloads as p
from mft.events.payloads import UsageSample
from mft.resources.base import ResourceOptions, Surroundings

DAY: Final = 86400.0
YEAR: Final = 365 * DAY
Interval = Annotated[float, duration(1, DAY)]
Warned = Annotated[float, duration(0, YEAR)]


class AnalyticsOptions(ResourceOptions):
    """What of the server itself is watched, and from when on it is told."""

    ignored: ClassVar[dict[str, str]] = {
        **ResourceOptions.ignored,
        "account_auto_disable_grace_interval": "a newer `changed` lets an account in again",
    }

    type: Literal["analytics"] = option("The kind of resource.", "analytics")
    monitor_interval: Interval = option("How many seconds are between two samples.", 60.0)
    memory_resident_trigger: Size = option(
        "From how much memory in use on it is told; 0: never.", 0, examples=["2 GB"]
    )
    memory_virtual_trigger: Size = option(
        "From how much memory that is mapped on it is told; 0: never.", 0, examples=["8 GB"]
    )
    connection_count_trigger: Count = option(
        "From how many network connections on it is told; 0: never.", 0, examples=["5000"]
    )
    file_count_trigger: Count = option(
        "From how many open files, connections included, on it is told; 0: never.",
        0,
        examples=["8000"],
    )
    thread_count_trigger: Count = option(
        "From how many threads on it is told; 0: never.", 0, examples=["200"]
    )
    disk_free_trigger: Size = option(
        "Below how much free space, where the instance is, it is told; 0: never.",
        0,
        examples=["5 GB"],
        ours=True,
    )
    certificate_expiration_warning: Warned = option(
        "How long before its end a certificate of a service is told, once a day; 0: never.",
        21 * DAY,
        examples=["21d"],
    )
    account_expiration_warning: Warned = option(
        "How long before its end an account is told, once a day; 0: never.",
        21 * DAY,
        examples=["21d"],
    )
    password_expiration_warning: Warned = option(
        "How long before its end the password of an account is told, once a day; 0: never.",
        14 * DAY,
        examples=["14d"],
    )

    def crossed(self, sample: UsageSample) -> dict[str, str]:
        """The triggers that a sample is beyond, and what each says."""
        return dict(self._crossed(sample))

    def _crossed(self, sample: UsageSample) -> Iterator[tuple[str, str]]:
        for name in (
            "memory_resident",
            "memory_virtual",
            "connection_count",
            "file_count",
            "thread_count",
        ):
            limit, used = getattr(self, f"{name}_trigger"), getattr(sample, name)
            if limit and used >= limit:
                yield f"{name}_trigger", f"{name} is {used}, the trigger {limit}"
        if self.disk_free_trigger and sample.disk_free < self.disk_free_trigger:
            told = f"disk_free is {sample.disk_free}, the trigger {self.disk_free_trigger}"
            yield "disk_free_trigger", told


class Analytics:
    """Takes samples of this process."""

    def __init__(
        self,
        component: Component,
        options: AnalyticsOptions,
        around: Surroundings,
        measure: Callable[[str], UsageSample] | None = None,
    ) -> None:
        """`measure` takes a sample, of the disk of a folder."""
        self.component = component
        self._options = options
        self._around = around
        self._measure = measure or Meter()
        self._crossed: frozenset[str] = frozenset()
        self._failed = False  # and told
        self._origin = Origin(PROCESS, NOWHERE, component)
        self._loop: Any = None

    async def start(self) -> None:
        """Take the first sample after an interval."""
        self._loop = LoopingCall(self.sample)
        self._loop.clock = self._around.clock
        interval = self._options.monitor_interval
        self._loop.start(interval, now=False).addErrback(self._broke)

    async def stop(self) -> None:
        """Take no more."""
        if self._loop is not None and self._loop.running:
            self._loop.stop()

    async def sample(self) -> None:
        """Take one sample; what crosses a trigger, or does not any more, is told once."""
        try:
            sample = await self._around.blocking(self._measure, str(self._around.directory))
        except OSError as error:
            if not self._failed:
                self._emit(events.USAGE_UNKNOWN, p.Details(str(error)))
            self._failed = True
            return
        self._failed = False
        self._emit(events.USAGE, sample)
        crossed = self._options.crossed(sample)
        if new := [name for name in crossed if name not in self._crossed]:
            details = "; ".join(crossed[name] for name in new)
            self._emit(events.USAGE_CROSSED, p.UsageCrossed(details, ", ".join(new)))
        if over := sorted(self._crossed - crossed.keys()):
            told = p.UsageCrossed("within its trigger again", ", ".join(over))
            self._emit(events.USAGE_RECOVERED, told)
        self._crossed = frozenset(crossed)

    def _emit(self, event: Any, payload: Any) -> None:
        self._around.bus.emit(event, payload, self._origin)

    def _broke(self, failure: Failure) -> None:
        self._around.log(f"analytics: {failure.getTraceback()}")
        self._emit(events.USAGE_UNKNOWN, p.Details(failure.getErrorMessage()))


class Meter:
    """Measures this process. Reads files of the system: call it where that may block."""

    def __init__(self) -> None:
        import psutil  # for which most servers have no use

        self._system = psutil
        self._process = psutil.Process(os.getpid())
        self._process.cpu_percent(None)  # it counts from here on

    def __call__(self, folder: str) -> UsageSample:
        """Take a sample; raises OSError."""
        try:
            return self._sample(folder)
        except self._system.Error as error:
            raise OSError(str(error)) from None

    def _sample(self, folder: str) -> UsageSample:
        process = self._process
        memory = process.memory_info()
        space = os.statvfs(folder)
        return UsageSample(
            cpu_percent=process.cpu_percent(None),
            memory_resident=memory.rss,
            memory_virtual=memory.vms,
            connection_count=_sockets(),
            file_count=process.num_fds(),
            thread_count=process.num_threads(),
            global_cpus=self._system.cpu_count() or 0,
            global_memory_available=self._system.virtual_memory().available,
            disk_free=space.f_bavail * space.f_frsize,
        )


def _sockets() -> int:
    """How many sockets this process has: quicker than asking for what each of them is."""
    count = 0
    for name in os.listdir("/proc/self/fd"):
        try:
            count += os.readlink(f"/proc/self/fd/{name}").startswith("socket:")
        except OSError:
            continue  # it is closed again
    return count
