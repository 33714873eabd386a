"""The ways in which a command can fail, each with the exit code that it ends with."""


class ClustergraphError(Exception):
    """Something that a person can mend; the message says what and how."""

    exit_code = 1


class UsageError(ClustergraphError):
    """The command line or the configuration is wrong."""

    exit_code = 2


class InputError(ClustergraphError):
    """The input is wrong: which file, which column, which row, and what was expected."""

    exit_code = 3


class GuardrailError(ClustergraphError):
    """A guardrail stopped the run before anything was published."""

    exit_code = 4
