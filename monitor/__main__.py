"""Where the command `residency` begins. Loading the command line takes a moment: Ctrl-C may come in it."""

import os
import sys


def main() -> None:
    """Run the command line."""
    try:
        from monitor import cli  # noqa: PLC0415  see above

        cli.main()
    except KeyboardInterrupt:
        os.write(2, b"residency: interrupted\n")
        sys.exit(130)


if __name__ == "__main__":
    main()
