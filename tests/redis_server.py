"""Where a real Redis is: where `make test` has put it, or on PATH."""

import shutil
import sys
from pathlib import Path

REDIS = shutil.which(str(Path(sys.executable).with_name("redis-server"))) or shutil.which("redis-server")
