"""The command line: `embedded-aws`, or `python -m embedded_aws`.

In: arguments and EMBEDDED_AWS_* variables. Out: text, and an exit code.
Read `command_line.py`.
"""
