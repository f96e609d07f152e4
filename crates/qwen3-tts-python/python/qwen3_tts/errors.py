"""The exceptions of this package, one class for each kind of error.

Each is an :class:`Error` and one of Python's own exceptions::

    try:
        tts.speak("Hello!", speaker="nemo")
    except ValueError as error:
        print(error)
"""


class Error(Exception):
    """Base class of the exceptions of this package."""


class InvalidRequestError(Error, ValueError):
    """The request is impossible, or this model cannot honour it: another speaker, language, recording,
    voice file or option is needed."""


class UnsupportedError(Error, ValueError):
    """This build does not support the kind of model, device or file."""


class NotFoundError(Error, FileNotFoundError):
    """A model or a file does not exist."""


class InvalidModelError(Error, ValueError):
    """The files of a model are damaged, or do not fit each other."""


class BusyError(Error, RuntimeError):
    """More requests wait than the model was told to accept. Try again later."""


class CancelledError(Error, RuntimeError):
    """The speech was cancelled, or the model is closed."""


class IoError(Error, OSError):
    """A file cannot be read or written, or the hub cannot be reached."""


class InternalError(Error, RuntimeError):
    """A defect of this package, or weights that compute NaN."""


class RecordingWarning(UserWarning):
    """A defect of a recording that is used nevertheless."""


def __dir__() -> list[str]:
    return sorted(name for name, value in globals().items() if isinstance(value, type))
