"""Whom an engine runs as: the caller, or, since PostgreSQL and RabbitMQ refuse root, the user that Debian made for it."""

from __future__ import annotations

import os
import pwd
from pathlib import Path
from typing import Dict, NamedTuple

from .failure import EnginesFailed


class User(NamedTuple):
    """`system_name` counts for root only: nobody else may start processes as somebody else."""

    system_name: str

    @property
    def is_another(self) -> bool:
        return os.geteuid() == 0 and self._entry.pw_uid != 0

    def own(self, path: Path) -> None:
        if self.is_another:
            os.chown(path, self._entry.pw_uid, self._entry.pw_gid)

    @property
    def for_subprocess(self) -> Dict[str, object]:
        if not self.is_another:
            return {}
        return {"user": self._entry.pw_uid, "group": self._entry.pw_gid, "extra_groups": []}

    def require_entry(self, folder: Path) -> None:
        """A server started by root is somebody else, who cannot enter the folders that are closed to others."""
        if not self.is_another:
            return
        for each in folder.resolve().parents:
            mode = each.stat()
            if not (mode.st_mode & 0o001 or (mode.st_uid == self._entry.pw_uid and mode.st_mode & 0o100)):
                raise EnginesFailed(
                    f"the user {self.system_name} may not enter {each}, so it cannot serve {folder}.\n"
                    "Choose a folder elsewhere: ENGINES_FOLDER=/var/tmp/parley-engines")

    @property
    def _entry(self) -> pwd.struct_passwd:
        try:
            return pwd.getpwnam(self.system_name)
        except KeyError:
            raise EnginesFailed(f"there is no user {self.system_name}; scripts/setup.sh --engines installs what is missing")
