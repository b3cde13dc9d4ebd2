"""Exit statuses, stable for scripts."""

from enum import IntEnum


class Exit(IntEnum):
    """What a command came to. Where several apply: 2, then 3, then 4, then 1.

    What was not looked at outweighs what was found; the summary still lists the violations.
    """

    DONE = 0  # and nothing was found outside policy
    VIOLATIONS = 1  # done, and flows outside policy were found
    USAGE = 2  # the command line, a policy, a catalogue or the configuration is wrong
    UNREADABLE = 3  # an input could not be read
    INCOMPLETE = 4  # done, but not everything could be looked at (truncated file, drops)
    INTERRUPTED = 130  # by the user, as shells count it: 128 and the number of SIGINT
