"""How a command fails: each kind has its exit code, and says in a sentence what happened."""

from dataclasses import dataclass, field


class CommandFailed(Exception):
    exit_code = 3


class Misused(CommandFailed):
    """The command, its settings or its input file are not right; nothing of it was sent."""

    exit_code = 2


class BrokenOff(CommandFailed):
    """The portal was not reached, something else answered for it, or an answer ended too early."""


class NotAsItsManifestSays(CommandFailed):
    """A file has changed since the portal made it, or is not whole."""

    exit_code = 4


@dataclass(frozen=True)
class Fault:
    """One thing that the portal does not accept; `where` is a field, or a path such as `devices/3/map_id`."""

    where: str
    sentence: str
    suggestion: str = ""

    def __str__(self) -> str:
        named = f"{self.where}: {self.sentence}" if self.where else self.sentence
        return f"{named} Suggestion: {self.suggestion}" if self.suggestion else named


@dataclass(eq=False)
class Refused(CommandFailed):
    """The portal's own no, with its reasons; `replayed` if it is the one that an earlier request was given."""

    status: int
    title: str
    faults: list[Fault] = field(default_factory=list)
    reference: str = ""
    replayed: bool = False

    exit_code = 1

    def __str__(self) -> str:
        lines = [self.title, *(f"  {fault}" for fault in self.faults)]
        return "\n".join([*lines, f"Reference: {self.reference}"] if self.reference else lines)
