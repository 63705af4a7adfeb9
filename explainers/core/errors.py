"""The two exceptions a caller of Vitrine may meet on purpose."""


class VitrineError(Exception):
    """Something the user can mend: what came, what was expected, what to do, in one sentence.

    Pages show the message as it stands and the command line prints it on one line, so it must
    never need a traceback to be understood.

    Example:
        >>> import explainers as ex
        >>> try:
        ...     ex.load_model("signs-cnn")
        ... except ex.VitrineError as error:
        ...     print(error)
        'signs-cnn' names no model; did you mean demo:signs-cnn?
    """


class Cancelled(Exception):  # noqa: N818
    """The work was abandoned on request; the network has been put back as it was.

    Example:
        >>> import explainers as ex
        >>> import threading
        >>> model = ex.load_model("demo:signs-cnn")
        >>> image = ex.sample("scene:1000050").load()
        >>> stop = threading.Event()
        >>> stop.set()  # as another thread would, while the work goes on
        >>> try:
        ...     ex.explain(model, image, cancel=stop)
        ... except ex.Cancelled as reason:
        ...     print(reason)
        The work was cancelled.
    """
