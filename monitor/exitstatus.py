"""Exit statuses, stable for scripts."""

from enum import IntEnum


class Exit(IntEnum):
    """What a command came to. Higher ones outweigh lower ones where several apply."""

    DONE = 0  # and nothing was found outside policy
    VIOLATIONS = 1  # done, and flows outside policy were found
    USAGE = 2  # the command line, a policy, a catalogue or the configuration is wrong
    UNREADABLE = 3  # an input could not be read
    INCOMPLETE = 4  # done, but not everything could be looked at (truncated file, drops)
