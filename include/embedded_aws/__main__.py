"""`python -m embedded_aws`: the command line."""

from __future__ import annotations

import sys

from embedded_aws.cli.command_line import main

if __name__ == "__main__":
    sys.exit(main())
