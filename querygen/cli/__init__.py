"""The command line: reads arguments, calls the API, prints. No logic of its own.

Exit codes: 0 fine; 1 a finding (invalid spec, bad data content, a failed check); 2 bad flags or a path that
doesn't exist; 3 an engine or internal failure. Answers go to stdout, everything else to stderr.

argparse, only the module of the command that is called, and heavy imports inside the commands, since
`querygen render` is called often and must start fast.
"""

from querygen.cli.entry import main

__all__ = ["main"]
