"""SQL is source: every function, policy and trigger of ours stands once, as it is now, in a file of an app's folder."""

from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

from django.conf import settings

OWN_APPS = ("accounts", "inventory")
FOLDERS = tuple(settings.BASE_DIR / app / "sql" for app in OWN_APPS)


class SqlFile(NamedTuple):
    name: str
    text: str

    @property
    def digest(self) -> str:
        return sha256(self.text.encode()).hexdigest()


def read(folders: Sequence[Path] = FOLDERS) -> list[SqlFile]:
    """In the order in which they are applied: those of the ground floor first, in each folder by name."""
    paths = [path for folder in folders for path in sorted(folder.glob("*.sql"))]
    return [SqlFile("/".join(path.parts[-3:]), path.read_text(encoding="utf-8")) for path in paths]
