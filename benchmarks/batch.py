"""Measures replays in parts: files of a rotation, read in one go, by one worker, by more, and one killed.

Every run must leave the same bytes. Needs the cluster and audit extras.
"""

import sys
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # the script's folder is there already
    from benchmarks.harness.batch_command import main

    sys.exit(main())
