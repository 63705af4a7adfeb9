"""The two exceptions a caller of Vitrine may meet on purpose."""


class VitrineError(Exception):
    """Something the user can mend: what came, what was expected, what to do, in one sentence.

    Pages show the message as it stands and the command line prints it on one line, so it must
    never need a traceback to be understood.
    """


class Cancelled(Exception):  # noqa: N818
    """The work was abandoned on request; the network has been put back as it was."""
