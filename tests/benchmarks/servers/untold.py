"""mft without journal.

`python -m tests.benchmarks.servers.untold run -c CONFIG` is `mft run -c CONFIG` that makes no
event; its permissions and limits are as they are.
"""

from mft.cli.main import main
from tests.benchmarks.servers.bare import strip

if __name__ == "__main__":
    strip()
    main()
