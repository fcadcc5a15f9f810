"""`python -m querygen`."""

from querygen.cli import main

main()
