"""The four servers of the cluster mode, as one set in one folder: for `make engines-up` and for tests.

    from engines import Engines

    with Engines.temporary() as engines:
        engines.urls["PARLEY_REDIS_URL"]
        engines.kill("redis")
        engines.up()

`scripts/engines.py` beside this package is the same as a command; with `scripts` on the path, `import engines` finds the
package, since Python prefers a package to a file of the same name.
"""

from .engine_set import DEFAULT_FOLDER, NAMES, Engines
from .failure import EnginesFailed
from .ports import BASE_PORTS

__all__ = ["BASE_PORTS", "DEFAULT_FOLDER", "NAMES", "Engines", "EnginesFailed"]
