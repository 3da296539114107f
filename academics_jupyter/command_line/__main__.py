"""`python -m academics_jupyter.command_line`, the same as `academics`."""

import sys

from academics_jupyter.command_line.parsing import main

if __name__ == "__main__":
    sys.exit(main())
